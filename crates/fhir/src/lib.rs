//! FHIR R4 as this platform needs it: reading bundles strictly, finding out what each entry is and whose chart it
//! belongs to, and turning observations into results a patient can read.
//!
//! Promises: no input or output, no clock and no randomness. Documents are [`serde_json::Value`]s with every digit of
//! every number kept; nothing here panics on what a stranger sends; no error message holds a value of the document.
//!
//! The path of a bundle: [`BundlePlan::read`] (strict JSON, shape, identities) → [`BundlePlan::lookups`] (what must be
//! looked up) → [`BundlePlan::resolve`] (operations with linked references, patients and content hashes) →
//! [`TransactionResponse`].

mod bounds;
mod bundle;
mod capability;
mod compartment;
mod content;
mod decimal;
#[cfg(feature = "demonstration")]
pub mod demonstration;
mod element;
mod json;
mod linking;
mod moment;
mod names;
mod outcome;
mod participants;
mod patient;
mod plan;
mod range;
mod reference;
mod resource_type;
mod response;
mod result;
mod shape;
mod summary;

pub use bundle::Method;
pub use capability::capability_statement;
pub use compartment::{Ownership, patient_paths, patient_references};
pub use content::ContentHash;
pub use json::{JsonError, JsonProblem, MAX_BYTES, MAX_DEPTH, read_json};
pub use moment::{Moment, Precision};
pub use names::{identifier_token, name_prefix, name_tokens};
pub use outcome::{Issue, IssueCode, OperationOutcome, Refused, Severity};
pub use participants::{Participant, participants, practitioner_of_role};
pub use patient::{
    Contact, DemographicConflict, Demographics, Patient, RecordHeader, SOCIAL_SECURITY_SYSTEM,
    identifier_tokens, identifiers_of,
};
pub use plan::{BundlePlan, Effect, Known, Operation, ReadBundle, ResolvedPlan};
pub use range::{Interpretation, ReferenceRange};
pub use reference::{Identity, ReferenceText, parse_condition};
pub use resource_type::ResourceType;
pub use response::{EntryResult, TransactionResponse};
pub use result::{Reading, ResultView, ValueKind};
pub use summary::{category, clinical_time, code_tokens, is_retracted, workflow_status};
