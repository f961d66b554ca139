//! Recovery codes: ten single-use codes for the day the phone is lost.

use cloister_kernel::{Environment, SecretString, canonical_spoken_code, draw_spoken_code};

/// How many codes a set holds.
pub const RECOVERY_CODES: usize = 10;
/// Sixteen signs are 73 bits.
const LENGTH: usize = 16;

/// A fresh set of codes in their canonical spelling; show them by [`cloister_kernel::group_spoken_code`].
pub(crate) fn generate_recovery_codes(environment: &Environment) -> Vec<SecretString> {
    (0..RECOVERY_CODES).map(|_| draw_spoken_code(environment, LENGTH)).collect()
}

/// The one spelling that is looked up. `None` if it cannot be a code.
pub(crate) fn canonical_recovery_code(typed: &str) -> Option<String> {
    canonical_spoken_code(typed, LENGTH)
}

#[cfg(test)]
mod tests {
    use cloister_kernel::{ExposeSecret, group_spoken_code};

    use super::*;

    #[test]
    fn a_set_holds_ten_different_codes_that_read_back_as_shown() {
        let codes = generate_recovery_codes(&Environment::system());
        let read: std::collections::BTreeSet<_> = codes
            .iter()
            .map(|code| canonical_recovery_code(&group_spoken_code(code.expose_secret())).unwrap())
            .collect();
        assert_eq!(read.len(), RECOVERY_CODES);
        assert!(codes.iter().all(|code| read.contains(code.expose_secret())));
    }
}
