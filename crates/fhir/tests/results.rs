//! Laboratory rows as real laboratories write them, each with a sensible view.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a failed test stops")]

mod corpus;

use std::collections::BTreeMap;

use cloister_fhir::{Interpretation, ResultView, ValueKind, read_json};
use serde_json::{Value, json};

use corpus::labs::Row;

fn rows() -> Vec<Row> {
    let Some(path) = corpus::folder("fhir/labs/labs.txt") else { return Vec::new() };
    corpus::labs::rows(&String::from_utf8(corpus::open(path)).unwrap())
}

/// The number if the text is one as JSON writes it.
fn number(text: &str) -> Option<Value> {
    read_json(text.as_bytes()).ok().filter(Value::is_number)
}

fn observation(row: &Row) -> Value {
    let mut observation = json!({
        "resourceType": "Observation", "status": "final", "effectiveDateTime": row.date,
        "code": {"coding": [{"system": "http://loinc.org", "code": row.code, "display": row.name}]},
        "category": [{"coding": [{"code": "laboratory"}]}]
    });
    let quantity = |value: Value| {
        let mut quantity = json!({ "value": value });
        if !row.unit.is_empty() {
            quantity["unit"] = json!(row.unit);
        }
        quantity
    };
    match number(&row.value) {
        Some(value) => observation["valueQuantity"] = quantity(value),
        None => observation["valueString"] = json!(row.value),
    }
    let mut range = json!({});
    let words: Vec<&str> = [&row.low, &row.high]
        .into_iter()
        .map(String::as_str)
        .filter(|l| !l.is_empty() && number(l).is_none())
        .collect();
    if words.is_empty() {
        for (name, limit) in [("low", &row.low), ("high", &row.high)] {
            if let Some(limit) = number(limit) {
                range[name] = quantity(limit);
            }
        }
    } else {
        range["text"] = json!(words.join(" - "));
    }
    if range.as_object().is_some_and(|range| !range.is_empty()) {
        observation["referenceRange"] = json!([range]);
    }
    observation
}

#[test]
fn every_row_has_a_sensible_view() {
    let rows = rows();
    if rows.is_empty() {
        return;
    }
    let mut counts: BTreeMap<Interpretation, usize> = BTreeMap::new();
    for row in &rows {
        let view = ResultView::of(&observation(row));
        let reading = &view.reading;
        *counts.entry(reading.interpretation).or_default() += 1;
        assert!(!reading.value_text.is_empty() && !reading.name.is_empty());
        assert_eq!(view.effective_at.as_deref(), Some(row.date.as_str()));
        if let (Some(value), Ok(low), Ok(high)) =
            (reading.value_number, row.low.parse::<f64>(), row.high.parse::<f64>())
        {
            let expected = match () {
                () if low == high && value == low => Interpretation::InRange,
                () if low == high => Interpretation::NotComparable,
                () if value < low => Interpretation::Below,
                () if value > high => Interpretation::Above,
                () => Interpretation::InRange,
            };
            assert_eq!(reading.interpretation, expected, "{} {} {}", row.value, row.low, row.high);
        }
        let ranged = !(row.low.is_empty() && row.high.is_empty());
        assert_eq!(reading.range.is_some(), ranged);
        assert_eq!(reading.interpretation == Interpretation::NoRange, !ranged);
    }
    println!("{counts:?}");
    assert_eq!(counts.values().sum::<usize>(), 3513);
}

#[test]
fn odd_rows_are_read_as_a_person_would() {
    use Interpretation::{Above, InRange, NoRange, NotComparable};
    let cases = [
        ("TNTC", "", "", ValueKind::Text, NoRange),
        (">20", "", "", ValueKind::Bound, NoRange),
        ("<=1.005", "1.005", "1.03", ValueKind::Bound, NotComparable),
        ("0-2", "0", "2", ValueKind::Span, InRange),
        ("5-10", "0", "5", ValueKind::Span, NotComparable),
        ("15-20", "0", "5", ValueKind::Span, Above),
        ("420, 420, 430", "", "", ValueKind::Text, NoRange),
        ("Negative", "Negative; Positive", "0", ValueKind::Text, NotComparable),
        ("0", "0", "0", ValueKind::Number, InRange),
        ("59", "0", "0", ValueKind::Number, NotComparable),
        ("2+", "0", "2", ValueKind::Text, NotComparable),
        ("<1", "0", "5", ValueKind::Bound, InRange),
    ];
    for (value, low, high, kind, interpretation) in cases {
        let [value, low, high] = [value, low, high].map(str::to_owned);
        let row = Row {
            number: String::new(),
            date: "2009".into(),
            code: "1-1".into(),
            name: "x".into(),
            unit: String::new(),
            value,
            low,
            high,
        };
        let reading = ResultView::of(&observation(&row)).reading;
        assert_eq!(reading.value_text, row.value);
        assert_eq!((reading.kind, reading.interpretation), (kind, interpretation), "{}", row.value);
    }
}

