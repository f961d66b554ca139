//! What can go wrong when somebody says who they are.

use cloister_ephemeral::EphemeralError;
use cloister_kernel::{Failure, FailureKind, FieldError};
use cloister_store::StoreError;

use crate::HashingError;

/// Why a record system got no access token (RFC 6749, section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OauthError {
    /// A parameter is missing, stands twice or is too long.
    InvalidRequest,
    /// The client did not prove who it is; the reason stands in the log.
    InvalidClient,
    /// Another grant than `client_credentials`.
    UnsupportedGrantType,
    /// A scope that the client may not have.
    InvalidScope,
}

impl OauthError {
    /// The value of `error` in OAuth's answer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
        }
    }
}

/// Why somebody is not who they said, or could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Email, password or code did not hold. Which one is not told.
    #[error("These details do not fit.")]
    SignInRefused,
    /// Too many failures, on the account or from the source. Accounts that do not exist are locked alike.
    #[error("Too many attempts. Try again later.")]
    SignInLocked {
        /// Seconds until the next attempt is worth making.
        retry_after: u64,
    },
    /// Link, birth date, clinic code or first TOTP code did not hold. Which one is not told.
    #[error("These details do not fit the invitation.")]
    ActivationRefused,
    /// There is no flow under way, or somebody else finished it.
    #[error("Open the sign-in page first.")]
    FlowEnded,
    /// The flow stands at another step.
    #[error("This is not the next step.")]
    WrongStep,
    /// A field is wrong.
    #[error("Something in the request is not right.")]
    Invalid(Vec<FieldError>),
    /// The session has ended.
    #[error("The session has ended.")]
    SessionEnded,
    /// The code for a fresh proof did not hold.
    #[error("This code does not fit.")]
    StepUpRefused,
    /// More people sign in than the machine can hash for.
    #[error("Too many people are signing in at once.")]
    Busy,
    /// A record system got no access token.
    #[error("The client is not authorized.")]
    Oauth(OauthError),
    /// An access token that does not hold.
    #[error("The access token does not hold.")]
    AccessTokenRefused,
    /// Something that cannot happen did.
    #[error("The attempt could not be judged.")]
    Broken(&'static str),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ephemeral store did not do it.
    #[error(transparent)]
    Ephemeral(#[from] EphemeralError),
}

impl From<HashingError> for IdentityError {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Busy => Self::Busy,
            HashingError::Broken => Self::Broken("a password could not be hashed"),
        }
    }
}

impl Failure for IdentityError {
    fn code(&self) -> &'static str {
        match self {
            Self::SignInRefused => "sign_in.refused",
            Self::SignInLocked { .. } => "sign_in.locked",
            Self::ActivationRefused => "activation.refused",
            Self::FlowEnded => "flow.required",
            Self::WrongStep => "flow.wrong_step",
            Self::Invalid(_) => "request.invalid",
            Self::SessionEnded => "session.ended",
            Self::StepUpRefused => "session.step_up_refused",
            Self::Busy => "sign_in.busy",
            Self::Oauth(OauthError::InvalidRequest) => "oauth.invalid_request",
            Self::Oauth(OauthError::InvalidClient) => "oauth.invalid_client",
            Self::Oauth(OauthError::UnsupportedGrantType) => "oauth.unsupported_grant_type",
            Self::Oauth(OauthError::InvalidScope) => "oauth.invalid_scope",
            Self::AccessTokenRefused => "access_token.refused",
            Self::Broken(_) => "identity.broken",
            Self::Store(error) => error.code(),
            Self::Ephemeral(error) => error.code(),
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::SignInRefused
            | Self::ActivationRefused
            | Self::FlowEnded
            | Self::SessionEnded
            | Self::Oauth(OauthError::InvalidClient)
            | Self::AccessTokenRefused => FailureKind::Unauthenticated,
            Self::SignInLocked { retry_after } => FailureKind::TooMany { retry_after: *retry_after },
            Self::WrongStep => FailureKind::Conflict,
            Self::Invalid(errors) => FailureKind::Invalid(errors.clone()),
            Self::Oauth(error) => {
                let reason = "see RFC 6749, section 5.2";
                FailureKind::Invalid(vec![FieldError::new("error", error.as_str(), reason)])
            }
            Self::StepUpRefused => FailureKind::Forbidden,
            Self::Busy => FailureKind::Unavailable,
            Self::Broken(_) => FailureKind::Internal,
            Self::Store(error) => error.kind(),
            Self::Ephemeral(error) => error.kind(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_oauth_refuses_is_named_as_rfc_6749_names_it() {
        for (error, name) in [
            (OauthError::InvalidRequest, "invalid_request"),
            (OauthError::InvalidClient, "invalid_client"),
            (OauthError::UnsupportedGrantType, "unsupported_grant_type"),
            (OauthError::InvalidScope, "invalid_scope"),
        ] {
            assert_eq!(error.as_str(), name);
        }
    }
}
