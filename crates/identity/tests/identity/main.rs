//! Identity over real stores: SQLite with the in-process ephemeral store, and PostgreSQL with Redis over TLS.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

#[path = "../../../store/tests/support/mod.rs"]
mod support;

mod activation;
mod challenges;
mod clinic;
mod machine;
mod older_redis;
mod refused_calls;
mod session_endings;
mod sessions;
mod sign_in;
mod test_data;

use support::{Harness, Kind};
