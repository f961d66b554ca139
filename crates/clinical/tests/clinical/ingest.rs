//! Real bundles and single rules of the intake.

use std::time::Instant;

use cloister_clinical::ClinicalError;
use cloister_fhir::{ContentHash, SOCIAL_SECURITY_SYSTEM, read_json};
use serde_json::{Value, json};

use crate::{
    clinic::{ANA, Clinic, Harness, Kind, ana, ana_with_values, bundle, glucose, post, spellings, url},
    corpus, on_both,
};

on_both! {
    every_real_bundle_is_taken_in_and_reads_back_equal_and_a_second_pass_changes_nothing,
    a_bundle_is_answered_entry_by_entry_and_leaves_an_event_for_each_change,
    one_bad_entry_writes_nothing_and_is_named,
    nothing_of_a_bundle_shows_in_a_dump,
    a_thousand_entries_cost_as_many_statements_as_a_hundred,
    a_removed_or_foreign_record_system_takes_nothing_in,
}

/// Hospitals and practitioners first, as their sender would.
fn bundles() -> Vec<(String, Vec<u8>)> {
    let mut files = corpus::files("fhir/synthea");
    files.sort_by_key(|(name, _)| !name.contains("Information"));
    files.extend(corpus::files("fhir/inferno"));
    files
}

/// Every reference's text becomes the same word: on the platform they name other ids.
fn without_references(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("id");
            for name in ["reference", "url", "uri", "valueUri", "valueUrl"] {
                if let Some(Value::String(text)) = members.get_mut(name) {
                    "led".clone_into(text);
                }
            }
            members.values_mut().for_each(without_references);
        }
        Value::Array(items) => items.iter_mut().for_each(without_references),
        _ => {}
    }
}

fn hash(resource: &Value) -> ContentHash {
    let mut resource = resource.clone();
    without_references(&mut resource);
    ContentHash::of(&resource)
}

fn without_social_security(resource: &Value) -> Value {
    let mut resource = resource.clone();
    if let Some(Value::Array(identifiers)) = resource.get_mut("identifier") {
        identifiers.retain(|identifier| identifier["system"] != SOCIAL_SECURITY_SYSTEM);
    }
    resource
}

