//! The leaf that stands for an event in its log.

use sha2::{Digest, Sha256};

use crate::canonical::length;

/// The hash of a leaf (RFC 6962, section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeafHash(pub [u8; 32]);

/// The leaf: the canonical clear part and the ciphertext of the sealed part, each after its length as four bytes,
/// unsigned and big-endian.
pub fn leaf(canonical: &[u8], ciphertext: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + canonical.len() + ciphertext.len());
    for part in [canonical, ciphertext] {
        bytes.extend_from_slice(&length(part));
        bytes.extend_from_slice(part);
    }
    bytes
}

/// SHA-256 of `0x00` and the leaf.
pub fn leaf_hash(canonical: &[u8], ciphertext: &[u8]) -> LeafHash {
    let mut digest = Sha256::new();
    digest.update([0]);
    digest.update(leaf(canonical, ciphertext));
    LeafHash(digest.finalize().into())
}
