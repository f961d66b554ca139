//! A key service held in the hand of a test. It follows the key states that AWS KMS documents: only a key that is
//! `Enabled` or `Updating` wraps and unwraps, and the error names the state. Its keys live in memory.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cloister_kernel::Environment;
use zeroize::Zeroizing;

use crate::{
    DataKey, KeyIssuer, KeyOpener, KeyOwner, KeyServiceError, KeyState, KeyVersion, KmsKeyId, Outage,
    Purpose, Refusal, WrappedKey,
    sealed::length_prefixed,
    software::{self, WrappingKey},
};

/// How the whole service behaves, whatever the state of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Behavior {
    /// It answers.
    #[default]
    Healthy,
    /// It answers after this long (real time).
    Slow(Duration),
    /// It answers every call that the rate is exceeded.
    Throttled,
    /// It denies every call, as a policy does.
    Denied,
    /// It cannot be reached.
    Away,
    /// It never answers in time; the call fails after this long (real time).
    TimesOut(Duration),
}

/// The key service of tests: both duties, key states, outages, and counts of what it was asked.
pub struct FakeKeyService {
    environment: Environment,
    inner: Mutex<Inner>,
    opened: AtomicU64,
    issued: AtomicU64,
}

#[derive(Default)]
struct Inner {
    keys: HashMap<KmsKeyId, FakeKey>,
    behavior: Behavior,
}

struct FakeKey {
    owner: KeyOwner,
    secret: WrappingKey,
    state: KeyState,
    rotated: bool,
}

impl FakeKeyService {
    /// A healthy service without keys.
    pub fn new(environment: Environment) -> Self {
        Self { environment, inner: Mutex::default(), opened: AtomicU64::new(0), issued: AtomicU64::new(0) }
    }

    /// Changes how every call is answered from now on.
    pub fn behave(&self, behavior: Behavior) {
        self.lock().behavior = behavior;
    }

    /// Puts a key into a state. A key that is not there is left so.
    pub fn set_state(&self, kms_key: &KmsKeyId, state: KeyState) {
        if let Some(key) = self.lock().keys.get_mut(kms_key) {
            key.state = state;
        }
    }

    /// Destroys a key, as the end of its waiting period does.
    pub fn destroy(&self, kms_key: &KmsKeyId) {
        self.lock().keys.remove(kms_key);
    }

    /// The keys that were made for an owner and not destroyed, for tests that look for orphans.
    pub fn keys_of(&self, owner: &KeyOwner) -> Vec<(KmsKeyId, KeyState)> {
        let inner = self.lock();
        let keys = inner.keys.iter().filter(|(_, key)| key.owner == *owner);
        keys.map(|(id, key)| (id.clone(), key.state)).collect()
    }

    /// Whether rotation was turned on for a key.
    pub fn rotates(&self, kms_key: &KmsKeyId) -> bool {
        self.lock().keys.get(kms_key).is_some_and(|key| key.rotated)
    }

    /// How often a data key was asked to be opened, refusals included.
    pub fn times_opened(&self) -> u64 {
        self.opened.load(Ordering::SeqCst)
    }

    /// How often a data key was asked to be issued, refusals included.
    pub fn times_issued(&self) -> u64 {
        self.issued.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self) -> Result<(), KeyServiceError> {
        let behavior = self.lock().behavior;
        match behavior {
            Behavior::Healthy => Ok(()),
            Behavior::Slow(delay) => {
                tokio::time::sleep(delay).await;
                Ok(())
            }
            Behavior::Throttled => Err(KeyServiceError::Unavailable(Outage::Throttled)),
            Behavior::Denied => Err(KeyServiceError::Refused(Refusal::Denied)),
            Behavior::Away => Err(KeyServiceError::Unavailable(Outage::Away)),
            Behavior::TimesOut(delay) => {
                tokio::time::sleep(delay).await;
                Err(KeyServiceError::Unavailable(Outage::TimedOut))
            }
        }
    }

    /// Runs something with a key that may wrap and unwrap. Errors as in "Key states of AWS KMS keys": `Disabled` is
    /// DisabledException, every other unusable state is KMSInvalidStateException.
    fn with_usable<T>(
        &self,
        kms_key: &KmsKeyId,
        run: impl FnOnce(&FakeKey) -> Result<T, KeyServiceError>,
    ) -> Result<T, KeyServiceError> {
        let inner = self.lock();
        let key = inner.keys.get(kms_key).ok_or(KeyServiceError::Refused(Refusal::NotFound))?;
        match key.state {
            state if state.is_usable() => run(key),
            KeyState::Disabled => Err(KeyServiceError::Refused(Refusal::Disabled)),
            _ => Err(KeyServiceError::Refused(Refusal::InvalidState)),
        }
    }
}

