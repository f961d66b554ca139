//! Blind indexes: equal values of one column can be found without being readable.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{DataKey, sealed::length_prefixed};

const DOMAIN: &[u8] = b"cloister blind index";

/// HMAC-SHA-256 of a normalized value under an owner's index key, separated by column. Comparing two takes the same
/// time wherever they differ.
#[derive(Clone, Copy)]
pub struct BlindIndex([u8; 32]);

impl BlindIndex {
    /// Takes stored bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes to store and to search for.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn compute(key: &DataKey, column: &str, normalized: &str) -> Self {
        let mut mac = keyed(key.secret());
        mac.update(&length_prefixed(&[DOMAIN, column.as_bytes(), normalized.as_bytes()]));
        Self(mac.finalize().into_bytes().into())
    }
}

fn keyed(secret: &[u8; 32]) -> Hmac<Sha256> {
    // A 32-byte key is shorter than the block, so it is padded and not hashed (RFC 2104, section 2).
    let mut block = zeroize::Zeroizing::new([0u8; 64]);
    block[..32].copy_from_slice(secret);
    Hmac::new((&*block).into())
}

impl PartialEq for BlindIndex {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for BlindIndex {}

impl fmt::Debug for BlindIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlindIndex")
    }
}
