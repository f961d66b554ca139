//! The whole program from outside: HTTP, mails and rows, on the embedded and on the production size.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on panics, or says why it does not run"
)]

mod authorization;
mod bad_bodies;
mod bad_input;
mod bad_requests;
mod canaries;
mod first_path;
mod hosts;
mod isolation;
mod matrix;
mod networks;
mod operators;
mod pages;
mod real_data;
mod record_changes;
mod sessions;
mod sign_in;
mod staff;
mod start_up;
