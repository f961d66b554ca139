//! The opened keys that a unit of work needs, from wrapped keys that are read at most every 40 seconds.
//!
//! Only wrapped keys are kept here. Opened ones live in the vault's cache alone, whose freshness bounds a clinic's
//! cut-off. Both are fetched before the transaction begins, so an absent key service costs no connection, and the
//! SQLite writer is never held while waiting for a key.

use std::{collections::HashMap, sync::Arc};

use cloister_kernel::Environment;
use cloister_vault::{FRESH_FOR, KeyCache, KeyOwner, KeyRing, WrappedKey};
use time::OffsetDateTime;
use tokio::sync::RwLock;

use crate::{StoreError, database::Database, platform::wrapped_keys};

/// Owners whose wrapped keys are remembered at the same time.
const CAPACITY: usize = 4096;

/// When an owner's wrapped keys were read, and what was read.
type Known = (OffsetDateTime, Arc<[WrappedKey]>);

/// Wrapped keys by owner. Cheap to clone; clones share everything.
#[derive(Clone)]
pub(crate) struct Keys {
    database: Database,
    cache: KeyCache,
    environment: Environment,
    known: Arc<RwLock<HashMap<KeyOwner, Known>>>,
}

impl Keys {
    pub(crate) fn new(database: Database, cache: KeyCache, environment: Environment) -> Self {
        Self { database, cache, environment, known: Arc::default() }
    }

    /// The opened keys of an owner.
    ///
    /// # Errors
    /// `TenantNotReady` when there are none; `Keys` when the key service is away or refuses.
    pub(crate) async fn ring(&self, owner: KeyOwner) -> Result<KeyRing, StoreError> {
        let wrapped = self.wrapped(owner).await?;
        if wrapped.is_empty() {
            return Err(StoreError::TenantNotReady);
        }
        Ok(KeyRing::unlock(&self.cache, &wrapped).await?)
    }

    async fn wrapped(&self, owner: KeyOwner) -> Result<Arc<[WrappedKey]>, StoreError> {
        let now = self.environment.now();
        if let Some((read_at, wrapped)) = self.known.read().await.get(&owner) {
            let age = now - *read_at;
            if !age.is_negative() && age < FRESH_FOR {
                return Ok(Arc::clone(wrapped));
            }
        }
        let wrapped: Arc<[WrappedKey]> = wrapped_keys::read(&self.database, owner).await?.into();
        let mut known = self.known.write().await;
        if known.len() >= CAPACITY {
            known.retain(|_, (read_at, _)| now - *read_at < FRESH_FOR);
        }
        // An owner without keys is asked for again each time: keys may be issued any moment.
        if !wrapped.is_empty() && known.len() < CAPACITY {
            known.insert(owner, (now, Arc::clone(&wrapped)));
        }
        Ok(wrapped)
    }

    /// Forgets an owner's keys, wrapped and opened.
    #[cfg(feature = "tenant")]
    pub(crate) async fn purge(&self, owner: KeyOwner) {
        self.known.write().await.remove(&owner);
        self.cache.purge(&owner);
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}
