//! How much one resource may hold: no text longer than R4 allows, and no endless list of what is indexed or looked up.

use serde_json::Value;

use crate::outcome::{IssueCode, OperationOutcome};

/// Strings shall not exceed 1 MB (<https://hl7.org/fhir/R4/datatypes.html#string>).
const LONGEST_TEXT: usize = 1_048_576;

/// Elements of type base64Binary, which is no string: documents. The body's limit bounds them.
const BINARIES: [&str; 3] = ["data", "valueBase64Binary", "hash"];

/// Lists from which names, index entries and places on panels are made.
const LISTS: [(&str, usize); 6] = [
    ("identifier", 100),
    ("name", 50),
    ("telecom", 100),
    ("address", 100),
    ("link", 100),
    ("participant", 1_000),
];

/// A part of a person's name is indexed word by word.
const LONGEST_NAME: usize = 1_000;
const MOST_NAME_PARTS: usize = 50;

/// What a text at a place may not be.
pub(crate) fn check_text(text: &str, element: &str, path: &str, outcome: &mut OperationOutcome) {
    // Counting is left out where the bytes are few enough.
    if text.len() <= LONGEST_TEXT || text.chars().count() <= LONGEST_TEXT {
        return;
    }
    let is_base64 =
        || text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'\r' | b'\n'));
    if BINARIES.contains(&element) && is_base64() {
        return;
    }
    outcome.push_error(IssueCode::TooLong, path, "A text has at most 1048576 characters.");
}

/// What the lists of a resource may not be.
pub(crate) fn check_lists(resource: &Value, path: &str, outcome: &mut OperationOutcome) {
    for (element, most) in LISTS {
        let Some(Value::Array(items)) = resource.get(element) else { continue };
        if items.len() > most {
            let words = format!("This list has at most {most} items.");
            outcome.push_error(IssueCode::TooLong, format!("{path}.{element}"), words);
        } else if element == "name" {
            for (index, name) in items.iter().enumerate() {
                check_name(name, &format!("{path}.name[{index}]"), outcome);
            }
        }
    }
}

fn check_name(name: &Value, path: &str, outcome: &mut OperationOutcome) {
    for element in ["text", "family", "given", "prefix", "suffix"] {
        let (parts, listed) = match name.get(element) {
            Some(Value::Array(parts)) => (parts.as_slice(), true),
            Some(part) => (std::slice::from_ref(part), false),
            None => continue,
        };
        if parts.len() > MOST_NAME_PARTS {
            let words = format!("This list has at most {MOST_NAME_PARTS} items.");
            outcome.push_error(IssueCode::TooLong, format!("{path}.{element}"), words);
            continue;
        }
        for (index, part) in parts.iter().enumerate() {
            if part.as_str().is_some_and(|part| part.chars().count() > LONGEST_NAME) {
                let place =
                    if listed { format!("{path}.{element}[{index}]") } else { format!("{path}.{element}") };
                let words = format!("A part of a name has at most {LONGEST_NAME} characters.");
                outcome.push_error(IssueCode::TooLong, place, words);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(resource: &Value) -> Vec<(String, &'static str)> {
        let mut outcome = OperationOutcome::new();
        crate::shape::check(resource, "r", &mut outcome);
        outcome.issues().iter().map(|issue| (issue.expression.clone(), issue.code.as_str())).collect()
    }

    #[test]
    fn a_text_is_as_long_as_r4_allows_and_a_document_may_be_longer() {
        let with = |words: String| json!({"resourceType": "Basic", "code": {"text": words}});
        assert_eq!(problems(&with("ō".repeat(LONGEST_TEXT))), []);
        assert_eq!(problems(&with("ō".repeat(LONGEST_TEXT + 1))), [("r.code.text".to_owned(), "too-long")]);
        let document =
            |data: String| json!({"resourceType": "Binary", "contentType": "text/plain", "data": data});
        assert_eq!(problems(&document("QUJD".repeat(400_000))), []);
        assert_eq!(problems(&document("no, ".repeat(400_000))), [("r.data".to_owned(), "too-long")]);
        let url = json!({"resourceType": "Basic", "code": {"text": "x"},
            "extension": [{"url": "u".repeat(LONGEST_TEXT + 1), "valueString": "x"}]});
        assert_eq!(problems(&url), [("r.extension[0].url".to_owned(), "too-long")]);
    }

    #[test]
    fn lists_that_are_indexed_end_somewhere() {
        for (element, most) in LISTS {
            let of = |count: usize| {
                let mut resource = json!({"resourceType": "Basic", "code": {"text": "x"}});
                resource[element] = vec![json!({"value": "x"}); count].into();
                problems(&resource)
            };
            assert_eq!(of(most), [], "{element}");
            assert_eq!(of(most + 1), [(format!("r.{element}"), "too-long")]);
        }
    }

    #[test]
    fn a_name_is_a_name_and_no_book() {
        let named =
            |name: Value| problems(&json!({"resourceType": "Patient", "name": [{"family": "x"}, name]}));
        assert_eq!(named(json!({"family": "x".repeat(1_000), "given": vec!["x"; 50]})), []);
        let place = |end: &str| [(format!("r.name[1].{end}"), "too-long")];
        assert_eq!(named(json!({"family": "x".repeat(1_001)})), place("family"));
        assert_eq!(named(json!({"given": ["x", "x".repeat(1_001)]})), place("given[1]"));
        assert_eq!(named(json!({"given": vec!["x"; 51]})), place("given"));
        assert_eq!(named(json!({"text": "x ".repeat(501)})), place("text"));
    }
}
