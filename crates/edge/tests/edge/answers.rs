//! Every answer is what it should be: problems, headers, bodies.

use std::time::Duration;

use crate::support::{App, CANARY, Setup};

/// Status, code, start line, headers.
type Case<'c> = (u16, &'c str, &'c str, Vec<(&'c str, &'c str)>);

#[tokio::test]
async fn every_status_carries_the_problem_and_the_whole_header_set() {
    let app = App::start().await;
    let (token, _) = app.in_flow().await;
    let cookie = format!("__Host-cloister-flow={}", token.expose());
    let id = "018f3c1e-7b1a-7cc0-9d3e-2f1a5b6c7d8e";
    let long = format!("GET /{}", "a".repeat(9000));
    let cases: Vec<Case<'_>> = vec![
        (200, "", "GET /api/v1/items/018f3c1e-7b1a-7cc0-9d3e-2f1a5b6c7d8e?limit=5", vec![]),
        (404, "route.not_found", "GET /nothing/here", vec![]),
        (405, "method.not_allowed", "DELETE /api/v1/me", vec![]),
        (400, "parameter.invalid", "GET /api/v1/items/xyz", vec![]),
        (401, "session.required", "GET /api/v1/me", vec![]),
        (403, "csrf.refused", "POST /api/v1/sign-in/password", vec![("Cookie", &cookie)]),
        (421, "host.unknown", "GET /api/v1/me", vec![("Host", "evil.example")]),
        (409, "test.failed", "GET /api/v1/fails/conflict", vec![]),
        (404, "test.failed", "GET /api/v1/fails/absent", vec![]),
        (429, "test.failed", "GET /api/v1/fails/too_many", vec![]),
        (503, "test.failed", "GET /api/v1/fails/unavailable", vec![]),
        (500, "service.failed", "GET /api/v1/fails/internal", vec![]),
        (500, "service.failed", "GET /api/v1/panics", vec![]),
        (500, "service.failed", "GET /api/v1/forgotten", vec![]),
        (500, "service.failed", "GET /plain-error", vec![]),
        (415, "body.content_type", "POST /api/v1/me", vec![("Content-Encoding", "gzip")]),
        (414, "uri.too_long", &long, vec![]),
    ];
    for (status, code, start, headers) in cases {
        let answer = app.ask(start, &headers, "").await;
        assert_eq!(answer.status, status, "{start} {answer:?}");
        if status >= 400 {
            assert_eq!(answer.code(), code, "{start}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "private, no-store"),
            ("strict-transport-security", "max-age=63072000; includeSubDomains"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{start} {name}");
        }
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with(
                "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
            )
        );
        assert!(policy.ends_with("require-trusted-types-for 'script'; trusted-types default"));
        assert!(answer.header("permissions-policy").unwrap().contains("camera=()"), "{start}");
        assert!(answer.header("x-request-id").is_some(), "{start}");
    }
    let wait = app.ask("GET /api/v1/fails/too_many", &[], "").await;
    assert_eq!(wait.header("retry-after"), Some("17"));
    let parameter = app.ask(&format!("GET /api/v1/items/{id}?limit=0"), &[], "").await;
    assert_eq!((parameter.code().as_str(), parameter.field().as_str()), ("parameter.invalid", "limit"));
    let quoted = app.ask(&format!("GET /api/v1/items/{CANARY}"), &[], "").await;
    assert_eq!((quoted.code().as_str(), quoted.field().as_str()), ("parameter.invalid", "path/0"));
}

#[tokio::test]
async fn a_clients_request_id_is_not_taken() {
    let app = App::start().await;
    let answer = app.ask("GET /nothing", &[("X-Request-Id", "mine")], "").await;
    assert_ne!(answer.header("x-request-id"), Some("mine"));
    answer.code();
}

