//! An application with one route of each class behind the edge, and clients that say exactly what they are told.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cloister_edge::{
    Anonymous, Anyone, BUNDLE_LIMIT, Bearer, Edge, EdgeSettings, FlowPage, HostEntry, InFlow, LimitedBody,
    Listener, Open, Operations, Problem, ReadinessCheck, ServeSettings, SignedIn, Site, StrictJson, Webhook,
    WebhookVerifier, Who, csrf_token, serve, set_flow,
};
use cloister_ephemeral::{
    Ephemeral, InProcessCapacity, NewFlow, NewSession, RedisSettings, SessionLimits, SessionRecord, Token,
};
use cloister_kernel::{
    Audience, CanonicalHost, Environment, ExposeSecret, Failure, FailureKind, ManualClock, RaisedNetwork,
    SystemRandomness, TenantId,
};
use poem::{EndpointExt, Response, Route, handler, http::HeaderMap, web::Data};
use poem_openapi::{
    Object, OpenApi, OpenApiService,
    param::{Path, Query},
    payload::Json,
};
use time::{OffsetDateTime, macros::datetime};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
};

pub(crate) const HOST: &str = "lakeside.example.org";
pub(crate) const ORIGIN: &str = "https://lakeside.example.org";
pub(crate) const CANARY: &str = "CANARY-7f3a";

#[derive(Debug, Object)]
pub(crate) struct Note {
    text: String,
    size: Option<u32>,
}

#[derive(Debug, thiserror::Error)]
#[error("{title}")]
pub(crate) struct Fails {
    title: &'static str,
    kind: FailureKind,
    #[source]
    cause: std::io::Error,
}

impl Failure for Fails {
    fn code(&self) -> &'static str {
        "test.failed"
    }

    fn kind(&self) -> FailureKind {
        self.kind.clone()
    }
}

#[derive(Debug)]
pub(crate) struct Signed;

impl WebhookVerifier for Signed {
    async fn verify(headers: &HeaderMap, body: &[u8], _now: OffsetDateTime) -> Result<(), Problem> {
        let signed = headers.get("x-signature").is_some_and(|value| value.as_bytes() == body);
        let refused = || Problem::new(poem::http::StatusCode::UNAUTHORIZED, "webhook.refused", "not signed");
        if signed { Ok(()) } else { Err(refused()) }
    }
}

/// How often the slow route began and ended.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) began: AtomicUsize,
    pub(crate) ended: AtomicUsize,
}

struct Api {
    counts: Arc<Counts>,
}

#[OpenApi]
impl Api {
    #[oai(path = "/api/v1/me", method = "get")]
    async fn me(&self, caller: SignedIn) -> Result<Json<String>, Problem> {
        Ok(Json(caller.session.user.to_string()))
    }

    #[oai(path = "/api/v1/me", method = "post")]
    async fn change(&self, _caller: SignedIn, note: StrictJson<Note>) -> Result<Json<String>, Problem> {
        Ok(Json(format!("{} {:?}", note.0.text, note.0.size)))
    }

    #[oai(path = "/api/v1/session", method = "get")]
    async fn session(&self, anyone: Anyone) -> Result<Json<String>, Problem> {
        Ok(Json(match anyone.who {
            Who::SignedIn(session) => format!("signed_in {}", session.user),
            Who::InFlow(flow) => format!("flow {}", flow.step),
            Who::Nobody => "anonymous".to_owned(),
        }))
    }

    #[oai(path = "/api/v1/sign-in/password", method = "post")]
    async fn password(&self, flow: InFlow, note: StrictJson<Note>) -> Result<Json<String>, Problem> {
        let _ = note;
        Ok(Json(flow.flow.step))
    }

    #[oai(path = "/oauth/token", method = "post")]
    async fn token(&self, _nobody: Anonymous) -> Result<Json<String>, Problem> {
        Ok(Json("token".to_owned()))
    }

    #[oai(path = "/fhir/R4", method = "post")]
    async fn bundle(&self, bearer: Bearer, body: LimitedBody<BUNDLE_LIMIT>) -> Result<Json<String>, Problem> {
        Ok(Json(format!("{} {}", bearer.token.expose_secret().len(), body.0.len())))
    }

