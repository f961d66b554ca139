//! What the framework leaves out of an OpenAPI document.

use serde_json::{Value, json};

/// Completes every schema of a document by how the edge reads bodies: objects take no further properties, and a property
/// that may be left out may be null.
pub fn close_schemas(document: &mut Value) {
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.values_mut().for_each(close);
    }
}

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

    #[test]
    fn objects_are_closed_and_what_may_be_missing_may_be_null() {
        let mut document = json!({ "components": { "schemas": { "Page": {
            "type": "object",
            "required": ["items"],
            "properties": {
                "items": { "type": "array" },
                "next": { "type": "string" },
                "owner": { "$ref": "#/components/schemas/Owner" },
                "day": { "type": "string", "format": "naive-date" },
            },
        } } } });
        close_schemas(&mut document);
        let page = &document["components"]["schemas"]["Page"];
        assert_eq!(page["additionalProperties"], false);
        let properties = &page["properties"];
        assert_eq!(properties["items"], json!({ "type": "array" }));
        assert_eq!(properties["next"], json!({ "type": "string", "nullable": true }));
        let owner = json!({ "allOf": [{ "$ref": "#/components/schemas/Owner" }], "nullable": true });
        assert_eq!(properties["owner"], owner);
        assert_eq!(properties["day"], json!({ "type": "string", "format": "date", "nullable": true }));
    }
}
