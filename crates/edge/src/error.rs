//! Why the edge could not be set up. Only at start, and when certificates are reloaded.

use std::path::PathBuf;

use cloister_kernel::{Failure, FailureKind};

/// A setting or file of the edge that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// Not `address/bits`.
    #[error("{0:?} is not a network such as 10.0.0.0/8")]
    Network(String),
    /// A certificate or key file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The files hold no usable certificate chain and key.
    #[error("the certificate or its key cannot be used: {0}")]
    Certificate(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: String,
        /// Why, for example that another program has it.
        #[source]
        source: std::io::Error,
    },
    /// The OpenAPI file that the routes are documented by.
    #[error("the OpenAPI file cannot be used: {0}")]
    Specification(String),
    /// Metrics or logs were set up twice.
    #[error("cannot set up {0} twice")]
    SetUpTwice(&'static str),
}

impl Failure for EdgeError {
    fn code(&self) -> &'static str {
        "service.misconfigured"
    }

    fn kind(&self) -> FailureKind {
        FailureKind::Internal
    }
}
