//! The operations that an OpenAPI document names.

use std::collections::BTreeSet;

use serde_json::Value;

/// Method and path template, such as `GET /api/v1/patients/{patient_id}`.
pub type Operation = String;

/// Every operation of a document.
pub fn documented(document: &Value) -> BTreeSet<Operation> {
    let methods = ["get", "put", "post", "delete", "patch", "head", "options", "trace"];
    let paths = document["paths"].as_object().expect("the document has paths");
    let all = paths.iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().into_iter().flatten();
        operations
            .filter(|(method, _)| methods.contains(&method.as_str()))
            .map(move |(method, _)| format!("{} {path}", method.to_ascii_uppercase()))
    });
    all.collect()
}
