//! What the black-box suites share: a small world of two clinics with people in every position towards one chart, and
//! the test data that is not part of this repository.
//!
//! The suites themselves are in `tests/`; they know the program by its addresses, its mails and its database only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on panics")]

mod data;
mod operations;
mod world;

pub use data::test_data;
pub use operations::{Operation, documented};
pub use world::World;
