//! Puts the platform together: adapters from settings, use cases over adapters, routes over use cases.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use cloister_clinical::Clinical;
use cloister_edge::{EdgeSettings, Problem, ReadinessCheck, Site};
use cloister_ephemeral::{Ephemeral, InProcessCapacity};
use cloister_grants::{Grants, Links, MessageDelivery, OwnerActivated, OwnerInvitationSender};
use cloister_identity::{BreachList, HashingCost, HashingPool, Identity, IdentitySettings};
use cloister_jobs::{Chore, Worker, WorkerSettings};
use cloister_kernel::{CanonicalHost, Environment};
use cloister_notify::{BaaGate, MailDirectory, Mailer, SmtpMailer};
use cloister_store::{PlatformStore, Store, StoreConfig};
use cloister_vault::{
    AwsKeyService, AwsKeySettings, Breaker, Deployment, KeyCache, KeyOpener, LocalKeyService,
};

use crate::{
    StartError,
    hosts::DatabaseHosts,
    jobs,
    key_watch::KeyWatch,
    settings::{DatabaseSettings, KeySettings, MailSettings, PublicAddress, Settings, Size},
};

/// Mails that a folder keeps.
const FOLDER_MAILS: usize = 500;

/// The adapters of one process, chosen.
pub struct Parts {
    /// Clock and randomness.
    pub environment: Environment,
    /// The database.
    pub store: Store,
    /// Sessions, flows and rate limits.
    pub ephemeral: Ephemeral,
    /// How browsers write our addresses.
    pub public: PublicAddress,
    /// Hosts that belong to no clinic, with what they serve.
    pub fixed_hosts: HashMap<CanonicalHost, Site>,
    /// What else decides readiness, beside database and ephemeral store.
    pub checks: Vec<Arc<dyn ReadinessCheck>>,
    /// How the edge behaves.
    pub edge: EdgeSettings,
    /// What hashes passwords.
    pub hashing: Arc<HashingPool>,
    /// How strict sign-in is.
    pub identity: IdentitySettings,
}

/// The platform's use cases over its adapters. Cheap to clone.
#[derive(Clone)]
pub struct Platform(Arc<Inner>);

struct Inner {
    parts: Parts,
    hosts: DatabaseHosts,
    identity: Identity,
    grants: Grants,
    clinical: Clinical,
}

impl Platform {
    /// Puts the use cases together.
    pub fn assemble(parts: Parts) -> Self {
        let hosts = DatabaseHosts::new(
            parts.store.platform(),
            parts.environment.clone(),
            parts.public,
            parts.fixed_hosts.clone(),
        );
        let links = Links::custom(parts.public.scheme, parts.public.port);
        let grants = Grants::new(parts.store.clone(), links);
        let identity = Identity::new(
            parts.store.clone(),
            parts.ephemeral.clone(),
            parts.environment.clone(),
            parts.hashing.clone(),
            parts.identity.clone(),
        );
        let clinical = Clinical::new(parts.store.clone());
        Self(Arc::new(Inner { parts, hosts, identity, grants, clinical }))
    }

    /// The adapters.
    pub fn parts(&self) -> &Parts {
        &self.0.parts
    }

    /// The host table.
    pub fn hosts(&self) -> &DatabaseHosts {
        &self.0.hosts
    }

    /// Sign-in, sessions and access tokens.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// The record.
    pub fn clinical(&self) -> &Clinical {
        &self.0.clinical
    }

    /// Invitations, staff and panels.
    pub fn grants(&self) -> &Grants {
        &self.0.grants
    }

    /// A worker that sends through this mailer.
    pub fn worker(&self, mailer: Arc<dyn Mailer>, settings: WorkerSettings) -> Worker {
        let Parts { store, environment, .. } = self.parts();
        let handlers = jobs::handlers(
            MessageDelivery::new(store.clone(), mailer, environment.clone()),
            OwnerInvitationSender::new(self.0.grants.clone(), environment.clone()),
            OwnerActivated::new(self.0.grants.clone()),
        );
        Worker::new(store.platform(), handlers, settings, environment).with_chore(self.session_endings())
    }

    /// Writes into the clinics' logs that sessions ran out. Sessions that live in a process are seen there only.
    pub fn session_endings(&self) -> Arc<dyn Chore> {
        Arc::new(jobs::NoteEndedSessions(self.0.identity.clone()))
    }
}

