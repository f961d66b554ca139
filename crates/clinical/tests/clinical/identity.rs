//! What the same identity sent again does: versions, corrections, deletions, moves, and two at once.

use cloister_clinical::PageRequest;
use cloister_kernel::{Failure, ResourceId};
use serde_json::{Value, json};

use crate::{
    clinic::{ANA, Clinic, Harness, Kind, MRN, NUMBER, ana, ana_with_values, bundle, glucose, post, url},
    on_both,
};

on_both! {
    other_content_is_a_new_version_and_the_old_one_is_kept,
    a_corrected_result_replaces_and_the_history_shows_it,
    an_entry_in_error_leaves_the_chart,
    a_deleted_result_is_hidden_and_can_come_back,
    a_deleted_patient_takes_the_chart_along,
    a_patient_is_indexed_under_what_the_record_says_now_alone,
    put_reaches_a_resource_by_condition_by_own_id_and_by_the_platforms_id,
    post_with_a_condition_keeps_what_is_there,
    a_result_in_a_wrong_chart_moves_and_both_logs_say_so,
    a_link_to_the_patient_who_replaces_another_merges_nothing_and_says_so,
    the_same_bundle_at_once_makes_everything_once,
    identities_belong_to_one_record_system,
    a_temporary_name_is_good_in_its_own_bundle_alone,
    of_two_that_share_a_further_name_the_first_has_it,
}

fn put(target: &str, resource: Value) -> Value {
    json!({"resource": resource, "request": {"method": "PUT", "url": target}})
}

fn delete(target: &str) -> Value {
    json!({"request": {"method": "DELETE", "url": target}})
}

/// A value whose patient is already kept.
fn for_known(number: &str, value: u32) -> Value {
    let mut value = glucose(number, "2026-01-05", json!(value));
    value["subject"]["reference"] = json!(format!("Patient?identifier={MRN}|77-001"));
    value
}

async fn other_content_is_a_new_version_and_the_old_one_is_kept(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let first = clinic.send(&ana_with_values()).await;
    let second = clinic.send(&bundle(&[post(&url(9), for_known("g1", 95))])).await;
    assert_eq!((second[0].status, second[0].id, second[0].version), (200, first[1].id, Some(2)));
    assert_eq!(clinic.read_back(&second[0]).await["valueQuantity"]["value"], json!(95));
    assert_eq!(clinic.number("SELECT count(*) FROM resource_versions WHERE version = 1").await, 1);
    assert_eq!(clinic.events("resource.updated success").await, 1);
    let third = clinic.send(&bundle(&[post(&url(11), for_known("g1", 95))])).await;
    assert_eq!(third[0].version, Some(2));
    assert_eq!(clinic.events("resource.updated success").await, 1);
}

async fn a_corrected_result_replaces_and_the_history_shows_it(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let answers = clinic.send(&ana_with_values()).await;
    let mut corrected = for_known("g1", 191);
    corrected["status"] = json!("corrected");
    clinic.send(&bundle(&[post(&url(9), corrected)])).await;
    let account = clinic.account(answers[0].patient()).await;
    let id = ResourceId::from_uuid(answers[1].id.unwrap());
    let result = clinic.clinical.own_result(&account, id).await.unwrap().into_exposed();
    assert_eq!((result.summary.value_text.as_str(), result.summary.status.as_str()), ("191", "corrected"));
    assert_eq!(result.range.unwrap().text, "70–99");
    let history: Vec<(&str, &str)> =
        result.history.iter().map(|entry| (entry.value_text.as_str(), entry.status.as_str())).collect();
    assert_eq!(history, [("104", "final"), ("191", "corrected")]);
    let list = clinic.clinical.own_results(&account, &PageRequest::default()).await.unwrap().into_exposed();
    assert_eq!(list.items.len(), 2);
}

async fn listed(clinic: &Clinic<'_>, account: &cloister_access::Caller) -> Vec<String> {
    let list = clinic.clinical.own_results(account, &PageRequest::default()).await.unwrap().into_exposed();
    list.items.into_iter().map(|item| item.value_text).collect()
}

