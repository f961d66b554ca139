//! Whose chart a resource belongs to: where each type refers to its patient, after the R4 patient compartment
//! (<https://hl7.org/fhir/R4/compartmentdefinition-patient.html>).
//!
//! The compartment also counts a patient who merely performed, asserted or paid. That does not make it his chart, so
//! for each type only the elements that say whom the resource is about are listed.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{ResourceType, element};

/// The elements that say whom a resource of this type is about. Empty: it belongs to nobody's chart.
pub fn patient_paths(resource_type: ResourceType) -> &'static [&'static str] {
    match resource_type.as_str() {
        "AllergyIntolerance"
        | "BodyStructure"
        | "Claim"
        | "ClaimResponse"
        | "Consent"
        | "CoverageEligibilityRequest"
        | "CoverageEligibilityResponse"
        | "DetectedIssue"
        | "Device"
        | "EpisodeOfCare"
        | "ExplanationOfBenefit"
        | "FamilyMemberHistory"
        | "Immunization"
        | "ImmunizationEvaluation"
        | "ImmunizationRecommendation"
        | "MolecularSequence"
        | "NutritionOrder"
        | "RelatedPerson"
        | "SupplyDelivery"
        | "VisionPrescription" => &["patient"],
        "Account"
        | "AdverseEvent"
        | "Basic"
        | "CarePlan"
        | "CareTeam"
        | "ChargeItem"
        | "ClinicalImpression"
        | "Communication"
        | "CommunicationRequest"
        | "Composition"
        | "Condition"
        | "Contract"
        | "DeviceRequest"
        | "DeviceUseStatement"
        | "DiagnosticReport"
        | "DocumentManifest"
        | "DocumentReference"
        | "Encounter"
        | "Flag"
        | "Goal"
        | "GuidanceResponse"
        | "ImagingStudy"
        | "Invoice"
        | "List"
        | "MeasureReport"
        | "Media"
        | "MedicationAdministration"
        | "MedicationDispense"
        | "MedicationRequest"
        | "MedicationStatement"
        | "Observation"
        | "Procedure"
        | "QuestionnaireResponse"
        | "RequestGroup"
        | "RiskAssessment"
        | "ServiceRequest"
        | "Specimen" => &["subject"],
        "Appointment" => &["participant.actor"],
        "AppointmentResponse" | "Schedule" => &["actor"],
        "AuditEvent" => &["entity.what", "agent.who"],
        "Coverage" => &["beneficiary"],
        "EnrollmentRequest" => &["candidate"],
        "Group" => &["member.entity"],
        "Person" => &["link.target"],
        "Provenance" => &["target"],
        "ResearchSubject" => &["individual"],
        "SupplyRequest" => &["deliverTo"],
        "Task" => &["for"],
        _ => &[],
    }
}

/// The elements through which a resource belongs to the chart of what it speaks about, when it names no patient.
pub(crate) fn inherited_paths(resource_type: ResourceType) -> &'static [&'static str] {
    match resource_type.as_str() {
        "Provenance" => &["target"],
        "AuditEvent" => &["entity.what"],
        "Binary" => &["securityContext"],
        "Task" => &["focus", "encounter"],
        _ => &[],
    }
}

/// How many patients a resource is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership<T> {
    /// Nobody: a practitioner, a location, a group visit without names.
    Nobody,
    /// One patient, whose chart it belongs to.
    One(T),
    /// Several. It belongs to no chart, because each chart would show one patient the other.
    Several,
}

impl<T: Ord> Ownership<T> {
    pub(crate) fn of(mut patients: BTreeSet<T>) -> Self {
        match (patients.pop_first(), patients.is_empty()) {
            (None, _) => Self::Nobody,
            (Some(patient), true) => Self::One(patient),
            (Some(_), false) => Self::Several,
        }
    }
}

/// The Reference elements that say whom the resource is about.
pub fn patient_references(resource_type: ResourceType, resource: &Value) -> Vec<&Value> {
    patient_paths(resource_type).iter().flat_map(|path| element::at_path(resource, path)).collect()
}
