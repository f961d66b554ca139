//! Challenges for proofs of work: the same on every replica, and unknown before their time to all who lack the clinic's
//! keys. Nothing is stored for them.

use cloister_kernel::TenantId;
use cloister_vault::KeyOwner;

use crate::{Store, StoreError};

impl Store {
    /// The clinic's challenge of a period: 64 hexadecimal digits, drawn from its index key.
    ///
    /// # Errors
    /// `TenantNotReady`; `Keys`; `Unavailable`.
    pub async fn challenge(&self, tenant: TenantId, period: i64) -> Result<String, StoreError> {
        let ring = self.keys.ring(KeyOwner::Tenant(tenant)).await?;
        let index = ring.blind_index("proof_of_work.challenge", &period.to_string())?;
        Ok(index.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}
