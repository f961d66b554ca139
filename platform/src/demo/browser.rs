//! An HTTP client that behaves as a browser does at a clinic's site: it keeps cookies, names its origin, and carries the
//! session's CSRF token. The demonstration sets its clinics up through it, so that what it shows went the real way.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use cloister_identity::TotpSecret;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::DemoError;

/// An answer: the status, and the body as JSON where it is some.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body; null when it is empty or no JSON.
    pub body: Value,
}

impl Answer {
    /// The body of an answer that went well.
    ///
    /// # Errors
    /// [`DemoError::Answer`] with the status and the problem's code.
    pub fn ok(self, what: &'static str) -> Result<Value, DemoError> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        let code = self.body["code"].as_str().unwrap_or("no code").to_owned();
        let errors = match &self.body["errors"] {
            Value::Null => String::new(),
            errors => errors.to_string(),
        };
        Err(DemoError::Answer { what, status: self.status.as_u16(), code, errors })
    }
}

/// An authenticator app that never offers the same code twice.
#[derive(Debug, Clone)]
pub struct Authenticator {
    secret: TotpSecret,
    last_step: i64,
}

impl Authenticator {
    /// Over a secret as it is shown at enrolment.
    ///
    /// # Errors
    /// [`DemoError::Unexpected`] when it is not base32.
    pub fn new(secret_base32: &str) -> Result<Self, DemoError> {
        let secret = TotpSecret::from_base32(secret_base32)
            .ok_or(DemoError::Unexpected("the TOTP secret is not base32"))?;
        Ok(Self { secret, last_step: 0 })
    }

    /// The next code that was not offered yet; none while every code that holds now was.
    pub fn code(&mut self, now: OffsetDateTime) -> Option<String> {
        let current = now.unix_timestamp() / 30;
        let step = current.max(self.last_step + 1);
        if step > current + 1 {
            return None;
        }
        self.last_step = step;
        self.secret.code_at(OffsetDateTime::from_unix_timestamp(step * 30).ok()?)
    }
}

/// One browser window at one site.
#[derive(Debug)]
pub struct Browser {
    client: reqwest::Client,
    origin: String,
    cookies: BTreeMap<String, String>,
    csrf: Option<String>,
}

impl Browser {
    /// A fresh window at an origin such as `http://lakeside.localhost:8080`, which is served at the address.
    ///
    /// # Errors
    /// [`DemoError::Network`] when no client can be made.
    pub fn new(origin: &str, address: SocketAddr) -> Result<Self, DemoError> {
        Self::from_source(origin, address, None)
    }

    /// The same with an address of its own to call from.
    ///
    /// # Errors
    /// [`DemoError::Network`] when no client can be made.
    pub fn from_source(origin: &str, address: SocketAddr, source: Option<IpAddr>) -> Result<Self, DemoError> {
        let host = host_of(origin);
        let client = reqwest::Client::builder()
            .local_address(source)
            .resolve(host, address)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .no_proxy()
            .build()?;
        Ok(Self { client, origin: origin.to_owned(), cookies: BTreeMap::new(), csrf: None })
    }

