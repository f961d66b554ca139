//! A mailbox for a whole test: an SMTP server on a loopback port that keeps what it is sent.

use std::{
    collections::VecDeque,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mail_parser::MessageParser;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

use crate::ServiceError;

/// A mail as it arrived.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Headers and body as sent, dot-stuffing undone.
    pub source: String,
}

impl Mail {
    /// The subject, decoded; empty without one.
    pub fn subject(&self) -> String {
        let message = MessageParser::default().parse(self.source.as_bytes());
        message.as_ref().and_then(|message| message.subject()).unwrap_or_default().to_owned()
    }

    /// The plain text part, decoded; empty without one.
    pub fn text(&self) -> String {
        let message = MessageParser::default().parse(self.source.as_bytes());
        message.as_ref().and_then(|message| message.body_text(0)).unwrap_or_default().into_owned()
    }

    /// The first address in the text that contains `part`, up to white space.
    pub fn link(&self, part: &str) -> Option<String> {
        let text = self.text();
        text.split_whitespace()
            .find(|word| word.starts_with("http") && word.contains(part))
            .map(str::to_owned)
    }
}

#[derive(Debug, Default)]
struct Contents {
    mails: Vec<Mail>,
    refusals: VecDeque<u16>,
}

/// The mailbox. Dropping it closes the port.
#[derive(Debug)]
pub struct Mailbox {
    port: u16,
    contents: Arc<Mutex<Contents>>,
    arrivals: watch::Receiver<usize>,
    listening: JoinHandle<()>,
}

impl Mailbox {
    /// Opens a mailbox on a free port of 127.0.0.1: no TLS, no sign-in.
    pub async fn open() -> Result<Self, ServiceError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(ServiceError::system("opening the mailbox"))?;
        let port = listener.local_addr().map_err(ServiceError::system("opening the mailbox"))?.port();
        let contents = Arc::new(Mutex::new(Contents::default()));
        let (arrived, arrivals) = watch::channel(0);
        let listening = tokio::spawn(serve(listener, Arc::clone(&contents), Arc::new(arrived)));
        Ok(Self { port, contents, arrivals, listening })
    }

    /// The port of 127.0.0.1 it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Everything that arrived, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.contents).mails.clone()
    }

    /// Answers the next mails with these SMTP codes (4xx: try again later, 5xx: never), one each, and keeps none
    /// of them.
    pub fn refuse_next(&self, codes: &[u16]) {
        lock(&self.contents).refusals.extend(codes);
    }

    /// Waits for a mail that `wanted` accepts, already here or still to come; `None` after `limit`.
    pub async fn wait_for(&self, limit: Duration, wanted: impl Fn(&Mail) -> bool) -> Option<Mail> {
        let mut arrivals = self.arrivals.clone();
        let search = async {
            loop {
                arrivals.borrow_and_update();
                if let Some(mail) = self.mails().into_iter().find(|mail| wanted(mail)) {
                    return Some(mail);
                }
                if arrivals.changed().await.is_err() {
                    return None;
                }
            }
        };
        timeout(limit, search).await.ok().flatten()
    }

    /// Waits ten seconds at most for a mail to this address.
    pub async fn wait_for_recipient(&self, address: &str) -> Option<Mail> {
        self.wait_for(Duration::from_secs(10), |mail| {
            mail.to.iter().any(|to| to.eq_ignore_ascii_case(address))
        })
        .await
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

fn lock(contents: &Mutex<Contents>) -> std::sync::MutexGuard<'_, Contents> {
    contents.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, contents: Arc<Mutex<Contents>>, arrived: Arc<watch::Sender<usize>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (contents, arrived) = (Arc::clone(&contents), Arc::clone(&arrived));
        tokio::spawn(async move {
            // A client that hangs up in the middle of a mail leaves nothing behind.
            let _ = converse(stream, &contents, &arrived).await;
        });
    }
}

