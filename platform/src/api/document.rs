//! The OpenAPI document, completed: what the framework leaves out is added from what the edge does.

use cloister_edge::close_schemas;
use serde_json::{Value, json};

/// The OpenAPI document that is checked in as `platform/openapi.json`.
pub fn specification() -> String {
    let mut document: Value = serde_json::from_str(&super::service().spec()).unwrap_or(Value::Null);
    speak_oauth(&mut document);
    close_schemas(&mut document);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// The token endpoint fails in OAuth's words (RFC 6749, section 5.2), in another media type than everything else.
fn speak_oauth(document: &mut Value) {
    let text = || json!({ "type": "string" });
    document["components"]["schemas"]["OAuthError"] = json!({
        "type": "object",
        "required": ["error", "error_description", "code", "request_id"],
        "properties": {
            "error": { "type": "string", "enum": [
                "invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type", "temporarily_unavailable"
            ] },
            "error_description": text(), "code": text(), "request_id": text(),
        },
    });
    let responses =
        document.pointer_mut("/paths/~1oauth~1token/post/responses").and_then(Value::as_object_mut);
    for (_, response) in responses.into_iter().flatten().filter(|(status, _)| !status.starts_with('2')) {
        let schema = json!({ "schema": { "$ref": "#/components/schemas/OAuthError" } });
        response["content"] = json!({ "application/json": schema });
    }
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