/// The database as a part of readiness.
pub(crate) struct DatabaseCheck(pub(crate) PlatformStore);

#[async_trait]
impl ReadinessCheck for DatabaseCheck {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Result<(), Problem> {
        Ok(self.0.ping().await?)
    }
}

/// Chooses the adapters by the settings.
///
/// # Errors
/// The part that refuses.
pub async fn parts(settings: &Settings, environment: Environment) -> Result<Parts, StartError> {
    let opener = key_service(settings, environment.clone()).await?;
    let breaker = Breaker::new(opener, environment.clone());
    let watch = KeyWatch::new(Arc::new(breaker), environment.clone());
    let keys = KeyCache::new(Arc::new(watch.clone()), environment.clone(), settings.keys_cached);
    let store = Store::connect(&store_config(&settings.database), keys, environment.clone())
        .await
        .map_err(StartError::of("the database"))?;
    store.refuse_unless_isolated().await.map_err(StartError::of("the database"))?;
    let ephemeral = match &settings.redis {
        Some(redis) => Ephemeral::redis(redis, environment.clone()).map_err(StartError::of("Redis"))?,
        None => Ephemeral::in_process(InProcessCapacity::default(), environment.clone()),
    };
    let checks: Vec<Arc<dyn ReadinessCheck>> =
        vec![Arc::new(DatabaseCheck(store.platform())), Arc::new(watch)];
    let (at_once, waiting) = settings.hashes;
    let hashing = HashingPool::new(HashingCost::default(), at_once, waiting, &environment)
        .map_err(StartError::of("password hashing"))?;
    let breached = settings.breached_passwords.as_deref().map(BreachList::open).transpose();
    let breached = breached.map_err(StartError::of("sign_in.breached_passwords"))?;
    Ok(Parts {
        environment,
        store,
        ephemeral,
        public: settings.public,
        fixed_hosts: HashMap::new(),
        checks,
        edge: EdgeSettings {
            trusted_hops: settings.listen.hops.clone(),
            limits: settings.limits.clone(),
            app_origins: settings.listen.app_origins.clone(),
            strict_transport: settings.public.scheme == "https",
            ..EdgeSettings::default()
        },
        hashing: Arc::new(hashing),
        identity: IdentitySettings { breached, ..IdentitySettings::default() },
    })
}

pub(crate) fn store_config(database: &DatabaseSettings) -> StoreConfig {
    let mut config = StoreConfig::new(database.url.clone());
    config.max_connections = database.connections;
    config
}

async fn key_service(
    settings: &Settings,
    environment: Environment,
) -> Result<Arc<dyn KeyOpener>, StartError> {
    match &settings.keys {
        KeySettings::Aws { region, endpoint } => {
            let aws = AwsKeySettings {
                region: region.clone(),
                endpoint: endpoint.clone(),
                ..AwsKeySettings::default()
            };
            Ok(Arc::new(AwsKeyService::connect(&aws).await))
        }
        KeySettings::Local { file, accepted } => {
            let deployment = match settings.size {
                Size::Embedded => Deployment::Embedded,
                Size::Production => Deployment::Production { accept_key_file: *accepted },
            };
            let opened = LocalKeyService::open(file, deployment, environment);
            Ok(Arc::new(opened.map_err(StartError::of("the key file"))?))
        }
    }
}

/// Chooses what carries mails. SMTP stands behind the agreement with whoever runs the server.
///
/// # Errors
/// When there is no carrier, or it refuses.
pub fn mailer(settings: &Settings, environment: Environment) -> Result<Arc<dyn Mailer>, StartError> {
    match &settings.mail {
        None => Err(StartError::Part { part: "mail", cause: "mail.host is needed to send mails".to_owned() }),
        Some(MailSettings::Folder(folder)) => {
            let folder = MailDirectory::open(folder, FOLDER_MAILS, environment);
            Ok(Arc::new(folder.map_err(StartError::of("the mail folder"))?))
        }
        Some(MailSettings::Smtp { smtp, vendor, agreement }) => {
            let carrier = SmtpMailer::new(smtp).map_err(StartError::of("mail"))?;
            Ok(Arc::new(BaaGate::new(carrier, vendor.clone(), agreement.clone(), environment)))
        }
    }
}
