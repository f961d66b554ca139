//! How everybody asks: over a connection of their own, patiently but not forever, and keeping what they were told.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cloister_bench::load::{Connection, request};
use cloister_kernel::Environment;
use cloister_testkit::journal::{Entry, Journal};
use serde_json::Value;

use crate::rules::{Rule, Violations};

/// Whoever gets no answer for so long has a service that hangs.
const PATIENCE: Duration = Duration::from_secs(20);
const PROBLEM: &str = "application/problem+json";
/// What FHIR answers instead of a problem.
const OUTCOME: &str = "application/fhir+json";

/// A site of the clinic.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) host: String,
    pub(crate) origin: String,
}

/// What everybody shares.
pub(crate) struct Shared {
    pub(crate) violations: Violations,
    pub(crate) environment: Environment,
    pub(crate) replicas: [SocketAddr; 2],
    pub(crate) portal: Site,
    pub(crate) console: Site,
    pub(crate) pulse: Pulse,
    stop: AtomicBool,
    redis_lost: AtomicU64,
    redis_restored: AtomicU64,
    journal: Journal,
    fresh: Mutex<Vec<Entry>>,
    answers: Mutex<BTreeMap<String, u64>>,
}

/// When what last succeeded began.
#[derive(Debug, Default)]
pub(crate) struct Pulse(Mutex<BTreeMap<(usize, &'static str), Instant>>);

impl Pulse {
    /// Notes that this replica did this, asked at that moment.
    pub(crate) fn beat(&self, replica: usize, what: &'static str, began: Instant) {
        let mut beats = lock(&self.0);
        let last = beats.entry((replica, what)).or_insert(began);
        *last = began.max(*last);
    }

    /// Whether this replica did this since then.
    pub(crate) fn beats_since(&self, replica: usize, what: &'static str, moment: Instant) -> bool {
        lock(&self.0).get(&(replica, what)).is_some_and(|last| *last >= moment)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(journal: &Path, replicas: [SocketAddr; 2], portal: Site, console: Site) -> Arc<Self> {
        Arc::new(Self {
            violations: Violations::default(),
            environment: Environment::system(),
            replicas,
            portal,
            console,
            pulse: Pulse::default(),
            stop: AtomicBool::new(false),
            redis_lost: AtomicU64::new(0),
            redis_restored: AtomicU64::new(0),
            journal: Journal::open(journal).expect("a journal"),
            fresh: Mutex::default(),
            answers: Mutex::default(),
        })
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    pub(crate) fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }

    /// Sessions opened before are worth nothing from now on.
    pub(crate) fn redis_is_lost(&self) {
        self.redis_lost.fetch_add(1, Ordering::SeqCst);
    }

    /// How often Redis has lost everything.
    pub(crate) fn redis_losses(&self) -> u64 {
        self.redis_lost.load(Ordering::SeqCst)
    }

    /// The same, and what was ended by Redis alone may live again: it will hold what it held at an earlier moment.
    pub(crate) fn redis_falls_back(&self) {
        self.redis_is_lost();
        self.redis_restored.fetch_add(1, Ordering::SeqCst);
    }

    /// How often Redis has fallen back to an earlier moment.
    pub(crate) fn redis_restores(&self) -> u64 {
        self.redis_restored.load(Ordering::SeqCst)
    }

    /// What was told since this was last asked.
    pub(crate) fn take_fresh(&self) -> Vec<Entry> {
        std::mem::take(&mut *lock(&self.fresh))
    }

    /// How many answers of which kind there were.
    pub(crate) fn answers(&self) -> BTreeMap<String, u64> {
        lock(&self.answers).clone()
    }

    fn count(&self, what: String) {
        *lock(&self.answers).entry(what).or_default() += 1;
    }
}

/// An answer that was expected.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) request: String,
    pub(crate) body: Vec<u8>,
    cookies: Vec<(&'static str, String)>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A cookie that it set.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) const SESSION_COOKIE: &str = "__Host-cloister";
pub(crate) const FLOW_COOKIE: &str = "__Host-cloister-flow";

/// A client of one replica.
pub(crate) struct Asker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) replica: usize,
    pub(crate) who: String,
    /// How long an answer is waited for.
    pub(crate) patience: Duration,
    connection: Connection,
}

impl Asker {
    pub(crate) fn new(shared: &Arc<Shared>, replica: usize, who: impl Into<String>) -> Self {
        let connection = Connection::to(shared.replicas[replica]);
        Self { shared: shared.clone(), replica, who: who.into(), patience: PATIENCE, connection }
    }

    /// Asks another replica from now on.
    pub(crate) fn move_to(&mut self, replica: usize) {
        self.replica = replica;
        self.connection = Connection::to(self.shared.replicas[replica]);
    }

    /// Asks. Gives answers of these statuses; whatever else comes is counted, and held against the rules.
    pub(crate) async fn ask(
        &mut self,
        what: &'static str,
        call: &Call<'_>,
        expected: &[u16],
    ) -> Option<Answer> {
        let began = Instant::now();
        let bytes = call.bytes();
        let Ok(exchanged) = tokio::time::timeout(self.patience, self.connection.exchange(&bytes)).await
        else {
            self.connection = Connection::to(self.shared.replicas[self.replica]);
            self.shared.count(format!("{what}: hangs"));
            self.report(Rule::Clear, format!("{what} hangs for {:?}", self.patience));
            return None;
        };
        let Ok(status) = exchanged else {
            self.shared.count(format!("{what}: cut"));
            tokio::time::sleep(Duration::from_millis(30)).await;
            return None;
        };
        self.shared.count(format!("{what}: {status}"));
        if expected.contains(&status) {
            if status < 400 {
                self.shared.pulse.beat(self.replica, what, began);
            }
            return Some(self.answer(status));
        }
        let kind = self.connection.header("content-type").unwrap_or_default().to_owned();
        let says_so = kind.starts_with(PROBLEM) || kind.starts_with(OUTCOME);
        if status != 503 || !says_so {
            let body: String = String::from_utf8_lossy(self.connection.body()).chars().take(300).collect();
            self.report(Rule::Clear, format!("{what} answered {status} ({kind}): {body}"));
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
        None
    }

    fn answer(&self, status: u16) -> Answer {
        let cookies = [SESSION_COOKIE, FLOW_COOKIE]
            .into_iter()
            .filter_map(|name| Some((name, self.connection.cookie(name)?)))
            .collect();
        Answer {
            status,
            request: self.connection.header("x-request-id").unwrap_or_default().to_owned(),
            body: self.connection.body().to_vec(),
            cookies,
        }
    }

    /// Keeps what an answer told.
    pub(crate) fn told(&self, what: &str, answer: &Answer, told: Value) {
        let now = self.shared.environment.now().unix_timestamp_nanos() / 1000;
        let entry = Entry {
            at: i64::try_from(now).unwrap_or(i64::MAX),
            who: self.who.clone(),
            what: what.to_owned(),
            status: answer.status,
            request: answer.request.clone(),
            told,
        };
        self.shared.journal.write(&entry).expect("a journal that can be written");
        lock(&self.shared.fresh).push(entry);
    }

    pub(crate) fn report(&self, rule: Rule, what: impl std::fmt::Display) {
        self.shared.violations.report(rule, format!("{} at replica {}: {what}", self.who, self.replica));
    }
}

/// A call under construction.
pub(crate) struct Call<'c> {
    pub(crate) method: &'c str,
    pub(crate) path: &'c str,
    pub(crate) site: &'c Site,
    pub(crate) cookie: Option<(&'c str, &'c str)>,
    pub(crate) csrf: Option<&'c str>,
    pub(crate) bearer: Option<&'c str>,
    pub(crate) body: Option<(&'c str, Vec<u8>)>,
}

impl<'c> Call<'c> {
    pub(crate) fn get(site: &'c Site, path: &'c str) -> Self {
        Self { method: "GET", path, site, cookie: None, csrf: None, bearer: None, body: None }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut headers = vec![("host", self.site.host.clone())];
        if let Some((name, value)) = self.cookie {
            headers.push(("cookie", format!("{name}={value}")));
        }
        if let Some(token) = self.bearer {
            headers.push(("authorization", format!("Bearer {token}")));
        } else if !self.path.starts_with("/oauth") {
            headers.push(("sec-fetch-site", "same-origin".to_owned()));
            if self.method != "GET" {
                headers.push(("origin", self.site.origin.clone()));
            }
        }
        headers.extend(self.csrf.map(|token| ("x-csrf-token", token.to_owned())));
        headers.extend(self.body.as_ref().map(|(kind, _)| ("content-type", (*kind).to_owned())));
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        request(self.method, self.path, &headers, self.body.as_ref().map_or(&[], |(_, body)| body))
    }
}
