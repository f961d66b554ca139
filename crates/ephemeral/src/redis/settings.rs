//! Where Redis is and how long it may take.

use std::{path::PathBuf, time::Duration};

use cloister_kernel::SecretString;

/// How to reach Redis.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `rediss://[user:password@]host[:port]` for TLS; `redis://` without. Holds a password, so it does not print.
    pub url: SecretString,
    /// PEM file with the certificates to trust instead of the machine's.
    pub trusted_certificates: Option<PathBuf>,
    /// How long an answer may take, connecting included. A request waits no longer than this for one.
    pub answer_within: Duration,
    /// How long to refuse at once after a connection could not be made.
    pub retry_after: Duration,
}

impl RedisSettings {
    /// The defaults: an answer within a second, half a second between attempts to connect.
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            trusted_certificates: None,
            answer_within: Duration::from_secs(1),
            retry_after: Duration::from_millis(500),
        }
    }
}
