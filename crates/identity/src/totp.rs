//! Time-based one-time passwords (RFC 6238): SHA-1, six digits, thirty seconds, one step of drift either way.
//!
//! SHA-1 is what every authenticator app implements; HMAC-SHA-1 is not affected by collisions of SHA-1.

use cloister_kernel::{Environment, SecretString};
use time::OffsetDateTime;
use totp_rs::{Algorithm, Builder, Secret, Totp, TotpError};

const STEP_SECONDS: u64 = 30;

/// A TOTP secret: 160 random bits (RFC 4226, section 4, requirement R6).
#[derive(Clone)]
pub struct TotpSecret(Secret);

impl TotpSecret {
    /// A fresh secret.
    pub fn generate(environment: &Environment) -> Self {
        Self(Secret::from(environment.bytes::<20>()))
    }

    /// Takes a secret back from storage.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(Secret::from(bytes.to_vec()))
    }

    /// Reads a secret as a person would type it. `None` when it is not base32.
    pub fn from_base32(text: &str) -> Option<Self> {
        Secret::try_from_base32(text).ok().map(Self)
    }

    /// The bytes, to be sealed.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The secret as a person types it into an app: base32 without padding.
    pub fn base32(&self) -> SecretString {
        self.0.to_base32().into()
    }

    /// The `otpauth:` URI for a QR code.
    ///
    /// # Errors
    /// [`TotpError`] when the names cannot stand in the URI.
    pub fn otpauth_uri(&self, issuer: &str, account: &str) -> Result<SecretString, TotpError> {
        let readable = |text: &str| text.replace(':', " ");
        let totp = builder(&self.0)
            .with_issuer(Some(readable(issuer)))
            .with_account_name(readable(account))
            .build()?;
        Ok(totp.to_url()?.into())
    }

    /// The step that a code belongs to, if it belongs to one within one step of now. The caller must see to it that
    /// no step is accepted twice (RFC 6238, section 5.2).
    pub fn matching_step(&self, code: &str, now: OffsetDateTime) -> Option<i64> {
        let seconds = u64::try_from(now.unix_timestamp()).ok()?;
        let step = self.totp()?.check(&typed_digits(code), seconds)?;
        i64::try_from(step).ok()
    }

    /// The code at a moment: for the demonstration's outbox page and for tests.
    pub fn code_at(&self, moment: OffsetDateTime) -> Option<String> {
        let seconds = u64::try_from(moment.unix_timestamp()).ok()?;
        Some(self.totp()?.generate(seconds).to_string())
    }

    fn totp(&self) -> Option<Totp> {
        builder(&self.0).build().ok()
    }
}

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[TOTP secret]")
    }
}

fn builder(secret: &Secret) -> Builder {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(1)
        .with_step_duration(STEP_SECONDS)
        .with_secret(secret.clone())
        .with_account_name("account")
}

/// People type codes as they read them: "123 456", "123-456".
fn typed_digits(code: &str) -> String {
    code.chars().filter(|character| !character.is_whitespace() && *character != '-').collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn rfc_secret() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890")
    }

    /// The last six digits of RFC 6238, appendix B, SHA-1 column.
    #[test]
    fn codes_are_those_of_rfc_6238() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            assert_eq!(rfc_secret().code_at(moment).unwrap(), code);
            assert_eq!(rfc_secret().matching_step(code, moment), Some(seconds / 30));
        }
    }

    #[test]
    fn a_code_holds_one_step_either_way_and_no_further() {
        let moment = datetime!(2026-03-01 12:00:15 UTC);
        let code = rfc_secret().code_at(moment).unwrap();
        for (seconds, holds) in [(-60, false), (-30, true), (0, true), (30, true), (60, false)] {
            let now = moment + time::Duration::seconds(seconds);
            assert_eq!(rfc_secret().matching_step(&code, now).is_some(), holds, "{seconds} s");
        }
    }

    #[test]
    fn spaces_and_hyphens_are_how_people_type() {
        let moment = OffsetDateTime::from_unix_timestamp(59).unwrap();
        for typed in ["287 082", " 287-082 ", "287082"] {
            assert!(rfc_secret().matching_step(typed, moment).is_some(), "{typed}");
        }
        for typed in ["", "28708", "2870820", "28708a", "２８７０８２"] {
            assert!(rfc_secret().matching_step(typed, moment).is_none(), "{typed}");
        }
    }

    #[test]
    fn the_uri_names_clinic_and_account_and_survives_odd_names() {
        use cloister_kernel::ExposeSecret;
        let uri = rfc_secret().otpauth_uri("Clínica: Lago", "ana@example.org").unwrap();
        assert!(uri.expose_secret().starts_with("otpauth://totp/"));
        assert!(uri.expose_secret().contains("issuer="));
    }
}
