//! Codes that people read out, copy by hand and type: a clinic's code, recovery codes.

use crate::{Environment, SecretString};

/// Without letters and digits that look alike (0/O, 1/I/L, 2/Z, 5/S, 8/B, U/V): 24 signs, 4.58 bits each.
const ALPHABET: &[u8; 24] = b"34679ACDEFGHJKMNPQRTVWXY";
const GROUP: usize = 4;

/// Signs of the code that a clinic hands to whom it invites: 37 bits, with five tries.
pub const CLINIC_CODE_LENGTH: usize = 8;

/// A fresh code of so many signs in its canonical spelling.
pub fn draw_spoken_code(environment: &Environment, length: usize) -> SecretString {
    let unbiased = 256 - 256 % ALPHABET.len();
    let mut code = String::with_capacity(length);
    while code.len() < length {
        let [byte] = environment.bytes::<1>();
        let value = usize::from(byte);
        if value < unbiased {
            code.push(char::from(ALPHABET[value % ALPHABET.len()]));
        }
    }
    code.into()
}

/// A canonical code as people read it: in groups of four, `K7MW-Q3XD`.
pub fn group_spoken_code(code: &str) -> String {
    let mut grouped = String::with_capacity(code.len() + code.len() / GROUP);
    for (place, sign) in code.chars().enumerate() {
        if place > 0 && place % GROUP == 0 {
            grouped.push('-');
        }
        grouped.push(sign);
    }
    grouped
}

/// The one spelling that is compared: upper case, without spaces and hyphens. `None` if it cannot be a code of this
/// length.
pub fn canonical_spoken_code(typed: &str, length: usize) -> Option<String> {
    let canonical: String = typed
        .chars()
        .filter(|character| !character.is_whitespace() && *character != '-')
        .map(|character| character.to_ascii_uppercase())
        .collect();
    let known = canonical.bytes().all(|byte| ALPHABET.contains(&byte));
    (known && canonical.len() == length).then_some(canonical)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ExposeSecret;

    #[test]
    fn a_code_reads_back_however_it_is_typed() {
        for length in [CLINIC_CODE_LENGTH, 16] {
            let code = draw_spoken_code(&Environment::system(), length);
            let shown = group_spoken_code(code.expose_secret());
            assert_eq!(shown.len(), length + length / 4 - 1);
            for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), format!(" {shown} ")]
            {
                assert_eq!(canonical_spoken_code(&typed, length).as_deref(), Some(code.expose_secret()));
            }
        }
    }

    #[test]
    fn what_cannot_be_a_code_is_none() {
        for typed in ["", "K7MW", "K7MW-Q3X0", "K7MW-Q3XD-9", "K7MW-Q3Xé"] {
            assert_eq!(canonical_spoken_code(typed, 8), None, "{typed}");
        }
    }
}