#[tokio::test]
async fn bodies_are_strict_and_name_the_field() {
    let app = App::start().await;
    let (token, session) = app.signed_in(cloister_kernel::Audience::Portal).await;
    let cookie = format!("__Host-cloister={}", token.expose());
    let csrf = cloister_edge::csrf_token(&session.csrf_secret);
    let call = async |body: &str| app.page_call("POST /api/v1/me", &cookie, &csrf, body).await;
    assert_eq!(call(r#"{"text":"hi"}"#).await.status, 200);
    for (status, code, field, body) in [
        (422, "body.invalid", "/is_admin", r#"{"text":"hi","is_admin":true}"#),
        (422, "body.invalid", "/size", r#"{"text":"hi","size":"big"}"#),
        (422, "body.invalid", "/size", r#"{"text":"hi","size":-1}"#),
        (422, "body.invalid", "/size", r#"{"text":"hi","size":4294967296}"#),
        (422, "body.invalid", "/text", r#"{"size":1}"#),
        (400, "body.ambiguous", "/text", r#"{"text":"a","text":"b"}"#),
        (400, "body.not_json", "", "{"),
    ] {
        let answer = call(body).await;
        assert_eq!(
            (answer.status, answer.code().as_str(), answer.field().as_str()),
            (status, code, field),
            "{body}"
        );
    }
    let deep = format!(r#"{{"text":{}"#, "[".repeat(5000));
    assert_eq!(call(&deep).await.code(), "body.too_deep");
    let large = format!(r#"{{"text":"{}"}}"#, "a".repeat(1 << 20));
    let answer = call(&large).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body.too_large"));
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let headers = [
            ("Cookie", cookie.as_str()),
            ("Origin", crate::support::ORIGIN),
            ("Sec-Fetch-Site", "same-origin"),
            ("X-CSRF-Token", &csrf),
            ("Content-Type", kind),
        ];
        let answer = app.ask("POST /api/v1/me", &headers, r#"{"text":"hi"}"#).await;
        assert_eq!((answer.status, answer.code().as_str()), (415, "body.content_type"), "{kind}");
    }
}

#[tokio::test]
async fn health_tells_life_and_readiness_apart() {
    let app = App::start().await;
    let anywhere = [("Host", "10.0.0.7:8080")];
    assert_eq!(app.ask("GET /healthz", &anywhere, "").await.status, 200);
    assert_eq!(app.ask("GET /readyz", &anywhere, "").await.status, 200);
    let sick = App::with(Setup { database_away: true, redis_away: true, ..Setup::default() }).await;
    assert_eq!(sick.ask("GET /healthz", &anywhere, "").await.status, 200);
    let answer = sick.ask("GET /readyz", &anywhere, "").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["away"], serde_json::json!(["database", "ephemeral"]));
    assert!(!answer.body.contains(CANARY));
}

#[tokio::test]
async fn too_much_at_once_and_too_late_are_said_so() {
    let mut setup = Setup::default();
    setup.edge.most_at_once = 2;
    setup.edge.answer_within = Duration::from_millis(100);
    let app = std::sync::Arc::new(App::with(setup).await);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let app = app.clone();
        tasks.spawn(async move { app.ask("GET /api/v1/slow", &[], "").await.code() });
    }
    let mut codes = tasks.join_all().await;
    codes.sort();
    assert_eq!(codes, ["service.busy", "service.busy", "service.busy", "service.late", "service.late"]);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(app.counts.ended.load(std::sync::atomic::Ordering::SeqCst), 2, "late work is finished");
}

#[tokio::test]
async fn unknown_parameters_are_named_and_a_405_says_what_works() {
    let app = App::start().await;
    let path = "GET /api/v1/items/018f3c1e-7b1a-7cc0-9d3e-2f1a5b6c7d8e";
    for (query, field) in [
        ("?limit=5&is_admin=1", "is_admin"),
        ("?limit=5&limit=6", "limit"),
        ("?li%6dit=1&%6cimit=2", "limit"),
    ] {
        let answer = app.ask(&format!("{path}{query}"), &[], "").await;
        assert_eq!(
            (answer.status, answer.code().as_str(), answer.field().as_str()),
            (400, "parameter.invalid", field)
        );
    }
    assert_eq!(app.ask(&format!("{path}?limit=5"), &[], "").await.status, 200);
    assert_eq!(app.ask("DELETE /api/v1/me", &[], "").await.header("allow"), Some("GET, POST"));
}

#[tokio::test]
async fn the_openapi_file_documents_guards_bodies_and_problems() {
    let spec: serde_json::Value = serde_json::from_str(&crate::support::specification()).unwrap();
    let change = &spec["paths"]["/api/v1/me"]["post"];
    assert_eq!(change["security"], serde_json::json!([{ "session": [] }]));
    assert_eq!(change["requestBody"]["required"], true);
    let body = &change["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    assert_eq!(body, "#/components/schemas/Note");
    for status in ["400", "401", "403", "404", "409", "413", "415", "422", "429", "500", "503"] {
        let schema = &change["responses"][status]["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(schema, "#/components/schemas/Problem", "{status}");
    }
    assert_eq!(spec["components"]["securitySchemes"]["session"]["name"], "__Host-cloister");
    assert_eq!(spec["paths"]["/fhir/R4"]["post"]["security"], serde_json::json!([{ "bearer": [] }]));
}
