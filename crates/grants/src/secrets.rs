//! The two things that prove an invitation, and how addresses are hinted at.

use cloister_kernel::{Environment, Pii, SecretString};
use data_encoding::BASE64URL_NOPAD;

/// Without letters and digits that look alike: 24 signs, so eight of them are 36 bits; five tries are allowed.
const ALPHABET: &[u8; 24] = b"34679ACDEFGHJKMNPQRTVWXY";
const CODE_LENGTH: usize = 8;

/// A link's token: 256 random bits.
pub(crate) fn make_token(environment: &Environment) -> SecretString {
    BASE64URL_NOPAD.encode(&environment.bytes::<32>()).into()
}

/// A clinic code in its canonical spelling.
pub(crate) fn make_clinic_code(environment: &Environment) -> SecretString {
    let unbiased = 256 - 256 % ALPHABET.len();
    let mut code = String::with_capacity(CODE_LENGTH);
    while code.len() < CODE_LENGTH {
        let [byte] = environment.bytes::<1>();
        let value = usize::from(byte);
        if value < unbiased {
            code.push(char::from(ALPHABET[value % ALPHABET.len()]));
        }
    }
    code.into()
}

/// A code as people read it out: `K7MW-Q3XD`.
pub(crate) fn spell_clinic_code(code: &str) -> String {
    let (first, second) = code.split_at(code.len() / 2);
    format!("{first}-{second}")
}

/// The one spelling that is compared: upper case, without spaces and hyphens. `None` if it cannot be a code.
pub fn canonical_clinic_code(typed: &str) -> Option<String> {
    let canonical: String = typed
        .chars()
        .filter(|character| !character.is_whitespace() && *character != '-')
        .map(|character| character.to_ascii_uppercase())
        .collect();
    let known = canonical.bytes().all(|byte| ALPHABET.contains(&byte));
    (known && canonical.len() == CODE_LENGTH).then_some(canonical)
}

/// An address as a hint: `a…@example.org`.
pub fn mask_email(email: &Pii<String>) -> String {
    match email.expose().split_once('@') {
        Some((local, domain)) => format!("{}…@{domain}", local.chars().next().unwrap_or('…')),
        None => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use cloister_kernel::ExposeSecret;

    use super::*;

    #[test]
    fn a_code_reads_back_however_it_is_typed() {
        let code = make_clinic_code(&Environment::system());
        let spelt = spell_clinic_code(code.expose_secret());
        for typed in [spelt.clone(), spelt.to_lowercase(), spelt.replace('-', " "), format!(" {spelt} ")] {
            assert_eq!(canonical_clinic_code(&typed).as_deref(), Some(code.expose_secret()));
        }
        for typed in ["", "K7MW", "K7MW-Q3X0", "K7MW-Q3XD-9", "K7MW-Q3Xé"] {
            assert_eq!(canonical_clinic_code(typed), None, "{typed}");
        }
    }

    #[test]
    fn a_hint_shows_the_first_letter_and_the_domain_only() {
        assert_eq!(mask_email(&Pii::new("ana.lopez@example.org".into())), "a…@example.org");
    }
}
