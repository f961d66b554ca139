//! The ephemeral store, black box, on every store that this machine can run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first surprise"
)]

mod endings;
mod model;
mod redis_faults;
mod suite;
mod support;
