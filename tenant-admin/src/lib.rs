//! What operators run the platform with: an HTTP API with its documentation page, and the same calls as commands.
//!
//! Promises: it links neither clinical code nor the key opener, so that it cannot read a clinic's data whatever it is
//! told to do; every call is made by a named person and leaves an event; nothing here issues a token over HTTP.

pub mod api;
pub mod cli;
pub mod docs;
mod hosts;
mod recorded;
mod server;
mod settings;

pub use recorded::Recorded;
pub use server::{AdminState, measured, routes, serve_until};
pub use settings::{KeySettings, SETTINGS, Settings, SettingsError, Transport};
