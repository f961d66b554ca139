//! A running server on SQLite, with a client that says exactly what it is told.

use std::{net::SocketAddr, sync::Arc};

use cloister_edge::{EdgeSettings, Limits, Listener, ServeSettings, serve};
use cloister_ephemeral::{Ephemeral, InProcessCapacity, RateLimit};
use cloister_kernel::{CanonicalHost, Environment};
use cloister_store::{PlatformStore, StoreConfig};
use cloister_tenancy::{CallFacts, Platform, TokenRequest, scope::Scope};
use cloister_tenant_admin::{AdminState, routes};
use cloister_vault::{KeyCache, PlatformKeyOpener, testing::FakeKeyService};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use sqlx::sqlite::SqlitePool;

pub(crate) const HOST: &str = "admin.platform.example";

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The fields that a problem names.
    pub(crate) fn fields(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().filter_map(|error| error["field"].as_str().map(str::to_owned)).collect()
    }
}

/// A running server.
pub(crate) struct App {
    pub(crate) platform: Platform,
    pub(crate) facts: CallFacts,
    address: SocketAddr,
    client: reqwest::Client,
    pool: SqlitePool,
    _folder: tempfile::TempDir,
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::with(10_000).await
    }

    /// With so many calls of one operator in a minute.
    pub(crate) async fn with(calls: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("cloister.db").display());
        cloister_migrations::migrate(&url, 0).await.unwrap();
        let pool = SqlitePool::connect(&url).await.unwrap();
        let environment = Environment::system();
        let service = Arc::new(FakeKeyService::new(environment.clone()));
        let opener = Arc::new(PlatformKeyOpener::new(service.clone()));
        let cache = KeyCache::new(opener, environment.clone(), 100);
        let store = PlatformStore::connect(&StoreConfig::new(url), cache, environment.clone()).await.unwrap();
        let domain = CanonicalHost::parse("clinics.example").unwrap();
        let platform = Platform::new(store, service, environment.clone(), domain);
        let facts = CallFacts { request: environment.id(), source: None, user_agent: None };
        platform.ensure_keys(&facts).await.unwrap();
        let state = AdminState {
            platform: platform.clone(),
            ephemeral: Ephemeral::in_process(InProcessCapacity::default(), environment.clone()),
            calls: RateLimit::per_minute(calls),
        };
        let limits = Limits { bearer: RateLimit::per_minute(10_000), ..Limits::default() };
        let edge = EdgeSettings { limits, ..EdgeSettings::default() };
        let host = CanonicalHost::parse(HOST).unwrap();
        let endpoint = routes(state, &host, "https://admin.platform.example", edge, environment).unwrap();
        let listener = Listener::plain("127.0.0.1:0").await.unwrap();
        let address = listener.address();
        tokio::spawn(serve(listener, ServeSettings::default(), endpoint, std::future::pending()));
        let client = reqwest::Client::builder()
            .resolve(HOST, address)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { platform, facts, address, client, pool, _folder: folder }
    }

    /// A token of an operator with these scopes.
    pub(crate) async fn token(&self, email: &str, scopes: &[Scope]) -> String {
        let _ = self.platform.create_operator(&self.facts, "Olive Ops", email).await;
        let request = TokenRequest {
            operator: email.to_owned(),
            scopes: scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            life: None,
        };
        self.platform.issue_token(&self.facts, request).await.unwrap().token.reveal().to_owned()
    }

    /// A token that may do everything.
    pub(crate) async fn root(&self) -> String {
        self.token("olive@platform.example", &Scope::ALL).await
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{HOST}:{}{path}", self.address.port());
        self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url)
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    /// Calls an operation as its documentation says.
    pub(crate) async fn call(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Answer {
        let mut request =
            self.request(method, path).bearer_auth(token).header("Idempotency-Key", path_key(&body));
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.send(request).await
    }

    /// Creates a tenant and gives its id.
    pub(crate) async fn tenant(&self, token: &str, slug: &str) -> String {
        let answer = self.call("POST", "/v1/tenants", token, Some(new_tenant(slug))).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&self.pool).await.unwrap()
    }

    /// What the worker notes of every owner once the account is there.
    pub(crate) async fn owner_activates(&self) {
        sqlx::query("UPDATE tenants SET owner_state = 'active'").execute(&self.pool).await.unwrap();
    }

    /// The events after the first `skip` in the order they were written, as `actor action outcome reason`.
    pub(crate) async fn events(&self, skip: i64) -> Vec<String> {
        let sql = format!(
            "SELECT actor_kind || ' ' || action || ' ' || outcome || COALESCE(' ' || reason, '') \
             FROM platform_events ORDER BY rowid LIMIT 1000 OFFSET {skip}"
        );
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&self.pool).await.unwrap()
    }
}

/// An idempotency key that differs with the body.
fn path_key(body: &Option<Value>) -> String {
    body.as_ref().and_then(|body| body["slug"].as_str()).unwrap_or("key").to_owned()
}

/// A body that creates a tenant.
pub(crate) fn new_tenant(slug: &str) -> Value {
    json!({
        "slug": slug,
        "name": "Lakeside Family Medicine",
        "region": "us-east-1",
        "time_zone": "America/Chicago",
        "contact": { "name": "Ana Lee", "email": "ana.lee@lakeside.example" },
        "default_locale": "en",
        "colors": { "brand": "#0b5563", "on_brand": "#ffffff" }
    })
}

/// A body that records an agreement.
pub(crate) fn baa() -> Value {
    json!({
        "signed_on": "2024-01-31",
        "expires_on": "2099-12-31",
        "counterparty": "Lakeside Family Medicine PLLC",
        "document_reference": "contracts/lakeside.pdf"
    })
}

/// A body that invites an owner.
pub(crate) fn owner() -> Value {
    json!({ "email": "owner@lakeside.example", "display_name": "Dr. Ana Lee" })
}

/// A body that maps a host.
pub(crate) fn host_site() -> Value {
    json!({ "site": "portal" })
}

/// A body that raises a network.
pub(crate) fn network() -> Value {
    json!({
        "anonymous_per_minute": 40,
        "sign_in_pages_per_minute": 200,
        "reason": "The whole hospital sits behind one address"
    })
}
