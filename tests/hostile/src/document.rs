//! The operations of both OpenAPI documents: how they are called, and how they may answer.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

const PLATFORM: &str = include_str!("../../../platform/openapi.json");
const OPERATORS: &str = include_str!("../../../tenant-admin/openapi.json");

/// Whose credentials an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// None.
    Nothing,
    /// A session's cookie.
    Session,
    /// The cookie of a page that begins a sign-in or an activation.
    Flow,
    /// A record system's access token.
    Bearer,
    /// An operator's token.
    OperatorToken,
}

/// One operation.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// `GET /api/v1/panel`.
    pub(crate) label: String,
    pub(crate) id: String,
    pub(crate) method: Method,
    /// The path with `{name}` where parameters go.
    pub(crate) template: String,
    pub(crate) takes: Takes,
    /// The body's content type, where there is a body.
    pub(crate) media: Option<String>,
    /// The content types of each status that is documented; none for answers without a body.
    pub(crate) answers: BTreeMap<u16, Vec<String>>,
}

/// All operations of both documents.
pub(crate) fn operations() -> Vec<Operation> {
    [PLATFORM, OPERATORS]
        .iter()
        .flat_map(|text| of_document(&serde_json::from_str(text).expect("JSON")))
        .collect()
}

fn of_document(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().expect("paths");
    let all = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods");
        methods.iter().map(move |(method, operation)| of_entry(path, method, operation))
    });
    all.collect()
}

fn of_entry(path: &str, method: &str, operation: &Value) -> Operation {
    let method = method.to_ascii_uppercase();
    let scheme =
        operation["security"][0].as_object().and_then(|schemes| schemes.keys().next()).map(String::as_str);
    let takes = match scheme {
        None => Takes::Nothing,
        Some("session") => Takes::Session,
        Some("flow") => Takes::Flow,
        Some("bearer") => Takes::Bearer,
        Some("operator_token") => Takes::OperatorToken,
        Some(other) => panic!("{path}: who has the scheme {other}?"),
    };
    let types = |content: &Value| -> Vec<String> {
        content["content"].as_object().into_iter().flat_map(|types| types.keys().cloned()).collect()
    };
    let answers = operation["responses"].as_object().expect("responses").iter();
    Operation {
        label: format!("{method} {path}"),
        id: operation["operationId"].as_str().expect("an operation id").to_owned(),
        method: method.parse().expect("a method"),
        template: path.to_owned(),
        takes,
        media: types(&operation["requestBody"]).into_iter().next(),
        answers: answers.map(|(status, answer)| (status.parse().expect("a status"), types(answer))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_both_documents_is_there_with_what_it_takes_and_answers() {
        let all = operations();
        assert!(all.len() >= 52, "{}", all.len());
        let find = |label: &str| all.iter().find(|operation| operation.label == label).expect(label);
        assert_eq!(find("POST /fhir/R4").takes, Takes::Bearer);
        assert_eq!(find("POST /fhir/R4").media.as_deref(), Some("application/fhir+json"));
        assert_eq!(find("DELETE /api/v1/session").answers[&204], Vec::<String>::new());
        assert_eq!(find("GET /v1/tenants").answers[&400], ["application/problem+json"]);
        assert_eq!(find("POST /api/v1/sign-in/totp").takes, Takes::Flow);
    }
}
