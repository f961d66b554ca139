//! The languages messages are written in.

use serde::{Deserialize, Serialize};

/// A language that every message exists in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// English.
    En,
    /// Spanish.
    Es,
}

impl Locale {
    /// The BCP 47 tag, as stored with a clinic.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Es => "es",
        }
    }

    /// Reads a stored tag; anything that is not Spanish is answered in English.
    pub fn from_tag(tag: &str) -> Self {
        if tag == "es" || tag.starts_with("es-") { Self::Es } else { Self::En }
    }
}
