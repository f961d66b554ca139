//! Input that was made to break readers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a failed test stops")]

mod corpus;

use std::io::Read;

use cloister_fhir::{
    BundlePlan, JsonProblem, MAX_BYTES, MAX_DEPTH, Moment, Patient, ReferenceText, ResultView, name_prefix,
    name_tokens, read_json,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

#[test]
fn the_json_test_suite_is_judged_as_it_should_be() {
    let Some(path) = corpus::folder("badinput/jsontestsuite.tar.gz") else { return };
    let archive = flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap());
    let (mut accepted, mut refused) = (0, 0);
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if !name.ends_with(".json") {
            continue;
        }
        let read = read_json(&bytes);
        // Equal names in one object are JSON's to allow and ours to refuse.
        let doubled = read.as_ref().is_err_and(|error| error.problem == JsonProblem::DuplicateName);
        if name.starts_with("y_") {
            assert!(read.is_ok() || (doubled && name.contains("duplicated")), "{name}: {read:?}");
            accepted += 1;
        } else if name.starts_with("n_") {
            assert!(read.is_err(), "{name}");
            refused += 1;
        }
        assert!(BundlePlan::read(&bytes, &[]).is_err(), "{name} is no bundle");
    }
    println!("{accepted} to accept, {refused} to refuse");
    assert!(accepted > 80 && refused > 150);
}

