//! What is sent, before it gets its credentials: path, query, headers, body; and the cases that schemathesis thought of.

use std::collections::BTreeMap;

use cloister_testkit::app::Call;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::document::Operation;

/// A body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    /// None.
    Nothing,
    /// In the operation's content type.
    Value(Value),
    /// Bytes under a content type of their own; an empty one is not sent.
    Bytes(String, Vec<u8>),
}

/// What a call is made of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Case {
    /// Path parameters, percent-encoded.
    pub(crate) path: BTreeMap<String, String>,
    /// Query parameters, not encoded.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

/// Headers that make another connection, body or caller of a call.
const OURS: [&str; 11] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "expect",
    "upgrade",
    "te",
    "trailer",
    "authorization",
    "cookie",
    "content-type",
];

impl Case {
    /// One with nothing in it.
    pub(crate) fn empty() -> Self {
        Self { path: BTreeMap::new(), query: Vec::new(), headers: Vec::new(), body: Body::Nothing }
    }

    /// With a path parameter.
    pub(crate) fn at(mut self, name: &str, value: impl ToString) -> Self {
        self.path.insert(name.to_owned(), encoded(value.to_string().as_bytes()));
        self
    }

    /// With a query parameter.
    pub(crate) fn asking(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// With a body.
    pub(crate) fn with(mut self, body: Value) -> Self {
        self.body = Body::Value(body);
        self
    }

    /// What schemathesis wrote down of a case.
    fn read(written: &Value) -> Self {
        let pairs = |name: &str| written[name].as_object().into_iter().flatten();
        let body = match (&written["body"], written["bytes"].as_str()) {
            (_, Some(hex)) => {
                Body::Bytes(written["media"].as_str().unwrap_or_default().to_owned(), unhex(hex))
            }
            (body, None) if written["has_body"] == true => Body::Value(body.clone()),
            _ => Body::Nothing,
        };
        Self {
            path: pairs("path").map(|(name, value)| (name.clone(), text_of(value))).collect(),
            query: pairs("query").map(|(name, value)| (name.clone(), text_of(value))).collect(),
            headers: pairs("headers").map(|(name, value)| (name.clone(), text_of(value))).collect(),
            body,
        }
    }

    /// Path and query as they are sent. A parameter that would make another path of it is sent as a blank.
    pub(crate) fn target(&self, operation: &Operation) -> String {
        let mut target = operation.template.clone();
        let names: Vec<&str> =
            operation.template.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
        for name in names {
            let value = self.path.get(name).map_or("", String::as_str);
            let plain =
                value.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#\\{}<>\"`^|[]".contains(&byte));
            let dots = value.to_ascii_lowercase().replace("%2e", ".");
            let value = match value {
                "" => "%20".to_owned(),
                _ if !plain => encoded(value.as_bytes()),
                _ if dots == "." || dots == ".." => "%20".to_owned(),
                _ => value.to_owned(),
            };
            target = target.replace(&format!("{{{name}}}"), &value);
        }
        for (index, (name, value)) in self.query.iter().enumerate() {
            let mark = if index == 0 { '?' } else { '&' };
            target.push_str(&format!("{mark}{}={}", encoded(name.as_bytes()), encoded(value.as_bytes())));
        }
        target
    }

    /// Puts headers and body into a call. Headers that no HTTP client sends are left out.
    pub(crate) fn put_into(&self, operation: &Operation, mut call: Call) -> Call {
        for (name, value) in &self.headers {
            let name = name.to_ascii_lowercase();
            let sendable =
                HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(value).is_ok();
            if sendable && !OURS.contains(&name.as_str()) {
                call.headers.insert(name, value.clone());
            }
        }
        match &self.body {
            Body::Nothing => {}
            Body::Value(value) => {
                let media = operation.media.as_deref().unwrap_or("application/json");
                let bytes =
                    if media.ends_with("urlencoded") { form(value) } else { value.to_string().into_bytes() };
                call = call.bytes(media, bytes);
            }
            Body::Bytes(media, bytes) if HeaderValue::from_str(media).is_ok_and(|_| !media.is_empty()) => {
                call = call.bytes(media, bytes.clone());
            }
            Body::Bytes(_, bytes) => call.body = Some(bytes.clone()),
        }
        call
    }
}

/// A form of an object's members; anything else becomes its text.
fn form(value: &Value) -> Vec<u8> {
    let Some(members) = value.as_object() else { return value.to_string().into_bytes() };
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in members {
        form.append_pair(name, &text_of(value));
    }
    form.finish().into_bytes()
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Percent-encoded, all but what is never reserved.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => char::from(*byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    bytes.iter().map(one).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    digits.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// The cases of a corpus file, by operation id.
pub(crate) fn corpus(text: &str) -> BTreeMap<String, Vec<Case>> {
    let mut found: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for line in text.lines() {
        let written: Value = serde_json::from_str(line).expect("a line of the corpus");
        let operation = written["operation"].as_str().expect("an operation").to_owned();
        found.entry(operation).or_default().push(Case::read(&written));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::operations;

    fn operation(id: &str) -> Operation {
        operations().into_iter().find(|operation| operation.id == id).expect(id)
    }

    #[test]
    fn a_written_case_becomes_a_call() {
        let text = r#"{"operation": "get_patient_result", "path": {"patient_id": "%C3%82/x", "result_id": ".."},
            "query": {"a b": [1]}, "headers": {"X-A": "b", "Host": "c", "X-\n": "d"}, "has_body": false}"#;
        let corpus = corpus(&text.replace('\n', ""));
        let case = &corpus["get_patient_result"][0];
        let operation = operation("get_patient_result");
        assert_eq!(case.target(&operation), "/api/v1/patients/%25C3%2582%2Fx/results/%20?a%20b=%5B1%5D");
        let call = case.put_into(&operation, Call::new(operation.method.clone(), "http://a", "/"));
        assert_eq!(call.headers.into_iter().collect::<Vec<_>>(), [("x-a".to_owned(), "b".to_owned())]);
        assert_eq!(call.body, None);
    }

    #[test]
    fn bodies_are_sent_as_the_operation_takes_them_or_as_they_are() {
        let send = |id: &str, body: Body| {
            let case = Case { body, ..Case::empty() };
            let operation = operation(id);
            let call = case.put_into(&operation, Call::new(operation.method.clone(), "http://a", "/"));
            (call.headers.get("content-type").cloned(), String::from_utf8(call.body.unwrap_or_default()).ok())
        };
        let form = send("issue_access_token", Body::Value(json!({ "scope": "a b", "grant_type": 1 })));
        assert_eq!(
            form,
            (Some("application/x-www-form-urlencoded".into()), Some("grant_type=1&scope=a+b".into()))
        );
        let json = send("invite_staff", Body::Value(json!([1])));
        assert_eq!(json, (Some("application/json".into()), Some("[1]".into())));
        assert_eq!(send("invite_staff", Body::Bytes(String::new(), vec![b'x'])), (None, Some("x".into())));
        assert_eq!(unhex("00ff"), [0, 255]);
    }
}
