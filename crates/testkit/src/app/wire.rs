//! Requests as nobody's browser would send them: any method, headers and bytes, from any loopback address.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use cloister_platform::demo::browser::Browser;
use reqwest::{Method, header::HeaderMap};
use serde_json::Value;
use uuid::Uuid;

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct WireAnswer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl WireAnswer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A problem's code; empty when there is none.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A header's value; empty without one.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The id that events of this request carry.
    pub fn request_id(&self) -> Uuid {
        Uuid::parse_str(self.header("x-request-id")).expect("every answer names its request")
    }

    /// The body with what differs in every answer taken out.
    pub fn comparable(&self) -> String {
        let mut body = self.json();
        if let Some(members) = body.as_object_mut() {
            members.remove("request_id");
            // Where an OperationOutcome names its request.
            members.remove("extension");
        }
        body.to_string()
    }
}

/// A request under construction.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Scheme, host and port.
    pub origin: String,
    /// Path and query.
    pub path: String,
    /// Headers, in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Option<Vec<u8>>,
}

impl Call {
    /// A bare request.
    pub fn new(method: Method, origin: &str, path: &str) -> Self {
        Self {
            method,
            origin: origin.to_owned(),
            path: path.to_owned(),
            headers: BTreeMap::new(),
            body: None,
        }
    }

    /// Adds or replaces a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Leaves a header out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Adds a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.bytes("application/json", body.to_string().into_bytes())
    }

    /// Adds a body of any kind.
    #[must_use]
    pub fn bytes(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.headers.insert("content-type".to_owned(), content_type.to_owned());
        self.body = Some(body);
        self
    }

    /// Adds what this browser's page would add: its cookies, its origin and its CSRF token.
    #[must_use]
    pub fn as_page_of(mut self, browser: &Browser) -> Self {
        let cookies: Vec<String> =
            browser.cookies().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            self.headers.insert("cookie".to_owned(), cookies.join("; "));
        }
        self.headers.insert("sec-fetch-site".to_owned(), "same-origin".to_owned());
        if self.method != Method::GET {
            self.headers.insert("origin".to_owned(), self.origin.clone());
            self.headers
                .insert("x-csrf-token".to_owned(), browser.csrf_token().unwrap_or_default().to_owned());
        }
        self
    }
}

/// Sends calls to one address whatever host they name.
#[derive(Debug, Clone)]
pub struct Wire {
    address: SocketAddr,
    client: reqwest::Client,
}

impl Wire {
    /// A sender with an address of its own; each is a source of its own to rate limits.
    pub fn new(address: SocketAddr, source: IpAddr) -> Self {
        let client = reqwest::Client::builder()
            .local_address(source)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(120))
            .no_proxy()
            .build()
            .unwrap();
        Self { address, client }
    }

    /// Sends a call. The host stands in the Host header; the connection goes to the one address.
    pub async fn send(&self, call: &Call) -> WireAnswer {
        self.try_send(call).await.unwrap_or_else(|error| panic!("{} {}: {error}", call.method, call.path))
    }

    /// Sends a call that may be cut off.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn try_send(&self, call: &Call) -> Result<WireAnswer, reqwest::Error> {
        let authority =
            call.origin.split_once("://").map_or(call.origin.as_str(), |(_, authority)| authority);
        let mut request =
            self.client.request(call.method.clone(), format!("http://{}{}", self.address, call.path));
        if !call.headers.contains_key("host") {
            request = request.header("host", authority);
        }
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(WireAnswer { status, headers, body: response.bytes().await?.to_vec() })
    }
}
