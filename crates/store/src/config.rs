//! Where the database is and how it is used.

use std::time::Duration;

use cloister_kernel::SecretString;

/// How to reach and use the database.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// `postgres://...` or `sqlite:///path`. A file, not `:memory:`: readers and the writer have connections of
    /// their own.
    pub url: SecretString,
    /// The most PostgreSQL connections of this process. SQLite has one writer and a few readers, whatever this says.
    pub max_connections: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// The longest a statement may take (PostgreSQL).
    pub statement_timeout: Duration,
    /// The longest a transaction may stand idle before PostgreSQL ends it.
    pub idle_in_transaction_timeout: Duration,
}

impl StoreConfig {
    /// The defaults, for a URL: 16 connections; 5 s for a connection, 6 s for a statement, 30 s idle in a transaction.
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            max_connections: 16,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(6),
            idle_in_transaction_timeout: Duration::from_secs(30),
        }
    }
}
