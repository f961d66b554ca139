//! What clinics and patients use: the program `cloister`.
//!
//! `serve` answers the clinics' sites and APIs, `work` runs jobs, `migrate` brings the database to the newest schema.
//! This crate is the composition root: it alone chooses adapters ([`compose`]), and the handlers in [`api`] are the
//! only place where use cases meet HTTP.

pub mod api;
pub mod compose;
pub mod demo;
pub mod probe;
pub mod settings;

mod error;
mod hosts;
mod jobs;
mod key_watch;
mod machine_answers;
mod pages;
mod refused_calls;
mod routes;
mod serve;

pub use compose::{Parts, Platform};
pub use error::StartError;
pub use hosts::DatabaseHosts;
pub use serve::{migrate, serve, work};
