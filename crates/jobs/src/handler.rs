//! What runs when a job of its kind is due.

use async_trait::async_trait;
use cloister_kernel::{Failure, FailureKind};
use cloister_store::LeasedJob;

/// Why a job is not done.
#[derive(Debug, thiserror::Error)]
#[error("{code}")]
pub struct JobFailure {
    /// A stable code, kept with the job and shown to operators.
    pub code: &'static str,
    /// Whether trying later may help.
    pub again: bool,
    /// The cause, for the log.
    #[source]
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl JobFailure {
    /// Trying later may help.
    pub const fn later(code: &'static str) -> Self {
        Self { code, again: true, cause: None }
    }

    /// Trying again cannot help.
    pub const fn never(code: &'static str) -> Self {
        Self { code, again: false, cause: None }
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn because(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }
}

/// A failed use case: away or broken things are tried again, refusals are not.
impl<F: Failure> From<F> for JobFailure {
    fn from(failure: F) -> Self {
        let again = matches!(
            failure.kind(),
            FailureKind::Unavailable | FailureKind::Internal | FailureKind::TooMany { .. }
        );
        Self { code: failure.code(), again, cause: Some(Box::new(failure)) }
    }
}

/// Does the jobs of one kind.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// The word in [`cloister_store::NewJob::kind`].
    fn kind(&self) -> &'static str;

    /// Does the job. It may run more than once, so it must look at what is already done.
    ///
    /// # Errors
    /// Why it is not done, and whether to try again.
    async fn run(&self, job: &LeasedJob) -> Result<(), JobFailure>;
}
