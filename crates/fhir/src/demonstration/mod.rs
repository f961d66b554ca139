//! Bundles for the demonstration clinics: made up, deterministic, valid R4.
//!
//! [`generate`] gives a bundle of the clinic's practitioners, then one bundle for each patient. Patients' bundles name
//! practitioners by `Practitioner?identifier=system|value`, so the bundles must be sent in order. Resources carry an
//! identifier of [`record_system`] (patients), [`practitioner_system`] (practitioners) or [`resource_system`] (all else):
//! configure these three for the machine client that sends them. A staff account is linked to its practitioner by the
//! identifier that [`practitioners`] lists.

mod build;
mod course;
mod people;

use serde_json::Value;
use time::OffsetDateTime;

pub use people::{DemoPatient, DemoPractitioner};

/// A clinic of the demonstration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoClinic {
    /// Its slug, which makes its identifier systems its own.
    pub slug: String,
    /// Its name.
    pub name: String,
}

/// The system of a clinic's medical record numbers.
pub fn record_system(slug: &str) -> String {
    format!("https://{slug}.example/mrn")
}

/// The system of a clinic's practitioner numbers.
pub fn practitioner_system(slug: &str) -> String {
    format!("https://{slug}.example/practitioner")
}

/// The system of everything else that a clinic's record system sends.
pub fn resource_system(slug: &str) -> String {
    format!("https://{slug}.example/resource")
}

/// The clinic's practitioners: who they are and by which identifier they are known. The first looks after every second
/// patient, the second after the others.
pub fn practitioners(clinic: &DemoClinic) -> Vec<DemoPractitioner> {
    people::practitioners(clinic)
}

/// The clinic's patients, in the order of their bundles. Equal arguments give equal people; the minor is a minor on `now`.
pub fn patients(seed: u64, clinic: &DemoClinic, now: OffsetDateTime) -> Vec<DemoPatient> {
    people::patients(seed, clinic, now)
}

/// All bundles of a clinic, in the order in which they must be sent. Equal arguments give equal bundles.
pub fn generate(seed: u64, clinic: &DemoClinic, now: OffsetDateTime) -> Vec<Value> {
    let staff = practitioners(clinic);
    let mut bundles = vec![build::clinic_bundle(clinic, &staff)];
    bundles.extend(
        patients(seed, clinic, now)
            .iter()
            .map(|patient| course::patient_bundle(seed, clinic, patient, &staff, now)),
    );
    bundles
}
