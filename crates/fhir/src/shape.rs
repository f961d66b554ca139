//! What a resource must look like before it is kept: the rules that everything after relies on.
//!
//! This is not a full R4 validator. It checks what holds for every element, and the elements that the chart, the
//! panels and the result views read. Everything else is kept as sent.

use serde_json::Value;

use crate::{
    ResourceType, bounds,
    json::plain_name,
    moment::Moment,
    outcome::{IssueCode, OperationOutcome},
    reference::{ReferenceText, is_id},
};

enum Kind {
    Text,
    Date,
    DateTime,
    Boolean,
    Object,
    Objects,
    Code(&'static [&'static str]),
}

struct Rule {
    element: &'static str,
    kind: Kind,
    required: bool,
}

const fn may(element: &'static str, kind: Kind) -> Rule {
    Rule { element, kind, required: false }
}

const fn must(element: &'static str, kind: Kind) -> Rule {
    Rule { element, kind, required: true }
}

const PATIENT: &[Rule] = &[
    may("name", Kind::Objects),
    may("telecom", Kind::Objects),
    may("address", Kind::Objects),
    may("link", Kind::Objects),
    may("active", Kind::Boolean),
    may("birthDate", Kind::Date),
    may("gender", Kind::Code(&["male", "female", "other", "unknown"])),
    may("deceasedBoolean", Kind::Boolean),
    may("deceasedDateTime", Kind::DateTime),
];

const OBSERVATION: &[Rule] = &[
    must(
        "status",
        Kind::Code(&[
            "registered",
            "preliminary",
            "final",
            "amended",
            "corrected",
            "cancelled",
            "entered-in-error",
            "unknown",
        ]),
    ),
    must("code", Kind::Object),
    may("category", Kind::Objects),
    may("subject", Kind::Object),
    may("effectiveDateTime", Kind::DateTime),
    may("effectiveInstant", Kind::DateTime),
    may("effectivePeriod", Kind::Object),
    may("effectiveTiming", Kind::Object),
    may("issued", Kind::DateTime),
    may("valueQuantity", Kind::Object),
    may("valueCodeableConcept", Kind::Object),
    may("valueString", Kind::Text),
    may("valueBoolean", Kind::Boolean),
    may("valueRange", Kind::Object),
    may("valueRatio", Kind::Object),
    may("valueSampledData", Kind::Object),
    may("valueTime", Kind::Text),
    may("valueDateTime", Kind::DateTime),
    may("valuePeriod", Kind::Object),
    may("dataAbsentReason", Kind::Object),
    may("interpretation", Kind::Objects),
    may("note", Kind::Objects),
    may("referenceRange", Kind::Objects),
    may("component", Kind::Objects),
];

const ENCOUNTER: &[Rule] = &[
    must("status", Kind::Text),
    must("class", Kind::Object),
    may("subject", Kind::Object),
    may("participant", Kind::Objects),
    may("period", Kind::Object),
];

const CARE_TEAM: &[Rule] =
    &[may("status", Kind::Text), may("subject", Kind::Object), may("participant", Kind::Objects)];

const SUBJECT: &[Rule] = &[must("subject", Kind::Object)];
const PATIENT_ELEMENT: &[Rule] = &[must("patient", Kind::Object)];

/// The rules of one type; where R4 demands whom the resource is about, so do we.
fn rules(resource_type: ResourceType) -> &'static [Rule] {
    match resource_type.as_str() {
        "Patient" => PATIENT,
        "Observation" => OBSERVATION,
        "Encounter" => ENCOUNTER,
        "CareTeam" => CARE_TEAM,
        "AdverseEvent"
        | "CarePlan"
        | "ChargeItem"
        | "ClinicalImpression"
        | "Condition"
        | "DeviceRequest"
        | "DeviceUseStatement"
        | "Flag"
        | "Goal"
        | "ImagingStudy"
        | "MedicationAdministration"
        | "MedicationRequest"
        | "MedicationStatement"
        | "Procedure"
        | "RiskAssessment"
        | "ServiceRequest" => SUBJECT,
        "AllergyIntolerance"
        | "BodyStructure"
        | "Claim"
        | "ClaimResponse"
        | "CoverageEligibilityRequest"
        | "CoverageEligibilityResponse"
        | "EpisodeOfCare"
        | "ExplanationOfBenefit"
        | "FamilyMemberHistory"
        | "Immunization"
        | "ImmunizationEvaluation"
        | "ImmunizationRecommendation"
        | "NutritionOrder"
        | "RelatedPerson"
        | "VisionPrescription" => PATIENT_ELEMENT,
        _ => &[],
    }
}

/// The type a resource claims to be.
///
/// # Errors
/// Adds an issue when it is missing or not of R4.
pub(crate) fn resource_type(
    resource: &Value,
    path: &str,
    outcome: &mut OperationOutcome,
) -> Option<ResourceType> {
    let place = format!("{path}.resourceType");
    match resource.get("resourceType") {
        None => outcome.push_error(IssueCode::Required, place, "The resource does not say its type."),
        Some(Value::String(name)) => {
            let known = ResourceType::parse(name);
            if known.is_none() {
                outcome.push_error(IssueCode::NotSupported, place, "FHIR R4 has no resource of this type.");
            }
            return known;
        }
        Some(_) => outcome.push_error(IssueCode::Structure, place, "The resource type is not a text."),
    }
    None
}