async fn an_entry_in_error_leaves_the_chart(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let answers = clinic.send(&ana_with_values()).await;
    let account = clinic.account(answers[0].patient()).await;
    assert_eq!(listed(&clinic, &account).await, ["104", "91"]);
    let mut wrong = for_known("g1", 91);
    wrong["status"] = json!("entered-in-error");
    clinic.send(&bundle(&[post(&url(9), wrong)])).await;
    assert_eq!(listed(&clinic, &account).await, ["104"]);
    let id = ResourceId::from_uuid(answers[1].id.unwrap());
    let error = clinic.clinical.own_result(&account, id).await.unwrap_err();
    assert_eq!(error.code(), "resource.not_found");
    assert_eq!(clinic.events("result.read failed not_found").await, 1);
    assert_eq!(clinic.clinical.own_record(&account).await.unwrap().expose().results, 1);
    assert_eq!(clinic.read_back(&answers[1]).await["status"], "entered-in-error");
}

async fn a_deleted_result_is_hidden_and_can_come_back(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let answers = clinic.send(&ana_with_values()).await;
    let account = clinic.account(answers[0].patient()).await;
    let by_condition = bundle(&[delete(&format!("Observation?identifier={NUMBER}|g1"))]);
    assert_eq!(clinic.send(&by_condition).await[0].status, 204);
    assert_eq!(listed(&clinic, &account).await, ["104"]);
    assert_eq!(clinic.events("resource.deleted success").await, 1);
    let id = answers[1].id.unwrap();
    let hidden = clinic.clinical.own_result(&account, ResourceId::from_uuid(id)).await.unwrap_err();
    assert_eq!(hidden.code(), "resource.not_found");
    let caller = clinic.machine();
    let gone = clinic.clinical.read_resource(&caller, "Observation", &id.to_string()).await.unwrap_err();
    assert_eq!(gone.code(), "resource.not_found");
    // Again, and of what never was: nothing to do, and no event.
    assert_eq!(clinic.send(&by_condition).await[0].status, 204);
    assert_eq!(clinic.send(&bundle(&[delete("Observation/never-seen")])).await[0].status, 204);
    assert_eq!(clinic.events("resource.deleted success").await, 1);
    let back = clinic.send(&bundle(&[post(&url(9), for_known("g1", 91))])).await;
    assert_eq!((back[0].id, back[0].version), (Some(id), Some(3)));
    assert_eq!(listed(&clinic, &account).await, ["104", "91"]);
    let versions = "SELECT count(*) FROM resource_versions WHERE deleted";
    assert_eq!(clinic.number(versions).await, 1);
}

async fn a_deleted_patient_takes_the_chart_along(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let answers = clinic.send(&ana_with_values()).await;
    let patient = answers[0].patient();
    let account = clinic.account(patient).await;
    let clinician = clinic.clinician_of(patient).await;
    clinic.send(&bundle(&[delete(&format!("Patient/{}", patient.uuid()))])).await;
    assert_eq!(clinic.clinical.own_record(&account).await.unwrap_err().code(), "resource.not_found");
    assert_eq!(
        clinic.clinical.patient_record(&clinician, patient).await.unwrap_err().code(),
        "resource.not_found"
    );
    assert!(listed(&clinic, &account).await.is_empty());
    let panel = clinic.clinical.panel(&clinician, &PageRequest::default()).await.unwrap();
    assert!(panel.expose().items.is_empty());
    clinic.send(&bundle(&[post(ANA, ana("77-001"))])).await;
    assert_eq!(clinic.clinical.own_record(&account).await.unwrap().expose().name, "Ana Canária");
    assert_eq!(listed(&clinic, &account).await, ["104", "91"]);
}