async fn every_real_bundle_is_taken_in_and_reads_back_equal_and_a_second_pass_changes_nothing(
    harness: Harness,
) {
    let clinic = Clinic::with_systems(&harness, "lakeside", &[]).await;
    let kind = harness.kind;
    let (mut entries, mut read_back) = (0, 0);
    for (name, bytes) in bundles() {
        let document = read_json(&bytes).unwrap();
        let sent: Vec<&Value> =
            document["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]).collect();
        let began = Instant::now();
        let first = clinic.send(&document).await;
        let took = began.elapsed();
        assert_eq!(first.len(), sent.len(), "{name}");
        entries += first.len();
        let rows = "SELECT (SELECT count(*) FROM resources) + (SELECT count(*) FROM resource_versions) \
                    + (SELECT count(*) FROM resource_identities) + (SELECT count(*) FROM care_links) \
                    + (SELECT count(*) FROM patient_name_tokens) + (SELECT CAST(sum(version) AS bigint) FROM resources)";
        let before = clinic.number(rows).await;
        let began = Instant::now();
        let second = clinic.send(&document).await;
        println!("{kind:?} {name}: {} entries in {took:?}, again in {:?}", first.len(), began.elapsed());
        assert_eq!(clinic.number(rows).await, before, "{name}: a second pass wrote rows");
        for (position, (first, second)) in first.iter().zip(&second).enumerate() {
            assert!(matches!(first.status, 200 | 201), "{name} entry {position}");
            assert_eq!((second.status, second.id, second.version), (200, first.id, first.version));
        }
        // Each is read in a unit of its own, so of the long ones a part.
        let is_patient = |sent: &Value| sent["resourceType"] == "Patient";
        let part = first.iter().zip(&sent).enumerate();
        for (_, (answer, sent)) in part.filter(|(at, (_, sent))| at % 7 == 0 || is_patient(sent)) {
            let kept = clinic.read_back(answer).await;
            assert_eq!(kept["id"], answer.id.unwrap().to_string());
            assert_eq!(hash(&kept), hash(&without_social_security(sent)), "{name} {}", sent["resourceType"]);
            assert!(!kept.to_string().contains(SOCIAL_SECURITY_SYSTEM));
            read_back += 1;
        }
    }
    println!("{kind:?}: {entries} entries taken in, {read_back} read back equal");
    if entries > 0 {
        assert_eq!(clinic.number("SELECT count(*) FROM patients").await, 13);
        let per_change = clinic.events("resource.created success").await;
        assert_eq!(i64::try_from(per_change).unwrap(), clinic.number("SELECT count(*) FROM resources").await);
    }
}

async fn a_bundle_is_answered_entry_by_entry_and_leaves_an_event_for_each_change(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let answers = clinic.send(&ana_with_values()).await;
    assert_eq!(
        answers.iter().map(|answer| (answer.status, answer.version)).collect::<Vec<_>>(),
        [(201, Some(1)); 3]
    );
    let mut events = harness.events(clinic.tenant).await;
    events.sort_unstable();
    let expected = [
        "bundle.ingested success",
        "machine_client.registered success",
        "resource.created success",
        "resource.created success",
        "resource.created success",
    ];
    assert_eq!(events, expected);
    let named = "SELECT count(*) FROM events WHERE action = 'resource.created' AND patient_id IS NOT NULL \
                 AND resource_id IN (SELECT id FROM resources) AND resource_type IN ('patient', 'observation')";
    assert_eq!(clinic.number(named).await, 3);
    let kept = clinic.read_back(&answers[1]).await;
    assert_eq!(kept["subject"]["reference"], format!("Patient/{}", answers[0].id.unwrap()));
    assert_eq!(clinic.send(&bundle(&[])).await, []);
}

async fn one_bad_entry_writes_nothing_and_is_named(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let mut dangling = glucose("g2", "2026-03-05", json!(1));
    dangling["subject"]["reference"] = json!(url(9));
    let mut shapeless = glucose("g3", "2026-03-05", json!(1));
    shapeless["valueQuantity"] = json!("one");
    for (bad, place) in [(dangling, "subject"), (shapeless, "valueQuantity")] {
        let sent = bundle(&[post(ANA, ana("1")), post(&url(2), bad)]);
        let Err(error) = clinic.try_send(&sent).await else { panic!("taken in") };
        let outcome = error.operation_outcome().to_value();
        let expression = outcome["issue"][0]["expression"][0].as_str().unwrap();
        assert!(
            expression.starts_with("Bundle.entry[1].resource") && expression.contains(place),
            "{outcome}"
        );
        assert!(!outcome.to_string().contains("Canária"));
    }
    let Err(ClinicalError::Refused(_)) =
        clinic.clinical.ingest_bundle(&clinic.machine(), b"{\"resourceType\": 7".to_vec()).await
    else {
        panic!("taken in")
    };
    for table in ["patients", "resources", "resource_identities", "quarantine"] {
        assert_eq!(clinic.number(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    assert_eq!(clinic.events("bundle.ingested failed bundle.refused").await, 3);
    assert_eq!(clinic.events("bundle.ingested success").await, 0);
}

async fn nothing_of_a_bundle_shows_in_a_dump(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let mut patient = ana("Canary-Number-5512");
    patient["telecom"] = json!([{"system": "email", "value": "ana.canary@example.org"}]);
    let mut value = glucose("Canary-Order-99", "2026-01-05", json!(91.7731));
    value["note"] = json!([{"text": "Canary-Remark"}]);
    let doctor = json!({"resourceType": "Practitioner", "identifier": [{"system": crate::clinic::NPI, "value": "Canary-Npi-12"}],
        "name": [{"family": "Canary-Doctor"}]});
    let visit = json!({"resourceType": "Encounter", "identifier": [{"system": crate::clinic::NUMBER, "value": "Canary-Visit"}],
        "status": "finished", "class": {"code": "AMB"}, "subject": {"reference": ANA},
        "participant": [{"individual": {"reference": url(3)}}]});
    let sent = bundle(&[
        post(ANA, patient.clone()),
        post(&url(2), value),
        post(&url(3), doctor),
        post(&url(4), visit),
    ]);
    let answers = clinic.send(&sent).await;
    // Quarantined too.
    patient["birthDate"] = json!("1999-09-09");
    patient["name"] = json!([{"family": "Canary-Other"}]);
    clinic.send(&bundle(&[post(ANA, patient)])).await;
    let account = clinic.account(answers[0].patient()).await;
    clinic.clinical.own_record(&account).await.unwrap();
    let dump = harness.dump().await;
    assert!(dump.contains("laboratory"), "the dump shows what stands in clear");
    for canary in [
        "Canária",
        "canaria",
        "1980-02-03",
        "female",
        "Canary-Number-5512",
        "ana.canary@example.org",
        "Canary-Order-99",
        "91.7731",
        "Canary-Remark",
        "Canary-Npi-12",
        "Canary-Doctor",
        "Canary-Visit",
        "Glucose",
        "2345-7",
        "1999-09-09",
        "Canary-Other",
    ] {
        for spelling in spellings(canary) {
            assert!(!dump.contains(&spelling), "{canary} stands in the database");
        }
    }
}

async fn a_thousand_entries_cost_as_many_statements_as_a_hundred(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let of = |count: u32, name: &str| {
        let mut entries = vec![post(ANA, ana("1"))];
        entries.extend(
            (0..count).map(|n| post(&url(10 + n), glucose(&format!("{name}-{n}"), "2026-01-05", json!(n)))),
        );
        bundle(&entries)
    };
    clinic.send(&of(1, "first")).await;
    let (few, hundred) = crate::statements::counted(clinic.send(&of(100, "few"))).await;
    let began = Instant::now();
    let (many, thousand) = crate::statements::counted(clinic.send(&of(1000, "many"))).await;
    println!("{:?}: 1001 entries in {:?} by {thousand} statements", harness.kind, began.elapsed());
    assert_eq!((few.len(), many.len()), (101, 1001));
    assert!(hundred > 5 && thousand <= hundred, "{hundred} for a hundred, {thousand} for a thousand");
}

async fn a_removed_or_foreign_record_system_takes_nothing_in(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let other = Clinic::open(&harness, "riverside").await;
    // A token of one clinic at the other's host.
    let foreign = harness.machine(other.tenant, clinic.client);
    let bytes = serde_json::to_vec(&ana_with_values()).unwrap();
    assert!(clinic.clinical.ingest_bundle(&foreign, bytes.clone()).await.is_err());
    let answers = clinic.send(&ana_with_values()).await;
    let theirs = other.send(&ana_with_values()).await;
    assert_ne!(answers[0].id, theirs[0].id);
    let caller = other.machine();
    let read = other.clinical.read_resource(&caller, "Patient", &answers[0].id.unwrap().to_string()).await;
    assert!(read.is_err(), "another clinic's resource was read");
    clinic.clinical.remove_machine_client(&clinic.staff(clinic.admin), clinic.client).await.unwrap();
    let refused = clinic.clinical.ingest_bundle(&clinic.machine(), bytes).await.unwrap_err();
    assert_eq!(cloister_kernel::Failure::code(&refused), "account.disabled");
    assert_eq!(clinic.events("authorization.decided refused account.disabled").await, 1);
    if harness.kind == Kind::Sqlite {
        assert_eq!(clinic.number("SELECT count(*) FROM patients").await, 2);
    }
}
