//! What is refused, and that the refusal names the place; what a reference can lead to.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a failed test stops")]

use cloister_fhir::{BundlePlan, Effect, Identity, Known, Refused, ResolvedPlan, ResourceType};
use cloister_kernel::Failure;
use serde_json::{Value, json};
use uuid::Uuid;

const SYSTEM: &str = "https://ehr.example/mrn";
const PATIENT_URL: &str = "urn:uuid:11111111-1111-4111-8111-111111111111";
const OTHER_URL: &str = "urn:uuid:22222222-2222-4222-8222-222222222222";

fn bundle(entries: Value) -> Value {
    json!({"resourceType": "Bundle", "type": "transaction", "entry": entries})
}

fn patient() -> Value {
    json!({"fullUrl": PATIENT_URL, "request": {"method": "POST", "url": "Patient"}, "resource": {
        "resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": "7"}], "birthDate": "1980"}})
}

fn observation(subject: Value) -> Value {
    json!({"fullUrl": OTHER_URL, "request": {"method": "POST", "url": "Observation"}, "resource": {
        "resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": subject}})
}

fn plan_with(bundle: &Value, known: impl Fn(&Identity) -> Option<Known>) -> Result<ResolvedPlan, Refused> {
    let plan = BundlePlan::read(bundle.to_string().as_bytes(), &[SYSTEM.to_owned()])?;
    let lookups = plan.lookups();
    let mut given = 0x1000;
    plan.resolve(
        |name| {
            assert!(lookups.contains(name), "an identity was not announced: {name:?}");
            known(name)
        },
        |_| {
            given += 1;
            Uuid::from_u128(given)
        },
    )
}

fn plan(bundle: &Value) -> Result<ResolvedPlan, Refused> {
    plan_with(bundle, |_| None)
}

/// The places and codes of a refusal.
fn issues(bundle: &Value) -> Vec<(String, &'static str)> {
    let refused = plan(bundle).err().map(|refused| refused.0.issues().to_vec()).unwrap_or_default();
    refused.into_iter().map(|issue| (issue.expression, issue.code.as_str())).collect()
}

#[track_caller]
fn refused(bundle: &Value, place: &str, code: &str) {
    let found = issues(bundle);
    assert!(
        found.iter().any(|(p, c)| p == place && *c == code),
        "expected {code} at {place}, found {found:?}"
    );
}

fn changed(mut value: Value, pointer: &str, to: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    value.pointer_mut(parent).unwrap()[name] = to;
    value
}

#[test]
fn each_fault_of_an_entry_is_named_with_its_place() {
    let base = || bundle(json!([patient()]));
    let entry = "Bundle.entry[0]";
    for (pointer, to, place, code) in [
        ("/type", json!("batch"), "Bundle.type".to_owned(), "not-supported"),
        ("/surprise", json!(1), "Bundle.surprise".into(), "structure"),
        ("/entry", json!({}), "Bundle.entry".into(), "structure"),
        ("/entry/0/request", json!(null), format!("{entry}.request"), "structure"),
        ("/entry/0/request/method", json!("PATCH"), format!("{entry}.request.method"), "not-supported"),
        ("/entry/0/request/url", json!("Observation"), format!("{entry}.request.url"), "invariant"),
        ("/entry/0/request/url", json!("Patient/1"), format!("{entry}.request.url"), "value"),
        ("/entry/0/request/url", json!("https://x.example/Patient"), format!("{entry}.request.url"), "value"),
        ("/entry/0/request/ifMatch", json!("W/\"1\""), format!("{entry}.request.ifMatch"), "not-supported"),
        (
            "/entry/0/request/ifNoneExist",
            json!("name=x"),
            format!("{entry}.request.ifNoneExist"),
            "not-supported",
        ),
        ("/entry/0/fullUrl", json!("Patient/1"), format!("{entry}.fullUrl"), "value"),
        ("/entry/0/resource", json!([]), format!("{entry}.resource"), "structure"),
        (
            "/entry/0/resource/resourceType",
            json!("Bot"),
            format!("{entry}.resource.resourceType"),
            "not-supported",
        ),
        ("/entry/0/resource/id", json!("a b"), format!("{entry}.resource.id"), "value"),
        ("/entry/0/resource/birthDate", json!("12/05/1980"), format!("{entry}.resource.birthDate"), "value"),
        (
            "/entry/0/resource/birthDate",
            json!("1980-05-17T00:00:00Z"),
            format!("{entry}.resource.birthDate"),
            "value",
        ),
        ("/entry/0/resource/gender", json!("F"), format!("{entry}.resource.gender"), "value"),
        ("/entry/0/resource/name", json!("Ana"), format!("{entry}.resource.name"), "structure"),
        ("/entry/0/resource/active", json!("yes"), format!("{entry}.resource.active"), "structure"),
        ("/entry/0/resource/photo", json!(null), format!("{entry}.resource.photo"), "structure"),
        ("/entry/0/resource/photo", json!([]), format!("{entry}.resource.photo"), "structure"),
        ("/entry/0/resource/language", json!("a\u{0}b"), format!("{entry}.resource.language"), "value"),
        (
            "/entry/0/resource/identifier",
            json!([{"system": 1}]),
            format!("{entry}.resource.identifier[0]"),
            "structure",
        ),
        (
            "/entry/0/resource/contained",
            json!([{"resourceType": "Bot"}]),
            format!("{entry}.resource.contained[0].id"),
            "required",
        ),
    ] {
        refused(&changed(base(), pointer, to), &place, code);
    }
    assert_eq!(issues(&base()), []);
}

