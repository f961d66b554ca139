//! Why the demonstration did not start.

/// What went wrong, in words for whoever typed `make demo`.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A call of the seeding was refused.
    #[error("{what} was refused: {status} {code} {errors}")]
    Answer {
        /// What was tried.
        what: &'static str,
        /// The HTTP status.
        status: u16,
        /// The problem's code.
        code: String,
        /// The problem's field errors.
        errors: String,
    },
    /// A server of the demonstration did not answer.
    #[error("the demonstration's own server did not answer")]
    Network(#[from] reqwest::Error),
    /// A file could not be read or written.
    #[error("the demonstration's data folder cannot be used: {0}")]
    Files(#[from] std::io::Error),
    /// The program beside this one is missing or failed.
    #[error("cloister-admin {0}")]
    Admin(String),
    /// The data folder was seeded for another port, which stands in its links.
    #[error("this data was made for port {0}: start with PORT={0}, or forget it with make demo-reset")]
    OtherPort(u16),
    /// The server itself did not start.
    #[error("{0}")]
    Start(String),
    /// Something is not as it should be.
    #[error("unexpected: {0}")]
    Unexpected(&'static str),
}
