//! The whole program in one test process: the clinics' sites, the operators' API and the worker over one database,
//! with the clock and the mailbox in the test's hand. Clinics and people are made by the calls that they would make.
//!
//! The size comes from `CLOISTER_TEST_SIZE`: `embedded` (SQLite, sessions in the process, key file; the default) or
//! `production` (PostgreSQL, Redis over TLS, an AWS key service).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on panics")]

mod bundles;
mod clinic;
mod database;
mod logs;
mod wire;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use cloister_edge::{EdgeSettings, Listener, ServeSettings, serve};
use cloister_ephemeral::{Ephemeral, InProcessCapacity, RateLimit};
use cloister_jobs::{Worker, WorkerSettings};
use cloister_kernel::{CanonicalHost, Environment, ManualClock, SystemRandomness};
use cloister_notify::CollectedMail;
use cloister_platform::{Platform, compose, demo::admin::OperatorApi, settings::Settings};
use cloister_store::{PlatformStore, StoreConfig};
use cloister_tenancy::{CallFacts, TokenRequest};
use cloister_tenant_admin::AdminState;
use cloister_vault::{
    AwsKeyService, AwsKeySettings, Deployment, KeyCache, KeyIssuer, KeyOpener, LocalKeyService,
    PlatformKeyOpener,
};
use tempfile::TempDir;
use time::{Duration, macros::datetime};

use crate::{KeyServer, Redis};

pub use bundles::{Observed, PatientFile, SYSTEMS, practitioner_reference, transaction};
pub use clinic::{Clinic, PASSWORD, Person, RecordClient, find_on_panel};
pub use database::{AppDatabase, EventRow};
pub use logs::KeptLog;
pub use wire::{Call, Wire, WireAnswer};

/// Where the operators' API stands.
pub const ADMIN_ORIGIN: &str = "http://admin.localhost";

/// Calls a minute where limits are raised.
const RAISED: u32 = 100_000_000;

/// How much stands around the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// SQLite, sessions in the process, a key file.
    Embedded,
    /// PostgreSQL, Redis over TLS, an AWS key service.
    Production,
}

impl Size {
    /// What `CLOISTER_TEST_SIZE` says; embedded when it says nothing.
    pub fn of_this_run() -> Self {
        match std::env::var("CLOISTER_TEST_SIZE").as_deref() {
            Ok("production") => Self::Production,
            Ok("embedded") | Err(_) => Self::Embedded,
            Ok(other) => panic!("CLOISTER_TEST_SIZE is neither embedded nor production: {other}"),
        }
    }
}

/// Services that the app uses and that end with it.
struct Services {
    redis: Option<Redis>,
    keys: Option<KeyServer>,
    folder: TempDir,
}

/// The running app.
pub struct TestApp {
    /// Its size.
    pub size: Size,
    /// The clock that everything in it reads.
    pub clock: Arc<ManualClock>,
    /// That clock with randomness.
    pub environment: Environment,
    /// Every mail that was sent.
    pub mail: CollectedMail,
    /// Its database.
    pub database: AppDatabase,
    /// The platform as `serve` has it.
    pub platform: Platform,
    /// Where the clinics' sites listen.
    pub address: SocketAddr,
    /// Where the operators' API listens.
    pub admin_address: SocketAddr,
    /// An operator's token with every scope.
    pub operator_token: String,
    /// The operators' side, as commands on the machine have it.
    pub tenancy: cloister_tenancy::Platform,
    worker: Worker,
    services: Services,
    sources: AtomicU32,
}

impl TestApp {
    /// Starts an app of the size of this run.
    pub async fn start() -> Self {
        Self::start_with(Size::of_this_run()).await
    }

    /// Starts an app of this size.
    pub async fn start_with(size: Size) -> Self {
        Self::start_limited(size, None).await
    }

    /// Starts an app of the size of this run whose rate limits are raised by its settings, as far as a generator of calls
    /// needs.
    pub async fn start_raised() -> Self {
        Self::start_limited(Size::of_this_run(), Some(RAISED)).await
    }

