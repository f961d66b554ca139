//! Data keys as they are stored: wrapped by a key of the key service.

use std::fmt;

use crate::{KeyOwner, KeyVersion, Purpose};

/// The name of a key in the key service: an AWS key ARN or id, or a local key's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KmsKeyId(String);

impl KmsKeyId {
    /// Takes a name as the key service or the database gave it.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KmsKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state of a key in the key service, in AWS KMS's words ("Key states of AWS KMS keys").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Being made in a custom key store; not usable yet.
    Creating,
    /// The only state in which a key wraps and unwraps.
    Enabled,
    /// Switched off by its owner; may be switched on again.
    Disabled,
    /// Will be destroyed at a date; may be cancelled until then.
    PendingDeletion,
    /// Its material was not imported, or has expired or been removed.
    PendingImport,
    /// A multi-region key that waits for its replicas to be deleted.
    PendingReplicaDeletion,
    /// Its custom key store cannot be reached.
    Unavailable,
    /// Its primary region is being changed; usable meanwhile.
    Updating,
}

impl KeyState {
    /// Whether the key service wraps and unwraps with a key in this state.
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Enabled | Self::Updating)
    }

    /// The spelling of the key service's own documentation.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "Creating",
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingDeletion => "PendingDeletion",
            Self::PendingImport => "PendingImport",
            Self::PendingReplicaDeletion => "PendingReplicaDeletion",
            Self::Unavailable => "Unavailable",
            Self::Updating => "Updating",
        }
    }
}

/// A data key in its stored form. Only a [`crate::KeyOpener`] makes a key of it, and only under the same owner,
/// purpose and version that it was issued for.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Whose values it protects.
    pub owner: KeyOwner,
    /// What it is for.
    pub purpose: Purpose,
    /// Its version within the purpose.
    pub version: KeyVersion,
    /// The key-service key that wraps it.
    pub kms_key: KmsKeyId,
    /// What the key service returned.
    pub blob: Vec<u8>,
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey({}, {}, version {})", self.owner, self.purpose, self.version)
    }
}

/// What the key service binds into a wrapped key and demands again to open it. It is logged in clear there, so it
/// holds identifiers only.
#[cfg(all(
    any(feature = "aws", feature = "local", feature = "testing"),
    any(feature = "issuer", feature = "opener", feature = "platform-opener")
))]
pub(crate) fn encryption_context(
    owner: &KeyOwner,
    purpose: Purpose,
    version: KeyVersion,
) -> [(&'static str, String); 3] {
    [("tenant", owner.to_string()), ("purpose", purpose.to_string()), ("version", version.to_string())]
}
