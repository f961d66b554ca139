//! Operator tokens: 256 random bits that belong to a named person for at most half a day.

use cloister_kernel::{Environment, ExposeSecret, FieldError, SecretString};
use sha2::{Digest, Sha256};
use time::Duration;

/// What every token begins with, so that scanners for leaked secrets can find one.
pub const PREFIX: &str = "cloister_op_";
/// The life of a token when none is asked for.
pub const DEFAULT_LIFE: Duration = Duration::hours(1);
/// The longest life of a token.
pub const LONGEST_LIFE: Duration = Duration::hours(12);
/// The shortest life of a token.
pub const SHORTEST_LIFE: Duration = Duration::minutes(1);

/// A token as its owner holds it. It is shown once and never stored.
#[derive(Debug, Clone)]
pub struct OperatorToken(SecretString);

/// SHA-256 of a token: all that the database knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

impl OperatorToken {
    /// Draws a new token.
    pub fn draw(environment: &Environment) -> Self {
        Self(SecretString::from(format!("{PREFIX}{}", hex::encode(environment.bytes::<32>()))))
    }

    /// Reads a token of the right form: the prefix and 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let well_formed = digits.len() == 64
            && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        well_formed.then(|| Self(SecretString::from(text.to_owned())))
    }

    /// The hash to store or to look up.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.expose_secret().as_bytes()).into())
    }

    /// The token's text, to be shown to its owner once.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Checks a requested life in seconds; none means [`DEFAULT_LIFE`].
///
/// # Errors
/// `token.life` when it is under a minute or over twelve hours.
pub fn life(seconds: Option<u64>) -> Result<Duration, FieldError> {
    let Some(seconds) = seconds else { return Ok(DEFAULT_LIFE) };
    i64::try_from(seconds)
        .ok()
        .map(Duration::seconds)
        .filter(|life| (SHORTEST_LIFE..=LONGEST_LIFE).contains(life))
        .ok_or_else(|| FieldError::new("ttl", "token.life", "a token lives from one minute to twelve hours"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_hashes_alike_and_hides_from_debug_output() {
        let token = OperatorToken::draw(&Environment::system());
        let again = OperatorToken::parse(token.reveal()).unwrap();
        assert_eq!(token.hash(), again.hash());
        assert_ne!(token.hash(), OperatorToken::draw(&Environment::system()).hash());
        assert!(!format!("{token:?}").contains(&token.reveal()[PREFIX.len()..]));
    }

    #[test]
    fn other_forms_are_not_tokens() {
        let digits = "a".repeat(64);
        for text in [
            String::new(),
            digits.clone(),
            format!("{PREFIX}{}", &digits[1..]),
            format!("{PREFIX}{digits}a"),
            format!("{PREFIX}{}", digits.to_uppercase()),
            format!(" {PREFIX}{digits}"),
            format!("{PREFIX}{}g", &digits[1..]),
        ] {
            assert!(OperatorToken::parse(&text).is_none(), "{text}");
        }
    }

    #[test]
    fn life_is_bounded_and_an_hour_by_default() {
        assert_eq!(life(None).unwrap(), Duration::hours(1));
        assert_eq!(life(Some(43_200)).unwrap(), Duration::hours(12));
        for seconds in [0, 59, 43_201, u64::MAX] {
            assert_eq!(life(Some(seconds)).unwrap_err().code, "token.life");
        }
    }
}