#[test]
fn errors_name_the_place_and_no_content() {
    let place = |text: &str| {
        let error = read_json(text.as_bytes()).unwrap_err();
        (error.problem, error.path)
    };
    assert_eq!(place(r#"{"entry":[{},{"a":1,"a":2}]}"#), (JsonProblem::DuplicateName, "$.entry[1].a".into()));
    assert_eq!(place(r#"{"entry":[{"Ana García":01}]}"#), (JsonProblem::BadNumber, "$.entry[0].?".into()));
    assert_eq!(
        place(r#"{"a":{"$serde_json::private::Number":"1"}}"#),
        (JsonProblem::ReservedName, "$.a".into())
    );
    assert_eq!(place("[1, 2"), (JsonProblem::Unfinished, "$".into()));
    assert_eq!(place("[1] x"), (JsonProblem::Trailing, "$".into()));
    assert_eq!(place(r#"{"a":"\ud800"}"#), (JsonProblem::BadString, "$.a".into()));
    let deep = |levels: usize| read_json(format!("{}{}", "[".repeat(levels), "]".repeat(levels)).as_bytes());
    assert!(deep(MAX_DEPTH).is_ok());
    assert_eq!(deep(MAX_DEPTH + 1).unwrap_err().problem, JsonProblem::TooDeep);
    assert_eq!(read_json(&vec![b' '; MAX_BYTES + 1]).unwrap_err().problem, JsonProblem::TooLarge);
    let refused = BundlePlan::read(br#"{"entry":[{"a":1,"a":2}]}"#, &[]).unwrap_err();
    assert_eq!(refused.0.issues()[0].expression, "Bundle.entry[0].a");
}

#[test]
fn every_digit_of_a_number_is_kept() {
    for number in ["0.10", "173.07682915481982", "100000000000000000000000.000", "-0", "1.0e-300"] {
        let value = read_json(format!("[{number}]").as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), format!("[{number}]"));
    }
}

fn naughty() -> Vec<String> {
    let Some(path) = corpus::folder("badinput/blns.json") else { return Vec::new() };
    serde_json::from_slice(&corpus::open(path)).unwrap()
}

#[test]
fn naughty_strings_pass_through_names_and_values_unchanged_or_are_refused_by_name() {
    for words in naughty() {
        let entry = |url: &str, resource: Value| json!({"fullUrl": url, "resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}});
        let patient = json!({"resourceType": "Patient", "name": [{"family": words, "given": [words]}],
            "identifier": [{"system": "https://x.example", "value": words}]});
        let result = json!({"resourceType": "Observation", "status": "final", "code": {"text": words}, "valueString": words,
            "referenceRange": [{"text": words}], "subject": {"reference": "urn:uuid:11111111-1111-4111-8111-111111111111"}});
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
            entry("urn:uuid:11111111-1111-4111-8111-111111111111", patient.clone()),
            entry("urn:uuid:22222222-2222-4222-8222-222222222222", result.clone())]});
        let plan = BundlePlan::read(bundle.to_string().as_bytes(), &["https://x.example".into()]);
        let controls = words.chars().any(|c| c < '\u{20}' && !matches!(c, '\t' | '\n' | '\r'));
        match plan {
            Ok(plan) => {
                assert!(!controls, "{words:?}");
                let mut given = 0;
                let operations = plan
                    .resolve(
                        |_| None,
                        |_| {
                            given += 1;
                            Uuid::from_u128(given)
                        },
                    )
                    .unwrap()
                    .operations;
                assert_eq!(operations[0].resource.as_ref().unwrap()["name"], patient["name"]);
            }
            Err(_) => assert!(controls, "{words:?}"),
        }
        let view = ResultView::of(&result);
        assert_eq!(view.reading.value_text, words.trim());
        for token in Patient::of(&patient).name_tokens() {
            assert!(token.chars().all(char::is_alphabetic) && token == token.to_lowercase());
            assert!(name_prefix(&token).chars().count() <= 3);
        }
        let reference = ReferenceText::parse(&words);
        assert!(matches!(
            reference,
            Err(_) | Ok(ReferenceText::Fragment(_) | ReferenceText::Absolute { resource_type: None, .. })
        ));
    }
}

/// JSON of FHIR's words with arbitrary values: nearer to what the code looks at than arbitrary text is.
fn fhir_like() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "resourceType",
        "status",
        "code",
        "coding",
        "text",
        "value",
        "valueQuantity",
        "valueString",
        "unit",
        "comparator",
        "referenceRange",
        "low",
        "high",
        "component",
        "subject",
        "reference",
        "identifier",
        "system",
        "entry",
        "resource",
        "request",
        "method",
        "url",
        "fullUrl",
        "type",
        "name",
        "family",
        "given",
        "birthDate",
        "contained",
        "id",
        "meta",
        "interpretation",
        "effectivePeriod",
        "start",
        "target",
        "participant",
        "actor",
        "category",
        "note",
    ]);
    let text = prop_oneof![
        prop::sample::select(vec![
            "Patient",
            "Observation",
            "Bundle",
            "transaction",
            "POST",
            "PUT",
            "final",
            "Patient/1",
            "#a",
            "H",
            "<5",
            "1-2",
            "2020",
            "urn:uuid:11111111-1111-4111-8111-111111111111",
            "Patient?identifier=a|b",
            "entered-in-error",
            "Provenance",
        ])
        .prop_map(str::to_owned),
        ".{0,12}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<i64>().prop_map(|number| json!(number)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 96, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(word.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,60}") {
        let _ = read_json(&bytes);
        let _ = read_json(text.as_bytes());
        let _ = Moment::parse(&text);
        let _ = ReferenceText::parse(&text);
        let _ = name_tokens(&text);
        let view = ResultView::of(&json!({"valueString": text, "referenceRange": [{"text": text}]}));
        prop_assert_eq!(view.reading.value_text, text.trim());
    }

    #[test]
    fn what_is_read_agrees_with_the_json_library(value in fhir_like()) {
        let text = value.to_string();
        prop_assert_eq!(read_json(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
    }

    #[test]
    fn no_document_makes_the_views_or_the_plan_panic(resource in fhir_like(), method in prop::sample::select(vec!["POST", "PUT", "DELETE"])) {
        let _ = ResultView::of(&resource);
        let _ = Patient::of(&resource).header();
        let _ = Patient::of(&resource).demographics();
        for kind in ["Observation", "Provenance", "Appointment", "Patient"] {
            let mut resource = resource.clone();
            if let Value::Object(members) = &mut resource {
                members.insert("resourceType".into(), kind.into());
            }
            let entry = json!({"fullUrl": "https://x.example/Patient/1", "resource": resource, "request": {"method": method, "url": kind}});
            let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry, resource]});
            for bytes in [bundle.to_string(), json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).to_string()] {
                if let Ok(plan) = BundlePlan::read(bytes.as_bytes(), &["a".to_owned()]) {
                    let _ = plan.resolve(|_| None, |_| Uuid::nil());
                }
            }
        }
    }
}
