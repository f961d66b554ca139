//! What can go wrong, and how it is answered.

use cloister_fhir::{IssueCode, OperationOutcome, Refused};
use cloister_kernel::{Failure, FailureKind, FieldError};
use cloister_store::{IntakeError, StoreError};

/// Why a use case did not do something. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ClinicalError {
    /// The store could not, the caller may not, or there is no such thing.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The bundle is not acceptable; its outcome names entries and paths.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// Fields of the request are wrong.
    #[error("The request has fields that are not valid.")]
    Invalid(Vec<FieldError>),
}

impl From<IntakeError> for ClinicalError {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Store(error) => Self::Store(error),
            IntakeError::Refused(refused) => Self::Refused(refused),
        }
    }
}

impl Failure for ClinicalError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Refused(refused) => refused.code(),
            Self::Invalid(_) => "request.invalid",
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Refused(refused) => refused.kind(),
            Self::Invalid(fields) => FailureKind::Invalid(fields.clone()),
        }
    }
}

impl ClinicalError {
    /// The failure as FHIR tells it.
    pub fn operation_outcome(&self) -> OperationOutcome {
        if let Self::Refused(refused) = self {
            return refused.0.clone();
        }
        let code = match self.kind() {
            FailureKind::NotFound => IssueCode::NotFound,
            FailureKind::Conflict => IssueCode::Conflict,
            FailureKind::Invalid(_) => IssueCode::Value,
            FailureKind::Unauthenticated | FailureKind::Forbidden | FailureKind::StepUpRequired => {
                IssueCode::BusinessRule
            }
            FailureKind::TooMany { .. } | FailureKind::Unavailable | FailureKind::Internal => {
                IssueCode::Exception
            }
        };
        OperationOutcome::error(code, "", self.to_string())
    }
}
