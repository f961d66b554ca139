//! What every answer must hold: a documented status and content type, a whole refusal, the security headers, nothing that
//! is secret, and nothing of another clinic or patient.

use cloister_testkit::app::{Call, WireAnswer};
use reqwest::Method;
use serde_json::Value;

use crate::document::Operation;

/// What every answer carries, refusals too.
const SECURITY_HEADERS: [&str; 6] = [
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
];

/// What must not stand in an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forbidden {
    /// Nowhere, whatever was sent.
    pub(crate) secrets: Vec<String>,
    /// Ids, names and addresses of others; whoever sent one knows it already.
    pub(crate) others: Vec<String>,
}

/// What is wrong with an answer; nothing when it is as it should be.
pub(crate) fn faults(
    operation: &Operation,
    call: &Call,
    answer: &WireAnswer,
    forbidden: &Forbidden,
) -> Vec<String> {
    let mut found = Vec::new();
    let status = answer.status;
    if status >= 500 {
        found.push("a server error".to_owned());
    }
    match operation.answers.get(&status) {
        None if status == 405 && !answer.header("allow").is_empty() => {}
        None => found.push("a status that the document does not know".to_owned()),
        Some(types) if types.is_empty() && !answer.body.is_empty() => {
            found.push("a body where none is".to_owned())
        }
        Some(types) if !types.is_empty() && !types.iter().any(|one| one == answer.header("content-type")) => {
            found.push(format!("the content type {:?}", answer.header("content-type")));
        }
        Some(_) => {}
    }
    if status >= 400 {
        found.extend(refusal(operation, answer));
    }
    let missing = SECURITY_HEADERS.iter().filter(|name| answer.headers.get(**name).is_none());
    found.extend(missing.map(|name| format!("no {name}")));
    if !answer.header("cache-control").contains("no-store") {
        found.push("it may be stored".to_owned());
    }
    found.extend(told(call, answer, forbidden));
    found
}

/// What a refusal lacks.
fn refusal(operation: &Operation, answer: &WireAnswer) -> Option<String> {
    if operation.method == Method::HEAD {
        return None;
    }
    let body = answer.json();
    let whole = if operation.template.starts_with("/fhir/") {
        body["resourceType"] == "OperationOutcome"
            && body["issue"].as_array().is_some_and(|issues| !issues.is_empty())
    } else if operation.template == "/oauth/token" {
        body["error"].as_str().is_some_and(|error| !error.is_empty())
    } else {
        let code = body["code"].as_str().unwrap_or_default();
        let stable =
            code.contains('.') && code.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte));
        stable
            && body["type"] == format!("urn:cloister:problem:{code}")
            && body["status"] == answer.status
            && (body["request_id"] == answer.header("x-request-id") || is_of_no_request(answer, &body))
    };
    (!whole).then(|| "a refusal that is not whole".to_owned())
}

/// Whether what came was no request yet, so that it has no name: too long a first line, or too many headers.
fn is_of_no_request(answer: &WireAnswer, body: &Value) -> bool {
    matches!(answer.status, 414 | 431)
        && body["request_id"].is_null()
        && answer.header("x-request-id").is_empty()
}

