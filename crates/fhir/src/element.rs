//! Small readers over a FHIR element held as JSON. Absent and ill-typed both read as nothing; what must be there is
//! checked once, on the way in, by [`crate::shape`].

use serde_json::Value;

/// The text of a member.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

/// The items of a member, or none.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The codings of a CodeableConcept.
pub(crate) fn codings(concept: &Value) -> &[Value] {
    list(concept, "coding")
}

/// Whether a CodeableConcept holds this code in any system.
pub(crate) fn has_code(concept: &Value, code: &str) -> bool {
    codings(concept).iter().any(|coding| text(coding, "code") == Some(code))
}

/// What a CodeableConcept says to a reader: its text, else a display, else a code.
pub(crate) fn wording(concept: &Value) -> Option<&str> {
    let chosen = |name: &'static str| {
        let codings = codings(concept);
        let selected = codings.iter().find(|coding| coding.get("userSelected") == Some(&Value::Bool(true)));
        selected.and_then(|coding| text(coding, name)).or_else(|| codings.iter().find_map(|c| text(c, name)))
    };
    text(concept, "text")
        .filter(|words| !words.trim().is_empty())
        .or_else(|| chosen("display"))
        .or_else(|| chosen("code"))
}

/// Every value at a dotted path; lists on the way are entered.
pub(crate) fn at_path<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![value];
    for name in path.split('.') {
        found = found.into_iter().filter_map(|value| value.get(name)).flat_map(items).collect();
    }
    found
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice)
}
