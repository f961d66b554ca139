//! Why the ephemeral store gave no answer.

use std::path::PathBuf;

use cloister_kernel::{Failure, FailureKind};

/// A failed use of the ephemeral store. Callers answer 503 and let nothing through.
#[derive(Debug, thiserror::Error)]
pub enum EphemeralError {
    /// Away, too slow, full, or its answer was not for this question.
    #[error("a part of the service is unavailable")]
    Unavailable(#[source] Cause),
    /// The settings cannot be used; only at start.
    #[error("the ephemeral store's settings cannot be used")]
    Settings(#[source] SettingsError),
}

/// What made the store unavailable, for the log.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Redis could not be reached or reported an error.
    #[error("redis: {0}")]
    Redis(String),
    /// No answer within the time allowed.
    #[error("no answer within {0} ms")]
    Late(u128),
    /// An answer for another key, tenant or call.
    #[error("the answer was not for this question: {0}")]
    WrongAnswer(&'static str),
    /// The bounded store in this process holds as much as it may.
    #[error("the in-process store is full of {0}")]
    Full(&'static str),
}

/// Why settings were refused.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The URL is not one of a Redis server.
    #[error("the Redis URL is not valid")]
    Url,
    /// The file with trusted certificates cannot be read.
    #[error("cannot read the file of trusted certificates {}", path.display())]
    TrustedCertificates {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The connection could not be prepared from these settings.
    #[error("the connection could not be prepared: {0}")]
    Connection(String),
}

impl EphemeralError {
    pub(crate) const fn wrong(what: &'static str) -> Self {
        Self::Unavailable(Cause::WrongAnswer(what))
    }
}

impl Failure for EphemeralError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "service.unavailable",
            Self::Settings(_) => "service.misconfigured",
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Unavailable(_) => FailureKind::Unavailable,
            Self::Settings(_) => FailureKind::Internal,
        }
    }
}