    async fn start_limited(size: Size, calls: Option<u32>) -> Self {
        // Another test of this process may have installed it.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let clock = Arc::new(ManualClock::at(datetime!(2026-11-22 09:30:00 UTC)));
        let environment = Environment::new(clock.clone(), Arc::new(SystemRandomness));
        let services = Services {
            redis: (size == Size::Production).then(|| Redis::given_or_started().unwrap()),
            keys: (size == Size::Production).then(|| KeyServer::given_or_started().unwrap()),
            folder: tempfile::tempdir().unwrap(),
        };
        let database = AppDatabase::make(size, &environment).await;

        let listener = Listener::plain("127.0.0.1:0").await.unwrap();
        let address = listener.address();
        let settings = |process: &str| settings(size, &services, &database.url_for(process), address, calls);
        let serving = compose::parts(&settings("serve"), environment.clone()).await.unwrap();
        let platform = Platform::assemble(serving);
        let routes = platform.routes().unwrap();
        tokio::spawn(serve(listener, ServeSettings::default(), routes, std::future::pending()));

        let mail = CollectedMail::new(10_000);
        let working = compose::parts(&settings("work"), environment.clone()).await.unwrap();
        let worker = Platform::assemble(working).worker(Arc::new(mail.clone()), WorkerSettings::default());

        let tenancy = tenancy(size, &services, &database.url_for("admin"), &environment).await;
        let admin_listener = Listener::plain("127.0.0.1:0").await.unwrap();
        let admin_address = admin_listener.address();
        let state = AdminState {
            platform: tenancy.clone(),
            ephemeral: Ephemeral::in_process(InProcessCapacity::default(), environment.clone()),
            calls: RateLimit::per_minute(calls.unwrap_or(10_000)),
        };
        let host = CanonicalHost::parse("admin.localhost").unwrap();
        let edge = EdgeSettings { strict_transport: false, ..EdgeSettings::default() };
        let routes =
            cloister_tenant_admin::routes(state, &host, ADMIN_ORIGIN, edge, environment.clone()).unwrap();
        tokio::spawn(serve(admin_listener, ServeSettings::default(), routes, std::future::pending()));

        let facts = CallFacts { request: environment.id(), source: None, user_agent: None };
        tenancy.ensure_keys(&facts).await.unwrap();
        tenancy.create_operator(&facts, "Test Operator", "operator@cloister.example").await.unwrap();
        let request = TokenRequest {
            operator: "operator@cloister.example".to_owned(),
            scopes: cloister_tenancy::scope::Scope::ALL.map(|scope| scope.as_str().to_owned()).to_vec(),
            life: Some(12 * 3600),
        };
        let issued = tenancy.issue_token(&facts, request).await.unwrap();
        Self {
            size,
            clock,
            environment,
            mail,
            database,
            platform,
            address,
            admin_address,
            operator_token: issued.token.reveal().to_owned(),
            tenancy,
            worker,
            services,
            sources: AtomicU32::new(0),
        }
    }

    /// Runs every job that is due, and those that they make.
    pub async fn work(&self) {
        while self.worker.run_due().await.unwrap() > 0 {}
    }

    /// Does what no job is written for, by a worker in the process of the clinics' sites.
    pub async fn do_chores(&self) {
        let worker = self.platform.worker(Arc::new(self.mail.clone()), WorkerSettings::default());
        worker.run_chores().await.unwrap();
    }

    /// The operators' API under the app's token.
    pub fn operators(&self) -> OperatorApi {
        OperatorApi::new(ADMIN_ORIGIN, self.admin_address, self.operator_token.clone()).unwrap()
    }

