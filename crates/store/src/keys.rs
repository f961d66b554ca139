//! The opened keys that a unit of work needs, from wrapped keys that are read at most every 40 seconds.
//!
//! Only wrapped keys are kept here. Opened ones live in the vault's cache alone, whose freshness bounds a clinic's
//! cut-off. Both are fetched before the transaction begins, so an absent key service costs no connection, and the
//! SQLite writer is never held while waiting for a key.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

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
        // In a box of its own: every unit of work would carry the room that reading takes.
        let wrapped: Arc<[WrappedKey]> = Box::pin(wrapped_keys::read(&self.database, owner)).await?.into();
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

#[cfg(test)]
#[cfg(feature = "tenant")]
mod tests {
    use cloister_kernel::TenantId;
    use cloister_vault::Purpose;
    use time::Duration;

    use super::*;
    use crate::{
        StoreConfig,
        tests::{Harness, Kind},
    };

    struct World {
        harness: Harness,
        keys: Keys,
        owner: KeyOwner,
    }

    impl World {
        async fn with_keys() -> Self {
            let harness = Harness::start(Kind::Sqlite).await;
            let owner = KeyOwner::TenantLog(harness.environment.id());
            harness.issue_keys(owner, &[Purpose::Log]).await;
            let database = Database::connect(&StoreConfig::new(harness.serve_url()), &[]).await.unwrap();
            let cache = KeyCache::new(harness.keys.clone(), harness.environment.clone(), 10);
            let keys = Keys::new(database, cache, harness.environment.clone());
            Self { harness, keys, owner }
        }

        async fn read(&self) -> usize {
            self.keys.wrapped(self.owner).await.unwrap().len()
        }

        /// Remembers keys of this many owners that nobody asks for.
        async fn remember(&self, others: usize) {
            let now = self.harness.environment.now();
            let mut known = self.keys.known.write().await;
            known.extend((0..others).map(|_| {
                let other: TenantId = self.harness.environment.id();
                (KeyOwner::Tenant(other), (now, Arc::from(Vec::new())))
            }));
        }

        async fn remembered(&self) -> (usize, bool) {
            let known = self.keys.known.read().await;
            (known.len(), known.contains_key(&self.owner))
        }
    }

    #[tokio::test]
    async fn wrapped_keys_are_read_again_when_they_are_not_fresh_or_the_clock_was_set_back() {
        let world = World::with_keys().await;
        let begun = world.harness.environment.now();
        assert_eq!(world.read().await, 1);
        world.harness.execute("DELETE FROM wrapped_keys").await.unwrap();
        world.harness.clock.advance(FRESH_FOR - Duration::microseconds(1));
        assert_eq!(world.read().await, 1);
        world.harness.clock.set(begun - Duration::microseconds(1));
        assert_eq!(world.read().await, 0);
        world.harness.clock.set(begun + FRESH_FOR);
        assert_eq!(world.read().await, 0);
    }

    #[tokio::test]
    async fn an_owner_without_keys_is_asked_for_again_each_time() {
        let world = World::with_keys().await;
        world.harness.execute("DELETE FROM wrapped_keys").await.unwrap();
        assert_eq!(world.read().await, 0);
        assert_eq!(world.remembered().await, (0, false));
        world.harness.issue_keys(world.owner, &[Purpose::Log]).await;
        assert_eq!(world.read().await, 1);
        assert_eq!(world.remembered().await, (1, true));
    }

    #[tokio::test]
    async fn keys_that_are_purged_are_read_and_opened_again_and_no_others() {
        let world = World::with_keys().await;
        let other = KeyOwner::TenantLog(world.harness.environment.id());
        world.harness.issue_keys(other, &[Purpose::Log]).await;
        for owner in [world.owner, other, world.owner, other] {
            world.keys.ring(owner).await.unwrap();
        }
        assert_eq!(world.harness.keys.times_opened(), 2);
        world.keys.purge(world.owner).await;
        assert_eq!(world.remembered().await, (1, false));
        for owner in [world.owner, other] {
            world.keys.ring(owner).await.unwrap();
        }
        assert_eq!(world.harness.keys.times_opened(), 3);
    }

    #[tokio::test]
    async fn no_more_owners_are_remembered_than_there_is_room_for() {
        let world = World::with_keys().await;
        world.remember(CAPACITY).await;
        assert_eq!(world.read().await, 1, "there is no room, and the keys are there all the same");
        assert_eq!(world.remembered().await, (CAPACITY, false));
        world.harness.clock.advance(FRESH_FOR - Duration::microseconds(1));
        assert_eq!(world.read().await, 1);
        assert_eq!(world.remembered().await, (CAPACITY, false));
        world.harness.clock.advance(Duration::microseconds(1));
        assert_eq!(world.read().await, 1);
        assert_eq!(world.remembered().await, (1, true), "what is not fresh makes room");
        world.remember(CAPACITY - 2).await;
        world.keys.known.write().await.remove(&world.owner);
        world.remember(1).await;
        assert_eq!(world.read().await, 1);
        assert_eq!(world.remembered().await, (CAPACITY, true), "the last place is taken");
    }
}
