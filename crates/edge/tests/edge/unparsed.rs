//! Bytes that are no request, or one that two parsers may read differently: HTTP/1.1 by hand, HTTP/2 by frames.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{App, HOST};

/// What every answer carries, also where there was no request yet.
const EVERYWHERE: [&str; 8] = [
    "x-content-type-options: nosniff",
    "x-frame-options: deny",
    "referrer-policy: no-referrer",
    "permissions-policy: ",
    "cross-origin-opener-policy: same-origin",
    "cross-origin-resource-policy: same-origin",
    "content-security-policy: default-src",
    "cache-control: private, no-store",
];

/// Sends bytes; everything that comes back until the server closes.
async fn exchange(app: &App, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let _ = socket.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(15), socket.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "still open after {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(200)]));
    answer
}

/// One problem, with every header, and then the end of the connection.
async fn is_refused(app: &App, bytes: &[u8]) -> u16 {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
    let answer = exchange(app, bytes).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{shown:?}: {text:?}");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{shown:?}: {text:?}"));
    let status: u16 = head[9..12].parse().unwrap();
    assert!((400..500).contains(&status), "{shown:?}: {text:?}");
    let lower = head.to_lowercase();
    for line in EVERYWHERE {
        assert_eq!(lower.matches(line).count(), 1, "{line} after {shown:?}: {head}");
    }
    assert!(lower.contains("content-type: application/problem+json"), "{shown:?}: {head}");
    let problem: serde_json::Value =
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{shown:?}: {body:?}"));
    assert_eq!(problem["status"], status, "{shown:?}");
    status
}

#[tokio::test]
async fn what_is_no_request_is_a_problem_with_every_header() {
    let app = App::start().await;
    let get = "GET /api/v1/source HTTP/1.1\r\n";
    let mut texts: Vec<String> = [
        "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET / http/1.1\r\nHost: x\r\n\r\n",
        "GET /\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
        "GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "\u{16}\u{3}\u{1}\0\u{a5}\u{1}\0\0\u{a1}\u{3}\u{3}\r\n\r\n",
    ]
    .map(str::to_owned)
    .to_vec();
    for line in [
        format!("Host : {HOST}"),
        format!(" Host: {HOST}"),
        format!("Host: {HOST}\r\n folded: yes"),
        format!("Host: {HOST}\0"),
        format!("Host: {HOST}\r\nX\0Y: 1"),
        format!("Host: {HOST}\r\nX Y: 1"),
        format!("Host: {HOST}\r\nX: a\u{1}b"),
        format!("Host: {HOST}\r\nno colon at all"),
        format!("Host: {HOST}\r\n: no name"),
        format!("Host: {HOST}\r\nContent-Length: 5\r\nContent-Length: 6"),
        format!("Host: {HOST}\r\nContent-Length: 5, 6"),
        format!("Host: {HOST}\r\nContent-Length: +5"),
        format!("Host: {HOST}\r\nContent-Length: 0x5"),
        format!("Host: {HOST}\r\nContent-Length: 99999999999999999999"),
        format!("Host: {HOST}\r\nTransfer-Encoding: gzip"),
        format!("Host: {HOST}\r\nTransfer-Encoding: chunked, gzip"),
        format!("Host: {HOST}\r\nTransfer-Encoding: xchunked"),
        format!("Host: {HOST}\r\nTransfer-Encoding: identity"),
        format!("Host: {HOST}\r\nTransfer-Encoding:\u{b}chunked"),
    ] {
        texts.push(format!("{get}{line}\r\n\r\n"));
        texts.push(format!("POST /fhir/R4 HTTP/1.1\r\n{line}\r\n\r\n0\r\n\r\n"));
    }
    for text in texts {
        is_refused(&app, text.as_bytes()).await;
    }
    let many = format!("{get}Host: {HOST}\r\n{}\r\n", "X: 1\r\n".repeat(101));
    assert_eq!(is_refused(&app, many.as_bytes()).await, 431);
    let long = format!("{get}Host: {HOST}\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    assert_eq!(is_refused(&app, long.as_bytes()).await, 431);
    let address = format!("GET /{} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", "x".repeat(40_000));
    assert!(matches!(is_refused(&app, address.as_bytes()).await, 414 | 431));
}

/// Requests whose end two parsers may see in different places, each with a second one hidden behind it.
#[tokio::test]
async fn no_request_is_hidden_in_another() {
    let app = App::start().await;
    let hidden = format!("GET /api/v1/source HTTP/1.1\r\nHost: {HOST}\r\nX-Hidden: 1\r\n\r\n");
    let length = hidden.len() + 5;
    for framing in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
        format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: {length}\r\n"),
        format!("Transfer-Encoding: \tchunked\u{c}\r\nContent-Length: {length}\r\n"),
        format!("Transfer_Encoding: chunked\r\nContent-Length: {length}\r\nContent-Length: 5\r\n"),
        format!("Content-Length: 0\r\nContent-Length: {length}\r\n"),
        "Content-Length: 5\r\nContent-Length:\r\n".to_owned(),
        "Content-Length: -1\r\n".to_owned(),
    ] {
        let text = format!("POST /fhir/R4 HTTP/1.1\r\nHost: {HOST}\r\n{framing}\r\n0\r\n\r\n{hidden}");
        let answer = exchange(&app, text.as_bytes()).await;
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{framing:?}: {answer}");
        assert!(answer.starts_with("HTTP/1.1 4"), "{framing:?}: {answer}");
    }
    // A broken chunk ends the connection: what stands behind it is nobody's request.
    for chunk in [
        "g\r\nx",
        "-1\r\nx",
        "ffffffffffffffffff\r\nx",
        "1\nx\n0\n",
        "5\r\nhello world\r\n0",
        "1;\u{b}\r\nxy",
    ] {
        let text = format!(
            "POST /fhir/R4 HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer abc\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}\r\n\r\n{hidden}"
        );
        let answer = exchange(&app, text.as_bytes()).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{chunk:?}: {answer}");
        assert!(!answer.contains("HTTP/1.1 200") && !answer.contains("HTTP/1.1 5"), "{chunk:?}: {answer}");
    }
}