    /// Moves the clock.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// A loopback address that nobody called from yet: a source of its own to rate limits.
    pub fn new_source(&self) -> IpAddr {
        let number = self.sources.fetch_add(1, Ordering::Relaxed) + 2;
        let [_, a, b, c] = number.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(127, a + 1, b, c))
    }

    /// A sender to the clinics' sites from a new source.
    pub fn wire(&self) -> Wire {
        Wire::new(self.address, self.new_source())
    }

    /// A sender to the operators' API from a new source.
    pub fn admin_wire(&self) -> Wire {
        Wire::new(self.admin_address, self.new_source())
    }

    /// Everything that Redis holds, keys and values, as text; empty where sessions live in the process.
    pub fn redis_dump(&self) -> Vec<String> {
        self.services.redis.as_ref().map(|redis| redis.dump().unwrap()).unwrap_or_default()
    }
}

fn settings(
    size: Size,
    services: &Services,
    database: &str,
    address: SocketAddr,
    calls: Option<u32>,
) -> Settings {
    let mut variables = vec![
        ("CLOISTER_LISTEN", address.to_string()),
        ("CLOISTER_INTERNAL_LISTEN", String::new()),
        ("CLOISTER_TRANSPORT", "loopback".to_owned()),
        ("CLOISTER_PUBLIC__SCHEME", "http".to_owned()),
        ("CLOISTER_PUBLIC__PORT", address.port().to_string()),
        ("CLOISTER_DATABASE__URL", database.to_owned()),
    ];
    match (size, &services.redis, &services.keys) {
        (Size::Production, Some(redis), Some(keys)) => variables.extend([
            ("CLOISTER_SIZE", "production".to_owned()),
            ("CLOISTER_REDIS__URL", redis.url().to_owned()),
            ("CLOISTER_REDIS__AUTHORITY", redis.authority().display().to_string()),
            ("CLOISTER_KEYS__SERVICE", "aws".to_owned()),
            ("CLOISTER_KEYS__REGION", "us-east-1".to_owned()),
            ("CLOISTER_KEYS__ENDPOINT", keys.endpoint().to_owned()),
        ]),
        _ => variables.extend([
            ("CLOISTER_SIZE", "embedded".to_owned()),
            ("CLOISTER_KEYS__SERVICE", "local".to_owned()),
            ("CLOISTER_KEYS__FILE", services.folder.path().join("keys.json").display().to_string()),
        ]),
    }
    let limits = ["ANONYMOUS", "FLOW_PAGES", "SIGNED_IN", "BEARER", "MACHINE"];
    let limits = limits
        .into_iter()
        .filter_map(|limit| Some((format!("CLOISTER_LIMITS__{limit}"), calls?.to_string())));
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(limits);
    Settings::read(None, variables).unwrap()
}

async fn tenancy(
    size: Size,
    services: &Services,
    database: &str,
    environment: &Environment,
) -> cloister_tenancy::Platform {
    let (issuer, opener): (Arc<dyn KeyIssuer>, Arc<dyn KeyOpener>) = match (size, &services.keys) {
        (Size::Production, Some(keys)) => {
            let settings = AwsKeySettings {
                region: Some("us-east-1".to_owned()),
                endpoint: Some(keys.endpoint().to_owned()),
                ..AwsKeySettings::default()
            };
            let service = Arc::new(AwsKeyService::connect(&settings).await);
            (service.clone(), Arc::new(PlatformKeyOpener::new(service)))
        }
        _ => {
            let file = services.folder.path().join("keys.json");
            let service = LocalKeyService::open(file, Deployment::Embedded, environment.clone()).unwrap();
            let service = Arc::new(service);
            (service.clone(), Arc::new(PlatformKeyOpener::new(service)))
        }
    };
    let cache = KeyCache::new(opener, environment.clone(), 100);
    let config = StoreConfig { max_connections: 4, ..StoreConfig::new(database.to_owned()) };
    let store = PlatformStore::connect(&config, cache, environment.clone()).await.unwrap();
    let domain = CanonicalHost::parse("localhost").unwrap();
    cloister_tenancy::Platform::new(store, issuer, environment.clone(), domain)
}
