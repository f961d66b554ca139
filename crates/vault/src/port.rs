//! The two duties of a key service, as two ports.

use async_trait::async_trait;

use crate::{DataKey, KeyServiceError, WrappedKey};
#[cfg(feature = "issuer")]
use crate::{KeyOwner, KeyState, KeyVersion, KmsKeyId, Purpose};

/// Makes keys and never sees one in clear. The tenant-admin process has this duty.
#[cfg(feature = "issuer")]
#[async_trait]
pub trait KeyIssuer: Send + Sync {
    /// Makes a new key in the key service for an owner. Each call makes another one.
    async fn create_key(&self, owner: &KeyOwner) -> Result<KmsKeyId, KeyServiceError>;

    /// The owner's keys that are not scheduled for deletion, whether or not anybody recorded them: after a crash
    /// between making a key and writing it down, this is how it is found again. Slow on services with many keys.
    async fn find_keys(&self, owner: &KeyOwner) -> Result<Vec<KmsKeyId>, KeyServiceError>;

    /// The key's present state. A clinic's own key is checked this way before it is relied upon.
    async fn describe(&self, kms_key: &KmsKeyId) -> Result<KeyState, KeyServiceError>;

    /// Turns on the yearly rotation of the key's material. Wrapped keys stay openable.
    async fn enable_rotation(&self, kms_key: &KmsKeyId) -> Result<(), KeyServiceError>;

    /// Schedules the key's destruction after 7 to 30 days; until then it refuses every use.
    async fn schedule_deletion(&self, kms_key: &KmsKeyId, days: u8) -> Result<(), KeyServiceError>;

    /// Has the key service draw a data key and returns it wrapped, bound to owner, purpose and version
    /// (AWS: `GenerateDataKeyWithoutPlaintext`).
    async fn issue_data_key(
        &self,
        kms_key: &KmsKeyId,
        owner: &KeyOwner,
        purpose: Purpose,
        version: KeyVersion,
    ) -> Result<WrappedKey, KeyServiceError>;
}

/// Opens wrapped data keys. The key services implement it only when the `opener` feature is on;
/// `PlatformKeyOpener` implements it for the platform's own keys.
#[async_trait]
pub trait KeyOpener: Send + Sync {
    /// Opens one wrapped key. Ask through a [`crate::KeyCache`], which bounds how often this is called.
    async fn open_data_key(&self, wrapped: &WrappedKey) -> Result<DataKey, KeyServiceError>;
}
