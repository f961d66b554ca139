//! Signing in, as the page does it: page, session, password, code.

use cloister_kernel::Environment;
use cloister_platform::demo::browser::Authenticator;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::{Mutex, MutexGuard};

use super::{Connection, Operation, request};

const FLOW_COOKIE: &str = "__Host-cloister-flow";

/// Somebody who can sign in.
pub struct Account {
    /// The address.
    pub email: String,
    /// The app on the phone: no code is offered twice. Held throughout a sign-in, so that of an account's two codes the
    /// older one never comes last, which the service refuses.
    pub authenticator: Mutex<Authenticator>,
}

impl Account {
    /// The app, unless somebody signs in with it at this moment.
    fn idle(&self) -> Option<MutexGuard<'_, Authenticator>> {
        self.authenticator.try_lock().ok()
    }
}

/// How many codes are good now and were never offered.
fn fresh(authenticator: &Authenticator, now: OffsetDateTime) -> usize {
    let mut copy = authenticator.clone();
    std::iter::from_fn(|| copy.code(now)).count()
}

/// Sign-ins of many accounts in turn, each with a code that was never used.
pub struct SignIns {
    /// The Host header.
    pub host: String,
    /// The Origin header.
    pub origin: String,
    /// Everybody's password.
    pub password: &'static str,
    /// Who signs in.
    pub accounts: Vec<Account>,
    /// The clock that codes are made by.
    pub environment: Environment,
}

impl SignIns {
    /// An account with a code that still counts. Two are good at any moment, so each account signs in twice in 30 s.
    fn next(&self, number: u64) -> Result<(&str, MutexGuard<'_, Authenticator>), String> {
        let now = self.environment.now();
        let start = usize::try_from(number).unwrap_or_default();
        (0..self.accounts.len())
            .map(|step| &self.accounts[(start + step) % self.accounts.len()])
            .find_map(|account| {
                let authenticator = account.idle().filter(|idle| fresh(idle, now) > 0)?;
                Some((account.email.as_str(), authenticator))
            })
            .ok_or_else(|| "no account has a fresh code: there are too few accounts".to_owned())
    }

    /// How many sign-ins are left before codes run out for now.
    pub fn left(&self) -> usize {
        let now = self.environment.now();
        self.accounts.iter().filter_map(Account::idle).map(|idle| fresh(&idle, now)).sum()
    }

    async fn send(
        &self,
        connection: &mut Connection,
        method: &str,
        path: &str,
        cookie: Option<&str>,
        csrf: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(), String> {
        let mut headers = vec![("host", &*self.host), ("sec-fetch-site", "same-origin")];
        let cookie = cookie.map(|token| format!("{FLOW_COOKIE}={token}"));
        headers.extend(cookie.iter().map(|cookie| ("cookie", cookie.as_str())));
        headers.extend(csrf.iter().map(|token| ("x-csrf-token", *token)));
        if body.is_some() {
            headers.extend([("origin", &*self.origin), ("content-type", "application/json")]);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let bytes = request(method, path, &headers, body.as_bytes());
        let status = connection.exchange(&bytes).await.map_err(|error| error.to_string())?;
        if status == 200 {
            return Ok(());
        }
        Err(format!("{path} answered {status}: {}", String::from_utf8_lossy(connection.body())))
    }
}

impl Operation for SignIns {
    async fn run(&self, connection: &mut Connection, number: u64) -> Result<(), String> {
        let (email, mut authenticator) = self.next(number)?;
        self.send(connection, "GET", "/sign-in", None, None, None).await?;
        let flow = connection.cookie(FLOW_COOKIE).ok_or("the page opened no flow")?;
        self.send(connection, "GET", "/api/v1/session", Some(&flow), None, None).await?;
        let session: Value = serde_json::from_slice(connection.body()).map_err(|error| error.to_string())?;
        let csrf = session["csrf_token"].as_str().ok_or("the flow has no CSRF token")?.to_owned();
        let password = json!({ "email": email, "password": self.password });
        self.send(connection, "POST", "/api/v1/sign-in/password", Some(&flow), Some(&csrf), Some(&password))
            .await?;
        // The step may have changed the flow's token.
        let flow = connection.cookie(FLOW_COOKIE).unwrap_or(flow);
        let code = authenticator.code(self.environment.now()).ok_or("a code was used up meanwhile")?;
        let code = json!({ "code": code });
        self.send(connection, "POST", "/api/v1/sign-in/totp", Some(&flow), Some(&csrf), Some(&code)).await
    }
}
