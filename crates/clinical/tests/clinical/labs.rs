//! Thousands of laboratory rows, odd ones among them, through the whole path.

use std::collections::BTreeMap;

use cloister_clinical::{PageRequest, ResultSummary};
use cloister_fhir::{Interpretation, read_json};
use serde_json::{Value, json};

use crate::{
    clinic::{ANA, Clinic, Harness, Kind, ana, bundle, post, url},
    corpus::{
        self,
        labs::{self, Row},
    },
    on_both,
};

on_both! { odd_rows_of_the_laboratory_table_read_back_sensibly }

fn rows() -> Vec<Row> {
    let Some(path) = corpus::folder("fhir/labs/labs.txt") else { return Vec::new() };
    labs::rows(&String::from_utf8(corpus::open(path)).unwrap())
}

fn number(text: &str) -> Option<Value> {
    read_json(text.as_bytes()).ok().filter(Value::is_number)
}

fn observation(row: &Row) -> Value {
    let mut observation = json!({
        "resourceType": "Observation", "status": "final", "effectiveDateTime": row.date,
        "subject": {"reference": ANA}, "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": row.code, "display": row.name}]},
    });
    let quantity = |value: Value| match row.unit.as_str() {
        "" => json!({ "value": value }),
        unit => json!({ "value": value, "unit": unit }),
    };
    match number(&row.value) {
        Some(value) => observation["valueQuantity"] = quantity(value),
        None => observation["valueString"] = json!(row.value),
    }
    let limits: Vec<(&str, Value)> = [("low", &row.low), ("high", &row.high)]
        .into_iter()
        .filter_map(|(name, limit)| Some((name, quantity(number(limit)?))))
        .collect();
    if !limits.is_empty() {
        observation["referenceRange"] = json!([limits.into_iter().collect::<BTreeMap<_, _>>()]);
    }
    observation
}

async fn odd_rows_of_the_laboratory_table_read_back_sensibly(harness: Harness) {
    let rows = rows();
    if rows.is_empty() {
        return;
    }
    let clinic = Clinic::open(&harness, "lakeside").await;
    let mut entries = vec![post(ANA, ana("77-001"))];
    let usable = |row: &&Row| !row.value.is_empty();
    let sent: Vec<&Row> = rows.iter().filter(usable).collect();
    entries.extend(sent.iter().zip(10..).map(|(row, n)| post(&url(n), observation(row))));
    let began = std::time::Instant::now();
    let answers = clinic.send(&bundle(&entries)).await;
    println!("{:?}: {} rows taken in in {:?}", harness.kind, sent.len(), began.elapsed());
    let account = clinic.account(answers[0].patient()).await;
    let (mut seen, mut cursor) = (BTreeMap::new(), None);
    loop {
        let page = PageRequest { limit: Some(200), cursor };
        let page = clinic.clinical.own_results(&account, &page).await.unwrap().into_exposed();
        seen.extend(page.items.into_iter().map(|item| (item.id.uuid(), item)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), sent.len());
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    for (row, answer) in sent.iter().zip(&answers[1..]) {
        let shown: &ResultSummary = &seen[&answer.id.unwrap()];
        assert_eq!(shown.code.as_deref(), Some(row.code.as_str()));
        assert!(!shown.value_text.is_empty(), "{}", row.value);
        let has_range = number(&row.low).is_some() || number(&row.high).is_some();
        let mut meet = |what| *met.entry(what).or_default() += 1;
        if !has_range {
            meet("no range");
            assert_eq!(shown.interpretation, Interpretation::NoRange, "{}", row.value);
        }
        match row.value.as_str() {
            "TNTC" => {
                meet("TNTC");
                assert_eq!(shown.value_text, "TNTC");
                assert!(matches!(
                    shown.interpretation,
                    Interpretation::NotComparable | Interpretation::NoRange
                ));
            }
            value if value.starts_with(['>', '<']) => {
                meet("bound");
                assert_eq!(shown.value_text, value);
            }
            value if has_range && row.low == row.high && number(value).is_some() => {
                meet("low equals high");
                assert_eq!(shown.range_text.as_deref(), Some(row.low.as_str()));
                // A range of one number says what is normal only to a value that equals it.
                let same = value.parse::<f64>().unwrap() == row.low.parse::<f64>().unwrap();
                let expected = if same { Interpretation::InRange } else { Interpretation::NotComparable };
                assert_eq!(shown.interpretation, expected, "{value}");
            }
            _ => {}
        }
    }
    println!("{met:?}");
    for odd in ["no range", "bound", "low equals high", "TNTC"] {
        assert!(met.contains_key(odd), "{odd}");
    }
}
