//! The one host of the operators' API. A request for any other leaves an event.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use async_trait::async_trait;
use cloister_edge::{HostEntry, HostTable, Problem, Site};
use cloister_kernel::{CanonicalHost, Environment};
use cloister_tenancy::{CallFacts, Platform};

/// Unknown hosts that leave an event each minute.
const EVENTS_A_MINUTE: u32 = 60;

/// The operators' host and nothing else.
pub(crate) struct OperatorsHost {
    host: CanonicalHost,
    entry: HostEntry,
    platform: Platform,
    environment: Environment,
    minute: AtomicI64,
    noted: AtomicU32,
}

impl OperatorsHost {
    pub(crate) fn new(
        host: CanonicalHost,
        origin: &str,
        platform: Platform,
        environment: Environment,
    ) -> Self {
        let entry = HostEntry { site: Site::Operators, origin: origin.to_owned(), raised: [].into() };
        Self { host, entry, platform, environment, minute: AtomicI64::new(0), noted: AtomicU32::new(0) }
    }

    fn is_within_bounds(&self) -> bool {
        let minute = self.environment.now().unix_timestamp() / 60;
        if self.minute.swap(minute, Ordering::Relaxed) != minute {
            self.noted.store(0, Ordering::Relaxed);
        }
        self.noted.fetch_add(1, Ordering::Relaxed) < EVENTS_A_MINUTE
    }
}

#[async_trait]
impl HostTable for OperatorsHost {
    async fn find(&self, host: &CanonicalHost) -> Result<Option<HostEntry>, Problem> {
        if *host == self.host {
            return Ok(Some(self.entry.clone()));
        }
        if self.is_within_bounds() {
            let facts = CallFacts { request: self.environment.id(), source: None, user_agent: None };
            if let Err(error) = self.platform.note_refused_call(None, &facts, "host.unknown").await {
                tracing::warn!(%error, "the event of an unknown host was not written");
            }
        } else {
            tracing::warn!("more unknown hosts than events");
        }
        Ok(None)
    }
}
