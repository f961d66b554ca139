//! The record's use cases: taking FHIR bundles in, reading charts, results and panels, deciding about quarantined
//! bundles, and registering the record systems that send them.
//!
//! Promises: a bundle is taken in whole or not at all, and the same bundle twice changes nothing. Nobody's chart takes
//! in what contradicts who the patient is before a clinician of that patient decided. What is absent, deleted, of
//! another patient or of another clinic is the same failure, `resource.not_found`, and leaves an event.

mod clinical;
mod error;
mod ingest;
mod key_set;
mod machine_clients;
mod panel;
mod quarantine;
mod record;
mod result;

pub use clinical::{Clinical, LARGEST_PAGE, Page, PageRequest};
pub use error::ClinicalError;
pub use ingest::FhirResource;
pub use machine_clients::{MachineClient, MachineClientRequest, SCOPES};
pub use panel::PanelPatient;
pub use quarantine::{QuarantineDecision, QuarantineDifference, QuarantineItem};
pub use record::Record;
pub use result::{HistoryEntry, RangeView, ResultDetail, ResultSummary};
