//! Answers to bytes that are no HTTP/1.1 request. hyper's parser turns them away before there is a request, with a bare
//! status line, and lets nobody have a say in it. So the bare head is recognised on its way out, by holding nothing but what
//! hyper writes there, and the problem with the whole set of headers takes its place.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use poem::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{framework::of_status, headers::secure};

/// What hyper's parser answers.
const STATUSES: [StatusCode; 3] =
    [StatusCode::BAD_REQUEST, StatusCode::URI_TOO_LONG, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE];

/// The answers that stand in for the bare ones: the status as it begins the status line, header lines, body.
pub(crate) struct Unparsed(Vec<(String, String, Vec<u8>)>);

impl Unparsed {
    pub(crate) async fn prepare(strict_transport: bool) -> Self {
        let mut answers = Vec::new();
        for status in STATUSES {
            let mut response = of_status(status).response(None);
            secure(&mut response, strict_transport, false);
            let body = response.take_body().into_bytes().await.unwrap_or_default().to_vec();
            let mut lines = String::new();
            for (name, value) in response.headers() {
                lines.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
            }
            answers.push((format!("HTTP/1.1 {} ", status.as_u16()), lines, body));
        }
        Self(answers)
    }

    /// The answer in place of a bare one; none for anything else that is written.
    fn instead_of(&self, written: &[u8]) -> Option<Vec<u8>> {
        let (_, lines, body) = self.0.iter().find(|(start, ..)| written.starts_with(start.as_bytes()))?;
        let head = std::str::from_utf8(written).ok()?.strip_suffix("\r\n\r\n")?;
        let (status, bare) = head.split_once("\r\n").unwrap_or((head, ""));
        let mut answer = format!("{status}\r\n{lines}");
        for line in bare.split_terminator("\r\n") {
            match line.split_once(": ")? {
                ("content-length", "0") | ("connection", _) => {}
                ("date", _) => answer.push_str(&format!("{line}\r\n")),
                _ => return None,
            }
        }
        answer.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
        Some([answer.as_bytes(), body].concat())
    }
}

/// A connection that puts our answers in the place of the parser's.
pub(crate) struct Answering<S> {
    stream: S,
    unparsed: Arc<Unparsed>,
    /// What stands in for something that the writer believes to be written.
    left: Vec<u8>,
}

impl<S> Answering<S> {
    pub(crate) fn new(stream: S, unparsed: Arc<Unparsed>) -> Self {
        Self { stream, unparsed, left: Vec::new() }
    }
}

impl<S: AsyncWrite + Unpin> Answering<S> {
    fn write_left(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.left.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.left))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.left.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Answering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Answering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.write_left(context))?;
        if let Some(answer) = self.unparsed.instead_of(bytes) {
            self.left = answer;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut filled = parts.iter().filter(|part| !part.is_empty());
        if let (Some(only), None) = (filled.next(), filled.next()) {
            return self.poll_write(context, only);
        }
        ready!(self.write_left(context))?;
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_left(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_left(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_bare_answer_is_replaced() {
        let unparsed = Unparsed::prepare(true).await;
        let bare = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\
                    date: Sun, 22 Nov 2026 09:30:00 GMT\r\n\r\n";
        let answer = String::from_utf8(unparsed.instead_of(bare.as_bytes()).unwrap()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        for line in [
            "x-content-type-options: nosniff",
            "content-type: application/problem+json",
            "cache-control: private, no-store",
            "strict-transport-security: max-age=63072000; includeSubDomains",
            "date: Sun, 22 Nov 2026 09:30:00 GMT",
            "connection: close",
            &format!("content-length: {}", body.len()),
        ] {
            assert_eq!(head.split("\r\n").filter(|found| *found == line).count(), 1, "{line} in {head}");
        }
        assert!(body.contains("headers.too_large"), "{body}");
        for other in [
            bare.replace("431 Request Header Fields Too Large", "404 Not Found"),
            bare.replace("content-length: 0", "content-length: 2"),
            bare.replace("connection: close", "content-type: text/plain"),
            format!("{bare}x"),
            format!("x{bare}"),
            bare.replace("\r\n\r\n", "\r\n"),
        ] {
            assert_eq!(unparsed.instead_of(other.as_bytes()), None, "{other}");
        }
    }

    #[tokio::test]
    async fn the_answer_arrives_whole_in_whatever_pieces() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};

        let unparsed = Arc::new(Unparsed::prepare(false).await);
        let bare = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        let expected = unparsed.instead_of(bare).unwrap();
        let (near, mut far) = tokio::io::duplex(7);
        let mut connection = Answering::new(near, unparsed);
        let writing = tokio::spawn(async move {
            connection.write_all(bare).await.unwrap();
            connection.write_all(b"after").await.unwrap();
            connection.shutdown().await.unwrap();
        });
        let mut arrived = Vec::new();
        far.read_to_end(&mut arrived).await.unwrap();
        writing.await.unwrap();
        assert_eq!(arrived, [expected.as_slice(), b"after"].concat());
    }
}