async fn a_patient_is_indexed_under_what_the_record_says_now_alone(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let indexed = async || {
        let names = clinic.number("SELECT count(*) FROM patient_name_tokens").await;
        (names, clinic.number("SELECT count(*) FROM patient_identifiers").await)
    };
    let answers = clinic.send(&ana_with_values()).await;
    let before = indexed().await;
    assert!(before.0 > 0 && before.1 > 0, "{before:?}");
    let mut more = ana("77-001");
    more["name"][0]["given"] = json!(["Ana", "Beatriz"]);
    clinic.send(&bundle(&[post(ANA, more)])).await;
    let with_another_name = indexed().await;
    assert!(with_another_name.0 > before.0 && with_another_name.1 == before.1, "{with_another_name:?}");
    clinic.send(&bundle(&[post(ANA, ana("77-001"))])).await;
    assert_eq!(indexed().await, before);
    clinic.send(&bundle(&[delete(&format!("Patient/{}", answers[0].patient().uuid()))])).await;
    assert_eq!(indexed().await, (0, 0));
}

async fn put_reaches_a_resource_by_condition_by_own_id_and_by_the_platforms_id(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let answers = clinic.send(&ana_with_values()).await;
    let id = answers[1].id;
    let condition = put(&format!("Observation?identifier={NUMBER}|g1"), for_known("g1", 92));
    assert_eq!(clinic.send(&bundle(&[condition])).await[0].id, id);
    let platform = put(&format!("Observation/{}", id.unwrap()), for_known("g1", 93));
    let answer = clinic.send(&bundle(&[platform])).await;
    assert_eq!((answer[0].id, answer[0].version), (id, Some(3)));
    let mut own = for_known("g1", 1);
    own.as_object_mut().unwrap().remove("identifier");
    let made = clinic.send(&bundle(&[put("Observation/own-7", own.clone())])).await;
    assert_eq!(made[0].status, 201);
    own["valueQuantity"]["value"] = json!(2);
    let again = clinic.send(&bundle(&[put("Observation/own-7", own)])).await;
    assert_eq!((again[0].id, again[0].version), (made[0].id, Some(2)));
}

async fn post_with_a_condition_keeps_what_is_there(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let answers = clinic.send(&ana_with_values()).await;
    let mut entry = post(ANA, ana("77-001"));
    entry["resource"]["telecom"] = json!([{"system": "phone", "value": "555"}]);
    entry["request"]["ifNoneExist"] = json!(format!("identifier={MRN}|77-001"));
    let kept = clinic.send(&bundle(&[entry, post(&url(5), glucose("g5", "2026-05-05", json!(5)))])).await;
    assert_eq!((kept[0].id, kept[0].version), (answers[0].id, Some(1)));
    assert_eq!(kept[1].status, 201);
}

async fn a_result_in_a_wrong_chart_moves_and_both_logs_say_so(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let answers = clinic.send(&ana_with_values()).await;
    let mut bea = ana("77-002");
    bea["name"] = json!([{"family": "Other", "given": ["Bea"]}]);
    let mut moved = glucose("g1", "2026-01-05", json!(91));
    moved["subject"]["reference"] = json!(url(20));
    let second = clinic.send(&bundle(&[post(&url(20), bea), post(&url(21), moved)])).await;
    assert_eq!(second[1].id, answers[1].id);
    let ana_sees = clinic.account(answers[0].patient()).await;
    let bea_sees = clinic.account(second[0].patient()).await;
    assert_eq!(listed(&clinic, &ana_sees).await, ["104"]);
    assert_eq!(listed(&clinic, &bea_sees).await, ["91"]);
    assert_eq!(clinic.events("resource.deleted success moved_to_another_chart").await, 1);
}

async fn a_link_to_the_patient_who_replaces_another_merges_nothing_and_says_so(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let answers = clinic.send(&ana_with_values()).await;
    let ana_sees = clinic.account(answers[0].patient()).await;
    let mut linked = ana("77-001");
    linked["active"] = json!(false);
    linked["link"] = json!([{"type": "replaced-by", "other": {"reference": url(20)}}]);
    let second = clinic.send(&bundle(&[post(&url(20), ana("77-002")), post(ANA, linked)])).await;
    assert_eq!((second[0].status, second[1].status, second[1].id), (201, 200, answers[0].id));
    let issue = &second[1].outcome.as_ref().unwrap()["issue"][0];
    assert_eq!((&issue["severity"], &issue["code"]), (&json!("warning"), &json!("business-rule")));
    assert_eq!(issue["expression"], json!(["Bundle.entry[1].resource.link"]));
    assert_eq!(second[0].outcome, None);
    // Each account sees what it saw.
    assert_eq!(listed(&clinic, &ana_sees).await.len(), 2);
    let survivor = clinic.account(second[0].patient()).await;
    assert_eq!(listed(&clinic, &survivor).await, Vec::<String>::new());
    let kept = clinic.read_back(&second[1]).await;
    assert_eq!(kept["link"][0]["other"]["reference"], format!("Patient/{}", second[0].id.unwrap()));
}

