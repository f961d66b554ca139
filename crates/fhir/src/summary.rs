//! The few facts of a resource that stand in clear or under a blind index beside its sealed body.

use std::collections::BTreeSet;

use serde_json::Value;
use time::OffsetDateTime;

use crate::{
    ResourceType,
    element::{codings, has_code, text},
    moment::Moment,
};

/// Elements that say when something happened, most telling first. A Period counts by its start, else its end.
const CLINICAL_TIMES: &[&str] = &[
    "effectiveDateTime",
    "effectiveInstant",
    "effectivePeriod",
    "effectiveTiming",
    "occurrenceDateTime",
    "occurrencePeriod",
    "occurredDateTime",
    "occurredPeriod",
    "performedDateTime",
    "performedPeriod",
    "onsetDateTime",
    "onsetPeriod",
    "identifiedDateTime",
    "identifiedPeriod",
    "servicedDate",
    "servicedPeriod",
    "billablePeriod",
    "whenHandedOver",
    "whenPrepared",
    "authoredOn",
    "authored",
    "started",
    "start",
    "period",
    "createdDateTime",
    "createdPeriod",
    "startDate",
    "date",
    "dateTime",
    "sent",
    "recordedDate",
    "recorded",
    "assertedDate",
    "created",
    "issued",
    "received",
    "receivedTime",
    "dateWritten",
    "dateAsserted",
    "statusDate",
    "executionPeriod",
    "planningHorizon",
    "timestamp",
    "detected",
    "deceasedDateTime",
];

/// When what the resource tells of happened, if it says.
pub fn clinical_time(resource_type: ResourceType, resource: &Value) -> Option<OffsetDateTime> {
    if resource_type == ResourceType::PATIENT {
        return None;
    }
    let preferred: &[&str] = match resource_type.as_str() {
        "DocumentReference" => &["date", "context"],
        "Specimen" => &["collection", "receivedTime"],
        "AllergyIntolerance" => &["onsetDateTime", "onsetPeriod", "recordedDate", "lastOccurrence"],
        _ => &[],
    };
    preferred.iter().chain(CLINICAL_TIMES).find_map(|name| moment_in(resource.get(*name)?)).map(Moment::start)
}

pub(crate) fn moment_in(value: &Value) -> Option<Moment> {
    match value {
        Value::String(text) => Moment::parse(text),
        Value::Array(items) => items.iter().find_map(moment_in),
        Value::Object(members) => ["start", "end", "event", "period", "collectedDateTime", "collectedPeriod"]
            .iter()
            .find_map(|name| members.get(*name).and_then(moment_in)),
        _ => None,
    }
}

/// The state of the workflow as the resource's type tells it: `final`, `active`, `entered-in-error`. A short code of
/// FHIR's, never free text.
pub fn workflow_status(resource_type: ResourceType, resource: &Value) -> Option<String> {
    if is_retracted(resource) {
        return Some("entered-in-error".into());
    }
    let element = match resource_type.as_str() {
        "Goal" => "lifecycleStatus",
        "Condition" | "AllergyIntolerance" => "clinicalStatus",
        "ResearchStudy" | "Task" | "Observation" => "status",
        "Patient" | "Practitioner" | "PractitionerRole" | "Organization" | "RelatedPerson"
        | "HealthcareService" | "Schedule" | "Person" | "Group" => {
            let active = resource.get("active").and_then(Value::as_bool)?;
            return Some(if active { "active" } else { "inactive" }.into());
        }
        _ => "status",
    };
    let value = resource.get(element)?;
    let code = value.as_str().or_else(|| codings(value).iter().find_map(|coding| text(coding, "code")))?;
    is_code(code).then(|| code.to_owned())
}

/// Whether the source says that the resource was entered in error and must not be shown.
pub fn is_retracted(resource: &Value) -> bool {
    let wrong = |element: &str| match resource.get(element) {
        Some(Value::String(code)) => code == "entered-in-error",
        Some(concept) => has_code(concept, "entered-in-error"),
        None => false,
    };
    wrong("status") || wrong("verificationStatus") || wrong("lifecycleStatus") || wrong("docStatus")
}

/// The first category code, such as `laboratory` or `vital-signs`.
pub fn category(resource: &Value) -> Option<String> {
    let concepts = resource.get("category")?;
    let concepts = concepts.as_array().map_or_else(|| std::slice::from_ref(concepts), Vec::as_slice);
    let codes = concepts.iter().flat_map(|concept| {
        concept.as_str().into_iter().chain(codings(concept).iter().filter_map(|c| text(c, "code")))
    });
    let known = |code: &&str| is_code(code);
    let all: Vec<&str> = codes.filter(known).collect();
    let preferred = ["laboratory", "vital-signs"];
    all.iter().find(|code| preferred.contains(code)).or_else(|| all.first()).map(|code| (*code).to_owned())
}

/// The codes that say what the resource is about, as `system|code`, for the blind index.
pub fn code_tokens(resource: &Value) -> BTreeSet<String> {
    let elements =
        ["code", "medicationCodeableConcept", "vaccineCode", "type", "serviceType", "substance", "product"];
    let concepts = elements.iter().filter_map(|name| resource.get(*name)).flat_map(|value| match value {
        Value::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    });
    let coding =
        |coding: &Value| Some(format!("{}|{}", text(coding, "system").unwrap_or(""), text(coding, "code")?));
    concepts.flat_map(codings).filter_map(coding).collect()
}

/// Whether a text can stand in clear: FHIR's codes of states and categories are short and plain.
fn is_code(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && text.bytes().any(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_time_of_a_resource_is_when_it_happened_not_when_it_was_written() {
        let time = |kind: &str, value: Value| clinical_time(ResourceType::parse(kind).unwrap(), &value);
        let issued = json!({"effectivePeriod": {"start": "2020-02"}, "issued": "2021-01-01T00:00:00Z"});
        assert_eq!(time("Observation", issued), Some(datetime!(2020-02-01 0:00 UTC)));
        assert_eq!(
            time("Observation", json!({"effectiveDateTime": "junk", "issued": "2021-01-01T00:00:00Z"})),
            Some(datetime!(2021-01-01 0:00 UTC))
        );
        assert_eq!(
            time("Encounter", json!({"period": {"end": "2020-05-01"}})),
            Some(datetime!(2020-05-01 0:00 UTC))
        );
        assert_eq!(time("Patient", json!({"birthDate": "1980-01-01"})), None);
    }

    #[test]
    fn only_plain_codes_become_status_and_category() {
        let condition = ResourceType::parse("Condition").unwrap();
        let active = json!({"clinicalStatus": {"coding": [{"code": "active"}]}});
        assert_eq!(workflow_status(condition, &active).as_deref(), Some("active"));
        let wrong = json!({"clinicalStatus": {"coding": [{"code": "active"}]},
            "verificationStatus": {"coding": [{"code": "entered-in-error"}]}});
        assert_eq!(workflow_status(condition, &wrong).as_deref(), Some("entered-in-error"));
        let prose = json!({"status": "seen by Dr. Ōta"});
        assert_eq!(workflow_status(ResourceType::OBSERVATION, &prose), None);
        let both =
            json!({"category": [{"coding": [{"code": "exam"}]}, {"coding": [{"code": "laboratory"}]}]});
        assert_eq!(category(&both).as_deref(), Some("laboratory"));
        assert_eq!(category(&json!({"category": ["food", "medication"]})).as_deref(), Some("food"));
    }
}
