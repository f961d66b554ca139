//! What can go wrong when something is granted.

use cloister_kernel::{Failure, FailureKind, FieldError};
use cloister_store::StoreError;

/// Why nothing was granted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantsError {
    /// A field is wrong.
    #[error("Something in the request is not right.")]
    Invalid(Vec<FieldError>),
    /// The patient, or somebody with this address, has an account already.
    #[error("There is an account with this address, or for this patient, already.")]
    AccountExists,
    /// The invitation was accepted, revoked or has run out.
    #[error("This invitation is settled already.")]
    InvitationSettled,
    /// Only the clinic's owner may invite somebody who treats patients.
    #[error("Only the clinic's owner can invite clinicians.")]
    OwnerOnly,
    /// The clinic has no host to build links with, or a message could not be written.
    #[error("The invitation could not be prepared.")]
    Broken(&'static str),
    /// The store did not do it.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for GrantsError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure for GrantsError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "request.invalid",
            Self::AccountExists => "invitation.account_exists",
            Self::InvitationSettled => "invitation.settled",
            Self::OwnerOnly => "invitation.owner_only",
            Self::Broken(_) => "invitation.broken",
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Invalid(errors) => FailureKind::Invalid(errors.clone()),
            Self::AccountExists | Self::InvitationSettled => FailureKind::Conflict,
            Self::OwnerOnly => FailureKind::Forbidden,
            Self::Broken(_) => FailureKind::Internal,
            Self::Store(error) => error.kind(),
        }
    }
}
