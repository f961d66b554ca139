//! Short stable words in the clear part: resource types, relations, reason codes.

use std::{borrow::Cow, fmt};

/// Why a text read from outside is not a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a term is 1 to 64 lower-case letters, digits, underscores, hyphens and dots")]
pub struct TermError;

/// A word of the program's own, never a user's: it stands in clear in the log. Words in the source code convert by
/// `From`; what is read back from a row goes through [`Term::parse`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(Cow<'static, str>);

impl Term {
    /// The longest term, in bytes.
    pub const LONGEST: usize = 64;

    /// Takes a word that was stored.
    pub fn parse(text: impl Into<String>) -> Result<Self, TermError> {
        let text = text.into();
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte));
        if text.is_empty() || text.len() > Self::LONGEST || !plain {
            return Err(TermError);
        }
        Ok(Self(Cow::Owned(text)))
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for Term {
    fn from(word: &'static str) -> Self {
        Self(Cow::Borrowed(word))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_holds_no_free_text() {
        assert_eq!(Term::parse("lab_result").unwrap(), Term::from("lab_result"));
        for text in ["", "Ana Lima", "a\nb", "hba1c:9.1", &"a".repeat(65)] {
            assert_eq!(Term::parse(text), Err(TermError), "{text:?}");
        }
    }

    #[test]
    fn the_longest_term_is_taken_and_shown_as_it_is() {
        let longest = "a".repeat(Term::LONGEST);
        assert_eq!(Term::parse(longest.clone()).unwrap().to_string(), longest);
    }
}
