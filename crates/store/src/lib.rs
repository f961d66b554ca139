//! The only SQL: units of work, repositories, the platform's tables, jobs, and the check that isolation is in force.

mod config;
mod database;
mod error;
mod events;
mod isolation;
mod catalogue;
mod keys;
mod platform;
mod statement;

#[cfg(feature = "tenant")]
mod core;
#[cfg(feature = "tenant")]
mod cursor;
#[cfg(feature = "tenant")]
mod decision_event;
#[cfg(feature = "tenant")]
mod facts;
#[cfg(feature = "tenant")]
mod invitations;
#[cfg(feature = "tenant")]
mod job_grant;
#[cfg(feature = "tenant")]
mod messages;
#[cfg(feature = "tenant")]
mod panels;
#[cfg(feature = "tenant")]
mod pending;
#[cfg(feature = "tenant")]
mod staff;
#[cfg(feature = "tenant")]
mod standing;
#[cfg(feature = "tenant")]
mod store;
#[cfg(feature = "tenant")]
mod unit;

pub use config::StoreConfig;
pub use error::StoreError;
pub use isolation::IsolationError;
pub use platform::{
    BaaRow, HostRow, IdempotencyRow, JobProgress, JobState, LeasedJob, NewJob, OnboardingStep, OperatorRow,
    OwnerState, PlatformStore, PlatformUnit, ShownToken, StepStatus, TenantContact, TenantPage, TenantRow,
    TenantStatus, TokenRow, UnknownWord,
};

#[cfg(feature = "tenant")]
pub use cursor::CursorQuery;
#[cfg(feature = "tenant")]
pub use facts::Target;
#[cfg(feature = "tenant")]
pub use invitations::{
    FoundInvitation, INVITATION_TRIES, InvitationRow, InvitationSecrets, InvitationStatus, NewAccount,
    NewStaffInvitation, OWNER_ACTIVATED_JOB,
};
#[cfg(feature = "tenant")]
pub use messages::{MESSAGE_DELIVERY_JOB, NewMessage, OutgoingMessage, QueuedMessage};
#[cfg(feature = "tenant")]
pub use pending::{Pending, Plain, Release};
#[cfg(feature = "tenant")]
pub use staff::StaffRow;
#[cfg(feature = "tenant")]
pub use store::Store;
#[cfg(feature = "tenant")]
pub use unit::{Refusal, UnitOfWork, VisitUnit};

#[cfg(all(test, feature = "tenant"))]
extern crate self as cloister_store;
#[cfg(all(test, feature = "tenant"))]
mod tests;