#[test]
fn all_faults_are_collected_and_none_shows_a_value() {
    let mut broken = bundle(json!([patient(), observation(json!({"reference": "Patient/secret value"}))]));
    broken["entry"][0]["resource"]["birthDate"] = json!("secret value");
    broken["entry"][1]["resource"]["status"] = json!("secret value");
    broken["entry"][1]["resource"]["secret value"] = json!(1);
    let refused = plan(&broken).unwrap_err();
    assert_eq!(refused.0.issues().len(), 4);
    assert_eq!(refused.code(), "bundle.refused");
    assert!(!refused.0.to_value().to_string().contains("secret"));
}

#[test]
fn references_that_lead_nowhere_refuse_the_bundle() {
    let place = "Bundle.entry[0].resource.subject.reference";
    for reference in [PATIENT_URL, "Patient/85", "Patient?identifier=https://ehr.example/mrn|7"] {
        refused(&bundle(json!([observation(json!({"reference": reference}))])), place, "not-found");
    }
    refused(&bundle(json!([observation(json!({"reference": "#p"}))])), place, "not-found");
    let elsewhere = observation(json!({"reference": "https://other.example/Patient/1"}));
    refused(&bundle(json!([elsewhere])), "Bundle.entry[0].resource.subject", "not-found");
    let logical = observation(json!({"identifier": {"system": SYSTEM, "value": "8"}}));
    refused(&bundle(json!([logical])), "Bundle.entry[0].resource.subject", "not-found");
}

#[test]
fn every_form_of_reference_leads_to_the_patient() {
    let mut with_id = patient();
    with_id["resource"]["id"] = json!("p1");
    for subject in [
        json!({"reference": PATIENT_URL}),
        json!({"reference": "Patient/p1"}),
        json!({"reference": "Patient?identifier=https://ehr.example/mrn|7"}),
        json!({"identifier": {"system": SYSTEM, "value": "7"}}),
        json!({"identifier": {"system": SYSTEM, "value": "7"}, "type": "Patient", "display": "x"}),
    ] {
        let plan = plan(&bundle(json!([with_id, observation(subject.clone())]))).unwrap();
        let [patient, observation] = &plan.operations[..] else { panic!("two entries") };
        assert_eq!(observation.patient, Some(patient.id), "{subject}");
        let linked = &observation.resource.as_ref().unwrap()["subject"]["reference"];
        assert_eq!(linked, &format!("Patient/{}", patient.id));
    }
}

#[test]
fn a_reference_relative_to_a_full_url_means_that_server() {
    let mut patient = patient();
    patient["fullUrl"] = json!("https://ehr.example/r4/Patient/85");
    let mut observation = observation(json!({"reference": "Patient/85"}));
    observation["fullUrl"] = json!("https://ehr.example/r4/Observation/9");
    let plan = plan(&bundle(json!([patient, observation]))).unwrap();
    assert_eq!(plan.operations[1].patient, Some(plan.operations[0].id));
}

