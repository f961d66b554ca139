//! A keep-alive HTTP/1.1 connection that costs as little as it can: client and services share the cores.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// A connection to one address; opened when it is first needed and again after a failure.
pub struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    body_at: usize,
    source: IpAddr,
}

/// A request's bytes.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if method != "GET" {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

impl Connection {
    /// A connection from an ordinary address.
    pub fn to(address: SocketAddr) -> Self {
        Self::from_source(address, Ipv4Addr::LOCALHOST.into())
    }

    /// A connection from a loopback address of its own: a source of its own to rate limits.
    pub fn from_source(address: SocketAddr, source: IpAddr) -> Self {
        Self { address, stream: None, buffer: Vec::new(), body_at: 0, source }
    }

    /// Sends a request and reads the whole answer; its status.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        let answered = self.try_exchange(request).await;
        if answered.is_err() {
            self.stream = None;
        }
        answered
    }

    async fn try_exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        if self.stream.is_none() {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::new(self.source, 0))?;
            let stream = socket.connect(self.address).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some(head) = find(&self.buffer, b"\r\n\r\n") else { continue };
            let (status, length) = read_head(&self.buffer[..head]).ok_or(io::ErrorKind::InvalidData)?;
            self.body_at = head + 4;
            while self.buffer.len() < self.body_at + length {
                if stream.read_buf(&mut self.buffer).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            return Ok(status);
        }
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        &self.buffer[self.body_at..]
    }

    /// The value of a header of the last answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = std::str::from_utf8(&self.buffer[..self.body_at]).ok()?;
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(header, value)| header.eq_ignore_ascii_case(name).then_some(value))
    }

    /// The value of a cookie that the last answer set.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let head = std::str::from_utf8(&self.buffer[..self.body_at]).ok()?;
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        let mut cookies = lines.filter(|(header, _)| header.eq_ignore_ascii_case("set-cookie"));
        cookies.find_map(|(_, cookie)| {
            let value = cookie.strip_prefix(name)?.strip_prefix('=')?;
            value.split(';').next().map(str::to_owned)
        })
    }
}

fn find(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    bytes.windows(sought.len()).position(|window| window == sought)
}

/// Status and length of the body. Our services say the length of every answer; one that does not is an error here.
fn read_head(head: &[u8]) -> Option<(u16, usize)> {
    let head = std::str::from_utf8(head).ok()?;
    let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    length.or((status == 204).then_some(0)).map(|length| (status, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_status_and_length_and_one_without_length_is_refused() {
        assert_eq!(read_head(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nx: y"), Some((200, 12)));
        assert_eq!(read_head(b"HTTP/1.1 204 No Content\r\nx: y"), Some((204, 0)));
        assert_eq!(read_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked"), None);
    }

    #[test]
    fn a_request_names_the_length_of_its_body() {
        let bytes = request("POST", "/a", &[("host", "b")], b"{}");
        assert_eq!(bytes, b"POST /a HTTP/1.1\r\nhost: b\r\ncontent-length: 2\r\n\r\n{}");
    }
}
