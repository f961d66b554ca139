//! What can go wrong, and how it is answered.

use std::fmt;

use cloister_kernel::{Failure, FailureKind};

use crate::Purpose;

/// Why a key service could not be asked. Worth trying again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outage {
    /// No connection, or an answer that blames the service itself.
    Away,
    /// No answer in time.
    TimedOut,
    /// The service limits our rate.
    Throttled,
    /// It was not asked, since it has just failed.
    NotAsked,
}

/// Why a key service said no. Trying again is of no use until somebody changes something there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The key is switched off.
    Disabled,
    /// The key is scheduled for deletion, or its material is missing.
    InvalidState,
    /// There is no such key, or it has been destroyed.
    NotFound,
    /// The caller may not use the key, or this opener may not open this owner's keys.
    Denied,
}

/// A key service's answer that is not a key. The three cases are stable: callers, alerts and runbooks tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum KeyServiceError {
    /// The service could not be asked.
    #[error("the key service cannot be reached")]
    Unavailable(Outage),
    /// The service said no: disabled, deleted or denied.
    #[error("the key service refused the key")]
    Refused(Refusal),
    /// The wrapped key is not what was issued, or not for this owner, purpose and version.
    #[error("the wrapped key is not what was issued")]
    Tampered,
}

impl Failure for KeyServiceError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(Outage::Away) => "keys.unavailable",
            Self::Unavailable(Outage::TimedOut) => "keys.timed_out",
            Self::Unavailable(Outage::Throttled) => "keys.throttled",
            Self::Unavailable(Outage::NotAsked) => "keys.not_asked",
            Self::Refused(Refusal::Disabled) => "keys.disabled",
            Self::Refused(Refusal::InvalidState) => "keys.invalid_state",
            Self::Refused(Refusal::NotFound) => "keys.not_found",
            Self::Refused(Refusal::Denied) => "keys.denied",
            Self::Tampered => "keys.tampered",
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Unavailable(_) | Self::Refused(_) => FailureKind::Unavailable,
            Self::Tampered => FailureKind::Internal,
        }
    }
}

/// Why a value could not be sealed, opened or indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The data key could not be opened.
    #[error("{0}")]
    KeyService(#[from] KeyServiceError),
    /// The ring has no key of this purpose, or not of the version the value names.
    #[error("there is no {0} key for this value")]
    NoKey(Purpose),
    /// The place or the wrapped keys belong to another owner than the ring.
    #[error("the value belongs to another key owner")]
    WrongOwner,
    /// The purpose cannot be used this way: index keys do not seal.
    #[error("a {0} key does not do this")]
    WrongPurpose(Purpose),
    /// Too short, of an unknown format, or with an unknown purpose.
    #[error("the stored value is not a sealed value")]
    Malformed,
    /// The value was changed, or was sealed for another place.
    #[error("the sealed value does not open at this place")]
    Tampered,
    /// More than the cipher can seal at once (64 GiB).
    #[error("the value is too long to seal")]
    TooLong,
    /// The ring was opened too long ago to be trusted: a cut-off may have happened since.
    #[error("the keys were opened too long ago")]
    Stale,
}

impl Failure for VaultError {
    fn code(&self) -> &'static str {
        match self {
            Self::KeyService(error) => error.code(),
            Self::NoKey(_) => "vault.no_key",
            Self::WrongOwner => "vault.wrong_owner",
            Self::WrongPurpose(_) => "vault.wrong_purpose",
            Self::Malformed => "vault.malformed",
            Self::Tampered => "vault.tampered",
            Self::TooLong => "vault.too_long",
            Self::Stale => "vault.stale",
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::KeyService(error) => error.kind(),
            Self::Stale => FailureKind::Unavailable,
            _ => FailureKind::Internal,
        }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Away => "away",
            Self::TimedOut => "timed out",
            Self::Throttled => "throttled",
            Self::NotAsked => "not asked",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disabled => "disabled",
            Self::InvalidState => "invalid state",
            Self::NotFound => "not found",
            Self::Denied => "denied",
        })
    }
}