/// The interpretation of a Quantity against one range.
fn judged(value: Value, range: Value) -> Interpretation {
    let observation =
        json!({"status": "final", "code": {"text": "x"}, "valueQuantity": value, "referenceRange": [range]});
    ResultView::of(&observation).reading.interpretation
}

#[test]
fn limits_belong_to_the_range_and_one_limit_is_enough() {
    use Interpretation::{Above, Below, InRange, NotComparable};
    let low = || json!({"low": {"value": 60}});
    let high = || json!({"high": {"value": 5.60}});
    assert_eq!(judged(json!({"value": 60}), low()), InRange);
    assert_eq!(judged(json!({"value": 59.9}), low()), Below);
    assert_eq!(judged(json!({"value": 5.6}), high()), InRange);
    assert_eq!(judged(json!({"value": 5.6001}), high()), Above);
    assert_eq!(judged(json!({"value": 60, "comparator": ">"}), low()), InRange);
    assert_eq!(judged(json!({"value": 60, "comparator": "<"}), low()), Below);
    assert_eq!(judged(json!({"value": 60, "comparator": "<="}), low()), NotComparable);
    assert_eq!(judged(json!({"value": 5.6, "comparator": ">"}), high()), Above);
    assert_eq!(judged(json!({"value": 5.6, "comparator": ">="}), high()), NotComparable);
    assert_eq!(
        judged(json!({"value": 90, "comparator": ">"}), json!({"low": {"value": 60}, "high": {"value": 80}})),
        Above
    );
    assert_eq!(
        judged(json!({"value": 7}), json!({"low": {"value": 9}, "high": {"value": 5}})),
        NotComparable
    );
}

#[test]
fn ranges_in_words_are_understood_where_they_are_plain() {
    use Interpretation::{Above, Below, InRange, NotComparable};
    for (words, value, expected) in [
        ("3.5-5.1 mmol/L", "4", InRange),
        ("3.5 – 5.1", "3.4", Below),
        ("<5.7", "5.7", Above),
        ("< 5.7 %", "5.6", InRange),
        (">=60", "60", InRange),
        ("≤ 200", "201", Above),
        ("men 14-18; women 12-16", "13", NotComparable),
        ("2020-01-05", "13", NotComparable),
        ("see note", "13", NotComparable),
    ] {
        let value = number(value).unwrap();
        assert_eq!(judged(json!({ "value": value }), json!({ "text": words })), expected, "{words}");
    }
    let expected = json!({"status": "final", "code": {"text": "x"}, "valueString": "negative", "referenceRange": [{"text": "Negative"}]});
    assert_eq!(ResultView::of(&expected).reading.interpretation, InRange);
}

#[test]
fn different_units_and_ranges_for_different_people_are_not_compared() {
    let milligrams = json!({"value": 5, "unit": "mg/dL", "code": "mg/dL"});
    assert_eq!(
        judged(milligrams, json!({"high": {"value": 4, "unit": "mmol/L", "code": "mmol/L"}})),
        Interpretation::NotComparable
    );
    let observation = json!({"status": "final", "code": {"text": "x"}, "valueQuantity": {"value": 13}, "referenceRange": [
        {"low": {"value": 14}, "appliesTo": [{"text": "men"}]}, {"low": {"value": 12}, "high": {"value": 16}, "text": "women"},
        {"text": "target 13", "type": {"coding": [{"code": "treatment"}]}}]});
    let reading = ResultView::of(&observation).reading;
    assert_eq!(reading.interpretation, Interpretation::NotComparable);
    assert_eq!(reading.range.unwrap().text.as_deref(), Some("men: ≥14; women: 12–16"));
}

