//! The rules of names and addresses, which accounts and clinics share.

pub use cloister_kernel::{Email, MAX_NAME, MAX_REFERENCE, line};
