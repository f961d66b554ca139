//! Bad input beyond `bad_bodies.rs` and `bad_requests.rs`: sizes on every operation with a body, and the routes of record
//! systems.

use cloister_testkit::app::{Call, PatientFile, SYSTEMS, TestApp, transaction};
use cloister_tests::test_data;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use crate::{
    bad_bodies::{Sources, Tries, is_refusal, with_body},
    bad_requests::raw,
};

/// A chunk of blanks and its framing.
fn chunk() -> Vec<u8> {
    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend(std::iter::repeat_n(b' ', 0x1_0000));
    chunk.extend(b"\r\n");
    chunk
}

/// The head of a call as it goes over the wire, with more header lines.
fn head(call: &Call, more: &str) -> String {
    let authority = call.origin.split_once("://").unwrap().1;
    let headers: String = call.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "{} {} HTTP/1.1\r\nHost: {authority}\r\n{headers}Connection: close\r\n{more}\r\n",
        call.method, call.path
    )
}

async fn is_too_large(app: &TestApp, call: &Call, content_type: &str, chunks: usize) {
    let context = format!("{} {}", call.method, call.path);
    let announced =
        head(call, &format!("Content-Type: {content_type}\r\nContent-Length: {}\r\n", chunks * 0x1_0000));
    let answer = raw(app, announced.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{context}, announced: {answer}");
    let mut unannounced =
        head(call, &format!("Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n")).into_bytes();
    for _ in 0..chunks {
        unannounced.extend(chunk());
    }
    unannounced.extend(b"0\r\n\r\n");
    let answer = raw(app, &unannounced).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{context}, in chunks: {:.400}", answer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_with_a_body_counts_its_bytes_announced_or_not() {
    let mut tries = Tries::start().await;
    let mut before = None;
    for row in with_body() {
        tries.ready(&row).await;
        let call = tries.call(&row).await;
        before.get_or_insert(tries.world.app.database.row_counts().await);
        is_too_large(&tries.world.app, &call, "application/json", 24).await;
    }
    let portal = tries.world.here.portal.clone();
    let ask = Call::new(Method::POST, &portal, "/oauth/token");
    is_too_large(&tries.world.app, &ask, "application/x-www-form-urlencoded", 2).await;
    let token = tries.world.record.token().await;
    let push = Call::new(Method::POST, &portal, "/fhir/R4").with("authorization", &format!("Bearer {token}"));
    is_too_large(&tries.world.app, &push, "application/fhir+json", 257).await;
    assert_eq!(Some(tries.world.app.database.row_counts().await), before, "nothing was written");
}

/// A bundle with one changed place.
fn changed(place: &str, value: Value) -> Value {
    let file = PatientFile { results: Vec::new(), ..PatientFile::ordinary(77, "P1") };
    let mut bundle = file.bundle();
    *bundle.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = value;
    bundle
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_systems_wrong_forms_and_bundles_are_refused_whole_and_say_where() {
    let tries = Tries::start().await;
    let app = &tries.world.app;
    let record = &tries.world.record;
    let portal = &tries.world.here.portal;
    let before = app.database.row_counts().await;

    // Forms.
    let kind = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    let assertion = record.system.assertion(&record.id).unwrap();
    let form_type = "application/x-www-form-urlencoded";
    for (form, content_type, status) in [
        (String::new(), form_type, 400),
        ("%".to_owned(), form_type, 400),
        ("%00=%ff&=&&&&==".to_owned(), form_type, 400),
        (format!("grant_type=client_credentials&{kind}"), form_type, 400),
        (format!("grant_type=password&{kind}&client_assertion={assertion}"), form_type, 400),
        (
            format!("grant_type=client_credentials&client_assertion_type=x&client_assertion={assertion}"),
            form_type,
            400,
        ),
        (
            format!(
                "grant_type=client_credentials&grant_type=client_credentials&{kind}&client_assertion={assertion}"
            ),
            form_type,
            400,
        ),
        (
            format!("grant_type=client_credentials&{kind}&client_assertion={assertion}"),
            "application/json",
            415,
        ),
        (json!({ "grant_type": "client_credentials" }).to_string(), "application/json", 415),
        (format!("grant_type=client_credentials&{kind}&client_assertion=..."), form_type, 401),
        (
            format!("grant_type=client_credentials&{kind}&client_assertion={}", "a.".repeat(9000)),
            form_type,
            401,
        ),
    ] {
        app.pass(Duration::seconds(1));
        let context: String = form.chars().take(160).collect();
        let call = Call::new(Method::POST, portal, "/oauth/token").bytes(content_type, form.into_bytes());
        let answer = app.wire().send(&call).await;
        assert_eq!(answer.status, status, "{context}: {}", answer.text());
        assert!(answer.json()["error"].is_string(), "{context}: {}", answer.text());
        assert!(answer.json()["access_token"].is_null(), "{context}");
    }

    // Bundles.
    let token = record.token().await;
    let mut wrong = Vec::new();
    for (place, value) in [
        ("", json!([])),
        ("", json!({})),
        ("", json!({ "resourceType": "Patient" })),
        ("/resourceType", json!("Bundles")),
        ("/type", json!("batch")),
        ("/type", json!("history")),
        ("/type", json!(null)),
        ("/entry", json!({})),
        ("/entry", json!("x")),
        ("/entry/0", json!(null)),
        ("/entry/0", json!({})),
        ("/entry/0/request", json!(null)),
        ("/entry/0/request/method", json!("PATCH")),
        ("/entry/0/request/method", json!("post")),
        ("/entry/0/request/url", json!("")),
        ("/entry/0/request/url", json!("Observation")),
        ("/entry/0/request/url", json!("../../Patient")),
        ("/entry/0/request/url", json!("https://evil.example/Patient")),
        ("/entry/0/resource", json!(null)),
        ("/entry/0/resource/resourceType", json!("Nothing")),
        ("/entry/0/resource/identifier", json!("x")),
        ("/entry/0/resource/identifier/0/value", json!(7)),
        ("/entry/0/resource/birthDate", json!("11/23/1937")),
        ("/entry/0/resource/birthDate", json!("1937-02-30")),
        ("/entry/0/resource/birthDate", json!(19371123)),
        ("/entry/0/resource/name", json!({})),
        (
            "/entry/1/resource/subject",
            json!({ "reference": "urn:uuid:00000000-0000-0000-0000-000000000000" }),
        ),
        ("/entry/1/resource/subject", json!({ "reference": "Patient/does-not-exist" })),
        (
            "/entry/1/resource/subject",
            json!({ "reference": format!("Patient?identifier={}|no-such-number", SYSTEMS[0]) }),
        ),
        ("/entry/1/resource/subject", json!(7)),
    ] {
        app.pass(Duration::milliseconds(500));
        let context: String = format!("{place} = {value}").chars().take(160).collect();
        let answer = record.system.push(&token, &changed(place, value)).await.unwrap();
        let refused = matches!(answer.status.as_u16(), 400 | 404 | 409 | 422);
        let told = answer.body["issue"][0]["expression"][0].as_str().unwrap_or_default();
        // An entry is named by its number; what stands above the entries is not.
        let entry = place.split('/').nth(2);
        if !refused
            || answer.body["resourceType"] != "OperationOutcome"
            || entry.is_some_and(|entry| !told.contains(entry))
        {
            wrong.push(format!("{context}: {} {}", answer.status, answer.body));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let twice = transaction(
        [PatientFile::ordinary(78, "P1"), PatientFile::ordinary(78, "P1")]
            .iter()
            .flat_map(PatientFile::resources)
            .collect(),
    );
    let answer = record.system.push(&token, &twice).await.unwrap();
    assert!(
        matches!(answer.status.as_u16(), 400 | 409 | 422),
        "the same resource twice: {} {}",
        answer.status,
        answer.body
    );
    for content_type in
        ["text/plain", "application/xml", "application/fhir+xml", "multipart/form-data; boundary=x"]
    {
        let bytes = PatientFile::ordinary(79, "P1").bundle().to_string().into_bytes();
        let call = Call::new(Method::POST, portal, "/fhir/R4")
            .with("authorization", &format!("Bearer {token}"))
            .bytes(content_type, bytes);
        let answer = app.wire().send(&call).await;
        assert_eq!(
            (answer.status, &answer.json()["resourceType"]),
            (415, &json!("OperationOutcome")),
            "{}",
            answer.text()
        );
    }
    assert_eq!(app.database.row_counts().await, before, "nothing was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn naughty_strings_in_headers_forms_and_tokens_are_refused() {
    let Some(file) = test_data("badinput/blns.json") else { return };
    let strings: Vec<String> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let tries = Tries::start().await;
    let app = &tries.world.app;
    let mut sources = Sources::of(app);
    let portal = &tries.world.here.portal;
    let before = app.database.row_counts().await;
    for (index, text) in strings.iter().enumerate() {
        app.pass(Duration::seconds(1));
        // What HTTP lets into a header at all.
        let header: String =
            text.chars().filter(|character| character.is_ascii() && !character.is_ascii_control()).collect();
        let encoded: String = text.bytes().take(3000).map(|byte| format!("%{byte:02X}")).collect();
        let form = format!(
            "grant_type={encoded}&client_assertion_type={encoded}&client_assertion={encoded}&scope={encoded}"
        );
        let oauth = Call::new(Method::POST, portal, "/oauth/token")
            .bytes("application/x-www-form-urlencoded", form.into_bytes());
        let answer = sources.send(&oauth).await;
        assert!(matches!(answer.status, 400 | 401), "{text:?}: {} {}", answer.status, answer.text());
        let read = Call::new(Method::GET, portal, "/api/v1/record");
        let call = match index % 4 {
            0 => read.with("cookie", &format!("__Host-session={header}")),
            1 => read.with("cookie", &header),
            2 => Call::new(Method::GET, portal, "/fhir/R4/Patient/1")
                .with("authorization", &format!("Bearer {header}")),
            _ => {
                tries.world.ann.call(Method::POST, "/api/v1/session/keep-alive").with("x-csrf-token", &header)
            }
        };
        let answer = sources.send(&call).await;
        assert!((400..500).contains(&answer.status), "{text:?}: {} {}", answer.status, answer.text());
        if index % 4 != 2 {
            is_refusal(&answer, text);
        }
    }
    assert_eq!(app.database.row_counts().await, before, "nothing was written");
}

/// The request that an OperationOutcome names.
fn named_request(outcome: &Value) -> &str {
    outcome["extension"]
        .as_array()
        .and_then(|extensions| {
            extensions.iter().find(|extension| extension["url"] == "urn:cloister:request-id")
        })
        .and_then(|extension| extension["valueString"].as_str())
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn record_systems_are_told_of_their_request_and_of_routes_that_are_none_in_their_own_words() {
    let app = TestApp::start().await;
    let mut clinic = app.clinic("lakeside").await;
    let record = clinic.record_client(&app).await;
    let token = record.token().await;
    let bearer = format!("Bearer {token}");
    let call =
        |method: Method, path: &str| Call::new(method, &clinic.portal, path).with("authorization", &bearer);
    let fhir = "application/fhir+json";
    let long = "x".repeat(1_048_577);
    let patient = json!({ "resourceType": "Patient", "identifier": [{ "system": SYSTEMS[0], "value": "1" }],
        "name": [{ "family": "Long" }], "contact": [{ "name": { "text": long } }] });
    let bundle = transaction(vec![("urn:uuid:00000000-0000-4000-8000-000000000001".to_owned(), patient)]);
    for (call, status, code, allow) in [
        (call(Method::GET, "/fhir"), 404, "not-found", ""),
        (call(Method::GET, "/fhir/R4/Patient"), 404, "not-found", ""),
        (call(Method::GET, "/fhir/R5/metadata"), 404, "not-found", ""),
        (call(Method::PUT, "/fhir/R4/Patient/1"), 405, "not-supported", "GET"),
        (call(Method::DELETE, "/fhir/R4/Patient/1"), 405, "not-supported", "GET"),
        (call(Method::GET, "/fhir/R4"), 405, "not-supported", "POST"),
        (call(Method::GET, "/fhir/R4/Patient/1"), 404, "not-found", ""),
        (Call::new(Method::GET, &clinic.portal, "/fhir/R4/Patient/1"), 401, "login", ""),
        (call(Method::POST, "/fhir/R4").bytes(fhir, b"{".to_vec()), 422, "structure", ""),
        (call(Method::POST, "/fhir/R4").bytes(fhir, bundle.to_string().into_bytes()), 422, "too-long", ""),
    ] {
        app.pass(Duration::seconds(10));
        let answer = app.wire().send(&call).await;
        let context = format!("{} {}: {:.400}", call.method, call.path, answer.text());
        assert_eq!(answer.status, status, "{context}");
        assert_eq!(answer.header("content-type"), fhir, "{context}");
        let outcome = answer.json();
        assert_eq!(outcome["resourceType"], "OperationOutcome", "{context}");
        assert_eq!(outcome["issue"][0]["code"], code, "{context}");
        assert_eq!(named_request(&outcome), answer.request_id().to_string(), "{context}");
        if !allow.is_empty() {
            assert_eq!(answer.header("allow"), allow, "{context}");
        }
    }
    app.pass(Duration::seconds(10));
    let too_long =
        app.wire().send(&call(Method::POST, "/fhir/R4").bytes(fhir, bundle.to_string().into_bytes())).await;
    let place = &too_long.json()["issue"][0]["expression"][0];
    assert_eq!(place, "Bundle.entry[0].resource.contact[0].name.text");
    app.pass(Duration::seconds(10));
    let refused = app.wire().send(&Call::new(Method::POST, &clinic.portal, "/oauth/token")).await;
    assert_eq!(refused.json()["request_id"], refused.request_id().to_string(), "{}", refused.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_may_read_what_the_fhir_endpoint_supports_as_often_as_a_stranger_may_call() {
    let app = TestApp::start().await;
    let clinic = app.clinic("lakeside").await;
    let read = Call::new(Method::GET, &clinic.portal, "/fhir/R4/metadata");
    let wire = app.wire();
    for _ in 0..10 {
        let answer = wire.send(&read).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), "application/fhir+json");
        let statement = answer.json();
        assert_eq!(statement["resourceType"], "CapabilityStatement");
        assert_eq!(statement["implementation"]["url"], format!("{}/fhir/R4", clinic.portal));
        assert_eq!(statement["rest"][0]["interaction"], json!([{ "code": "transaction" }]));
    }
    let refused = wire.send(&read).await;
    assert_eq!((refused.status, &refused.json()["resourceType"]), (429, &json!("OperationOutcome")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_refuses_a_record_system_before_there_is_a_route_speaks_its_protocol_too() {
    let app = TestApp::start().await;
    let clinic = app.clinic("lakeside").await;
    let to = |method: Method, path: &str| Call::new(method, &clinic.portal, path);
    let shadowed = "__Host-cloister=a; __Host-cloister=b";
    let long = "x".repeat(9_000);
    for (path, method) in [("/fhir/R4/metadata", Method::GET), ("/oauth/token", Method::POST)] {
        for (call, status, code) in [
            (to(method.clone(), &format!("{path}?unknown=1")), 400, "parameter.invalid"),
            (to(method.clone(), path).with("content-encoding", "gzip"), 415, "body.content_type"),
            (to(method.clone(), path).with("cookie", shadowed), 400, "cookie.ambiguous"),
            (to(method.clone(), &format!("{path}?a={long}")), 414, "uri.too_long"),
        ] {
            app.pass(Duration::seconds(10));
            let answer = app.wire().send(&call).await;
            let (kind, body) = (answer.header("content-type"), answer.json());
            assert_eq!(answer.status, status, "{path}: {}", answer.text());
            if path == "/oauth/token" {
                assert_eq!((kind, &body["error"]), ("application/json", &json!("invalid_request")), "{body}");
                assert_eq!((&body["code"], &body["request_id"]), (&json!(code), &json!(answer.request_id())));
            } else {
                assert_eq!(
                    (kind, &body["resourceType"]),
                    ("application/fhir+json", &json!("OperationOutcome"))
                );
                assert_eq!(body["issue"][0]["details"]["coding"][0]["code"], code, "{body}");
                assert_eq!(body["extension"][0]["valueString"], json!(answer.request_id()), "{body}");
            }
        }
    }
    let other = app.wire().send(&to(Method::GET, "/api/v1/clinic?unknown=1")).await;
    assert_eq!((other.status, other.header("content-type")), (400, "application/problem+json"));
}