#[async_trait]
impl KeyIssuer for FakeKeyService {
    async fn create_key(&self, owner: &KeyOwner) -> Result<KmsKeyId, KeyServiceError> {
        self.answer().await?;
        let id = KmsKeyId::new(format!("fake:{}", self.environment.uuid()));
        let secret = Zeroizing::new(self.environment.bytes());
        let key = FakeKey { owner: *owner, secret, state: KeyState::Enabled, rotated: false };
        self.lock().keys.insert(id.clone(), key);
        Ok(id)
    }

    async fn find_keys(&self, owner: &KeyOwner) -> Result<Vec<KmsKeyId>, KeyServiceError> {
        self.answer().await?;
        let inner = self.lock();
        let live = inner
            .keys
            .iter()
            .filter(|(_, key)| key.owner == *owner && key.state != KeyState::PendingDeletion);
        Ok(live.map(|(id, _)| id.clone()).collect())
    }

    async fn describe(&self, kms_key: &KmsKeyId) -> Result<KeyState, KeyServiceError> {
        self.answer().await?;
        let inner = self.lock();
        inner.keys.get(kms_key).map(|key| key.state).ok_or(KeyServiceError::Refused(Refusal::NotFound))
    }

    async fn enable_rotation(&self, kms_key: &KmsKeyId) -> Result<(), KeyServiceError> {
        self.answer().await?;
        self.with_usable(kms_key, |_| Ok(()))?;
        if let Some(key) = self.lock().keys.get_mut(kms_key) {
            key.rotated = true;
        }
        Ok(())
    }

    async fn schedule_deletion(&self, kms_key: &KmsKeyId, days: u8) -> Result<(), KeyServiceError> {
        self.answer().await?;
        let mut inner = self.lock();
        let key = inner.keys.get_mut(kms_key).ok_or(KeyServiceError::Refused(Refusal::NotFound))?;
        if !(7..=30).contains(&days) || key.state == KeyState::PendingDeletion {
            return Err(KeyServiceError::Refused(Refusal::InvalidState));
        }
        key.state = KeyState::PendingDeletion;
        Ok(())
    }

    async fn issue_data_key(
        &self,
        kms_key: &KmsKeyId,
        owner: &KeyOwner,
        purpose: Purpose,
        version: KeyVersion,
    ) -> Result<WrappedKey, KeyServiceError> {
        self.issued.fetch_add(1, Ordering::SeqCst);
        self.answer().await?;
        self.with_usable(kms_key, |key| {
            software::issue(&key.secret, &self.environment, kms_key, owner, purpose, version)
        })
    }
}

#[async_trait]
impl KeyOpener for FakeKeyService {
    async fn open_data_key(&self, wrapped: &WrappedKey) -> Result<DataKey, KeyServiceError> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        self.answer().await?;
        self.with_usable(&wrapped.kms_key, |key| software::open(&key.secret, wrapped))
    }
}

#[cfg(feature = "platform-opener")]
#[async_trait]
impl crate::platform_opener::private::Unwrap for FakeKeyService {
    async fn unwrap(&self, wrapped: &WrappedKey) -> Result<DataKey, KeyServiceError> {
        self.open_data_key(wrapped).await
    }
}

#[cfg(feature = "platform-opener")]
impl crate::PlatformKeyService for FakeKeyService {}

/// Seals bytes for a key service that tests speak to over a network, bound to these fields.
pub fn seal_bytes(secret: &[u8; 32], nonce: [u8; 24], bound: &[&[u8]], plaintext: &[u8]) -> Option<Vec<u8>> {
    software::seal(&Zeroizing::new(*secret), &nonce, &length_prefixed(bound), plaintext).ok()
}

/// Opens what [`seal_bytes`] sealed, under the same fields only.
pub fn open_bytes(secret: &[u8; 32], bound: &[&[u8]], sealed: &[u8]) -> Option<Vec<u8>> {
    let opened = software::unseal(&Zeroizing::new(*secret), &length_prefixed(bound), sealed).ok()?;
    Some(opened.to_vec())
}
