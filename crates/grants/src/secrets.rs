//! The two things that prove an invitation.

use cloister_kernel::{CLINIC_CODE_LENGTH, Environment, SecretString, draw_spoken_code};
use data_encoding::BASE64URL_NOPAD;

/// A link's token: 256 random bits.
pub(crate) fn make_token(environment: &Environment) -> SecretString {
    BASE64URL_NOPAD.encode(&environment.bytes::<32>()).into()
}

/// A clinic code in its canonical spelling.
pub(crate) fn make_clinic_code(environment: &Environment) -> SecretString {
    draw_spoken_code(environment, CLINIC_CODE_LENGTH)
}
