//! The OpenAPI document, completed: what the framework leaves out is added from what the edge does.

use serde_json::{Value, json};

/// The OpenAPI document that is checked in as `platform/openapi.json`.
pub fn specification() -> String {
    let mut document: Value = serde_json::from_str(&super::service().spec()).unwrap_or(Value::Null);
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.values_mut().for_each(close);
    }
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Objects take no further properties, and a property that may be left out may be null: both as the edge reads bodies.
fn close(schema: &mut Value) {
    if schema["type"] != "object" {
        return;
    }
    let Some(schema) = schema.as_object_mut() else { return };
    schema.insert("additionalProperties".to_owned(), json!(false));
    let names = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (name, property) in properties {
        flatten(property);
        if property["format"] == "naive-date" {
            property["format"] = json!("date");
        }
        if !names.iter().any(|required| required == name) {
            nullable(property);
        }
    }
}

/// The framework describes a reference by a schema of its own beside it: its members move up.
fn flatten(property: &mut Value) {
    let Some([reference, described]) = property["allOf"].as_array().map(Vec::as_slice) else { return };
    let (reference, mut described) = (json!([reference]), described.clone());
    described["allOf"] = reference;
    *property = described;
}

/// In OpenAPI 3.0 nothing stands beside a reference: it moves into a list of its own.
fn nullable(property: &mut Value) {
    if property.get("$ref").is_some() {
        *property = json!({ "allOf": [property.take()] });
    }
    property["nullable"] = json!(true);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    /// `UPDATE=1 cargo nextest run -p cloister-platform` writes the file.
    #[test]
    fn the_checked_in_document_is_the_apis() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        let now = specification();
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &now).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == now, "platform/openapi.json is stale: run this test with UPDATE=1");
    }

    #[test]
    fn every_operation_is_named_answers_problems_and_takes_closed_bodies() {
        let document: Value = serde_json::from_str(&specification()).unwrap();
        let mut names = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                names.push(
                    operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path}")).to_owned(),
                );
                for status in ["400", "401", "404", "429", "500", "503"] {
                    assert!(operation["responses"][status].is_object(), "{method} {path} {status}");
                }
            }
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a name stands twice");
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            let open = schema["type"] == "object" && schema["additionalProperties"] != false;
            assert!(!open, "{name}");
        }
    }
}
