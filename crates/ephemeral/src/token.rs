//! Tokens that a client holds, and what the server keeps of them.

use std::fmt;

use cloister_kernel::Environment;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// 256 random bits handed to a client. Only its [`TokenHash`] is kept.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// Draws a new one.
    pub fn draw(environment: &Environment) -> Self {
        Self(environment.bytes())
    }

    /// Reads the text form: exactly 64 lower-case hexadecimal digits, so that a token has one spelling.
    pub fn parse(text: &str) -> Option<Self> {
        let one_spelling = text.len() == 64
            && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let mut bytes = [0; 32];
        (one_spelling && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(Self(bytes))
    }

    /// The text for a cookie.
    pub fn expose(&self) -> String {
        hex::encode(self.0)
    }

    /// What the server keeps.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}

/// SHA-256 of a [`Token`]: the key under which its session or flow is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The 64 hexadecimal digits used in keys.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// Reads what [`TokenHash::to_hex`] wrote.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok().map(|()| Self(bytes))
    }
}

/// The secret that a session's or flow's CSRF token is compared with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CsrfSecret([u8; 32]);

impl From<CsrfSecret> for String {
    fn from(secret: CsrfSecret) -> Self {
        hex::encode(secret.0)
    }
}

impl TryFrom<String> for CsrfSecret {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map(|()| Self(bytes))
    }
}

impl CsrfSecret {
    /// Draws a new one.
    pub fn draw(environment: &Environment) -> Self {
        Self(environment.bytes())
    }

    /// The bytes, for the edge, which derives and compares the token.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for CsrfSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[csrf secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_one_spelling_and_does_not_print() {
        let token = Token::draw(&Environment::system());
        let text = token.expose();
        assert_eq!(Token::parse(&text).map(|read| read.hash()), Some(token.hash()));
        for other in [text.to_uppercase(), format!(" {text}"), text[..63].to_owned(), format!("{text}0")] {
            if other != text {
                assert!(Token::parse(&other).is_none(), "{other}");
            }
        }
        assert!(!format!("{token:?}{:?}", CsrfSecret::draw(&Environment::system())).contains(&text));
    }
}
