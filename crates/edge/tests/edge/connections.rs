//! Clients that are slow, endless or gone.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{App, HOST, Setup};

#[tokio::test]
async fn an_endless_chunked_body_is_cut_early() {
    let app = App::start().await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "POST /fhir/R4 HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer abc\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    let (mut reader, mut writer) = socket.into_split();
    let sender = tokio::spawn(async move {
        let mut sent = 0_usize;
        while sent < 50 << 20 && writer.write_all(&chunk).await.is_ok() {
            sent += 0x10000;
        }
        sent
    });
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), reader.read_to_end(&mut bytes)).await.unwrap();
    let sent = sender.await.unwrap();
    let answer = String::from_utf8_lossy(&bytes);
    assert!(answer.starts_with("HTTP/1.1 413") || bytes.is_empty(), "{answer}");
    assert!((16 << 20..30 << 20).contains(&sent), "{sent} bytes were taken");
}

#[tokio::test]
async fn an_announced_large_body_is_refused_before_it_is_sent() {
    let app = App::start().await;
    let head = format!(
        "POST /fhir/R4 HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer abc\r\nConnection: close\r\nContent-Length: 52428800\r\n\r\n"
    );
    let answer = app.raw(head.as_bytes()).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body.too_large"));
}

#[tokio::test]
async fn a_trickled_body_ends_in_time() {
    let mut setup = Setup::default();
    setup.edge.body_within = Duration::from_millis(300);
    let app = App::with(setup).await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "POST /fhir/R4 HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer abc\r\nContent-Length: 100\r\n\r\n{{"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(3), socket.read(&mut bytes)).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&bytes[..read]);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn slow_headers_lose_their_connection() {
    let mut setup = Setup::default();
    setup.serve.headers_within = Duration::from_millis(500);
    let app = App::with(setup).await;
    let http2_start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x40\x01\x04\0\0\0\x01";
    for (start, trickles) in [
        (&b"GET / HTTP/1.1\r\nHost: "[..], true),
        (b"", true),
        (b"", false),
        (b"P", false),
        (&http2_start[..], false),
    ] {
        let mut socket = TcpStream::connect(app.address).await.unwrap();
        socket.write_all(start).await.unwrap();
        let began = Instant::now();
        let (mut reader, mut writer) = socket.into_split();
        let trickle = tokio::spawn(async move {
            while !trickles || writer.write_all(b"a").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let mut bytes = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(6), reader.read_to_end(&mut bytes)).await;
        trickle.abort();
        assert!(ended.is_ok(), "still open after {:?}: {start:?}", began.elapsed());
    }
}

#[tokio::test]
async fn work_survives_clients_that_go_away() {
    let app = Arc::new(App::start().await);
    for _ in 0..20 {
        let mut socket = TcpStream::connect(app.address).await.unwrap();
        let head = format!("GET /api/v1/slow HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        drop(socket);
    }
    let socket = TcpStream::connect(app.address).await.unwrap();
    let (client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut streams = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let mut client = client.clone();
        let request = Request::get(format!("http://{HOST}/api/v1/slow")).body(String::new()).unwrap();
        streams.spawn(async move { client.send_request(request).await.map(drop) });
    }
    while app.counts.began.load(Ordering::SeqCst) < 40 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Dropping the request sends RST_STREAM for each; then the connection goes as well.
    streams.abort_all();
    tokio::time::sleep(Duration::from_millis(20)).await;
    connection.abort();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(app.counts.ended.load(Ordering::SeqCst), 40);
}

/// Sends one request on an open connection and reads its answer's head.
async fn exchange(socket: &mut TcpStream) -> String {
    socket.write_all(format!("GET /healthz HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await.unwrap();
    let mut bytes = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(2), socket.read(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8_lossy(&bytes[..read]).to_lowercase()
}

#[tokio::test]
async fn for_the_notice_everything_is_answered_and_connections_are_given_up_one_by_one() {
    let mut setup = Setup::default();
    setup.serve.notice = Duration::from_millis(700);
    let mut app = App::with(setup).await;
    let (mut used, mut idle) =
        (TcpStream::connect(app.address).await.unwrap(), TcpStream::connect(app.address).await.unwrap());
    for socket in [&mut used, &mut idle] {
        assert!(!exchange(socket).await.contains("connection: close"));
    }
    let socket = TcpStream::connect(app.address).await.unwrap();
    let (mut client, multiplexed) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    let multiplexed = tokio::spawn(multiplexed);
    let request = Request::get(format!("http://{HOST}/healthz")).body(String::new()).unwrap();
    assert_eq!(client.send_request(request).await.unwrap().status(), 200);

    app.stop();
    tokio::time::sleep(Duration::from_millis(150)).await;
    // HTTP/2 is told that no request after these will be taken.
    tokio::time::timeout(Duration::from_secs(1), multiplexed).await.unwrap().unwrap().unwrap();
    let mut new = TcpStream::connect(app.address).await.unwrap();
    for socket in [&mut used, &mut new] {
        let answer = exchange(socket).await;
        assert!(answer.starts_with("http/1.1 200") && answer.contains("connection: close"), "{answer}");
        assert_eq!(socket.read(&mut [0; 16]).await.unwrap(), 0, "closed after its answer");
    }
    // An idle one could be written to at any moment: it stays until the notice is over.
    let mut byte = [0; 1];
    assert!(tokio::time::timeout(Duration::from_millis(100), idle.read(&mut byte)).await.is_err());
    tokio::time::timeout(Duration::from_secs(2), &mut app.served).await.unwrap().unwrap();
    assert_eq!(idle.read(&mut byte).await.unwrap(), 0);
    assert!(TcpStream::connect(app.address).await.is_err());
}

#[tokio::test]
async fn shutdown_lets_requests_finish_and_takes_no_more() {
    let mut app = App::start().await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    socket.write_all(format!("GET /api/v1/slow HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await.unwrap();
    while app.counts.began.load(Ordering::SeqCst) < 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    app.stop();
    let mut bytes = Vec::new();
    tokio::time::timeout(Duration::from_secs(2), socket.read_to_end(&mut bytes)).await.unwrap().unwrap();
    assert!(bytes.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&bytes));
    tokio::time::timeout(Duration::from_secs(2), &mut app.served).await.unwrap().unwrap();
    assert!(TcpStream::connect(app.address).await.is_err());
}