/// One SMTP session (RFC 5321), as far as a client that sends mail needs it.
async fn converse(
    stream: TcpStream,
    contents: &Mutex<Contents>,
    arrived: &watch::Sender<usize>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut from, mut to) = (String::new(), Vec::new());
    stream.write_all(b"220 localhost mailbox\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-localhost\r\n250-8BITMIME\r\n250 SMTPUTF8".to_owned(),
            "HELO" | "NOOP" => "250 localhost".to_owned(),
            "MAIL" => {
                from = address_of(&line);
                "250 sender taken".to_owned()
            }
            "RCPT" => {
                to.push(address_of(&line));
                "250 recipient taken".to_owned()
            }
            "RSET" => {
                to.clear();
                "250 forgotten".to_owned()
            }
            "DATA" if to.is_empty() => "503 no recipient".to_owned(),
            "DATA" => {
                stream.write_all(b"354 end with a dot\r\n").await?;
                let source = read_data(&mut stream).await?;
                let mail = Mail { from: std::mem::take(&mut from), to: std::mem::take(&mut to), source };
                keep(mail, contents, arrived)
            }
            "QUIT" => {
                stream.write_all(b"221 goodbye\r\n").await?;
                return Ok(());
            }
            _ => "502 not known here".to_owned(),
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

fn keep(mail: Mail, contents: &Mutex<Contents>, arrived: &watch::Sender<usize>) -> String {
    let mut contents = lock(contents);
    if let Some(code) = contents.refusals.pop_front() {
        return format!("{code} refused as the test wants");
    }
    contents.mails.push(mail);
    arrived.send_modify(|count| *count += 1);
    "250 kept".to_owned()
}

async fn read_data(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut source = Vec::new();
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(String::from_utf8_lossy(&source).into_owned());
        }
        source.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

fn address_of(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(address, _)| address).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

    use super::*;

    fn sender(mailbox: &Mailbox) -> AsyncSmtpTransport<Tokio1Executor> {
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1").port(mailbox.port()).build()
    }

    fn letter(body: &str) -> Message {
        Message::builder()
            .from("Clinic <clinic@example.com>".parse().unwrap())
            .to("Zoë <zoe@example.com>".parse().unwrap())
            .subject("Su invitación está aquí")
            .body(body.to_owned())
            .unwrap()
    }

    #[tokio::test]
    async fn keeps_what_a_real_client_sends_and_decodes_it() {
        let mailbox = Mailbox::open().await.unwrap();
        let body = "Señora Zoë:\r\n.a line with a dot\r\nhttp://a.localhost/activate#token=1 ya";
        sender(&mailbox).send(letter(body)).await.unwrap();
        let mail = mailbox.wait_for_recipient("ZOE@example.com").await.unwrap();
        assert_eq!(
            (mail.from.as_str(), mail.subject().as_str()),
            ("clinic@example.com", "Su invitación está aquí")
        );
        assert_eq!(mail.text().trim_end(), body);
        assert_eq!(mail.link("/activate").unwrap(), "http://a.localhost/activate#token=1");
    }

    #[tokio::test]
    async fn refuses_as_told_and_then_keeps_again() {
        let mailbox = Mailbox::open().await.unwrap();
        mailbox.refuse_next(&[451, 550]);
        assert!(sender(&mailbox).send(letter("one")).await.unwrap_err().is_transient());
        assert!(sender(&mailbox).send(letter("two")).await.unwrap_err().is_permanent());
        sender(&mailbox).send(letter("three")).await.unwrap();
        let texts: Vec<String> = mailbox.mails().iter().map(|mail| mail.text().trim().to_owned()).collect();
        assert_eq!(texts, ["three"]);
    }

    #[tokio::test]
    async fn waiting_for_what_never_comes_ends() {
        let mailbox = Mailbox::open().await.unwrap();
        assert!(mailbox.wait_for(Duration::from_millis(50), |_| true).await.is_none());
    }
}