    #[oai(path = "/api/v1/items/:id", method = "get")]
    async fn item(
        &self,
        _open: Open,
        id: Path<uuid::Uuid>,
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<Option<u32>>,
    ) -> Result<Json<String>, Problem> {
        Ok(Json(format!("{} {:?}", id.0, limit.0)))
    }

    #[oai(path = "/api/v1/source", method = "get")]
    async fn source(&self, open: Open) -> Result<Json<String>, Problem> {
        Ok(Json(open.inbound.source().expose().to_string()))
    }

    #[oai(path = "/api/v1/fails/:kind", method = "get")]
    async fn fails(&self, _open: Open, kind: Path<String>) -> Result<Json<String>, Problem> {
        let kind = match kind.0.as_str() {
            "internal" => FailureKind::Internal,
            "unavailable" => FailureKind::Unavailable,
            "conflict" => FailureKind::Conflict,
            "too_many" => FailureKind::TooMany { retry_after: 17 },
            _ => FailureKind::NotFound,
        };
        Err(Fails { title: "plain words", kind, cause: std::io::Error::other(CANARY) })?
    }

    #[oai(path = "/api/v1/panics", method = "get")]
    async fn panics(&self, open: Open) -> Result<Json<String>, Problem> {
        if open.inbound.request_id().uuid().get_version_num() == 7 {
            panic!("{CANARY}");
        }
        Ok(Json(String::new()))
    }

    #[oai(path = "/api/v1/forgotten", method = "get")]
    async fn forgotten(&self) -> Result<Json<String>, Problem> {
        Ok(Json(CANARY.to_owned()))
    }

    #[oai(path = "/api/v1/slow", method = "get")]
    async fn slow(&self, _open: Open) -> Result<Json<String>, Problem> {
        self.counts.began.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.counts.ended.fetch_add(1, Ordering::SeqCst);
        Ok(Json("done".to_owned()))
    }

    #[oai(path = "/hook", method = "post")]
    async fn hook(&self, hook: Webhook<Signed>) -> Result<Json<u64>, Problem> {
        Ok(Json(hook.body.len() as u64))
    }
}

#[handler]
async fn sign_in(page: FlowPage, counts: Data<&Arc<Counts>>) -> poem::Result<Response> {
    let _ = counts;
    let token = page.open("password", Vec::new(), None).await?;
    Ok(Response::builder().header("set-cookie", set_flow(&token)).content_type("text/html").body("<p>"))
}

#[handler]
async fn plain_error(_open: Open) -> poem::Result<Response> {
    Err(poem::Error::from_string(CANARY, poem::http::StatusCode::INTERNAL_SERVER_ERROR))
}

/// The application's OpenAPI file.
pub(crate) fn specification() -> String {
    OpenApiService::new(Api { counts: Arc::default() }, "test", "1").spec()
}

/// A running application.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    pub(crate) ephemeral: Ephemeral,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) tenant: TenantId,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) served: tokio::task::JoinHandle<()>,
}

struct Away;

#[async_trait::async_trait]
impl ReadinessCheck for Away {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Result<(), Problem> {
        Err(Problem::internal(CANARY))
    }
}

/// What a test changes about the application.
pub(crate) struct Setup {
    pub(crate) edge: EdgeSettings,
    pub(crate) serve: ServeSettings,
    pub(crate) listener: Option<Listener>,
    pub(crate) redis_away: bool,
    pub(crate) database_away: bool,
    pub(crate) raised: Vec<RaisedNetwork>,
}