    /// The origin it stands at.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The cookies it holds, by name.
    pub fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }

    /// The CSRF token of its session or flow, once it was looked up.
    pub fn csrf_token(&self) -> Option<&str> {
        self.csrf.as_deref()
    }

    /// Opens a page, as typing its address does.
    ///
    /// # Errors
    /// [`DemoError::Network`].
    pub async fn open(&mut self, path: &str) -> Result<StatusCode, DemoError> {
        let answer = self.send(Method::GET, path, None, "none").await?;
        Ok(answer.status)
    }

    /// A GET from the page.
    ///
    /// # Errors
    /// [`DemoError::Network`].
    pub async fn get(&mut self, path: &str) -> Result<Answer, DemoError> {
        self.send(Method::GET, path, None, "same-origin").await
    }

    /// A mutating call from the page. The CSRF token is fetched when there is none yet.
    ///
    /// # Errors
    /// [`DemoError::Network`].
    pub async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, DemoError> {
        if self.csrf.is_none() {
            self.look_at_session().await?;
        }
        self.send(method, path, body, "same-origin").await
    }

    /// A POST from the page.
    ///
    /// # Errors
    /// [`DemoError::Network`].
    pub async fn post(&mut self, path: &str, body: &Value) -> Result<Answer, DemoError> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// What the page knows of its session; takes the CSRF token from it.
    ///
    /// # Errors
    /// [`DemoError::Network`], [`DemoError::Answer`].
    pub async fn look_at_session(&mut self) -> Result<Value, DemoError> {
        let session = self.get("/api/v1/session").await?.ok("reading the session")?;
        self.csrf = session["csrf_token"].as_str().map(str::to_owned);
        Ok(session)
    }

    /// Activates an account: link, birth date and clinic code, password, TOTP. Ends signed in; gives the enrolled secret
    /// and the recovery codes.
    ///
    /// # Errors
    /// [`DemoError::Answer`] of the step that was refused.
    pub async fn activate(
        &mut self,
        proof: &ActivationProof<'_>,
        password: &str,
        now: OffsetDateTime,
    ) -> Result<(Authenticator, String, Vec<String>), DemoError> {
        self.open("/activate").await?;
        let identity = match proof.birth_date {
            Some(date) => json!({
                "token": proof.token, "clinic_code": proof.clinic_code, "birth_date": date
            }),
            None => json!({ "token": proof.token, "clinic_code": proof.clinic_code }),
        };
        self.post("/api/v1/activation/identity", &identity).await?.ok("proving the invitation")?;
        self.post("/api/v1/activation/password", &json!({ "password": password }))
            .await?
            .ok("setting the password")?;
        let enrolment = self.post("/api/v1/activation/totp", &json!({})).await?.ok("enrolling TOTP")?;
        let secret = text(&enrolment, "secret")?;
        let mut authenticator = Authenticator::new(&secret)?;
        let code = authenticator.code(now).ok_or(DemoError::Unexpected("no fresh code"))?;
        let confirmed = self
            .post("/api/v1/activation/totp/confirm", &json!({ "code": code }))
            .await?
            .ok("confirming TOTP")?;
        self.look_at_session().await?;
        let codes = confirmed["recovery_codes"].as_array().into_iter().flatten();
        let codes = codes.filter_map(Value::as_str).map(str::to_owned).collect();
        Ok((authenticator, secret, codes))
    }

    /// Signs in by password and TOTP.
    ///
    /// # Errors
    /// [`DemoError::Answer`] of the step that was refused.
    pub async fn sign_in(&mut self, email: &str, password: &str, code: &str) -> Result<Value, DemoError> {
        self.open("/sign-in").await?;
        self.csrf = None;
        self.post("/api/v1/sign-in/password", &json!({ "email": email, "password": password }))
            .await?
            .ok("offering the password")?;
        self.post("/api/v1/sign-in/totp", &json!({ "code": code })).await?.ok("offering the code")?;
        self.look_at_session().await
    }

    /// Gives a fresh factor; the session's token rotates.
    ///
    /// # Errors
    /// [`DemoError::Answer`].
    pub async fn step_up(&mut self, code: &str) -> Result<(), DemoError> {
        self.post("/api/v1/session/step-up", &json!({ "code": code })).await?.ok("stepping up")?;
        self.look_at_session().await?;
        Ok(())
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        fetch_site: &str,
    ) -> Result<Answer, DemoError> {
        let mutates = method != Method::GET;
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.origin))
            .header("sec-fetch-site", fetch_site);
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        if mutates {
            request = request.header(header::ORIGIN, &self.origin);
            if let Some(token) = &self.csrf {
                request = request.header("x-csrf-token", token);
            }
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        self.keep_cookies(response.headers());
        let status = response.status();
        let bytes = response.bytes().await?;
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// Keeps `Secure` cookies over plain http too, as browsers do for loopback names. A new session or flow brings a new
    /// CSRF token.
    fn keep_cookies(&mut self, headers: &header::HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let Some(line) = line.to_str().ok() else { continue };
            let mut parts = line.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let gone = value.is_empty() || parts.any(|part| part.eq_ignore_ascii_case("max-age=0"));
            let before = if gone {
                self.cookies.remove(name)
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned())
            };
            if before.as_deref() != Some(value) {
                self.csrf = None;
            }
        }
    }
}

/// What proves an invitation.
#[derive(Debug)]
pub struct ActivationProof<'p> {
    /// The token in the link's fragment.
    pub token: &'p str,
    /// The code that the clinic handed over.
    pub clinic_code: &'p str,
    /// The birth date, for patients, `YYYY-MM-DD`.
    pub birth_date: Option<&'p str>,
}

/// The token in the first activation link of a mail.
pub fn token_in(mail: &str) -> Option<&str> {
    let (_, after) = mail.split_once("/activate#token=")?;
    after.split(|character: char| character.is_whitespace()).next()
}

/// A text field of an answer.
pub(super) fn text(body: &Value, field: &'static str) -> Result<String, DemoError> {
    body[field].as_str().map(str::to_owned).ok_or(DemoError::Unexpected(field))
}

pub(super) fn host_of(origin: &str) -> &str {
    let authority = origin.split("://").nth(1).unwrap_or(origin);
    authority.split(':').next().unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_authenticator_never_offers_a_code_twice_and_waits_when_it_has_none() {
        let mut authenticator = Authenticator::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        let now = datetime!(2026-03-01 12:00:01 UTC);
        let (first, second) = (authenticator.code(now).unwrap(), authenticator.code(now).unwrap());
        assert_ne!(first, second);
        assert_eq!(authenticator.code(now), None);
        assert!(authenticator.code(now + time::Duration::seconds(30)).is_some());
    }

    #[test]
    fn the_token_is_read_from_the_link_in_a_mail() {
        let mail = "Hello,\n\nhttp://lakeside.localhost:8080/activate#token=AbC-_1\n\nPlease";
        assert_eq!(token_in(mail), Some("AbC-_1"));
        assert_eq!(token_in("no link"), None);
    }
}
