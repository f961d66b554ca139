//! The operators' API over HTTP, the document it publishes, and the same calls as commands.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod authorization;
mod commands;
mod fixture;
mod pages;
mod wrong_calls;
