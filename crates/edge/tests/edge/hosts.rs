//! The host corpus, over HTTP/1.1 and HTTP/2.

use std::sync::Arc;

use http::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::support::{App, HOST, Setup};

#[tokio::test]
async fn one_host_by_any_spelling_and_no_other() {
    let app = App::start().await;
    let open = "GET /api/v1/source";
    for host in [
        HOST,
        "LAKESIDE.Example.ORG",
        "lakeside.example.org:443",
        "lakeside.example.org.",
        "lakeside.example.org.:8443",
    ] {
        assert_eq!(app.ask(open, &[("Host", host)], "").await.status, 200, "{host}");
    }
    for host in [
        "evil.example",
        "sub.lakeside.example.org",
        "lakeside.example.org.evil.example",
        "example.org",
        "xn--lakeside-9za.example.org",
    ] {
        assert_eq!(app.ask(open, &[("Host", host)], "").await.code(), "host.unknown", "{host}");
    }
    for host in [
        "lakeside.example.org:",
        "lakeside.example.org:0",
        "lakeside.example.org:http",
        "lakeside.example.org:80:80",
        "lakeside..example.org",
        "127.0.0.1",
        "[::1]",
        "lakeside.example.org/",
        "user@lakeside.example.org",
        "lakeside.example.org, evil.example",
        "lakeside.example.org evil.example",
        "lakeside_x.example.org",
        "",
    ] {
        let answer = app.ask(open, &[("Host", host)], "").await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "host.invalid"), "{host}");
    }
}

#[tokio::test]
async fn missing_doubled_and_contradicting_hosts_are_refused() {
    let app = App::start().await;
    let raw = async |head: String| app.raw(format!("{head}Connection: close\r\n\r\n").as_bytes()).await;
    let none = raw("GET /api/v1/source HTTP/1.1\r\n".to_owned()).await;
    assert_eq!((none.status, none.code().as_str()), (400, "host.invalid"));
    let twice = raw(format!("GET /api/v1/source HTTP/1.1\r\nHost: {HOST}\r\nHost: {HOST}\r\n")).await;
    assert_eq!((twice.status, twice.code().as_str()), (400, "host.invalid"));
    let absolute = raw(format!("GET http://{HOST}/api/v1/source HTTP/1.1\r\nHost: {HOST}\r\n")).await;
    assert_eq!(absolute.status, 200, "{absolute:?}");
    let other = raw(format!("GET http://evil.example/api/v1/source HTTP/1.1\r\nHost: {HOST}\r\n")).await;
    assert_eq!((other.status, other.code().as_str()), (400, "host.invalid"));
    let other = raw(format!("GET http://{HOST}/api/v1/source HTTP/1.1\r\nHost: evil.example\r\n")).await;
    assert_eq!((other.status, other.code().as_str()), (400, "host.invalid"));
}

#[tokio::test]
async fn forwarded_headers_choose_no_host() {
    let app = App::start().await;
    for (name, value) in [
        ("X-Forwarded-Host", HOST),
        ("Forwarded", "host=lakeside.example.org"),
        ("X-Host", HOST),
        ("X-Original-Host", HOST),
    ] {
        let answer = app.ask("GET /api/v1/source", &[("Host", "evil.example"), (name, value)], "").await;
        assert_eq!(answer.code(), "host.unknown", "{name}");
        let answer = app.ask("GET /api/v1/source", &[(name, "evil.example")], "").await;
        assert_eq!(answer.status, 200, "{name}");
    }
}

#[tokio::test]
async fn http2_authority_is_the_same_host() {
    let app = App::start().await;
    let socket = tokio::net::TcpStream::connect(app.address).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    for (authority, host, status) in [
        (HOST, None, 200),
        ("LAKESIDE.example.org:8443", None, 200),
        ("evil.example", None, 421),
        ("127.0.0.1", None, 400),
        (HOST, Some("evil.example"), 400),
        ("evil.example", Some(HOST), 400),
        (HOST, Some("Lakeside.Example.Org"), 200),
    ] {
        let mut request =
            Request::builder().version(Version::HTTP_2).uri(format!("http://{authority}/api/v1/source"));
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let response = client.send_request(request.body(String::new()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{authority} {host:?}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn the_address_is_believed_only_from_our_own_hops() {
    let spoofed =
        [("X-Forwarded-For", "203.0.113.9"), ("X-Real-IP", "203.0.113.9"), ("Forwarded", "for=203.0.113.9")];
    let app = App::start().await;
    assert_eq!(app.ask("GET /api/v1/source", &spoofed, "").await.json(), "127.0.0.1");
    let mut setup = Setup::default();
    setup.edge.trusted_hops.networks = vec![cloister_edge::Network::parse("127.0.0.0/8").unwrap()];
    setup.edge.trusted_hops.hops = 1;
    let app = Arc::new(App::with(setup).await);
    let chain = [("X-Forwarded-For", "198.51.100.66, 203.0.113.9"), ("X-Real-IP", "198.51.100.66")];
    assert_eq!(app.ask("GET /api/v1/source", &chain, "").await.json(), "203.0.113.9");
}
