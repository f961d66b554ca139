//! The edge over real sockets: raw HTTP/1.1, HTTP/2, TLS.

mod answers;
mod browser;
mod connections;
mod hosts;
mod limits;
mod support;
mod transport;
