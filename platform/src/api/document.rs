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
    let Some(schema) = schema.as_object_mut() else { return };
    let required: Vec<String> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (name, property) in properties {
        if !required.contains(name) {
            nullable(property);
        }
    }
    schema.insert("additionalProperties".to_owned(), json!(false));
}

fn nullable(property: &mut Value) {
    // In OpenAPI 3.0 nothing stands beside a reference: it moves into a list of its own.
    if property.get("$ref").is_some() {
        *property = json!({ "allOf": [property.take()] });
    }
    property["nullable"] = json!(true);
}