/// Checks one resource and what it contains; every problem becomes an issue.
pub(crate) fn check(resource: &Value, path: &str, outcome: &mut OperationOutcome) -> Option<ResourceType> {
    let kind = resource_type(resource, path, outcome)?;
    if let Some(id) = resource.get("id")
        && !id.as_str().is_some_and(is_id)
    {
        let words = "An id has 1 to 64 letters, digits, hyphens and full stops.";
        outcome.push_error(IssueCode::Value, format!("{path}.id"), words);
    }
    if resource.get("meta").is_some_and(|meta| !meta.is_object()) {
        outcome.push_error(IssueCode::Structure, format!("{path}.meta"), "This must be an object.");
    }
    identifiers(resource, path, outcome);
    for rule in rules(kind) {
        check_rule(resource, rule, path, outcome);
    }
    contained(resource, path, outcome);
    bounds::check_lists(resource, path, outcome);
    walk(resource, "", &mut path.to_owned(), outcome);
    Some(kind)
}

fn check_rule(resource: &Value, rule: &Rule, path: &str, outcome: &mut OperationOutcome) {
    let place = format!("{path}.{}", rule.element);
    let Some(value) = resource.get(rule.element) else {
        if rule.required && resource.get(format!("_{}", rule.element)).is_none() {
            outcome.push_error(IssueCode::Required, place, "This element is missing.");
        }
        return;
    };
    let problem = match &rule.kind {
        Kind::Text if !value.is_string() => Some((IssueCode::Structure, "This must be a text.")),
        Kind::Boolean if !value.is_boolean() => Some((IssueCode::Structure, "This must be true or false.")),
        Kind::Object if !value.is_object() => Some((IssueCode::Structure, "This must be an object.")),
        Kind::Objects if !value.as_array().is_some_and(|items| items.iter().all(Value::is_object)) => {
            Some((IssueCode::Structure, "This must be a list of objects."))
        }
        Kind::Date if value.as_str().and_then(Moment::parse_date).is_none() => {
            Some((IssueCode::Value, "This must be a date: YYYY, YYYY-MM or YYYY-MM-DD."))
        }
        Kind::DateTime if value.as_str().and_then(Moment::parse).is_none() => {
            Some((IssueCode::Value, "This must be a date, or a date and time with seconds and an offset."))
        }
        Kind::Code(codes) if !value.as_str().is_some_and(|code| codes.contains(&code)) => {
            Some((IssueCode::Value, "This is not one of the codes that FHIR R4 allows here."))
        }
        _ => None,
    };
    if let Some((code, words)) = problem {
        outcome.push_error(code, place, words);
    }
}

fn identifiers(resource: &Value, path: &str, outcome: &mut OperationOutcome) {
    let (value, listed) = match resource.get("identifier") {
        None => return,
        Some(Value::Array(items)) => (items.as_slice(), true),
        Some(item) => (std::slice::from_ref(item), false),
    };
    for (index, identifier) in value.iter().enumerate() {
        let place = if listed { format!("{path}.identifier[{index}]") } else { format!("{path}.identifier") };
        let text = |name: &str| identifier.get(name).is_none_or(Value::is_string);
        if !identifier.is_object() || !text("system") || !text("value") {
            outcome.push_error(
                IssueCode::Structure,
                place,
                "An identifier is an object whose system and value are texts.",
            );
        }
    }
}

fn contained(resource: &Value, path: &str, outcome: &mut OperationOutcome) {
    let items = match resource.get("contained") {
        None => return,
        Some(Value::Array(items)) => items,
        Some(_) => {
            return outcome.push_error(
                IssueCode::Structure,
                format!("{path}.contained"),
                "This must be a list.",
            );
        }
    };
    for (index, item) in items.iter().enumerate() {
        let place = format!("{path}.contained[{index}]");
        resource_type(item, &place, outcome);
        match item.get("id").and_then(Value::as_str) {
            Some(id) if is_id(id) => {}
            _ => outcome.push_error(
                IssueCode::Required,
                format!("{place}.id"),
                "A contained resource needs an id.",
            ),
        }
        if item.get("contained").is_some() {
            let words = "A contained resource cannot contain others.";
            outcome.push_error(IssueCode::Invariant, format!("{place}.contained"), words);
        }
    }
}

/// What holds for every element: names, no nulls outside lists, no control characters, no endless text, references well
/// formed.
fn walk(value: &Value, element: &str, path: &mut String, outcome: &mut OperationOutcome) {
    let end = path.len();
    match value {
        Value::Object(members) => {
            if members.is_empty() {
                outcome.push_error(IssueCode::Structure, path.as_str(), "An object must not be empty.");
            }
            for (name, member) in members {
                let plain = plain_name(name);
                if plain == "?" {
                    outcome.push_error(
                        IssueCode::Structure,
                        path.as_str(),
                        "An element's name is not one of FHIR.",
                    );
                }
                path.push('.');
                path.push_str(plain);
                if member.is_null() {
                    outcome.push_error(IssueCode::Structure, path.as_str(), "An element must not be null.");
                }
                if name == "reference"
                    && let Some(Err(words)) = member.as_str().map(ReferenceText::parse)
                {
                    outcome.push_error(IssueCode::Value, path.as_str(), words);
                }
                walk(member, name, path, outcome);
                path.truncate(end);
            }
        }
        Value::Array(items) => {
            if items.is_empty() {
                outcome.push_error(IssueCode::Structure, path.as_str(), "A list must not be empty.");
            }
            for (index, item) in items.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                walk(item, element, path, outcome);
                path.truncate(end);
            }
        }
        Value::String(text) => {
            if text.bytes().any(|byte| byte < 0x20 && !matches!(byte, b'\t' | b'\r' | b'\n')) {
                outcome.push_error(IssueCode::Value, path.as_str(), "A text holds a control character.");
            }
            bounds::check_text(text, element, path, outcome);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
