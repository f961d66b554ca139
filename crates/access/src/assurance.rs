//! How sure the platform is of who is calling.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A proof that was given at sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// Something known.
    Password,
    /// A time-based code (RFC 6238) from an enrolled device.
    Totp,
    /// A single-use code kept for the day the device is lost.
    RecoveryCode,
    /// A signed client assertion (RFC 7523), of machine clients only.
    ClientAssertion,
}

/// The proofs that were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Factors(u8);

impl Factors {
    /// The set with one more factor.
    #[must_use]
    pub const fn with(self, factor: Factor) -> Self {
        Self(self.0 | 1 << factor as u8)
    }

    /// Whether the factor was given.
    pub const fn holds(self, factor: Factor) -> bool {
        self.0 & (1 << factor as u8) != 0
    }
}

/// Which factors stand behind a caller and until when a step-up counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Assurance {
    /// The factors given at sign-in.
    pub factors: Factors,
    /// The moment from which a key action needs a fresh factor again; `None` when none was given since sign-in.
    pub step_up_until: Option<OffsetDateTime>,
}

impl Assurance {
    /// A password and one of the second factors: what every person's session needs (NIST SP 800-63B, AAL2).
    pub const fn is_multi_factor(&self) -> bool {
        self.factors.holds(Factor::Password)
            && (self.factors.holds(Factor::Totp) || self.factors.holds(Factor::RecoveryCode))
    }

    /// Whether a fresh factor counts at the given moment (requirement SESS-6).
    pub fn is_stepped_up(&self, at: OffsetDateTime) -> bool {
        self.step_up_until.is_some_and(|until| at < until)
    }
}
