//! What can go wrong in an operator's call, and how it is answered.

use cloister_kernel::{Failure, FailureKind, FieldError};
use cloister_store::StoreError;
use cloister_vault::{KeyServiceError, VaultError};

/// Why an operator's call did not do what was asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenancyError {
    /// Fields of the request are wrong.
    #[error("The request has fields that are not valid.")]
    Invalid(Vec<FieldError>),
    /// There is no token, or it does not hold. One answer for every reason.
    #[error("A valid operator token is needed.")]
    Unauthenticated,
    /// The token's scopes do not cover the operation.
    #[error("The token's scopes do not allow this.")]
    ScopeMissing,
    /// There is no such tenant.
    #[error("There is no such tenant.")]
    TenantNotFound,
    /// The network is not raised.
    #[error("The tenant has no such raised network.")]
    NetworkNotFound,
    /// The tenant has as many raised networks as it may.
    #[error("The tenant has as many raised networks as it may; lower one first.")]
    TooManyNetworks,
    /// The host is not the tenant's.
    #[error("The tenant has no such host.")]
    HostNotFound,
    /// The host is another tenant's. Whose is not said.
    #[error("The host is taken.")]
    HostTaken,
    /// The host is the one that links to its site are built with.
    #[error("The host is the primary one of its site; make another one primary first.")]
    HostIsPrimary,
    /// The tenant has as many hosts as it may.
    #[error("The tenant has as many hosts as it may; remove one first.")]
    TooManyHosts,
    /// There is no such operator, or he is disabled.
    #[error("There is no such operator.")]
    OperatorNotFound,
    /// There is no such token, or it is revoked already.
    #[error("There is no such token.")]
    TokenNotFound,
    /// The slug, or one that looks like it, is another tenant's.
    #[error("The slug, or one that looks like it, is taken.")]
    SlugTaken,
    /// The idempotency key was used for another request.
    #[error("The idempotency key was used for another request.")]
    KeyReused,
    /// The first request under this idempotency key is still under way.
    #[error("The request under this idempotency key is still under way.")]
    InProgress,
    /// The tenant lacks what it needs to be opened, each named.
    #[error("The tenant is not ready to be activated.")]
    NotReady(Vec<FieldError>),
    /// The tenant's state does not allow the operation.
    #[error("The tenant's state does not allow this.")]
    WrongState,
    /// The tenant has an owner already. Changing one is not an operator's call.
    #[error("The tenant has an owner.")]
    OwnerExists,
    /// The email is another operator's.
    #[error("An operator with this email exists.")]
    OperatorExists,
    /// The platform's keys have not been made: no operator was ever created.
    #[error("The platform has no keys yet.")]
    NoPlatformKeys,
    /// Another process took the onboarding over.
    #[error("Another process has taken the onboarding over.")]
    LeaseLost,
    /// A stored value does not read.
    #[error("A stored value cannot be read.")]
    Corrupt(&'static str),
    /// The key service.
    #[error("{0}")]
    KeyService(#[from] KeyServiceError),
    /// Sealing or opening.
    #[error("{0}")]
    Vault(#[from] VaultError),
    /// The database.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl TenancyError {
    /// What each missing thing or wrong field is, for answers that list them.
    pub fn details(&self) -> &[FieldError] {
        match self {
            Self::Invalid(errors) | Self::NotReady(errors) => errors,
            _ => &[],
        }
    }
}

impl Failure for TenancyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "request.invalid",
            Self::Unauthenticated => "operator.unauthenticated",
            Self::ScopeMissing => "operator.scope_missing",
            Self::TenantNotFound => "tenant.not_found",
            Self::NetworkNotFound => "network.not_found",
            Self::TooManyNetworks => "network.too_many",
            Self::HostNotFound => "host.not_found",
            Self::HostTaken => "host.taken",
            Self::HostIsPrimary => "host.primary",
            Self::TooManyHosts => "host.too_many",
            Self::OperatorNotFound => "operator.not_found",
            Self::TokenNotFound => "token.not_found",
            Self::SlugTaken => "tenant.slug_taken",
            Self::KeyReused => "idempotency.key_reused",
            Self::InProgress => "idempotency.in_progress",
            Self::NotReady(_) => "tenant.not_ready",
            Self::WrongState => "tenant.wrong_state",
            Self::OwnerExists => "owner.exists",
            Self::OperatorExists => "operator.exists",
            Self::NoPlatformKeys => "platform.no_keys",
            Self::LeaseLost => "tenant.onboarding_taken",
            Self::Corrupt(_) => "store.corrupt",
            Self::KeyService(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Invalid(errors) => FailureKind::Invalid(errors.clone()),
            Self::Unauthenticated => FailureKind::Unauthenticated,
            Self::ScopeMissing => FailureKind::Forbidden,
            Self::TenantNotFound
            | Self::NetworkNotFound
            | Self::HostNotFound
            | Self::OperatorNotFound
            | Self::TokenNotFound => FailureKind::NotFound,
            Self::SlugTaken
            | Self::TooManyNetworks
            | Self::HostTaken
            | Self::HostIsPrimary
            | Self::TooManyHosts
            | Self::KeyReused
            | Self::InProgress
            | Self::NotReady(_)
            | Self::WrongState
            | Self::OwnerExists
            | Self::OperatorExists
            | Self::LeaseLost => FailureKind::Conflict,
            Self::NoPlatformKeys => FailureKind::Unavailable,
            Self::Corrupt(_) => FailureKind::Internal,
            Self::KeyService(error) => error.kind(),
            Self::Vault(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