#[test]
fn the_laboratorys_flag_is_heard() {
    use Interpretation::{Above, Below, InRange, NoRange, Outside};
    let view = |flag: &str, value: f64, range: Value| {
        let observation = json!({"status": "final", "code": {"text": "x"}, "valueQuantity": {"value": value},
            "interpretation": [{"coding": [{"code": flag}]}], "referenceRange": range});
        let reading = ResultView::of(&observation).reading;
        assert_eq!(reading.flag.as_deref(), Some(flag));
        (reading.interpretation, reading.critical)
    };
    let range = || json!([{"low": {"value": 3}, "high": {"value": 5}}]);
    assert_eq!(view("HH", 9.0, range()), (Above, true));
    assert_eq!(view("H", 4.0, range()), (Above, false));
    assert_eq!(view("LL", 4.0, json!([])), (Below, true));
    assert_eq!(view("A", 4.0, json!([])), (Outside, false));
    assert_eq!(view("A", 9.0, range()), (Above, false));
    assert_eq!(view("N", 4.0, json!([])), (InRange, false));
    assert_eq!(view("N", 9.0, range()), (Above, false));
    assert_eq!(view("U", 4.0, json!([])), (NoRange, false));
}

#[test]
fn a_blood_pressure_is_one_value_of_two_parts() {
    let part = |code: &str, value: u32, high: u32| {
        json!({"code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": value, "unit": "mmHg"}, "referenceRange": [{"high": {"value": high}}]})
    };
    let mut pressure = json!({"status": "final", "code": {"text": "Blood pressure"}, "effectiveDateTime": "2020-05",
        "component": [part("8462-4", 80, 89), part("8480-6", 120, 139)]});
    let view = ResultView::of(&pressure);
    assert_eq!((view.reading.value_text.as_str(), view.reading.unit.as_deref()), ("120/80", Some("mmHg")));
    assert_eq!((view.reading.interpretation, view.components.len()), (Interpretation::InRange, 2));
    assert_eq!(view.effective_at.as_deref(), Some("2020-05"));
    pressure["component"][1]["valueQuantity"]["value"] = json!(150);
    assert_eq!(ResultView::of(&pressure).reading.interpretation, Interpretation::Above);
    pressure["status"] = json!("entered-in-error");
    assert!(ResultView::of(&pressure).retracted);
}

#[test]
fn values_of_every_kind_are_shown() {
    let cases = [
        (json!({"valueQuantity": {"value": 173.5, "unit": "cm"}}), ValueKind::Number, "173.5"),
        (
            json!({"valueCodeableConcept": {"coding": [{"code": "260385009", "display": "Negative"}]}}),
            ValueKind::Text,
            "Negative",
        ),
        (json!({"valueString": " clear, yellow "}), ValueKind::Text, "clear, yellow"),
        (json!({"valueString": "7.20"}), ValueKind::Number, "7.20"),
        (json!({"valueBoolean": true}), ValueKind::Boolean, "true"),
        (json!({"valueInteger": 3}), ValueKind::Number, "3"),
        (json!({"valueRange": {"low": {"value": 1}, "high": {"value": 4}}}), ValueKind::Span, "1–4"),
        (
            json!({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}),
            ValueKind::Ratio,
            "1:128",
        ),
        (json!({"valueSampledData": {"period": 1}}), ValueKind::Series, ""),
        (json!({"valueTime": "07:30:00"}), ValueKind::Time, "07:30:00"),
        (json!({"valueDateTime": "2020-05"}), ValueKind::Time, "2020-05"),
        (
            json!({"valuePeriod": {"start": "2020-05", "end": "2020-06"}}),
            ValueKind::Time,
            "2020-05 – 2020-06",
        ),
        (json!({"dataAbsentReason": {"coding": [{"code": "unknown"}]}}), ValueKind::Absent, ""),
    ];
    for (observation, kind, words) in cases {
        let reading = ResultView::of(&observation).reading;
        assert_eq!((reading.kind, reading.value_text.as_str()), (kind, words));
        let kept: cloister_fhir::Reading =
            serde_json::from_str(&serde_json::to_string(&reading).unwrap()).unwrap();
        assert_eq!(kept, reading);
    }
}

#[test]
fn a_long_float_is_shortened_and_kept() {
    let observation =
        read_json(br#"{"valueQuantity": {"value": 173.07682915481982, "unit": "cm"}}"#).unwrap();
    let reading = ResultView::of(&observation).reading;
    assert_eq!(
        (reading.value_text.as_str(), reading.value_exact.as_deref()),
        ("173.1", Some("173.07682915481982"))
    );
}