fn known(id: u128, resource_type: ResourceType) -> Known {
    Known { id: Uuid::from_u128(id), resource_type, patient: Some(Uuid::from_u128(id)), deleted: false }
}

fn by_number(name: &Identity) -> bool {
    matches!(name, Identity::Identifier { value, .. } if value == "7")
}

#[test]
fn the_configured_identifier_is_the_identity_and_else_the_full_url() {
    let bundle = bundle(json!([patient()]));
    let found = plan_with(&bundle, |name| by_number(name).then(|| known(5, ResourceType::PATIENT))).unwrap();
    assert_eq!((found.operations[0].effect, found.operations[0].id), (Effect::Update, Uuid::from_u128(5)));
    let by_url =
        |name: &Identity| matches!(name, Identity::FullUrl(_)).then(|| known(6, ResourceType::PATIENT));
    let unconfigured = BundlePlan::read(bundle.to_string().as_bytes(), &[]).unwrap();
    let plan = unconfigured.resolve(by_url, |_| Uuid::nil()).unwrap();
    assert_eq!(plan.operations[0].id, Uuid::from_u128(6));
    assert_eq!(plan.operations[0].names, [Identity::FullUrl(PATIENT_URL.into())]);
    let configured = BundlePlan::read(bundle.to_string().as_bytes(), &[SYSTEM.into()]).unwrap();
    let plan = configured.resolve(by_url, |_| Uuid::nil()).unwrap();
    assert_eq!(
        plan.operations[0].effect,
        Effect::Create,
        "a reused fullUrl must not overwrite another patient"
    );
}

#[test]
fn names_that_lead_to_different_resources_refuse_the_bundle() {
    let mut entry = patient();
    entry["request"] = json!({"method": "PUT", "url": "Patient/85"});
    let refused = plan_with(&bundle(json!([entry])), |name| {
        let id = if by_number(name) { 5 } else { 6 };
        Some(known(id, ResourceType::PATIENT))
    });
    assert_eq!(refused.unwrap_err().0.issues()[0].code.as_str(), "multiple-matches");
}

#[test]
fn an_attachment_that_points_into_the_bundle_is_led_there() {
    let binary = json!({"fullUrl": OTHER_URL, "request": {"method": "POST", "url": "Binary"}, "resource": {
        "resourceType": "Binary", "contentType": "text/plain", "securityContext": {"reference": PATIENT_URL}}});
    let document = json!({"fullUrl": "urn:uuid:55555555-5555-4555-8555-555555555555",
        "request": {"method": "POST", "url": "DocumentReference"}, "resource": {
        "resourceType": "DocumentReference", "status": "current", "subject": {"reference": PATIENT_URL},
        "content": [{"attachment": {"url": OTHER_URL}}]}});
    let plan = plan(&bundle(json!([patient(), binary, document]))).unwrap();
    let url = &plan.operations[2].resource.as_ref().unwrap()["content"][0]["attachment"]["url"];
    assert_eq!(url, &format!("Binary/{}", plan.operations[1].id));
    assert_eq!(
        plan.operations[1].patient,
        Some(plan.operations[0].id),
        "a binary is in the chart that guards it"
    );
}

#[test]
fn a_resource_that_could_not_be_recognised_again_is_refused() {
    let mut nameless = observation(json!({"display": "x"}));
    nameless.as_object_mut().unwrap().remove("fullUrl");
    refused(&bundle(json!([nameless])), "Bundle.entry[0].fullUrl", "required");
}

#[test]
fn entries_must_not_mean_the_same_resource_twice() {
    refused(&bundle(json!([patient(), patient()])), "Bundle.entry[1]", "duplicate");
    let mut second = patient();
    second["fullUrl"] = json!(OTHER_URL);
    second["resource"]["identifier"][0]["value"] = json!("8");
    let both = bundle(json!([patient(), second]));
    assert!(plan(&both).is_ok());
    let refused = plan_with(&both, |name| {
        matches!(name, Identity::Identifier { .. }).then(|| known(5, ResourceType::PATIENT))
    });
    assert_eq!(refused.unwrap_err().0.issues()[0].code.as_str(), "duplicate");
    let other_type = |name: &Identity| by_number(name).then(|| known(5, ResourceType::OBSERVATION));
    let refused = plan_with(&bundle(json!([patient()])), other_type);
    assert_eq!(refused.unwrap_err().0.issues()[0].code.as_str(), "conflict");
}

