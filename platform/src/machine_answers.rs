//! Failures as record systems read them: an OperationOutcome under `/fhir` (FHIR R4, HTTP section), and OAuth's error
//! object at the token endpoint (RFC 6749, section 5.2).

use std::sync::{Arc, LazyLock};

use cloister_edge::{Inbound, Operations, Problem, problem_of};
use cloister_kernel::RequestId;
use poem::{
    Body, Endpoint, Error, PathPattern, Request, Response,
    endpoint::DynEndpoint,
    http::{HeaderValue, StatusCode, header},
};
use serde_json::{Value, json};

use crate::api::{self, FHIR_JSON};

/// Names the request in an OperationOutcome.
const REQUEST_ID: &str = "urn:cloister:request-id";

/// What works on which path, for the `Allow` header.
static OPERATIONS: LazyLock<Operations> =
    LazyLock::new(|| Operations::default().with_spec("", &api::specification()).unwrap_or_default());

/// Calls the routes and, when they fail, says it in the words of the protocol.
pub(crate) async fn speak(
    routes: &Arc<dyn DynEndpoint<Output = Response>>,
    request: Request,
) -> poem::Result<Response> {
    let path = request.uri().path().to_owned();
    let id = request.data::<Inbound>().map(|inbound| inbound.facts().request);
    let is_fhir = path.split('/').nth(1) == Some("fhir");
    let error = match routes.call(request).await {
        Err(error) if is_fhir || path == "/oauth/token" => error,
        answered => return answered,
    };
    let pattern = error.data::<PathPattern>().cloned();
    let response = match problem_of(error) {
        Ok(problem) => {
            note(&problem);
            if is_fhir { outcome(problem, id, &path).await } else { oauth(problem, id, &path).await }
        }
        Err(answer) if is_fhir => named(*answer, id).await,
        Err(answer) => *answer,
    };
    let mut told = Error::from_response(response);
    // What the request is measured under.
    if let Some(pattern) = pattern {
        told.set_data(pattern);
    }
    Err(told)
}

/// Says what the edge itself refuses, before there is a route, as the path's callers read it.
pub(crate) async fn tell(problem: Problem, path: String, id: RequestId) -> Response {
    match path.as_str() {
        "/oauth/token" => oauth(problem, Some(id), &path).await,
        _ if path.split('/').nth(1) == Some("fhir") => outcome(problem, Some(id), &path).await,
        _ => problem.response(Some(id)),
    }
}

fn note(problem: &Problem) {
    let status = problem.http_status();
    if status.is_server_error() {
        let cause = problem.cause_chain();
        tracing::error!(status = status.as_u16(), cause, %problem, "a record system's call failed");
    }
}

/// The problem's answer with its document read back; status and headers stay. A wrong method is told the right ones.
async fn taken(problem: Problem, path: &str) -> (Response, Value) {
    let status = problem.http_status();
    let mut response = Error::from(problem).into_response();
    if status == StatusCode::METHOD_NOT_ALLOWED
        && let Some(methods) = OPERATIONS.methods(path).and_then(|methods| methods.parse().ok())
    {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    let document = read_back(&mut response).await;
    (response, document)
}

/// Takes the JSON document out of an answer; `null` where there is none.
async fn read_back(response: &mut Response) -> Value {
    let document = response.take_body().into_bytes().await.ok();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    document.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null)
}

/// An OperationOutcome that the API made itself, with the request's name.
async fn named(mut response: Response, id: Option<RequestId>) -> Response {
    if response.content_type() != Some(FHIR_JSON) {
        return response;
    }
    let mut document = read_back(&mut response).await;
    name_request(&mut document, id);
    response.set_body(Body::from_string(document.to_string()));
    response
}

fn name_request(document: &mut Value, id: Option<RequestId>) {
    if let (Some(members), Some(id)) = (document.as_object_mut(), id) {
        let extension = json!([{ "url": REQUEST_ID, "valueString": id.to_string() }]);
        members.insert("extension".to_owned(), extension);
    }
}

