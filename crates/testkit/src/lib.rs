//! What tests stand on: the services around the program, each private to the test that asks for it.
//!
//! PostgreSQL, Redis (TLS) and an AWS key service are the real programs on random loopback ports. A test run
//! that has started them already says so by `CLOISTER_TEST_*` variables, and `given_or_started` uses those.
//! Whatever is started here ends with the value that holds it, or with the test process.
//!
//! With the feature `app`, [`app::TestApp`] is the whole program in one process, for the suites of `tests/`.

#[cfg(feature = "app")]
pub mod app;

mod certificates;
mod error;
pub mod fault_proxy;
pub mod journal;
#[cfg(feature = "app")]
pub mod key_fake;
mod kms;
mod mail;
mod ports;
mod postgres;
mod process;
mod redis;
mod template;
pub mod trip_proxy;

pub use certificates::Certificates;
pub use error::ServiceError;
pub use kms::KeyServer;
pub use mail::{Mail, Mailbox};
pub use ports::{accepts_connections, free_port};
pub use postgres::{Postgres, ScratchDatabase};
pub use process::{Process, StopSignal};
pub use redis::Redis;

/// A folder that another user (PostgreSQL's) may pass through.
fn service_folder() -> Result<tempfile::TempDir, ServiceError> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix("cloister-test-")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir()
        .map_err(ServiceError::system("making a temporary folder"))
}
