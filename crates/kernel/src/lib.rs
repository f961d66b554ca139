//! The vocabulary every other crate speaks: identifiers, time, randomness, data classes and failures.
//!
//! Promises: no input or output, no global state. Whoever needs the time or a random number receives an
//! [`Environment`], so tests hold both in their hand; clippy forbids every other way of asking for them.

mod audience;
mod class;
mod clock;
mod environment;
mod failure;
mod id;
mod network;
mod randomness;
mod spoken_code;
mod text;

pub use audience::{Audience, CanonicalHost, HostError, MOST_HOSTS};
pub use class::{Classified, DataClass, Internal, Phi, PhiClass, Pii, PiiClass, Public};
pub use clock::{Clock, ManualClock, SystemClock};
pub use environment::Environment;
pub use failure::{Failure, FailureKind, FieldError};
pub use id::{
    EventId, EventKind, Id, IdKind, InvitationId, InvitationKind, JobId, JobKind, MachineClientId,
    MachineClientKind, MessageId, MessageKind, OperatorId, OperatorKind, ParseIdError, PatientId,
    PatientKind, QuarantineId, QuarantineKind, RequestId, RequestKind, ResourceId, ResourceKind,
    RoleAssignmentId, RoleAssignmentKind, SessionId, SessionKind, TenantId, TenantKind, UserId, UserKind,
};
pub use network::{
    ClinicNetwork, MOST_RAISED_NETWORKS, NetworkError, RaisedNetwork, SourceLimits, WIDEST_IPV4, WIDEST_IPV6,
};
pub use randomness::{Randomness, SeededRandomness, SystemRandomness};
pub use secrecy::{ExposeSecret, SecretBox, SecretString};
pub use spoken_code::{CLINIC_CODE_LENGTH, canonical_spoken_code, draw_spoken_code, group_spoken_code};
pub use text::{Email, MAX_NAME, MAX_REFERENCE, email_hint, line};
