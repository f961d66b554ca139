//! One clinic, one patient, one clinician, from the operator's first call to a result with its trend.

use cloister_testkit::app::{PatientFile, TestApp};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clinic_is_made_and_a_patient_reads_a_result_that_its_record_system_sent() {
    let app = TestApp::start().await;
    let mut clinic = app.clinic("lakeside").await;
    let record = clinic.record_client(&app).await;
    let file = PatientFile::ordinary(1, "P1");
    record.push(&PatientFile::practitioners(&["P1"])).await;
    let answer = record.push(&file.bundle()).await;
    let statuses: Vec<&str> = answer["entry"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["response"]["status"].as_str())
        .collect();
    assert_eq!(statuses.len(), 5, "{answer}");
    assert!(statuses.iter().all(|status| status.starts_with("201")), "{statuses:?}");

    let mut clinician = clinic.staff(&app, "doctor@lakeside.example", "clinician", Some("P1")).await;
    let mut patient = clinic.patient(&app, &mut clinician, &file).await;
    assert_eq!(patient.recovery_codes.len(), 10);

    let header = patient.browser.get("/api/v1/record").await.unwrap().ok("record").unwrap();
    assert_eq!(header["name"], format!("{} {}", file.given, file.family));
    assert_eq!((&header["birth_date"], &header["counts"]["results"]), (&json!(file.birth_date), &json!(3)));
    let results = patient.browser.get("/api/v1/record/results?limit=2").await.unwrap().ok("results").unwrap();
    let items = results["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let newest = &items[0];
    assert_eq!(
        (&newest["name"], &newest["value_text"], &newest["unit"], &newest["interpretation"]),
        (&json!("Glucose"), &json!("131"), &json!("mg/dL"), &json!("above"))
    );
    let cursor = results["next_cursor"].as_str().expect("a third result is on the next page");
    let rest = patient.browser.get(&format!("/api/v1/record/results?limit=2&cursor={cursor}")).await.unwrap();
    let rest = rest.ok("the next page").unwrap();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
    assert_eq!(rest["items"][0]["interpretation"], "in_range");

    let path = format!("/api/v1/record/results/{}", newest["id"].as_str().unwrap());
    let result = patient.browser.get(&path).await.unwrap().ok("one result").unwrap();
    assert_eq!((result["range"]["low"].as_f64(), result["range"]["high"].as_f64()), (Some(70.0), Some(99.0)));
    let trend: Vec<f64> = result["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|point| point["value_number"].as_f64())
        .collect();
    let mut sorted = trend.clone();
    sorted.sort_by(f64::total_cmp);
    assert_eq!(sorted, [88.0, 97.0, 131.0], "{result}");

    let panel = clinician.browser.get("/api/v1/panel").await.unwrap().ok("panel").unwrap();
    let row = &panel["items"][0];
    assert_eq!((&row["name"], &row["sources"]), (&header["name"], &json!(["care_team"])), "{panel}");
    let chart = format!("/api/v1/patients/{}", patient.patient.unwrap());
    let seen = clinician.browser.get(&chart).await.unwrap().ok("chart").unwrap();
    assert_eq!(seen["name"], header["name"]);
    let seen = clinician.browser.get(&format!("{chart}/results")).await.unwrap().ok("chart results").unwrap();
    assert_eq!(seen["items"].as_array().unwrap().len(), 3);

    let events = app.database.events(clinic.id).await;
    let count = |action: &str| {
        events.iter().filter(|event| event.action == action && event.outcome == "success").count()
    };
    for (action, times) in [
        ("account.activated", 3),
        ("bundle.ingested", 2),
        ("resource.created", 6),
        ("invitation.created", 1),
        ("invitation.accepted", 3),
        ("staff.invited", 2),
        ("machine_client.registered", 1),
        ("machine_client.token", 2),
        ("record.read", 2),
        ("result.list", 3),
        ("result.read", 1),
        ("session.step_up", 2),
        ("session.created", 3),
        ("totp.enrolled", 3),
    ] {
        assert_eq!(count(action), times, "{action} in {:#?}", lines(&events));
    }
    let reads: Vec<_> = events.iter().filter(|event| event.action == "record.read").collect();
    assert!(
        reads.iter().all(|event| event.patient == patient.patient),
        "every reading names whose record it was"
    );
    assert_eq!(reads.iter().filter(|event| event.actor == Some(clinician.id)).count(), 1);
}

fn lines(events: &[cloister_testkit::app::EventRow]) -> Vec<String> {
    events.iter().map(cloister_testkit::app::EventRow::line).collect()
}
