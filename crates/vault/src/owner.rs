//! Whose a data key is, and what it is for.

use std::{fmt, str::FromStr};

use cloister_kernel::TenantId;

/// Whose values a data key protects. Its text is stored beside the wrapped key and bound into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyOwner {
    /// A clinic's own data.
    Tenant(TenantId),
    /// The sealed part of a clinic's audit log, which outlives the clinic's own keys.
    TenantLog(TenantId),
    /// Operators and contacts.
    Platform,
    /// The sealed part of the platform's audit log.
    PlatformLog,
}

impl KeyOwner {
    /// Whether the owner is the platform itself, so that its keys protect no clinic's data.
    pub const fn is_platform(&self) -> bool {
        matches!(self, Self::Platform | Self::PlatformLog)
    }

    /// The clinic concerned, if there is one.
    pub const fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Tenant(tenant) | Self::TenantLog(tenant) => Some(*tenant),
            Self::Platform | Self::PlatformLog => None,
        }
    }
}

/// `tenant:<uuid>`, `tenant-log:<uuid>`, `platform` or `platform-log`.
impl fmt::Display for KeyOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(tenant) => write!(f, "tenant:{tenant}"),
            Self::TenantLog(tenant) => write!(f, "tenant-log:{tenant}"),
            Self::Platform => f.write_str("platform"),
            Self::PlatformLog => f.write_str("platform-log"),
        }
    }
}

/// The text is not a key owner or a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a {0}")]
pub struct ParseKeyNameError(&'static str);

impl FromStr for KeyOwner {
    type Err = ParseKeyNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tenant = |id: &str| id.parse().map_err(|_| ParseKeyNameError("key owner"));
        match text.split_once(':') {
            Some(("tenant", id)) => tenant(id).map(Self::Tenant),
            Some(("tenant-log", id)) => tenant(id).map(Self::TenantLog),
            None if text == "platform" => Ok(Self::Platform),
            None if text == "platform-log" => Ok(Self::PlatformLog),
            _ => Err(ParseKeyNameError("key owner")),
        }
    }
}

/// What a data key is for. A key is used for one purpose only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Protected health information.
    Phi,
    /// Personal data without medical content.
    Pii,
    /// Blind indexes: HMAC, never a cipher.
    Index,
    /// Password hashes, TOTP secrets, recovery codes.
    Credentials,
    /// Document bytes.
    Documents,
    /// The sealed part of audit events.
    Log,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 6] =
        [Self::Phi, Self::Pii, Self::Index, Self::Credentials, Self::Documents, Self::Log];

    /// The stable spelling used in the database and in encryption contexts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phi => "phi",
            Self::Pii => "pii",
            Self::Index => "index",
            Self::Credentials => "credentials",
            Self::Documents => "documents",
            Self::Log => "log",
        }
    }

    /// The byte that stands for it in a sealed value's header.
    pub(crate) const fn tag(self) -> u8 {
        match self {
            Self::Phi => 1,
            Self::Pii => 2,
            Self::Index => 3,
            Self::Credentials => 4,
            Self::Documents => 5,
            Self::Log => 6,
        }
    }

    pub(crate) fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.tag() == tag)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Purpose {
    type Err = ParseKeyNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text).ok_or(ParseKeyNameError("key purpose"))
    }
}

/// The version of a data key; the first is 1, and the highest of a purpose seals new values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyVersion(pub u32);

impl KeyVersion {
    /// The version a purpose starts with.
    pub const FIRST: Self = Self(1);
}

impl fmt::Display for KeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_and_purposes_are_read_back_as_written() {
        let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(7));
        for owner in
            [KeyOwner::Tenant(tenant), KeyOwner::TenantLog(tenant), KeyOwner::Platform, KeyOwner::PlatformLog]
        {
            assert_eq!(owner.to_string().parse(), Ok(owner));
        }
        for purpose in Purpose::ALL {
            assert_eq!(purpose.as_str().parse(), Ok(purpose));
            assert_eq!(Purpose::from_tag(purpose.tag()), Some(purpose));
        }
        for text in ["", "tenant", "tenant:", "platform:", "Tenant:018f3c1e-7b1a-7cc0-9d3e-2f1a5b6c7d8e"] {
            assert!(text.parse::<KeyOwner>().is_err(), "{text}");
        }
    }
}
