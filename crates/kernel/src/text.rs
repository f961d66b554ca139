//! Names and addresses that people read: normalised, bounded, and free of characters that deceive the eye.

use crate::{CanonicalHost, FieldError, Pii};
use unicode_normalization::UnicodeNormalization;

/// Most characters of a person's or a clinic's name.
pub const MAX_NAME: usize = 120;
/// Most characters of a reference to a document.
pub const MAX_REFERENCE: usize = 200;

/// Trims and normalises (NFC) a line of text.
///
/// # Errors
/// `text.required`, `text.too_long`, or `text.character` for control, bidirectional and invisible characters.
pub fn line(field: &str, text: &str, most: usize) -> Result<String, FieldError> {
    let normal: String = text.trim().nfc().collect();
    if normal.is_empty() {
        return Err(FieldError::new(field, "text.required", "a value is needed"));
    }
    if normal.chars().count() > most {
        return Err(FieldError::new(field, "text.too_long", format!("use at most {most} characters")));
    }
    if normal.chars().any(deceives) {
        return Err(FieldError::new(
            field,
            "text.character",
            "control characters, line breaks, invisible and direction-changing characters are not accepted",
        ));
    }
    Ok(normal)
}

/// Characters that have no place in a one-line name: controls, line separators, zero-width and bidirectional
/// formatting, tags, private use and non-characters.
fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00ad}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{ffff}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

/// An email address in the one spelling that is looked up: lower case, ASCII.
#[derive(Debug, Clone)]
pub struct Email(Pii<String>);

impl Email {
    /// Reads an address of the plain form `local@domain` (RFC 5321 without quoting, literals or comments).
    ///
    /// # Errors
    /// `email.format`.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
        let well_formed = text.rsplit_once('@').is_some_and(|(local, domain)| {
            (1..=64).contains(&local.len())
                && local.bytes().all(plain)
                && !local.starts_with('.')
                && !local.ends_with('.')
                && !local.contains("..")
                && domain.contains('.')
                && !domain.contains(':')
                && !domain.ends_with('.')
                && CanonicalHost::parse(domain).is_ok()
        });
        if !well_formed || text.len() > 254 {
            return Err(FieldError::new(field, "email.format", "write one address such as name@example.org"));
        }
        Ok(Self(Pii::new(text.to_ascii_lowercase())))
    }

    /// The address, to be sealed, indexed or mailed to.
    pub const fn address(&self) -> &Pii<String> {
        &self.0
    }
}

/// An address as a hint: `a…@example.org`.
pub fn email_hint(address: &Pii<String>) -> String {
    match address.expose().split_once('@') {
        Some((local, domain)) => format!("{}…@{domain}", local.chars().next().unwrap_or('…')),
        None => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_world_pass_and_come_out_normalised() {
        for name in ["Łódź Clinic", "聖マリア病院", "O'Brien & Sons", "Zoë Müller-Ångström", "عيادة البحيرة"]
        {
            assert_eq!(line("name", name, MAX_NAME).unwrap(), name);
        }
        assert_eq!(line("name", "  Cafe\u{301}  ", MAX_NAME).unwrap(), "Café");
    }

    #[test]
    fn deceiving_empty_and_long_names_are_refused_naming_the_field() {
        for (text, code) in [
            ("", "text.required"),
            (" \t ", "text.required"),
            ("Lake\nside", "text.character"),
            ("Lake\u{202e}edis", "text.character"),
            ("Lake\u{200b}side", "text.character"),
            ("Lake\u{0}side", "text.character"),
            ("Lake\u{1b}[31m", "text.character"),
            ("Lake\u{e0041}", "text.character"),
        ] {
            let error = line("contact.name", text, MAX_NAME).unwrap_err();
            assert_eq!((error.field.as_str(), error.code), ("contact.name", code), "{text:?}");
        }
        assert_eq!(line("name", &"a".repeat(121), MAX_NAME).unwrap_err().code, "text.too_long");
        assert!(line("name", &"é".repeat(120), MAX_NAME).is_ok());
    }

    #[test]
    fn a_hint_shows_the_first_letter_and_the_domain_only() {
        assert_eq!(email_hint(&Pii::new("ana.lopez@example.org".into())), "a…@example.org");
    }

    #[test]
    fn addresses_have_one_spelling_and_odd_forms_are_refused() {
        assert_eq!(
            Email::parse("email", "Ana.Lee+x@Example.ORG").unwrap().address().expose(),
            "ana.lee+x@example.org"
        );
        for text in [
            "",
            "ana",
            "@example.org",
            "ana@",
            "ana@localhost",
            "ana@example..org",
            "a na@example.org",
            "ana@example.org\r\nBcc: x@evil.example",
            "\"ana\"@example.org",
            "ana@[127.0.0.1]",
            ".ana@example.org",
            "ana..lee@example.org",
            "ana@example.org:25",
            "anä@example.org",
            "ana@example.org.",
            "a@b@example.org",
            "Ana <ana@example.org>",
        ] {
            assert_eq!(Email::parse("owner.email", text).unwrap_err().code, "email.format", "{text}");
        }
        assert!(Email::parse("email", &format!("{}@example.org", "a".repeat(65))).is_err());
    }
}
