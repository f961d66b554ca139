//! Requests that no page of ours sends: other hosts, other origins, other people's pages, too much of everything.

use std::collections::BTreeSet;

use cloister_testkit::app::{ADMIN_ORIGIN, Call, TestApp};
use reqwest::Method;
use serde_json::json;
use time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::matrix::clinic_with_patient;

const SECURITY_HEADERS: [&str; 6] = [
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
];

/// Sends bytes as they are; everything that came back until the server closed or fell silent.
pub(crate) async fn raw(app: &TestApp, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    // The server may answer and close before it has read everything.
    let _ = socket.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(std::time::Duration::from_secs(5), socket.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_are_nobodys_and_requests_without_one_are_refused() {
    let app = TestApp::start().await;
    let clinic = app.clinic("lakeside").await;
    let port = app.address.port();
    for host in [
        "unknown.localhost".to_owned(),
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        format!("lakeside.localhost.evil.example:{port}"),
        "lakeside.localhost@evil.example".to_owned(),
        "lakeside_.localhost".to_owned(),
        "admin.localhost".to_owned(),
    ] {
        app.pass(Duration::seconds(7));
        let call = Call::new(Method::GET, &clinic.portal, "/api/v1/clinic").with("host", &host);
        let answer = app.wire().send(&call).await;
        assert!(matches!(answer.status, 400 | 421), "{host}: {} {}", answer.status, answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json", "{host}");
        for name in SECURITY_HEADERS {
            assert!(!answer.header(name).is_empty(), "{name} on {host}");
        }
    }
    // One host in whatever spelling.
    for host in [format!("LAKESIDE.localhost:{port}"), format!("lakeside.localhost.:{port}")] {
        let call = Call::new(Method::GET, &clinic.portal, "/api/v1/clinic").with("host", &host);
        let answer = app.wire().send(&call).await;
        assert!(answer.status == 200 && answer.json()["slug"] == "lakeside", "{host}: {}", answer.text());
    }
    for request in [
        "GET /api/v1/clinic HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
        format!(
            "GET /api/v1/clinic HTTP/1.1\r\nHost: lakeside.localhost:{port}\r\nHost: lakeside.localhost:{port}\r\nConnection: close\r\n\r\n"
        ),
        format!(
            "GET http://evil.example/api/v1/clinic HTTP/1.1\r\nHost: lakeside.localhost:{port}\r\nConnection: close\r\n\r\n"
        ),
        "GET /api/v1/clinic HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n".to_owned(),
    ] {
        let answer = raw(&app, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{request:?}: {answer:?}");
    }
    // An operator's host is not a clinic's, and the other way round.
    let call = Call::new(Method::GET, ADMIN_ORIGIN, "/v1/tenants").with("host", "lakeside.localhost");
    assert_eq!(app.admin_wire().send(&call).await.status, 421);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_something_must_come_from_our_own_page() {
    let app = TestApp::start().await;
    let (clinic, mut patient) = clinic_with_patient(&app).await;
    let other = app.clinic("riverside").await;
    patient.sign_in(&app).await;
    let keep = patient.call(Method::POST, "/api/v1/session/keep-alive");
    assert_eq!(app.wire().send(&keep).await.status, 200);
    let mut tries = Vec::new();
    for name in ["origin", "sec-fetch-site", "x-csrf-token"] {
        tries.push(keep.clone().without(name));
    }
    let similar = [
        "null".to_owned(),
        clinic.console.clone(),
        other.portal.clone(),
        clinic.portal.replace("http:", "https:"),
        format!("{}0", clinic.portal),
        clinic.portal.replace("localhost", "localhost.evil.example"),
        String::new(),
    ];
    tries.extend(similar.iter().map(|origin| keep.clone().with("origin", origin)));
    tries.extend(
        ["same-site", "cross-site", "none"].iter().map(|site| keep.clone().with("sec-fetch-site", site)),
    );
    let token = keep.headers["x-csrf-token"].clone();
    tries.push(keep.clone().with("x-csrf-token", &token[1..]));
    tries.push(keep.clone().with("x-csrf-token", other.owner.browser.csrf_token().unwrap_or("x")));
    for call in tries {
        app.pass(Duration::seconds(1));
        let answer = app.wire().send(&call).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "csrf.refused"), "{:?}", call.headers);
        let field = answer.json()["errors"][0]["field"].clone();
        assert!(["Origin", "Sec-Fetch-Site", "X-CSRF-Token"].contains(&field.as_str().unwrap()), "{field}");
        let events = app.database.events_of(answer.request_id()).await;
        let lines: Vec<String> = events.iter().map(|event| event.line()).collect();
        assert_eq!(lines, ["call.refused refused csrf.refused"], "nothing reached an operation");
        assert_eq!(events[0].actor, Some(patient.id), "the event names whose session came with it");
    }
    // A cookie route takes no Authorization header beside the cookie.
    let mixed = keep.clone().with("authorization", "Bearer x");
    assert_eq!(app.wire().send(&mixed).await.code(), "credentials.mixed");
    // No page of another site may read an answer, credentials or not.
    let read = patient.call(Method::GET, "/api/v1/record").with("origin", "https://evil.example");
    let answer = app.wire().send(&read).await;
    assert!(
        answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")),
        "{:?}",
        answer.headers
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_much_is_cut_off_by_counting_and_every_answer_is_a_problem_with_all_headers() {
    let app = TestApp::start().await;
    let (mut clinic, mut patient) = clinic_with_patient(&app).await;
    let record = clinic.record_client(&app).await;
    let token = record.token().await;
    patient.sign_in(&app).await;
    let before = app.database.row_counts().await;
    let port = app.address.port();
    let page = patient.call(Method::POST, "/api/v1/session/step-up");
    let headers: String = page.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = |more: &str| {
        format!(
            "POST /api/v1/session/step-up HTTP/1.1\r\nHost: lakeside.localhost:{port}\r\n{headers}\
             Content-Type: application/json\r\nConnection: close\r\n{more}\r\n"
        )
    };
    // Announced, and not announced: 2 MiB in chunks without a length.
    let announced = raw(&app, head("Content-Length: 2097152\r\n").as_bytes()).await;
    assert!(announced.starts_with("HTTP/1.1 413"), "{announced:?}");
    let mut chunked = head("Transfer-Encoding: chunked\r\n").into_bytes();
    chunked.extend(b"9\r\n{\"code\":\"\r\n");
    for _ in 0..32 {
        chunked.extend(b"10000\r\n");
        chunked.extend(std::iter::repeat_n(b'7', 0x10000));
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"2\r\n\"}\r\n0\r\n\r\n");
    let cut = raw(&app, &chunked).await;
    assert!(cut.starts_with("HTTP/1.1 413"), "{:?}", &cut[..cut.len().min(300)]);
    // Ends early, lies about its length, smuggles a second request.
    for more in [
        "Content-Length: 5\r\nContent-Length: 50\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 12abc\r\n",
    ] {
        let answer =
            raw(&app, [head(more).as_bytes(), b"5\r\n{\"a\":\r\n0\r\n\r\n"].concat().as_slice()).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{more:?}: {answer:?}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{more:?}: {answer:?}");
    }
    let compressed = page.clone().json(&json!({ "code": "1" })).with("content-encoding", "gzip");
    assert_eq!(app.wire().send(&compressed).await.status, 415);

    // A bundle has 16 MiB, counted.
    let huge = format!(
        "POST /fhir/R4 HTTP/1.1\r\nHost: lakeside.localhost:{port}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/fhir+json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        (16 << 20) + 1
    );
    let huge = raw(&app, huge.as_bytes()).await;
    assert!(huge.starts_with("HTTP/1.1 413") && huge.contains("OperationOutcome"), "{huge}");

    let mut statuses = BTreeSet::new();
    let long = format!("/api/v1/{}", "x".repeat(30_000));
    for (method, path) in [
        (Method::GET, "/api/v1/nothing"),
        (Method::GET, "/api/v2/record"),
        (Method::GET, "/api/v1/record/results/not-a-uuid"),
        (Method::GET, "/api/v1/record/results?limit=0"),
        (Method::GET, "/api/v1/record/results?limit=-1"),
        (Method::GET, "/api/v1/record/results?limit=100000000000000000000"),
        (Method::GET, "/api/v1/record/results?limit=ten"),
        (Method::GET, "/api/v1/record/results?cursor=garbage"),
        (Method::GET, "/api/v1/record/results?limit=1&limit=2"),
        (Method::GET, "/api/v1/record/results?tenant=other"),
        (Method::PATCH, "/api/v1/record"),
        (Method::POST, "/api/v1/record"),
        (Method::DELETE, "/api/v1/clinic"),
        (Method::GET, "/api/v1/%00"),
        (Method::GET, "/api/v1/..%2f..%2fetc/passwd"),
        (Method::GET, "/assets/..%2f..%2fCargo.toml"),
        (Method::GET, "/.git/config"),
        (Method::GET, "/index.php"),
        (Method::GET, long.as_str()),
    ] {
        app.pass(Duration::seconds(1));
        let answer = app.wire().send(&patient.call(method.clone(), path)).await;
        let short = &path[..path.len().min(80)];
        assert!((400..500).contains(&answer.status), "{method} {short}: {}", answer.status);
        statuses.insert(answer.status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {short}");
        for name in SECURITY_HEADERS {
            assert!(!answer.header(name).is_empty(), "{name} on {method} {short}");
        }
        assert!(answer.header("cache-control").contains("no-store"), "{method} {short}");
    }
    assert!(statuses.is_superset(&[400, 404, 405].into()), "{statuses:?}");
    assert_eq!(app.database.row_counts().await, before, "nothing was written");
}
