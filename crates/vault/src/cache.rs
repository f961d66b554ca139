//! The bounded cache of opened data keys.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use cloister_kernel::Environment;
use moka::{future::Cache, notification::RemovalCause, ops::compute::Op};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use crate::{
    DataKey, KeyOpener, KeyOwner, KeyServiceError, KeyVersion, Outage, Purpose, VaultError, WrappedKey,
    sealed::length_prefixed,
};

/// How long an opened key is handed out before the key service is asked again.
pub const FRESH_FOR: Duration = Duration::seconds(40);

/// How long after its opening a key may still be used by a ring that holds it: a clinic's cut-off holds within it.
pub const USABLE_FOR: Duration = Duration::seconds(60);

/// How far the machine's clock may step back before opened keys are distrusted.
const CLOCK_SLACK: Duration = Duration::seconds(1);

/// How often an opening is repeated when a purge overtakes it.
const ATTEMPTS: usize = 4;

/// Whether `now` is at most `limit` after `start`, and not noticeably before it.
pub(crate) fn is_within(start: OffsetDateTime, now: OffsetDateTime, limit: Duration) -> bool {
    let age = now - start;
    age <= limit && age >= -CLOCK_SLACK
}

/// How many values were sealed under a data key since the last drain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUsage {
    /// Whose key.
    pub owner: KeyOwner,
    /// What it is for.
    pub purpose: Purpose,
    /// Its version.
    pub version: KeyVersion,
    /// The number of values.
    pub sealed: u64,
}

/// Opened data keys: bounded in number, 40 seconds fresh by the environment's clock, opened once however many ask at
/// the same time, overwritten when evicted. Failures are not kept. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct KeyCache(Arc<Shared>);

struct Shared {
    opener: Arc<dyn KeyOpener>,
    environment: Environment,
    entries: Cache<EntryName, Entry>,
    purges: AtomicU64,
    purged: Mutex<Purged>,
    usage: Mutex<HashMap<(KeyOwner, Purpose, KeyVersion), Arc<AtomicU64>>>,
}

/// A digest over the whole wrapped key, so that a changed blob or another key-service key never meets the cached key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct EntryName {
    owner: KeyOwner,
    digest: [u8; 32],
}

#[derive(Clone)]
struct Entry {
    key: Arc<Held>,
    /// Read before the key service was asked, so that the age is never understated.
    opened_at: OffsetDateTime,
    /// How many purges had happened by then.
    purges: u64,
}

/// A key for as long as it may be used. What the cache removes from its table stays in memory until some later use of it
/// (epoch-based reclamation), so the key is taken out of here when its entry is removed.
struct Held(Mutex<Option<Arc<DataKey>>>);

impl Held {
    fn key(&self) -> Option<Arc<DataKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Which openings must not be used any more, by the number of the purge.
#[derive(Default)]
struct Purged {
    everything: u64,
    owners: HashMap<KeyOwner, (u64, OffsetDateTime)>,
}

impl KeyCache {
    /// A cache over a key service that holds at most `capacity` opened keys.
    pub fn new(opener: Arc<dyn KeyOpener>, environment: Environment, capacity: u64) -> Self {
        let entries = Cache::builder()
            .max_capacity(capacity)
            // Freshness is judged by the environment's clock; this only takes idle keys out of memory.
            .time_to_live(USABLE_FOR.unsigned_abs())
            .support_invalidation_closures()
            .eviction_listener(|_, entry: Entry, cause| {
                // For want of room an entry may go while somebody who has just asked for it reads it.
                if cause != RemovalCause::Size {
                    entry.key.forget();
                }
            })
            .build();
        Self(Arc::new(Shared {
            opener,
            environment,
            entries,
            purges: AtomicU64::new(0),
            purged: Mutex::default(),
            usage: Mutex::default(),
        }))
    }

    /// The opened key, from the cache if it is fresh, else from the key service.
    ///
    /// # Errors
    /// What the key service said; it is asked again at the next call.
    pub async fn open(&self, wrapped: &WrappedKey) -> Result<Arc<DataKey>, VaultError> {
        self.open_dated(wrapped).await.map(|(key, _)| key)
    }

    /// Drops an owner's keys: the next use asks the key service, also where an opening is under way.
    pub fn purge(&self, owner: &KeyOwner) {
        let now = self.0.environment.now();
        let number = self.0.purges.fetch_add(1, Ordering::SeqCst) + 1;
        {
            let mut purged = self.0.purged();
            // An opening older than this is not fresh any more, so nobody needs the purge remembered.
            purged.owners.retain(|_, (_, at)| is_within(*at, now, FRESH_FOR * 2));
            purged.owners.insert(*owner, (number, now));
        }
        let owner = *owner;
        if self.0.entries.invalidate_entries_if(move |name, _| name.owner == owner).is_err() {
            self.0.entries.invalidate_all();
        }
        self.overwrite_dropped();
    }

