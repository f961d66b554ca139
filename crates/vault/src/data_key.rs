//! A data key in clear, as briefly as possible.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use xaes_256_gcm::{Key, Xaes256Gcm, aead::KeyInit};
use zeroize::Zeroizing;

/// The length of every data key in bytes (AES-256, and HMAC-SHA-256 for index keys).
pub(crate) const KEY_LENGTH: usize = 32;

/// An opened data key. It is not `Debug`, `Clone`, `PartialEq` or serializable, and is overwritten when dropped.
pub struct DataKey {
    secret: Box<Zeroizing<[u8; KEY_LENGTH]>>,
    sealed: Arc<AtomicU64>,
}

impl DataKey {
    /// Copies a key out of what a key service returned.
    ///
    /// # Errors
    /// `Tampered` when the length is not 32 bytes.
    #[cfg(any(
        test,
        all(
            any(feature = "opener", feature = "platform-opener"),
            any(feature = "aws", feature = "local", feature = "testing")
        )
    ))]
    pub(crate) fn from_slice(bytes: &[u8]) -> Result<Self, crate::KeyServiceError> {
        if bytes.len() != KEY_LENGTH {
            return Err(crate::KeyServiceError::Tampered);
        }
        let mut secret = Box::new(Zeroizing::new([0; KEY_LENGTH]));
        secret.copy_from_slice(bytes);
        Ok(Self { secret, sealed: Arc::default() })
    }

    /// Has uses of this key counted together with earlier openings of the same one.
    pub(crate) fn counted_by(self, sealed: Arc<AtomicU64>) -> Self {
        Self { secret: self.secret, sealed }
    }

    pub(crate) fn count_sealing(&self) {
        self.sealed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn cipher(&self) -> Xaes256Gcm {
        let key: &Key = (&**self.secret).into();
        Xaes256Gcm::new(key)
    }

    pub(crate) fn secret(&self) -> &[u8; KEY_LENGTH] {
        &self.secret
    }
}