/// An HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block of literals that are never indexed (RFC 7541, section 6.2.3).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0x10);
        for text in [name, value] {
            bytes.push(u8::try_from(text.len()).unwrap());
            bytes.extend(text.as_bytes());
        }
    }
    bytes
}

/// A frame that came back: type, stream and payload.
type Frame = (u8, u32, Vec<u8>);

/// The whole frames among bytes.
fn cut(bytes: &[u8]) -> Vec<Frame> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while rest.len() >= 9 {
        let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
        let stream = u32::from_be_bytes(rest[5..9].try_into().unwrap());
        if rest.len() < 9 + length {
            break;
        }
        found.push((rest[3], stream, rest[9..9 + length].to_vec()));
        rest = &rest[9 + length..];
    }
    found
}

/// The frames that come back until the first stream is answered or reset, or the connection given up.
async fn frames(app: &App, sent: &[Vec<u8>]) -> Vec<Frame> {
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let start = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(4, 0, 0, &[])].concat();
    let _ = socket.write_all(&[start, sent.concat()].concat()).await;
    let mut bytes = Vec::new();
    let reading = async {
        while socket.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
            let settled = |(kind, stream, _): &Frame| *kind == 7 || (*stream == 1 && matches!(*kind, 1 | 3));
            if cut(&bytes).iter().any(settled) {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), reading).await;
    cut(&bytes)
}

/// The status of the first stream's answer, where the static table has one (RFC 7541, appendix A): 0 for another, none
/// where there is no answer.
fn status(frames: &[Frame]) -> Option<u16> {
    let (.., block) = frames.iter().find(|(kind, stream, _)| (*kind, *stream) == (1, 1))?;
    // A change of the dynamic table's size may come first.
    let first = block.iter().find(|byte| **byte & 0xe0 != 0x20)?;
    Some(match first {
        0x88 => 200,
        0x8c => 400,
        0x8d => 404,
        0x8e => 500,
        _ => 0,
    })
}

#[tokio::test]
async fn malformed_http2_requests_reach_nothing() {
    let app = App::start().await;
    let request = |fields: &[(&str, &str)]| frame(1, 5, 1, &block(fields));
    let good = [(":method", "GET"), (":scheme", "http"), (":authority", HOST), (":path", "/api/v1/source")];
    assert_eq!(status(&frames(&app, &[request(&good)]).await), Some(200));
    let with = |more: &[(&'static str, &'static str)]| [good.as_slice(), more].concat();
    let without = |name: &str| good.iter().copied().filter(|(known, _)| *known != name).collect::<Vec<_>>();
    let instead = |name: &str, value: &'static str| {
        good.iter()
            .map(|(known, old)| (*known, if *known == name { value } else { *old }))
            .collect::<Vec<_>>()
    };
    for fields in [
        without(":method"),
        without(":path"),
        without(":authority"),
        instead(":path", ""),
        instead(":path", "api/v1/source"),
        instead(":path", "/api/v1/\0"),
        instead(":method", "GET /"),
        instead(":authority", ""),
        instead(":authority", "user@lakeside.example.org"),
        instead(":authority", "lakeside.example.org/x"),
        instead(":authority", "lakeside.example.org evil.example"),
        instead(":authority", "[::1]"),
        with(&[(":authority", "evil.example")]),
        with(&[(":path", "/healthz")]),
        with(&[(":status", "200")]),
        with(&[(":unknown", "1")]),
        with(&[("host", "evil.example")]),
        with(&[("host", HOST), ("host", HOST)]),
        with(&[("Upper-Case", "1")]),
        with(&[("connection", "close")]),
        with(&[("transfer-encoding", "chunked")]),
        with(&[("te", "gzip")]),
        with(&[("upgrade", "websocket")]),
        with(&[("x", "a\r\nb: c")]),
        with(&[("x\0y", "1")]),
        with(&[("content-length", "5")]),
        with(&[("x", "1"), (":path", "/healthz")]),
    ] {
        let answered = frames(&app, &[request(&fields)]).await;
        let status = status(&answered);
        assert!(!matches!(status, Some(200 | 500)), "{fields:?}: {status:?}");
    }
    // Broken frames end the connection and nothing else.
    for broken in [
        frame(1, 5, 0, &block(&good)),
        frame(1, 5, 2, &block(&good)),
        frame(1, 5, 1, &[0xff; 40]),
        frame(1, 0x0d, 1, &[200, 1]),
        frame(9, 4, 1, &block(&good)),
        frame(8, 0, 0, &[0; 4]),
        frame(4, 0, 0, &[0; 5]),
        frame(6, 0, 0, &[0; 3]),
        frame(0, 1, 1, b"data"),
        vec![0xff; 64],
    ] {
        assert_eq!(status(&frames(&app, std::slice::from_ref(&broken)).await), None, "{broken:?}");
    }
    assert_eq!(status(&frames(&app, &[request(&good)]).await), Some(200), "everybody else is served");
}