/// What the answer tells that it must not.
fn told(call: &Call, answer: &WireAnswer, forbidden: &Forbidden) -> Vec<String> {
    let mut text = answer.text();
    for (name, value) in &answer.headers {
        if name != "set-cookie" {
            text.push('\n');
            text.push_str(&String::from_utf8_lossy(value.as_bytes()));
        }
    }
    let mut secrets: Vec<&str> = forbidden.secrets.iter().map(String::as_str).collect();
    let cookies = call.headers.get("cookie").into_iter().flat_map(|line| line.split("; "));
    secrets.extend(cookies.filter_map(|pair| pair.split_once('=')).map(|(_, value)| value));
    secrets.extend(call.headers.get("authorization").and_then(|value| value.strip_prefix("Bearer ")));
    let mut found: Vec<String> = secrets
        .iter()
        .filter(|secret| secret.len() >= 16 && text.contains(**secret))
        .map(|_| "a secret".to_owned())
        .collect();
    let known = |mark: &String| {
        let body = call.body.as_deref().unwrap_or_default();
        call.path.contains(mark.as_str())
            || call.headers.values().any(|value| value.contains(mark.as_str()))
            || String::from_utf8_lossy(body).contains(mark.as_str())
    };
    let others = forbidden.others.iter().filter(|mark| text.contains(mark.as_str()) && !known(mark));
    found.extend(others.map(|mark| format!("what is another's: {mark}")));
    found
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;
    use crate::document::operations;

    const REQUEST: &str = "0193c0de-0000-7000-8000-000000000000";

    fn good(status: u16, content_type: &str, body: &Value) -> WireAnswer {
        let mut headers = HeaderMap::new();
        for name in SECURITY_HEADERS {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        headers.insert("cache-control", HeaderValue::from_static("private, no-store"));
        headers.insert("x-request-id", HeaderValue::from_static(REQUEST));
        headers.insert("content-type", HeaderValue::from_str(content_type).unwrap());
        WireAnswer { status, headers, body: body.to_string().into_bytes() }
    }

    fn problem() -> Value {
        json!({ "type": "urn:cloister:problem:a.b", "title": "x", "status": 404, "code": "a.b", "request_id": REQUEST })
    }

    fn of(id: &str, answer: &WireAnswer) -> Vec<String> {
        let operation = operations().into_iter().find(|operation| operation.id == id).unwrap();
        let call = Call::new(operation.method.clone(), "http://a", "/b/known-to-caller")
            .with("cookie", "a=session-token-of-the-caller");
        let forbidden = Forbidden {
            secrets: vec!["a password of somebody".to_owned()],
            others: vec!["Family4".to_owned(), "known-to-caller".to_owned()],
        };
        faults(&operation, &call, answer, &forbidden)
    }

    #[test]
    fn good_answers_have_no_faults() {
        let json = "application/json; charset=utf-8";
        assert_eq!(
            of("get_panel", &good(200, json, &json!({ "a": "known-to-caller" }))),
            Vec::<String>::new()
        );
        assert_eq!(of("get_panel", &good(404, "application/problem+json", &problem())), Vec::<String>::new());
        let outcome = json!({ "resourceType": "OperationOutcome", "issue": [{}] });
        assert_eq!(of("read_resource", &good(404, "application/fhir+json", &outcome)), Vec::<String>::new());
        let error = json!({ "error": "invalid_client" });
        assert_eq!(of("issue_access_token", &good(401, "application/json", &error)), Vec::<String>::new());
        let too_long = |status| {
            let body =
                json!({ "type": "urn:cloister:problem:a.b", "title": "x", "status": status, "code": "a.b" });
            let mut answer = good(status, "application/problem+json", &body);
            answer.headers.remove("x-request-id");
            answer
        };
        assert_eq!(of("get_panel", &too_long(431)), Vec::<String>::new());
        assert_eq!(of("get_panel", &too_long(404)), ["a refusal that is not whole"]);
        let mut nothing = good(204, json, &json!(null));
        nothing.body.clear();
        assert_eq!(of("sign_out", &nothing), Vec::<String>::new());
    }

    #[test]
    fn every_kind_of_fault_is_found() {
        let (json, text) = ("application/json; charset=utf-8", "application/problem+json");
        let one = |id: &str, answer: &WireAnswer, fault: &str| {
            let found = of(id, answer);
            assert!(found.iter().any(|one| one.contains(fault)), "{fault} in {found:?}");
        };
        let with = |member: &str, value: Value| {
            let mut changed = problem();
            changed[member] = value;
            changed
        };
        one("get_panel", &good(500, text, &problem()), "server error");
        one("get_panel", &good(503, text, &problem()), "server error");
        one("get_panel", &good(206, json, &json!({})), "does not know");
        one("get_panel", &good(405, text, &problem()), "does not know");
        one("get_panel", &good(200, "text/html", &json!({})), "content type");
        one("sign_out", &good(204, json, &json!({})), "a body");
        one("get_panel", &good(404, text, &with("code", json!("No Code"))), "not whole");
        one("get_panel", &good(404, text, &with("request_id", json!("another"))), "not whole");
        one("get_panel", &good(404, text, &with("status", json!(403))), "not whole");
        one("read_resource", &good(404, "application/fhir+json", &json!({})), "not whole");
        one("issue_access_token", &good(401, "application/json", &json!({})), "not whole");
        one("get_panel", &good(200, json, &json!("a password of somebody")), "a secret");
        one("get_panel", &good(200, json, &json!("session-token-of-the-caller")), "a secret");
        one("get_panel", &good(200, json, &json!({ "name": "Family4" })), "another's: Family4");
        let mut bare = good(200, json, &json!({}));
        bare.headers.remove("permissions-policy");
        one("get_panel", &bare, "no permissions-policy");
        let mut stored = good(200, json, &json!({}));
        stored.headers.insert("cache-control", HeaderValue::from_static("public"));
        one("get_panel", &stored, "stored");
    }
}
