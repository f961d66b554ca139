//! Recovery codes: ten single-use codes for the day the phone is lost.

use cloister_kernel::{Environment, SecretString};

/// Without letters and digits that look alike (0/O, 1/I/L, 2/Z, 5/S, 8/B, U/V): 24 signs.
const ALPHABET: &[u8; 24] = b"34679ACDEFGHJKMNPQRTVWXY";

/// How many codes a set holds.
pub const RECOVERY_CODES: usize = 10;
const GROUPS: usize = 4;
const GROUP_LENGTH: usize = 4;

/// A fresh set of codes such as `K7MW-Q3XD-9ACH-RT4F`, 73 bits each.
pub fn generate_recovery_codes(environment: &Environment) -> Vec<SecretString> {
    (0..RECOVERY_CODES).map(|_| one_code(environment).into()).collect()
}

/// The one spelling that is hashed: upper case, without spaces and hyphens. `None` if it cannot be a code.
pub fn canonical_recovery_code(typed: &str) -> Option<String> {
    let canonical: String = typed
        .chars()
        .filter(|character| !character.is_whitespace() && *character != '-')
        .map(|character| character.to_ascii_uppercase())
        .collect();
    let known = canonical.bytes().all(|byte| ALPHABET.contains(&byte));
    (known && canonical.len() == GROUPS * GROUP_LENGTH).then_some(canonical)
}

fn one_code(environment: &Environment) -> String {
    let unbiased = 256 - 256 % ALPHABET.len();
    let mut code = String::with_capacity(GROUPS * (GROUP_LENGTH + 1));
    let mut written = 0;
    while written < GROUPS * GROUP_LENGTH {
        let [byte] = environment.bytes::<1>();
        let byte = usize::from(byte);
        if byte >= unbiased {
            continue;
        }
        if written > 0 && written % GROUP_LENGTH == 0 {
            code.push('-');
        }
        code.push(char::from(ALPHABET[byte % ALPHABET.len()]));
        written += 1;
    }
    code
}

#[cfg(test)]
mod tests {
    use cloister_kernel::ExposeSecret;

    use super::*;

    #[test]
    fn a_set_holds_ten_different_codes_that_read_back_however_they_are_typed() {
        let codes = generate_recovery_codes(&Environment::system());
        let canonical: std::collections::BTreeSet<_> =
            codes.iter().map(|code| canonical_recovery_code(code.expose_secret()).unwrap()).collect();
        assert_eq!(canonical.len(), RECOVERY_CODES);
        let typed = codes[0].expose_secret().to_lowercase().replace('-', " ");
        assert!(canonical.contains(&canonical_recovery_code(&typed).unwrap()));
    }

    #[test]
    fn what_cannot_be_a_code_is_none() {
        for typed in ["", "K7MW", "K7MW-Q3XD-9ACH-RT4O", "K7MW-Q3XD-9ACH-RT4FF", "K7MW-Q3XD-9ACH-RT4é"] {
            assert_eq!(canonical_recovery_code(typed), None, "{typed}");
        }
    }
}
