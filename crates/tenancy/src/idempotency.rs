//! Idempotency keys: a client's own name for one request, so that repeating it does nothing twice.

use cloister_kernel::FieldError;
use sha2::{Digest, Sha256};
use time::Duration;

/// How long a key is remembered.
pub const REMEMBERED: Duration = Duration::hours(24);
/// The longest key.
pub const MAX_LENGTH: usize = 128;

/// A key of the right form, known by its hash only: clients put all kinds of things into keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads the header's value.
    ///
    /// # Errors
    /// `idempotency.key_required`, or `idempotency.key_format` for anything but 1 to 128 visible ASCII characters.
    pub fn parse(value: Option<&str>) -> Result<Self, FieldError> {
        let refuse = |code, reason: &str| Err(FieldError::new("Idempotency-Key", code, reason));
        match value {
            None | Some("") => {
                refuse("idempotency.key_required", "send a key of your own, for example a UUID")
            }
            Some(key) if key.len() > MAX_LENGTH || !key.bytes().all(|byte| byte.is_ascii_graphic()) => {
                refuse("idempotency.key_format", "use 1 to 128 visible ASCII characters without spaces")
            }
            Some(key) => Ok(Self(hex::encode(Sha256::digest(key.as_bytes())))),
        }
    }

    /// The hash in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_required_bounded_and_kept_as_a_hash() {
        let code = |value| IdempotencyKey::parse(value).unwrap_err().code;
        assert_eq!(code(None), "idempotency.key_required");
        assert_eq!(code(Some("")), "idempotency.key_required");
        for value in ["a b", "a\tb", "ключ", "a\u{0}", &"k".repeat(129)] {
            assert_eq!(code(Some(value)), "idempotency.key_format", "{value:?}");
        }
        let key = IdempotencyKey::parse(Some("order-1")).unwrap();
        assert_eq!(key.hash().len(), 64);
        assert_ne!(key, IdempotencyKey::parse(Some("order-2")).unwrap());
    }
}