#[test]
fn methods_have_their_effects() {
    let effect = |request: Value, resource: Option<Value>, there: Option<Known>| {
        let mut entry = json!({ "request": request });
        if let Some(resource) = resource {
            entry["resource"] = resource;
            entry["fullUrl"] = json!(PATIENT_URL);
        }
        plan_with(&bundle(json!([entry])), |_| there).unwrap().operations[0].effect
    };
    let body = || Some(json!({"resourceType": "Patient", "active": true}));
    let there = Some(known(5, ResourceType::PATIENT));
    let gone = there.map(|known| Known { deleted: true, ..known });
    let put = || json!({"method": "PUT", "url": "Patient/85"});
    assert_eq!(effect(put(), body(), None), Effect::Create);
    assert_eq!(effect(put(), body(), there), Effect::Update);
    let delete = || json!({"method": "DELETE", "url": "Patient?identifier=https://ehr.example/mrn|7"});
    assert_eq!(effect(delete(), None, there), Effect::Delete);
    assert_eq!(effect(delete(), None, gone), Effect::AlreadyGone);
    assert_eq!(effect(delete(), None, None), Effect::AlreadyGone);
    let absent =
        || json!({"method": "POST", "url": "Patient", "ifNoneExist": "identifier=https://ehr.example/mrn|7"});
    assert_eq!(effect(absent(), body(), there), Effect::Keep);
    assert_eq!(effect(absent(), body(), None), Effect::Create);
}

#[test]
fn a_deleted_resource_is_nobodys_target() {
    let deletion = json!({"request": {"method": "DELETE", "url": "Patient/p1"}});
    let entries = bundle(json!([deletion, observation(json!({"reference": "Patient/p1"}))]));
    refused(&entries, "Bundle.entry[1].resource.subject.reference", "conflict");
    let gone = |_: &Identity| Some(Known { deleted: true, ..known(5, ResourceType::PATIENT) });
    let alone = bundle(json!([observation(json!({"reference": "Patient/p1"}))]));
    let plan = BundlePlan::read(alone.to_string().as_bytes(), &[]).unwrap();
    let only_patient =
        |name: &Identity| matches!(name, Identity::Literal { .. }).then(|| gone(name)).flatten();
    assert!(plan.resolve(only_patient, |_| Uuid::nil()).is_err());
}

#[test]
fn what_is_about_several_patients_is_in_no_chart_and_what_is_about_a_resource_is_in_its() {
    let mut second = patient();
    second["fullUrl"] = json!("urn:uuid:33333333-3333-4333-8333-333333333333");
    second["resource"]["identifier"][0]["value"] = json!("8");
    let appointment = json!({"fullUrl": OTHER_URL, "request": {"method": "POST", "url": "Appointment"}, "resource": {
        "resourceType": "Appointment", "status": "booked", "participant": [
            {"actor": {"reference": PATIENT_URL}}, {"actor": {"reference": second["fullUrl"]}}]}});
    let group = plan(&bundle(json!([patient(), second, appointment]))).unwrap();
    assert_eq!((group.operations[2].patient, group.warnings.len()), (None, 1));
    let provenance = json!({"fullUrl": "urn:uuid:44444444-4444-4444-8444-444444444444",
        "request": {"method": "POST", "url": "Provenance"},
        "resource": {"resourceType": "Provenance", "target": [{"reference": OTHER_URL}]}});
    let about = plan(&bundle(json!([patient(), observation(json!({"reference": PATIENT_URL})), provenance])))
        .unwrap();
    assert_eq!(about.operations[2].patient, Some(about.operations[0].id));
}

#[test]
fn equal_content_under_new_temporary_urls_is_equal() {
    let first = plan(&bundle(json!([patient(), observation(json!({"reference": PATIENT_URL}))]))).unwrap();
    let text = bundle(json!([patient(), observation(json!({"reference": PATIENT_URL}))])).to_string();
    let moved: Value = serde_json::from_str(&text.replace("1111-4111", "9999-4999")).unwrap();
    let second = plan(&moved).unwrap();
    assert_eq!(first.operations[1].content, second.operations[1].content);
    let corrected = plan(&changed(moved, "/entry/1/resource/status", json!("corrected"))).unwrap();
    assert_ne!(first.operations[1].content, corrected.operations[1].content);
}
