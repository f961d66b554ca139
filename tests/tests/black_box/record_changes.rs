//! What record systems change later, as patients and clinicians see it.

use cloister_testkit::app::{Observed, PatientFile, SYSTEMS, TestApp, transaction};
use serde_json::{Value, json};

fn corrected(file: &PatientFile, number: usize, value: u32, status: &str) -> Value {
    let mut resources = file.resources();
    let (url, mut resource) = resources.swap_remove(resources.len() - file.results.len() + number);
    resource["valueQuantity"]["value"] = json!(value);
    resource["status"] = json!(status);
    // Sent alone: the patient is named by identifier, as record systems do later.
    resource["subject"] =
        json!({ "reference": format!("Patient?identifier={}|{}", SYSTEMS[0], file.record_number) });
    transaction(vec![(url, resource)])
}

async fn values(patient: &mut cloister_testkit::app::Person) -> Vec<(String, String)> {
    let page = patient.browser.get("/api/v1/record/results").await.unwrap().ok("results").unwrap();
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| (text(item, "value_text"), text(item, "status"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrected_result_replaces_a_deleted_one_is_hidden_and_a_clash_waits_for_a_person() {
    let app = TestApp::start().await;
    let mut clinic = app.clinic("riverside").await;
    let record = clinic.record_client(&app).await;
    let file = PatientFile::ordinary(1, "P1");
    record.push(&PatientFile::practitioners(&["P1"])).await;
    record.push(&file.bundle()).await;
    let mut clinician = clinic.staff(&app, "doctor@riverside.example", "clinician", Some("P1")).await;
    let mut patient = clinic.patient(&app, &mut clinician, &file).await;
    let pair = |value: &str, status: &str| (value.to_owned(), status.to_owned());
    assert_eq!(values(&mut patient).await, [pair("131", "final"), pair("97", "final"), pair("88", "final")]);
    let again = record.push(&file.bundle()).await;
    let statuses: Vec<&str> = again["entry"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["response"]["status"].as_str())
        .collect();
    assert!(
        statuses.iter().all(|status| status.starts_with("200")),
        "a second pass changes nothing: {statuses:?}"
    );

    record.push(&corrected(&file, 2, 113, "corrected")).await;
    assert_eq!(
        values(&mut patient).await,
        [pair("113", "corrected"), pair("97", "final"), pair("88", "final")]
    );
    let page = patient.browser.get("/api/v1/record/results").await.unwrap().ok("results").unwrap();
    let (newest, middle) = (page["items"][0]["id"].clone(), page["items"][1]["id"].clone());
    let path = format!("/api/v1/record/results/{}", newest.as_str().unwrap());
    let detail = patient.browser.get(&path).await.unwrap().ok("result").unwrap();
    assert!(!detail.to_string().contains("131"), "the value that was wrong is not shown anywhere: {detail}");

    let delete = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [{
        "request": { "method": "DELETE", "url": format!("Observation/{}", middle.as_str().unwrap()) }
    }]});
    record.push(&delete).await;
    assert_eq!(values(&mut patient).await, [pair("113", "corrected"), pair("88", "final")]);
    let path = format!("/api/v1/record/results/{}", middle.as_str().unwrap());
    assert_eq!(patient.browser.get(&path).await.unwrap().status.as_u16(), 404);
    record.push(&corrected(&file, 0, 88, "entered-in-error")).await;
    assert_eq!(values(&mut patient).await, [pair("113", "corrected")]);

    for (decision, incoming, date) in [
        ("keep_current", "1930-02-03", file.birth_date.as_str()),
        ("accept_incoming", "1931-03-04", "1931-03-04"),
    ] {
        let clash = PatientFile { birth_date: incoming.to_owned(), results: Vec::new(), ..file.clone() };
        let answer = record.push(&clash.bundle()).await;
        let statuses: Vec<&str> = answer["entry"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|entry| entry["response"]["status"].as_str())
            .collect();
        assert!(statuses.iter().all(|status| status.starts_with("202")), "{answer}");
        let header = patient.browser.get("/api/v1/record").await.unwrap().ok("record").unwrap();
        assert_eq!(
            header["birth_date"],
            json!(file.birth_date),
            "nothing of it counts before somebody decided"
        );
        let waiting = clinician.browser.get("/api/v1/quarantine").await.unwrap().ok("quarantine").unwrap();
        let entry = &waiting["items"][0];
        assert_eq!(entry["differences"][0]["field"], "birth_date", "{waiting}");
        let path = format!("/api/v1/quarantine/{}/decision", entry["id"].as_str().unwrap());
        let decided = clinician.browser.post(&path, &json!({ "decision": decision })).await.unwrap();
        assert_eq!(decided.status.as_u16(), 204, "{}", decided.body);
        let twice = clinician.browser.post(&path, &json!({ "decision": decision })).await.unwrap();
        assert!(matches!(twice.status.as_u16(), 404 | 409), "{}", twice.body);
        let header = patient.browser.get("/api/v1/record").await.unwrap().ok("record").unwrap();
        assert_eq!(header["birth_date"], json!(date), "{decision}");
    }
    let lines: Vec<String> = app.database.events(clinic.id).await.iter().map(|event| event.line()).collect();
    for action in [
        "resource.updated success",
        "resource.deleted success",
        "resource.quarantined success conflicting_demographics",
        "quarantine.decided success",
    ] {
        assert!(lines.iter().any(|line| line == action), "{action} in {lines:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_values_are_shown_as_they_are_and_never_called_normal() {
    let app = TestApp::start().await;
    let mut clinic = app.clinic("lakeside").await;
    let record = clinic.record_client(&app).await;
    record.push(&PatientFile::practitioners(&["P1"])).await;
    let quantity = |value: Value, low: Value, high: Value| {
        let limit = |value: Value| json!({ "value": value, "unit": "mg/dL" });
        let mut range = json!({});
        if !low.is_null() {
            range["low"] = limit(low);
        }
        if !high.is_null() {
            range["high"] = limit(high);
        }
        let mut members = value;
        if range != json!({}) {
            members["referenceRange"] = json!([range]);
        }
        members
    };
    let number = |value: Value| json!({ "valueQuantity": { "value": value, "unit": "mg/dL" } });
    let cases = [
        ("no range", quantity(number(json!(5)), Value::Null, Value::Null), "5", "no_range"),
        ("text", quantity(json!({ "valueString": "TNTC" }), json!(0), json!(5)), "TNTC", "not_comparable"),
        (
            "comparator above",
            quantity(
                json!({ "valueQuantity": { "value": 20, "comparator": ">", "unit": "mg/dL" } }),
                json!(0),
                json!(5),
            ),
            ">20",
            "above",
        ),
        (
            "comparator that says nothing",
            quantity(
                json!({ "valueQuantity": { "value": 20, "comparator": "<", "unit": "mg/dL" } }),
                json!(5),
                json!(30),
            ),
            "<20",
            "not_comparable",
        ),
        ("one limit", quantity(number(json!(5)), Value::Null, json!(4)), "5", "above"),
        ("low equals high", quantity(number(json!(3)), json!(3), json!(3)), "3", "in_range"),
    ];
    let results = cases.iter().enumerate().map(|(index, (name, members, _, _))| Observed {
        number: index.to_string(),
        code: format!("1000{index}-0"),
        name: (*name).to_owned(),
        members: members.clone(),
        at: format!("2026-01-{:02}T08:00:00Z", index + 1),
    });
    let file = PatientFile { results: results.collect(), ..PatientFile::ordinary(3, "P1") };
    record.push(&file.bundle()).await;
    let mut clinician = clinic.staff(&app, "doctor@lakeside.example", "clinician", Some("P1")).await;
    let mut patient = clinic.patient(&app, &mut clinician, &file).await;
    let page = patient.browser.get("/api/v1/record/results").await.unwrap().ok("results").unwrap();
    for (name, _, shown, interpretation) in &cases {
        let items = page["items"].as_array().unwrap();
        let item =
            items.iter().find(|item| item["name"] == json!(name)).unwrap_or_else(|| panic!("{name}: {page}"));
        let text: String = item["value_text"].as_str().unwrap().split_whitespace().collect();
        assert_eq!(
            (text.as_str(), &item["interpretation"]),
            (*shown, &json!(interpretation)),
            "{name}: {item}"
        );
    }
}
