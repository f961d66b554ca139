//! The platform's own keys: contacts and operators under one, the platform's audit log under the other.

use cloister_store::{PlatformStore, StoreError};
use cloister_vault::{KeyIssuer, KeyOwner, KeyServiceError, KeyVersion, KmsKeyId, Purpose, Refusal};

use crate::TenancyError;

/// Days that a key which was made in vain stays recoverable: the key service's least.
pub(crate) const DELETION_DAYS: u8 = 7;

const NEEDED: [(KeyOwner, &[Purpose]); 2] =
    [(KeyOwner::Platform, &[Purpose::Pii, Purpose::Index]), (KeyOwner::PlatformLog, &[Purpose::Log])];

/// Makes the platform's keys where they are missing. Says whether it made any. It may be stopped anywhere and run
/// again, and two processes that start at the same time agree on the keys of the one that stored its first.
pub(crate) async fn ensure(store: &PlatformStore, issuer: &dyn KeyIssuer) -> Result<bool, TenancyError> {
    let mut made = false;
    for (owner, purposes) in NEEDED {
        for purpose in purposes {
            let present = store.wrapped_keys(owner).await?;
            if present.iter().any(|key| key.purpose == *purpose) {
                continue;
            }
            let kms_key = match present.first() {
                Some(key) => key.kms_key.clone(),
                None => own_key(issuer, owner).await?,
            };
            let key = issuer.issue_data_key(&kms_key, &owner, *purpose, KeyVersion::FIRST).await?;
            match store.store_wrapped_key(&key).await {
                Ok(()) => made = true,
                Err(StoreError::Conflict) => discard_unless_used(store, issuer, owner, &kms_key).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(made)
}

/// The key that an earlier run made and did not get to use, else a new one.
async fn own_key(issuer: &dyn KeyIssuer, owner: KeyOwner) -> Result<KmsKeyId, TenancyError> {
    let kms_key = match issuer.find_keys(&owner).await?.into_iter().next() {
        Some(found) => found,
        None => issuer.create_key(&owner).await?,
    };
    issuer.enable_rotation(&kms_key).await?;
    Ok(kms_key)
}

/// Another process stored its key first: ours goes, unless both found the same one.
async fn discard_unless_used(
    store: &PlatformStore,
    issuer: &dyn KeyIssuer,
    owner: KeyOwner,
    kms_key: &KmsKeyId,
) -> Result<(), TenancyError> {
    if store.wrapped_keys(owner).await?.iter().any(|key| key.kms_key == *kms_key) {
        return Ok(());
    }
    schedule_deletion(issuer, kms_key).await
}

/// Schedules a key's deletion; one that is gone or going already is fine.
pub(crate) async fn schedule_deletion(
    issuer: &dyn KeyIssuer,
    kms_key: &KmsKeyId,
) -> Result<(), TenancyError> {
    match issuer.schedule_deletion(kms_key, DELETION_DAYS).await {
        Ok(()) | Err(KeyServiceError::Refused(Refusal::InvalidState | Refusal::NotFound)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
