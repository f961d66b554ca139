//! The host table over the database: found in memory for a few seconds, the same work whatever the answer.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cloister_audit::{ActionCode, Actor, EventContext, EventDraft, Log};
use cloister_edge::{HostEntry, HostTable, Problem, Site};
use cloister_kernel::{CanonicalHost, Environment};
use cloister_store::{PlatformStore, StoreError, TenantStatus};
use moka::future::Cache;

use crate::settings::PublicAddress;

/// How long a host's entry, or its absence, is believed: what changes in the table holds within it.
const BELIEVED: Duration = Duration::from_secs(3);
/// Entries held at once, those of unknown hosts included.
const HELD: u64 = 10_000;
/// Unknown hosts that leave an event each minute; the log says how many more there were.
const EVENTS_A_MINUTE: u32 = 60;

/// Clinics' hosts from the database, and fixed ones. Cheap to clone.
#[derive(Clone)]
pub struct DatabaseHosts(Arc<Shared>);

struct Shared {
    store: PlatformStore,
    environment: Environment,
    public: PublicAddress,
    fixed: HashMap<CanonicalHost, Site>,
    found: Cache<CanonicalHost, Option<HostEntry>>,
    minute: AtomicI64,
    noted: AtomicU32,
}

impl DatabaseHosts {
    /// Over the platform's tables; `fixed` hosts belong to no clinic.
    pub fn new(
        store: PlatformStore,
        environment: Environment,
        public: PublicAddress,
        fixed: HashMap<CanonicalHost, Site>,
    ) -> Self {
        let found = Cache::builder().max_capacity(HELD).time_to_live(BELIEVED).build();
        let (minute, noted) = (AtomicI64::new(0), AtomicU32::new(0));
        Self(Arc::new(Shared { store, environment, public, fixed, found, minute, noted }))
    }

    /// Forgets what was found: the next request asks the database.
    pub fn forget(&self) {
        self.0.found.invalidate_all();
    }
}

impl Shared {
    async fn look_up(&self, host: &CanonicalHost) -> Result<Option<HostEntry>, StoreError> {
        let (site, raised) = match (self.fixed.get(host), self.store.find_host(host).await?) {
            (Some(site), _) => (*site, [].into()),
            (None, Some(row)) => {
                let tenant = self.store.tenant(row.tenant).await?;
                if tenant.is_none_or(|tenant| tenant.status == TenantStatus::Onboarding) {
                    return Ok(None);
                }
                let raised = self.store.raised_networks(row.tenant).await?;
                (Site::Clinic { tenant: row.tenant, audience: row.audience }, raised.into())
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(HostEntry { site, origin: self.origin(host), raised }))
    }

    fn origin(&self, host: &CanonicalHost) -> String {
        let PublicAddress { scheme, port } = self.public;
        let usual = if scheme == "https" { 443 } else { 80 };
        match port.filter(|port| *port != usual) {
            Some(port) => format!("{scheme}://{}:{port}", host.as_str()),
            None => format!("{scheme}://{}", host.as_str()),
        }
    }

    /// Leaves an event, at most so many a minute, without making the client wait for it.
    fn note_unknown(self: &Arc<Self>) {
        let minute = self.environment.now().unix_timestamp() / 60;
        if self.minute.swap(minute, Ordering::Relaxed) != minute {
            let before = self.noted.swap(0, Ordering::Relaxed);
            if before > EVENTS_A_MINUTE {
                tracing::warn!(unwritten = before - EVENTS_A_MINUTE, "more unknown hosts than events");
            }
        }
        if self.noted.fetch_add(1, Ordering::Relaxed) >= EVENTS_A_MINUTE {
            return;
        }
        let shared = self.clone();
        tokio::spawn(async move {
            let context = EventContext {
                log: Log::Platform,
                at: shared.environment.now(),
                actor: Actor::Anonymous,
                session_id: None,
                request_id: shared.environment.id(),
                source: None,
                user_agent: None,
            };
            let draft = EventDraft::refused(ActionCode::HostUnknown, "host.unknown");
            if let Err(error) = shared.store.note_without_details(draft, context).await {
                tracing::warn!(%error, "the event of an unknown host was not written");
            }
        });
    }
}

#[async_trait]
impl HostTable for DatabaseHosts {
    async fn find(&self, host: &CanonicalHost) -> Result<Option<HostEntry>, Problem> {
        let shared = &self.0;
        if let Some(entry) = shared.found.get(host).await {
            return Ok(entry);
        }
        let looked_up = shared.found.try_get_with(host.clone(), async {
            let entry = shared.look_up(host).await?;
            if entry.is_none() {
                shared.note_unknown();
            }
            Ok::<_, StoreError>(entry)
        });
        // In a box of its own: every request would carry the room that looking up takes.
        Box::pin(looked_up).await.map_err(|error: Arc<StoreError>| {
            tracing::warn!(%error, "the host table could not be read");
            crate::error::away("the host table cannot be read")
        })
    }
}
