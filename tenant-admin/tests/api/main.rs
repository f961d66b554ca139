//! The operators' API over HTTP, the document it publishes, and the same calls as commands.

mod authorization;
mod commands;
mod fixture;
mod pages;
mod wrong_calls;
