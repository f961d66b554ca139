//! The opened data keys of one owner, for one unit of work.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use std::{collections::BTreeMap, sync::Arc};

use cloister_kernel::Environment;
use futures_util::future::try_join_all;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{
    BlindIndex, DataKey, KeyCache, KeyOwner, KeyVersion, Place, Purpose, SealedValue, USABLE_FOR, VaultError,
    WrappedKey, cache::is_within,
};

/// All opened data keys of one owner. Cheap to clone. It refuses to work 60 seconds after its oldest key was opened,
/// so that holding on to a ring cannot outlast a clinic's cut-off.
#[derive(Clone)]
pub struct KeyRing(Arc<Opened>);

struct Opened {
    owner: KeyOwner,
    keys: BTreeMap<(Purpose, KeyVersion), Arc<DataKey>>,
    opened_at: OffsetDateTime,
    environment: Environment,
}

impl KeyRing {
    /// Opens the given wrapped keys, which all belong to one owner, through the cache and concurrently.
    ///
    /// # Errors
    /// `WrongOwner` when there is none or they belong to several; otherwise what the key service said.
    pub async fn unlock(cache: &KeyCache, wrapped: &[WrappedKey]) -> Result<Self, VaultError> {
        let owner = wrapped.first().ok_or(VaultError::WrongOwner)?.owner;
        if wrapped.iter().any(|key| key.owner != owner) {
            return Err(VaultError::WrongOwner);
        }
        let opened = try_join_all(wrapped.iter().map(|key| cache.open_dated(key))).await?;
        let mut opened_at = cache.environment().now();
        let mut keys = BTreeMap::new();
        for (key, (data_key, at)) in wrapped.iter().zip(opened) {
            opened_at = opened_at.min(at);
            keys.insert((key.purpose, key.version), data_key);
        }
        Ok(Self(Arc::new(Opened { owner, keys, opened_at, environment: cache.environment().clone() })))
    }

    /// Whose keys these are.
    pub fn owner(&self) -> &KeyOwner {
        &self.0.owner
    }

    /// Seals a value for a place under the newest key of the purpose.
    ///
    /// # Errors
    /// `WrongOwner`, `WrongPurpose` (index keys do not seal), `NoKey`, `Stale`, `TooLong`.
    pub fn seal(
        &self,
        environment: &Environment,
        purpose: Purpose,
        place: &Place,
        plaintext: &[u8],
    ) -> Result<SealedValue, VaultError> {
        self.usable_for(place)?;
        if purpose == Purpose::Index {
            return Err(VaultError::WrongPurpose(purpose));
        }
        let (version, key) = self.newest(purpose)?;
        SealedValue::seal(key, environment, purpose, version, place, plaintext)
    }

    /// Opens a value at a place. The plaintext is overwritten when dropped.
    ///
    /// # Errors
    /// `Tampered` when the value was changed or sealed for another place; `NoKey` when its key is not in the ring;
    /// `WrongOwner`, `Stale`, `Malformed`.
    pub fn open(&self, place: &Place, sealed: &SealedValue) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.usable_for(place)?;
        let purpose = sealed.purpose().ok_or(VaultError::Malformed)?;
        if purpose == Purpose::Index {
            return Err(VaultError::WrongPurpose(purpose));
        }
        let key = self.0.keys.get(&(purpose, sealed.key_version())).ok_or(VaultError::NoKey(purpose))?;
        sealed.open(key, place)
    }

    /// The blind index of a normalized value. `column` names table and column (`accounts.email`), so that equal values
    /// of two columns have unrelated indexes.
    ///
    /// # Errors
    /// `NoKey` when the ring has no index key; `Stale`.
    pub fn blind_index(&self, column: &'static str, normalized: &str) -> Result<BlindIndex, VaultError> {
        self.fresh()?;
        let (_, key) = self.newest(Purpose::Index)?;
        Ok(BlindIndex::compute(key, column, normalized))
    }

    fn newest(&self, purpose: Purpose) -> Result<(KeyVersion, &DataKey), VaultError> {
        let versions = (purpose, KeyVersion(0))..=(purpose, KeyVersion(u32::MAX));
        let newest = self.0.keys.range(versions).next_back();
        newest.map(|((_, version), key)| (*version, &**key)).ok_or(VaultError::NoKey(purpose))
    }

    fn usable_for(&self, place: &Place) -> Result<(), VaultError> {
        self.fresh()?;
        if place.owner == self.0.owner { Ok(()) } else { Err(VaultError::WrongOwner) }
    }

    fn fresh(&self) -> Result<(), VaultError> {
        let usable = is_within(self.0.opened_at, self.0.environment.now(), USABLE_FOR);
        if usable { Ok(()) } else { Err(VaultError::Stale) }
    }
}
