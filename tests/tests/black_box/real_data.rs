//! Bundles that other people's software made: they go in over HTTP and read back equal.

#[path = "../../../crates/fhir/tests/corpus/labs.rs"]
mod labs;

use std::{collections::BTreeMap, io::Read, path::Path};

use cloister_testkit::app::{PatientFile, RecordClient, TestApp, WireAnswer};
use cloister_tests::test_data;
use reqwest::Method;
use serde_json::Value;
use time::Duration;

use labs::Row;

fn bundle(path: &Path) -> Value {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

const SSN: &str = "http://hl7.org/fhir/sid/us-ssn";

fn kind(resource: &Value) -> &str {
    resource["resourceType"].as_str().unwrap()
}

/// A resource without what the server sets or rewrites: id, meta, and references within the bundle.
fn essence(resource: &Value) -> String {
    fn strip(value: &Value) -> Value {
        match value {
            Value::Object(members) => members
                .iter()
                .filter(|(name, _)| !["reference", "meta"].contains(&name.as_str()))
                .map(|(name, value)| (name.clone(), strip(value)))
                .collect(),
            Value::Array(items) => items.iter().map(strip).collect(),
            other => other.clone(),
        }
    }
    let mut plain = strip(resource);
    // Social security numbers are kept and not given out.
    if let Some(identifiers) = plain["identifier"].as_array_mut() {
        identifiers.retain(|identifier| identifier["system"] != SSN);
    }
    plain.as_object_mut().unwrap().remove("id");
    plain.to_string()
}

async fn read_back(app: &TestApp, record: &RecordClient, portal: &str, bundle: &Value, answer: &Value) {
    let (token, wire) = (record.token().await, app.wire());
    let entries = bundle["entry"].as_array().unwrap();
    let answers = answer["entry"].as_array().unwrap();
    assert_eq!(entries.len(), answers.len());
    for (entry, answered) in entries.iter().zip(answers) {
        let sent = &entry["resource"];
        let location = answered["response"]["location"].as_str().unwrap_or_else(|| panic!("{answered}"));
        let path = location.split("/_history").next().unwrap();
        app.pass(Duration::milliseconds(250));
        let call = cloister_testkit::app::Call::new(Method::GET, portal, &format!("/fhir/R4/{path}"))
            .with("authorization", &format!("Bearer {token}"));
        let got: WireAnswer = wire.send(&call).await;
        assert_eq!(got.status, 200, "{path}: {}", got.text());
        assert!(!got.text().contains(SSN), "{path}");
        let got = got.json();
        assert_eq!(kind(&got), kind(sent));
        assert_eq!(essence(&got), essence(sent), "{path}");
    }
}

fn counts(rows: &[(String, i64)]) -> BTreeMap<String, i64> {
    rows.iter().filter(|(table, _)| table != "jobs" && table != "messages").cloned().collect()
}

async fn pass_twice(
    app: &TestApp,
    record: &RecordClient,
    portal: &str,
    bundles: &[(String, Value)],
) -> usize {
    let mut entries = 0;
    for (name, bundle) in bundles {
        app.pass(Duration::seconds(61));
        let answer = record.push(bundle).await;
        read_back(app, record, portal, bundle, &answer).await;
        entries += answer["entry"].as_array().unwrap().len();
        assert!(!answer.to_string().contains("\"severity\":\"error\""), "{name}");
        // Bundles share hospitals and say different things of them: the second pass is each one's own.
        let before = counts(&app.database.row_counts().await);
        let again = record.push(bundle).await;
        assert_eq!(counts(&app.database.row_counts().await), before, "{name}: a second pass changes nothing");
        for (first, second) in
            answer["entry"].as_array().unwrap().iter().zip(again["entry"].as_array().unwrap())
        {
            let (first, second) = (&first["response"], &second["response"]);
            assert!(second["status"].as_str().unwrap().starts_with("200"), "{name}: {second}");
            assert_eq!(
                (&first["etag"], &first["location"]),
                (&second["etag"], &second["location"]),
                "{name}"
            );
        }
    }
    entries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_synthea_bundles_go_in_read_back_equal_and_change_nothing_the_second_time() {
    let Some(folder) = test_data("fhir/synthea") else { return };
    let app = TestApp::start().await;
    let mut clinic = app.clinic("lakeside").await;
    let record = clinic.record_client_with(&app, &["https://github.com/synthetichealth/synthea"]).await;
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // Hospitals and practitioners first: the others refer to them.
    files.sort_by_key(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (!name.starts_with("hospital"), !name.starts_with("practitioner"), name)
    });
    let bundles: Vec<_> = files.iter().map(|path| (path.display().to_string(), bundle(path))).collect();
    assert_eq!(bundles.len(), 14);
    let entries = pass_twice(&app, &record, &clinic.portal, &bundles).await;
    assert!(entries > 1500, "{entries}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_inferno_bundle_goes_in_reads_back_equal_and_changes_nothing_the_second_time() {
    let Some(file) = test_data("fhir/inferno/uscore_bundle_patient_85.json.gz") else { return };
    let app = TestApp::start().await;
    let mut clinic = app.clinic("lakeside").await;
    let record = clinic.record_client_with(&app, &["urn:test:inferno"]).await;
    let bundles = [("inferno".to_owned(), bundle(&file))];
    pass_twice(&app, &record, &clinic.portal, &bundles).await;
}

/// A row of the laboratory table as an Observation's members.
fn members(value: &str, low: &str, high: &str, unit: &str) -> Value {
    let number = |text: &str| serde_json::from_str::<serde_json::Number>(text).ok();
    let comparator = ["<=", ">=", "<", ">"].into_iter().find(|sign| value.starts_with(sign));
    let plain = value.trim_start_matches(['<', '>', '=']);
    let mut members = match number(plain) {
        Some(number) => {
            let mut quantity = serde_json::json!({ "value": number, "unit": unit });
            if let Some(comparator) = comparator {
                quantity["comparator"] = Value::from(comparator);
            }
            serde_json::json!({ "valueQuantity": quantity })
        }
        None => serde_json::json!({ "valueString": value }),
    };
    let mut range = serde_json::Map::new();
    for (name, limit) in [("low", low), ("high", high)] {
        if let Some(number) = number(limit) {
            range.insert(name.to_owned(), serde_json::json!({ "value": number, "unit": unit }));
        }
    }
    if !range.is_empty() {
        members["referenceRange"] = serde_json::json!([range]);
    }
    members
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_of_the_laboratory_table_is_shown_with_its_value_and_a_sensible_word() {
    let Some(file) = test_data("fhir/labs/labs.txt") else { return };
    let app = TestApp::start().await;
    let mut clinic = app.clinic("lakeside").await;
    let record = clinic.record_client(&app).await;
    record.push(&PatientFile::practitioners(&["P1"])).await;
    let text = std::fs::read_to_string(file).unwrap();
    let rows = labs::rows(&text);
    assert!(rows.len() > 3000);
    // Half of the odd rows, a tenth of the ordinary ones: one chart can be read through page by page.
    let odd = |row: &Row| {
        row.value.parse::<f64>().is_err() || row.low.is_empty() || row.high.is_empty() || row.low == row.high
    };
    let chosen: Vec<&Row> = rows
        .iter()
        .enumerate()
        .filter(|(index, row)| (odd(row) && index % 2 == 0) || index % 10 == 0)
        .map(|(_, row)| row)
        .collect();
    let results = chosen.iter().map(|row| cloister_testkit::app::Observed {
        number: row.number.clone(),
        code: row.code.clone(),
        name: format!("{} #{}", row.name, row.number),
        members: members(&row.value, &row.low, &row.high, &row.unit),
        at: row.date.clone(),
    });
    let file = PatientFile { results: results.collect(), ..PatientFile::ordinary(5, "P1") };
    record.push(&file.bundle()).await;
    let mut clinician = clinic.staff(&app, "doctor@lakeside.example", "clinician", Some("P1")).await;
    let mut patient = clinic.patient(&app, &mut clinician, &file).await;
    let mut shown: BTreeMap<String, Value> = BTreeMap::new();
    let mut path = "/api/v1/record/results?limit=200".to_owned();
    loop {
        app.pass(Duration::seconds(1));
        let page = patient.browser.get(&path).await.unwrap().ok("results").unwrap();
        for item in page["items"].as_array().unwrap() {
            let number = item["name"].as_str().unwrap().rsplit_once('#').unwrap().1.to_owned();
            shown.insert(number, item.clone());
        }
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/record/results?limit=200&cursor={cursor}");
    }
    assert_eq!(shown.len(), chosen.len());
    for row in chosen {
        let Row { number, value, low, high, .. } = row;
        let item = &shown[number];
        let text: String = item["value_text"].as_str().unwrap().split_whitespace().collect();
        let expected: String = value.split_whitespace().collect();
        assert_eq!(text, expected, "row {number}: {item}");
        let word = item["interpretation"].as_str().unwrap();
        let (low, high) = (low.parse::<f64>().ok(), high.parse::<f64>().ok());
        let fits = match (value.parse::<f64>().ok(), low, high) {
            (_, None, None) => word == "no_range",
            (Some(value), _, _) => {
                let expected = if high.is_some_and(|high| value > high) {
                    "above"
                } else if low.is_some_and(|low| value < low) {
                    "below"
                } else {
                    "in_range"
                };
                word == expected
                    || (low.zip(high).is_some_and(|(low, high)| low >= high) && word == "not_comparable")
            }
            // Text, and comparators that may leave the answer open.
            (None, _, _) => matches!(word, "not_comparable" | "above" | "below" | "in_range"),
        };
        assert!(fits, "row {number}, {value}, is called {word}");
        // Words without a number in them say nothing about a range.
        if !value.contains(|letter: char| letter.is_ascii_digit()) && (low.is_some() || high.is_some()) {
            assert_eq!(word, "not_comparable", "row {number}, {value}");
        }
    }
}
