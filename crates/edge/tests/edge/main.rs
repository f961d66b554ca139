//! The edge over real sockets: raw HTTP/1.1, HTTP/2, TLS.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first surprise"
)]

mod answers;
mod browser;
mod connections;
mod hosts;
mod limits;
mod raised_networks;
mod support;
mod transport;
mod unparsed;
