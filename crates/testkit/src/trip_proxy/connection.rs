//! One connection, read message by message ("Message Formats" in PostgreSQL's manual).

use std::{collections::HashMap, io, net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Shared, Side, Strike};

const QUERY: u8 = b'Q';
const PARSE: u8 = b'P';
const BIND: u8 = b'B';
const SYNC: u8 = b'S';
const READY: u8 = b'Z';
const FAILING: &str = "SELECT 1/0";

/// Messages that have not been taken apart yet.
#[derive(Default)]
struct Messages {
    bytes: Vec<u8>,
    begun: bool,
}

impl Messages {
    /// Of a server, or of a client that has said its first one, which has no kind.
    fn begun() -> Self {
        Self { bytes: Vec::new(), begun: true }
    }

    async fn read_from(&mut self, stream: &mut TcpStream) -> io::Result<bool> {
        Ok(stream.read_buf(&mut self.bytes).await? > 0)
    }

    /// The next whole message.
    fn next(&mut self) -> Option<Vec<u8>> {
        let kind = usize::from(self.begun);
        let length = self.bytes.get(kind..kind + 4)?;
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize + kind;
        if self.bytes.len() < length {
            return None;
        }
        self.begun = true;
        let rest = self.bytes.split_off(length);
        Some(std::mem::replace(&mut self.bytes, rest))
    }
}

/// What a client asks before it waits for an answer.
#[derive(Default)]
struct Trip {
    messages: Vec<Vec<u8>>,
}

impl Trip {
    /// Whether this message was the last one.
    fn is_ended_by(kind: u8) -> bool {
        kind == QUERY || kind == SYNC
    }

    /// The statement's text; `None` of a trip without one.
    fn text(&self, prepared: &mut HashMap<String, String>) -> Option<String> {
        let mut found = None;
        for message in &self.messages {
            let mut texts = message[5..].split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text));
            let mut text = || texts.next().unwrap_or_default().into_owned();
            match message[0] {
                QUERY => found = Some(text()),
                PARSE => {
                    let (name, text) = (text(), text());
                    prepared.insert(name, text.clone());
                    found = Some(text);
                }
                BIND => {
                    let (_portal, name) = (text(), text());
                    found = found.or_else(|| Some(prepared.get(&name).cloned().unwrap_or(name)));
                }
                _ => {}
            }
        }
        found
    }

    fn bytes(self) -> Vec<u8> {
        self.messages.concat()
    }

    /// The same, failing: instead of what was asked, or once that is done.
    fn failing(mut self, side: Side) -> Vec<u8> {
        let last = self.messages.pop().unwrap_or_default();
        let is_query = last.first() == Some(&QUERY);
        match (side, is_query) {
            (Side::Asked, _) => message(QUERY, &[FAILING.as_bytes(), b"\0"]),
            (Side::Done, true) => {
                message(QUERY, &[&last[5..last.len() - 1], b"; ", FAILING.as_bytes(), b"\0"])
            }
            // A statement that fails as it is parsed: without a name, of no types.
            (Side::Done, false) => {
                self.messages.push(message(PARSE, &[b"\0", b"this fails", b"\0\0\0"]));
                self.messages.push(last);
                self.bytes()
            }
        }
    }
}

fn message(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = 4 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut message = vec![kind];
    message.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    message.extend(parts.concat());
    message
}

/// Carries a connection until one end, or a failpoint, ends it.
pub(super) async fn carry(client: TcpStream, service: SocketAddr, shared: Arc<Shared>) {
    let Ok(service) = TcpStream::connect(service).await else { return };
    let _ = (client.set_nodelay(true), service.set_nodelay(true));
    // An end that fails is an end that is gone: the other is told by being closed.
    let _ = Connection { client, service, shared, prepared: HashMap::new() }.carry().await;
}

struct Connection {
    client: TcpStream,
    service: TcpStream,
    shared: Arc<Shared>,
    prepared: HashMap<String, String>,
}

impl Connection {
    async fn carry(mut self) -> io::Result<()> {
        let mut asked = Messages::default();
        let mut answered = vec![0; 16 * 1024];
        let mut trip = Trip::default();
        loop {
            tokio::select! {
                read = asked.read_from(&mut self.client) => if !read? { return Ok(()) },
                read = self.service.read(&mut answered) => {
                    let bytes = &answered[..read?];
                    if bytes.is_empty() {
                        return Ok(());
                    }
                    self.client.write_all(bytes).await?;
                }
            }
            let mut is_first = !asked.begun;
            while let Some(message) = asked.next() {
                let kind = message[0];
                trip.messages.push(message);
                let opens = std::mem::take(&mut is_first);
                if opens || !matches!(kind, PARSE | BIND | b'D' | b'E' | b'C') {
                    let is_whole = !opens && Trip::is_ended_by(kind);
                    if !self.send(std::mem::take(&mut trip), is_whole).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Sends a trip, struck if it is its turn; whether the connection goes on.
    async fn send(&mut self, trip: Trip, is_whole: bool) -> io::Result<bool> {
        let text = if is_whole { trip.text(&mut self.prepared) } else { None };
        match text.and_then(|text| self.shared.count(text)) {
            None => self.service.write_all(&trip.bytes()).await?,
            Some((side, Strike::Fails)) => self.service.write_all(&trip.failing(side)).await?,
            Some((Side::Asked, Strike::Lost)) => return Ok(self.reset()),
            Some((Side::Asked, Strike::Held)) => {
                self.shared.hold().await;
                self.service.write_all(&trip.bytes()).await?;
            }
            Some((Side::Done, strike)) => {
                self.service.write_all(&trip.bytes()).await?;
                let answer = self.whole_answer().await?;
                if strike == Strike::Lost {
                    return Ok(self.reset());
                }
                self.shared.hold().await;
                self.client.write_all(&answer).await?;
            }
        }
        Ok(true)
    }

    /// Everything that PostgreSQL answers, once it says that it is done.
    async fn whole_answer(&mut self) -> io::Result<Vec<u8>> {
        let mut messages = Messages::begun();
        let mut answer = Vec::new();
        loop {
            while let Some(message) = messages.next() {
                let kind = message[0];
                answer.extend(message);
                if kind == READY {
                    return Ok(answer);
                }
            }
            if !messages.read_from(&mut self.service).await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Resets both ends. The connection does not go on.
    fn reset(&self) -> bool {
        // Where it cannot be set, the end is in order instead of abrupt.
        let _ = (self.client.set_zero_linger(), self.service.set_zero_linger());
        false
    }
}
