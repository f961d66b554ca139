//! The opener of the tenant-admin process.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{DataKey, KeyOpener, KeyServiceError, Refusal, WrappedKey};

pub(crate) mod private {
    use super::*;

    /// Unwrapping as such, out of reach of other crates.
    #[async_trait]
    pub trait Unwrap: Send + Sync {
        async fn unwrap(&self, wrapped: &WrappedKey) -> Result<DataKey, KeyServiceError>;
    }
}

/// A key service of this crate. It cannot be implemented elsewhere, and has nothing to call.
pub trait PlatformKeyService: private::Unwrap + 'static {}

/// Opens the platform's own data keys and refuses every tenant's, before the key service is asked. The key service's
/// own policy must say the same; this keeps a mistake there from mattering.
pub struct PlatformKeyOpener(Arc<dyn private::Unwrap>);

impl PlatformKeyOpener {
    /// Restricts a key service to `KeyOwner::Platform` and `KeyOwner::PlatformLog`.
    pub fn new<S: PlatformKeyService>(service: Arc<S>) -> Self {
        Self(service)
    }
}

#[async_trait]
impl KeyOpener for PlatformKeyOpener {
    async fn open_data_key(&self, wrapped: &WrappedKey) -> Result<DataKey, KeyServiceError> {
        if !wrapped.owner.is_platform() {
            return Err(KeyServiceError::Refused(Refusal::Denied));
        }
        self.0.unwrap(wrapped).await
    }
}