impl Default for Setup {
    fn default() -> Self {
        let app_origins = vec!["https://app.example.net".to_owned()];
        let edge = EdgeSettings { app_origins, ..EdgeSettings::default() };
        let serve = ServeSettings::default();
        Self { edge, serve, listener: None, redis_away: false, database_away: false, raised: Vec::new() }
    }
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let clock = Arc::new(ManualClock::at(datetime!(2026-03-01 08:00 UTC)));
        let environment = Environment::new(clock.clone(), Arc::new(SystemRandomness));
        let ephemeral = if setup.redis_away {
            Ephemeral::redis(&RedisSettings::new("redis://127.0.0.1:1".to_owned()), environment.clone())
                .unwrap()
        } else {
            Ephemeral::in_process(InProcessCapacity::default(), environment.clone())
        };
        let tenant = environment.id();
        let clinic = |audience| Site::Clinic { tenant, audience };
        let raised: Arc<[RaisedNetwork]> = setup.raised.into();
        let hosts: HashMap<CanonicalHost, HostEntry> = [
            (HOST, clinic(Audience::Portal), ORIGIN),
            ("lakeside-staff.example.org", clinic(Audience::Console), "https://lakeside-staff.example.org"),
            ("localhost", clinic(Audience::Portal), "http://localhost"),
            ("admin.example.org", Site::Operators, "https://admin.example.org"),
        ]
        .into_iter()
        .map(|(host, site, origin)| {
            (
                CanonicalHost::parse(host).unwrap(),
                HostEntry { site, origin: origin.to_owned(), raised: Arc::clone(&raised) },
            )
        })
        .collect();
        let counts = Arc::new(Counts::default());
        let checks: Vec<Arc<dyn ReadinessCheck>> =
            if setup.database_away { vec![Arc::new(Away)] } else { Vec::new() };
        let edge = Edge::new(setup.edge, Arc::new(hosts), ephemeral.clone(), environment, checks);
        let api = OpenApiService::new(Api { counts: counts.clone() }, "test", "1");
        let operations = Operations::default().with_spec("", &api.spec()).unwrap();
        let routes = Route::new()
            .at("/sign-in", poem::get(sign_in))
            .at("/plain-error", poem::get(plain_error))
            .nest("/", api)
            .data(counts.clone());
        let listener = match setup.listener {
            Some(listener) => listener,
            None => Listener::plain("127.0.0.1:0").await.unwrap(),
        };
        let address = listener.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(
            listener,
            setup.serve,
            edge.around(routes).documented(operations),
            async move {
                let _ = stopped.await;
            },
        ));
        Self { address, ephemeral, clock, counts, tenant, stop: Some(stop), served }
    }

    pub(crate) fn stop(&mut self) {
        self.stop.take();
    }

    pub(crate) async fn signed_in(&self, audience: Audience) -> (Token, SessionRecord) {
        let new = NewSession {
            tenant: self.tenant,
            audience,
            user: Environment::system().id(),
            assurance: "password+totp".to_owned(),
            epoch: 0,
            limits: SessionLimits::default(),
            sealed_client: None,
            step_up_until: None,
            last_sign_in_at: None,
        };
        self.ephemeral.create_session(new).await.unwrap()
    }

    pub(crate) async fn in_flow(&self) -> (Token, String) {
        let new = NewFlow {
            tenant: self.tenant,
            audience: Audience::Portal,
            step: "password".to_owned(),
            state: Vec::new(),
        };
        let (token, flow) = self.ephemeral.open_flow(new).await.unwrap();
        (token, csrf_token(&flow.csrf_secret))
    }

    /// Sends these bytes and reads to the end of the connection.
    pub(crate) async fn raw(&self, request: &[u8]) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        // The server may answer and close before everything is written.
        let _ = socket.write_all(request).await;
        let mut bytes = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(20), socket.read_to_end(&mut bytes)).await.unwrap();
        Answer::parse(&bytes)
    }

    /// One HTTP/1.1 request with these header lines after `Host` and `Connection: close`.
    pub(crate) async fn ask(&self, start: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{start} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text.push_str(&format!("Host: {HOST}\r\n"));
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        self.raw(format!("{text}\r\n{body}").as_bytes()).await
    }

    /// A JSON call of a page of ours: cookie, own origin and token.
    pub(crate) async fn page_call(&self, start: &str, cookie: &str, csrf: &str, body: &str) -> Answer {
        let headers = [
            ("Cookie", cookie),
            ("Origin", ORIGIN),
            ("Sec-Fetch-Site", "same-origin"),
            ("X-CSRF-Token", csrf),
            ("Content-Type", "application/json"),
        ];
        self.ask(start, &headers, body).await
    }
}

/// A parsed HTTP/1.1 answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Self { status, headers, body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The problem's code, once everything a problem must have was found.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"), "{self:?}");
        let code = problem["code"].as_str().unwrap().to_owned();
        assert_eq!(problem["type"], format!("urn:cloister:problem:{code}"));
        assert!(!self.body.contains(CANARY), "{self:?}");
        code
    }

    /// The first named field.
    pub(crate) fn field(&self) -> String {
        self.json()["errors"][0]["field"].as_str().unwrap_or_default().to_owned()
    }
}
