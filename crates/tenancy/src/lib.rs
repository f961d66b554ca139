//! The life of a tenant as operators run it: onboarding, agreements, owners, activation, and the operators
//! themselves with their tokens.
//!
//! Promises: a tenant is created whole or not at all, whatever fails between; no operator reads a clinic's data or
//! becomes its staff; every call and every refusal leaves an event in the platform's log.

pub mod baa;
pub mod colors;
pub mod idempotency;
pub mod locality;
pub mod new_tenant;
pub mod scope;
pub mod slug;
pub mod text;
pub mod token;

mod call;
mod error;
mod hosts;
mod networks;
mod onboarding;
mod operators;
mod platform;
mod platform_keys;
mod readiness;
mod tenant;

pub use call::{CallFacts, OperatorCall};
pub use error::TenancyError;
pub use networks::NetworkRequest;
pub use onboarding::{LEASE, TENANT_PURPOSES};
pub use operators::{IssuedToken, TokenRequest};
pub use platform::Platform;
pub use readiness::{OWNER_INVITATION_JOB, OwnerInvitation};
pub use tenant::{LISTED, ListRequest, MOST_LISTED, Tenant, TenantKey, TenantList, read_branding};

#[cfg(test)]
mod tests;