async fn the_same_bundle_at_once_makes_everything_once(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let bundle = ana_with_values();
    let sends = (0..6).map(|_| clinic.send(&bundle));
    let answers = futures_util::future::join_all(sends).await;
    for other in &answers[1..] {
        let ids = |answers: &[crate::clinic::Answer]| answers.iter().map(|a| a.id).collect::<Vec<_>>();
        assert_eq!(ids(other), ids(&answers[0]));
    }
    let made = answers.iter().flatten().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 3);
    assert_eq!(clinic.number("SELECT count(*) FROM resources").await, 3);
    assert_eq!(clinic.number("SELECT count(*) FROM patients").await, 1);
    assert_eq!(clinic.number("SELECT CAST(sum(version) AS bigint) FROM resources").await, 3);
}

async fn identities_belong_to_one_record_system(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let answers = clinic.send(&ana_with_values()).await;
    let request = cloister_clinical::MachineClientRequest {
        name: "Laboratory".to_owned(),
        jwks: crate::clinic::key_set(),
        identifier_systems: vec![MRN.to_owned()],
    };
    let caller = clinic.staff(clinic.admin);
    let client = clinic.clinical.register_machine_client(&caller, &request).await.unwrap().id;
    let second = Clinic { client, clinical: clinic.clinical.clone(), ..clinic };
    let theirs = second.send(&bundle(&[post(ANA, ana("77-001"))])).await;
    assert_eq!(theirs[0].status, 201);
    assert_ne!(theirs[0].id, answers[0].id);
    // Knowing another system's id is no way to write to it.
    let put = put(&format!("Patient/{}", answers[0].id.unwrap()), ana("77-009"));
    assert_eq!(second.send(&bundle(&[put])).await[0].status, 201);
    assert_eq!(second.read_back(&answers[0]).await["identifier"][0]["value"], "77-001");
}

async fn a_temporary_name_is_good_in_its_own_bundle_alone(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    clinic.send(&ana_with_values()).await;
    let of_another_bundle = bundle(&[post(&url(9), glucose("g9", "2026-01-05", json!(91)))]);
    let error = clinic.try_send(&of_another_bundle).await.unwrap_err();
    assert_eq!(error.code(), "bundle.refused", "{error:?}");
    // As a name of something else it is as free as any other.
    let mut other = ana("77-002");
    other["birthDate"] = json!("1991-07-08");
    assert_eq!(clinic.send(&bundle(&[post(ANA, other)])).await[0].status, 201);
}

async fn of_two_that_share_a_further_name_the_first_has_it(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let shared = |number: &str| {
        let mut value = glucose(number, "2026-01-05", json!(91));
        let further = json!({"system": NUMBER, "value": "shared"});
        value["identifier"].as_array_mut().unwrap().push(further);
        value
    };
    let entries = [post(ANA, ana("77-001")), post(&url(2), shared("g1")), post(&url(3), shared("g2"))];
    let answers = clinic.send(&bundle(&entries)).await;
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    let condition = format!("Observation?identifier={NUMBER}|shared");
    assert_eq!(clinic.send(&bundle(&[delete(&condition)])).await[0].status, 204);
    let (caller, first) = (clinic.machine(), answers[1].id.unwrap().to_string());
    let gone = clinic.clinical.read_resource(&caller, "Observation", &first).await;
    assert_eq!(gone.unwrap_err().code(), "resource.not_found");
    assert_eq!(clinic.read_back(&answers[2]).await["status"], "final");
}
