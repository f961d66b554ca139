use std::{io, path::PathBuf};

/// Why a service that a test needs could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A program is not installed.
    #[error("{program} is not installed: run {install}")]
    Missing {
        /// What was looked for.
        program: &'static str,
        /// The command that installs it.
        install: &'static str,
    },
    /// The program ended, or did not become ready in time.
    #[error("{service} did not start:\n{log}")]
    NotReady {
        /// Which service.
        service: &'static str,
        /// The end of what it printed.
        log: String,
    },
    /// A file, folder or process could not be made.
    #[error("{what}: {source}")]
    System {
        /// What was being done.
        what: String,
        /// What the system answered.
        source: io::Error,
    },
    /// A certificate could not be issued.
    #[error("test certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The database refused a statement.
    #[error("test database: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema could not be made.
    #[error(transparent)]
    Migration(#[from] cloister_migrations::MigrationError),
    /// A command that prepares a service failed.
    #[error("{command} failed:\n{output}")]
    Command {
        /// The command.
        command: PathBuf,
        /// What it printed to standard error.
        output: String,
    },
}

impl ServiceError {
    /// Names what was being done when the system refused.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }
}