async fn outcome(problem: Problem, id: Option<RequestId>, path: &str) -> Response {
    let (mut response, problem) = taken(problem, path).await;
    let code = issue_code(response.status());
    let text = |member: &Value| member.as_str().unwrap_or_default().to_owned();
    let issue = |diagnostics: String, expression: Option<String>| {
        let mut issue = json!({
            "severity": "error",
            "code": code,
            "details": { "coding": [{ "system": "urn:cloister:problem", "code": problem["code"] }] },
            "diagnostics": diagnostics,
        });
        if let Some(expression) = expression {
            issue["expression"] = json!([expression]);
        }
        issue
    };
    let fields = problem["errors"].as_array().map_or(&[][..], Vec::as_slice);
    let mut issues: Vec<Value> =
        fields.iter().map(|field| issue(text(&field["reason"]), Some(text(&field["field"])))).collect();
    if issues.is_empty() {
        issues.push(issue(text(&problem["title"]), None));
    }
    let mut document = json!({ "resourceType": "OperationOutcome", "issue": issues });
    name_request(&mut document, id);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(FHIR_JSON));
    response.set_body(Body::from_string(document.to_string()));
    response
}

/// The closest of FHIR R4's `issue-type` codes.
fn issue_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "login",
        403 => "forbidden",
        404 | 410 => "not-found",
        405 => "not-supported",
        409 => "conflict",
        413 => "too-long",
        400 | 415 => "structure",
        422 => "invalid",
        429 => "throttled",
        503 => "transient",
        _ => "exception",
    }
}

async fn oauth(problem: Problem, id: Option<RequestId>, path: &str) -> Response {
    let (mut response, problem) = taken(problem, path).await;
    let named = problem["code"].as_str().and_then(|code| code.strip_prefix("oauth."));
    let known = ["invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type"];
    let code = match (named, response.status().as_u16()) {
        (Some(named), _) if known.contains(&named) => named,
        (_, 401) => "invalid_client",
        (_, 429 | 500..) => "temporarily_unavailable",
        _ => "invalid_request",
    };
    let document = json!({
        "error": code,
        "error_description": problem["title"],
        "code": problem["code"],
        "request_id": id.map(|id| id.to_string()),
    });
    // RFC 6749 knows no 422: what is wrong with a request is 400.
    if response.status() == StatusCode::UNPROCESSABLE_ENTITY {
        response.set_status(StatusCode::BAD_REQUEST);
    }
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.set_body(Body::from_string(document.to_string()));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "/oauth/token";

    async fn body(response: Response) -> Value {
        serde_json::from_slice(&response.into_body().into_bytes().await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_problem_becomes_an_operation_outcome_that_keeps_its_headers() {
        let problem =
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate.limited", "too many calls").retry_after(7);
        let response = outcome(problem, None, "/fhir/R4").await;
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(response.content_type(), Some(FHIR_JSON));
        let document = body(response).await;
        assert_eq!(document["resourceType"], "OperationOutcome");
        assert_eq!(document["issue"][0]["code"], "throttled");
        assert_eq!(document["issue"][0]["details"]["coding"][0]["code"], "rate.limited");
        let fields = Problem::new(StatusCode::BAD_REQUEST, "body.not_json", "the body is not JSON").field(
            "/entry/3",
            "x",
            "must be an object",
        );
        let document = body(outcome(fields, None, "/fhir/R4").await).await;
        assert_eq!(document["issue"][0]["expression"], json!(["/entry/3"]));
        assert_eq!(document["issue"][0]["diagnostics"], "must be an object");
    }

    #[tokio::test]
    async fn a_problem_becomes_oauths_error_object() {
        let refused =
            Problem::new(StatusCode::UNAUTHORIZED, "oauth.invalid_client", "the assertion did not hold");
        let response = oauth(refused, None, TOKEN).await;
        assert_eq!(response.status(), 401);
        assert_eq!(body(response).await["error"], "invalid_client");
        let scope = Problem::new(StatusCode::BAD_REQUEST, "oauth.invalid_scope", "no such scope");
        assert_eq!(body(oauth(scope, None, TOKEN).await).await["error"], "invalid_scope");
        let away = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "service.unavailable", "away");
        assert_eq!(body(oauth(away, None, TOKEN).await).await["error"], "temporarily_unavailable");
        let method = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method.not_allowed", "not here");
        assert_eq!(oauth(method, None, TOKEN).await.headers()["allow"], "POST");
    }
}