    /// Drops every key.
    pub fn purge_all(&self) {
        let number = self.0.purges.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.purged().everything = number;
        self.0.entries.invalidate_all();
        self.overwrite_dropped();
    }

    /// Takes the number of values sealed under each data key since the last call, for the wrapped key's row.
    pub fn drain_usage(&self) -> Vec<KeyUsage> {
        let mut usage = self.0.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let drained = usage
            .iter()
            .map(|((owner, purpose, version), sealed)| KeyUsage {
                owner: *owner,
                purpose: *purpose,
                version: *version,
                sealed: sealed.swap(0, Ordering::Relaxed),
            })
            .filter(|usage| usage.sealed > 0)
            .collect();
        usage.retain(|_, sealed| Arc::strong_count(sealed) > 1);
        drained
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.0.environment
    }

    /// The opened key and the moment its opening began.
    pub(crate) async fn open_dated(
        &self,
        wrapped: &WrappedKey,
    ) -> Result<(Arc<DataKey>, OffsetDateTime), VaultError> {
        let name = EntryName::of(wrapped);
        for _ in 0..ATTEMPTS {
            let entry = match self.0.entries.get(&name).await {
                Some(entry) => entry,
                None => Box::pin(self.open_once(name, wrapped)).await?,
            };
            if self.0.is_valid(&name.owner, &entry)
                && let Some(key) = entry.key.key()
            {
                return Ok((key, entry.opened_at));
            }
            Box::pin(self.0.remove(name, &entry)).await;
        }
        Err(KeyServiceError::Unavailable(Outage::TimedOut).into())
    }

    /// Asks the key service, or joins whoever is asking. Runs as a task of its own, so that a caller who goes away does
    /// not make the others ask again.
    async fn open_once(&self, name: EntryName, wrapped: &WrappedKey) -> Result<Entry, VaultError> {
        let shared = Arc::clone(&self.0);
        let wrapped = wrapped.clone();
        let opening = tokio::spawn(async move {
            let ask = shared.ask(&wrapped);
            shared.entries.try_get_with(name, ask).await
        });
        match opening.await {
            Ok(Ok(entry)) => Ok(entry),
            Ok(Err(error)) => Err(VaultError::KeyService(*error)),
            Err(_) => Err(KeyServiceError::Unavailable(Outage::Away).into()),
        }
    }

    /// Dropped entries are overwritten when the cache next tidies up; this has it do so at once.
    fn overwrite_dropped(&self) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let shared = Arc::clone(&self.0);
            runtime.spawn(async move { shared.entries.run_pending_tasks().await });
        }
    }
}

impl Shared {
    async fn ask(&self, wrapped: &WrappedKey) -> Result<Entry, KeyServiceError> {
        let purges = self.purges.load(Ordering::SeqCst);
        let opened_at = self.environment.now();
        let opened = self.opener.open_data_key(wrapped).await.inspect_err(|error| {
            tracing::warn!(owner = %wrapped.owner, purpose = %wrapped.purpose, version = wrapped.version.0,
                error = ?error, "a data key was not opened");
        })?;
        let counter = {
            let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(usage.entry((wrapped.owner, wrapped.purpose, wrapped.version)).or_default())
        };
        let key = Arc::new(Held(Mutex::new(Some(Arc::new(opened.counted_by(counter))))));
        Ok(Entry { key, opened_at, purges })
    }

    fn is_valid(&self, owner: &KeyOwner, entry: &Entry) -> bool {
        let purged = self.purged();
        let purge = purged.owners.get(owner).map_or(0, |(number, _)| *number);
        entry.purges >= purged.everything.max(purge)
            && is_within(entry.opened_at, self.environment.now(), FRESH_FOR)
    }

    /// Removes this very entry; a newer one that somebody else has put there stays.
    async fn remove(&self, name: EntryName, entry: &Entry) {
        self.entries
            .entry(name)
            .and_compute_with(|present| {
                let same = present.is_some_and(|present| Arc::ptr_eq(&present.value().key, &entry.key));
                std::future::ready(if same { Op::Remove } else { Op::Nop })
            })
            .await;
    }

    fn purged(&self) -> MutexGuard<'_, Purged> {
        self.purged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EntryName {
    fn of(wrapped: &WrappedKey) -> Self {
        let owner = wrapped.owner.to_string();
        let digest = Sha256::digest(length_prefixed(&[
            owner.as_bytes(),
            wrapped.purpose.as_str().as_bytes(),
            &wrapped.version.0.to_be_bytes(),
            wrapped.kms_key.as_str().as_bytes(),
            &wrapped.blob,
        ]));
        Self { owner: wrapped.owner, digest: digest.into() }
    }
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyCache({} keys)", self.0.entries.entry_count())
    }
}
