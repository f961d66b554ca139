//! What the rules are tried on: a database as a campaign leaves it, and a replica that answers what it is told to.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use cloister_testkit::{Mailbox, Postgres, ScratchDatabase};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    asking::{Asker, Call, Shared, Site},
    check::Evidence,
    rules::Rule,
};

/// What the checks read of the real tables.
const TABLES: &str = "CREATE TABLE events (request_id uuid, session_id uuid, action text); \
                      CREATE TABLE resources (id uuid); CREATE TABLE invitations (id uuid)";

/// An answer's bytes.
pub(super) fn answer(status: u16, kind: &str, request: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\nx-request-id: {request}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A replica that gives every request this answer; without one it is silent.
pub(super) async fn replica(answer: Option<String>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {
                    if let Some(answer) = &answer {
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                }
            });
        }
    });
    address
}

/// Everybody who asks a replica.
pub(super) struct Visit {
    pub(super) shared: Arc<Shared>,
    _folder: TempDir,
}

impl Visit {
    /// To a replica that gives every request this answer.
    pub(super) async fn answered(answer: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site =
            || Site { host: "clinic.localhost".to_owned(), origin: "http://clinic.localhost".to_owned() };
        let address = replica(answer).await;
        let shared = Shared::new(&folder.path().join("journal"), [address; 2], site(), site());
        Self { shared, _folder: folder }
    }

    pub(super) fn asker(&self) -> Asker {
        Asker::new(&self.shared, 0, "somebody")
    }

    /// Asks once and keeps what was told.
    pub(super) async fn hears(&self, told: Value) {
        let mut asker = self.asker();
        let call = Call::get(&self.shared.portal, "/");
        let answer = asker.ask("read", &call, &[200]).await.unwrap();
        asker.told("read", &answer, told);
    }

    /// The rules that were reported as broken.
    pub(super) fn broken(&self) -> Vec<Rule> {
        self.shared.violations.all().into_iter().map(|found| found.rule).collect()
    }
}

/// A database and a mailbox.
pub(super) struct Remains {
    cluster: Postgres,
    pub(super) database: ScratchDatabase,
    mailbox: Mailbox,
}

impl Remains {
    pub(super) async fn found() -> Self {
        Self::of(Postgres::given_or_started().unwrap()).await
    }

    /// The same in a cluster whose log can be read.
    pub(super) async fn with_a_log() -> Self {
        Self::of(Postgres::start().unwrap()).await
    }

    async fn of(cluster: Postgres) -> Self {
        let database = cluster.scratch_database().unwrap();
        database.execute(TABLES).unwrap();
        Self { cluster, database, mailbox: Mailbox::open().await.unwrap() }
    }

    pub(super) fn evidence(&self) -> Evidence<'_> {
        Evidence { cluster: &self.cluster, database: &self.database, mailbox: &self.mailbox }
    }

    /// Puts a mail to an address into the mailbox.
    pub(super) async fn receives_a_mail_to(&self, email: &str) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.mailbox.port())).await.unwrap();
        let lines = format!(
            "EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<{email}>\r\nDATA\r\nSubject: a\r\n\r\na\r\n.\r\nQUIT\r\n"
        );
        stream.write_all(lines.as_bytes()).await.unwrap();
        self.mailbox.wait_for_recipient(email).await.unwrap();
    }
}
