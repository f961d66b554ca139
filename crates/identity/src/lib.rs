//! Who is it: sign-in, activation, second factors, sessions and record systems' tokens.
//!
//! Promises: every attempt costs one password hash and answers alike whether the account exists or not; a code or
//! assertion is accepted once; attempts are counted in the database; a second factor is asked at every sign-in.

mod breach_list;
mod hashing;
mod password_policy;
mod recovery_code;
mod totp;

pub use breach_list::BreachList;
pub use hashing::{HashingCost, HashingError, HashingPool, PasswordHash};
pub use password_policy::{LONGEST, PasswordPolicy, SHORTEST_FLOOR};
pub use recovery_code::{RECOVERY_CODES, canonical_recovery_code, generate_recovery_codes};
pub use totp::TotpSecret;
