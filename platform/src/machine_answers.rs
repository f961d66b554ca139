//! Failures as record systems read them: an OperationOutcome under `/fhir` (FHIR R4, HTTP section), and OAuth's error
//! object at the token endpoint (RFC 6749, section 5.2).

use std::sync::Arc;

use poem::{
    Body, Endpoint, Error, Request, Response,
    endpoint::DynEndpoint,
    http::{HeaderValue, StatusCode, header},
};
use serde_json::{Value, json};

use crate::api::FHIR_JSON;

/// Calls the routes and, when they fail with a problem, says it in the words of the protocol.
pub(crate) async fn speak(
    routes: &Arc<dyn DynEndpoint<Output = Response>>,
    request: Request,
) -> poem::Result<Response> {
    let token_endpoint = request.uri().path() == "/oauth/token";
    match routes.call(request).await {
        Err(error) if error.is::<cloister_edge::Problem>() => {
            Ok(if token_endpoint { oauth(error).await } else { outcome(error).await })
        }
        answered => answered,
    }
}

/// The problem's answer with its document read back; status and headers stay.
async fn taken(error: Error) -> (Response, Value) {
    let status = error.status();
    if status.is_server_error() {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(status = status.as_u16(), cause, problem = %error, "a record system's call failed");
    }
    let mut response = error.into_response();
    let document = response.take_body().into_bytes().await.ok();
    let document = document.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null);
    response.headers_mut().remove(header::CONTENT_LENGTH);
    (response, document)
}

async fn outcome(error: Error) -> Response {
    let (mut response, problem) = taken(error).await;
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
    let document = json!({ "resourceType": "OperationOutcome", "issue": issues });
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

async fn oauth(error: Error) -> Response {
    let (mut response, problem) = taken(error).await;
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
        "request_id": problem["request_id"],
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
    use cloister_edge::Problem;

    async fn body(response: Response) -> Value {
        serde_json::from_slice(&response.into_body().into_bytes().await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_problem_becomes_an_operation_outcome_that_keeps_its_headers() {
        let problem =
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate.limited", "too many calls").retry_after(7);
        let response = outcome(problem.into()).await;
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
        let document = body(outcome(fields.into()).await).await;
        assert_eq!(document["issue"][0]["expression"], json!(["/entry/3"]));
        assert_eq!(document["issue"][0]["diagnostics"], "must be an object");
    }

    #[tokio::test]
    async fn a_problem_becomes_oauths_error_object() {
        let refused =
            Problem::new(StatusCode::UNAUTHORIZED, "oauth.invalid_client", "the assertion did not hold");
        let response = oauth(refused.into()).await;
        assert_eq!(response.status(), 401);
        assert_eq!(body(response).await["error"], "invalid_client");
        let scope = Problem::new(StatusCode::BAD_REQUEST, "oauth.invalid_scope", "no such scope");
        assert_eq!(body(oauth(scope.into()).await).await["error"], "invalid_scope");
        let away = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "service.unavailable", "away");
        assert_eq!(body(oauth(away.into()).await).await["error"], "temporarily_unavailable");
    }
}
