//! What every request passes, outermost first.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use std::{panic::AssertUnwindSafe, sync::Arc};

use cloister_ephemeral::Ephemeral;
use cloister_kernel::{Environment, RequestId};
use futures_util::{FutureExt, future::BoxFuture};
use poem::{
    Endpoint, IntoEndpoint, Request, Response,
    endpoint::{DynEndpoint, ToDynEndpoint},
    http::{HeaderValue, Method, StatusCode, header},
    web::RemoteAddr,
};
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    Cookies, EdgeSettings, HostTable, Inbound, Operations, Problem, ReadinessCheck, cors,
    framework::{of_status, problem_of, replaces, with_problem},
    headers,
    health::{self, Readiness},
    host::{canonical_host, unknown_host},
    inbound::{Parts, user_agent},
    observe::Observed,
};

/// The longest path and query taken, in bytes.
const LONGEST_TARGET: usize = 8 * 1024;

/// Says a problem in the words that the caller of a path reads, whichever part of the edge refused.
pub type Voice = Arc<dyn Fn(Problem, String, RequestId) -> BoxFuture<'static, Response> + Send + Sync>;

/// The edge: wraps the application's routes. Cheap to clone.
#[derive(Clone)]
pub struct Edge(Arc<Shared>);

struct Shared {
    settings: Arc<EdgeSettings>,
    hosts: Arc<dyn HostTable>,
    ephemeral: Ephemeral,
    environment: Environment,
    readiness: Readiness,
    room: Arc<Semaphore>,
}

impl Edge {
    /// Puts the edge together. `checks` decide `/readyz`; the ephemeral store is always among them.
    pub fn new(
        settings: EdgeSettings,
        hosts: Arc<dyn HostTable>,
        ephemeral: Ephemeral,
        environment: Environment,
        mut checks: Vec<Arc<dyn ReadinessCheck>>,
    ) -> Self {
        checks.push(Arc::new(ephemeral.clone()));
        let room = Arc::new(Semaphore::new(settings.most_at_once.max(1)));
        let limits = settings.limits.clone().usable();
        let settings = Arc::new(EdgeSettings { limits, ..settings });
        let readiness = Readiness::of(checks);
        Self(Arc::new(Shared { settings, hosts, ephemeral, environment, readiness, room }))
    }

    /// The application's routes with everything around them. Its answers are never errors.
    pub fn around<E>(&self, routes: E) -> EdgeEndpoint
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        let routes = Arc::new(ToDynEndpoint(poem::EndpointExt::map_to_response(routes.into_endpoint())));
        EdgeEndpoint { edge: self.clone(), routes, operations: Arc::default(), voice: None }
    }
}

/// The routes behind the edge.
#[derive(Clone)]
pub struct EdgeEndpoint {
    edge: Edge,
    routes: Arc<dyn DynEndpoint<Output = Response>>,
    operations: Arc<Operations>,
    voice: Option<Voice>,
}

impl Endpoint for EdgeEndpoint {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let shared = &self.edge.0;
        let id: RequestId = shared.environment.id();
        let observed = Observed::start(id, &request);
        let shared_path = cors::is_shared(request.uri().path());
        let app = cors::registered_origin(&request, &shared.settings.app_origins);
        let path = request.uri().path().to_owned();

        let mut response = match shared.room.clone().try_acquire_owned() {
            Err(_) => {
                let busy = "too much is going on at once";
                let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "service.busy", busy);
                self.tell(problem.retry_after(1), path, id).await
            }
            Ok(room) => {
                let (endpoint, observed) = (self.clone(), observed.clone());
                // A client that goes away drops this call and not the work: transactions end in order.
                let work = tokio::spawn(async move {
                    let _room = room;
                    endpoint.answer(request, id, &observed).await
                });
                match timeout(shared.settings.answer_within, work).await {
                    Ok(Ok(response)) => response,
                    Ok(Err(_)) => {
                        self.tell(Problem::internal("the request's task ended early"), path, id).await
                    }
                    Err(_) => {
                        let late = "the answer took too long";
                        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "service.late", late);
                        self.tell(problem.retry_after(5), path, id).await
                    }
                }
            }
        };
        headers::secure(&mut response, shared.settings.strict_transport, shared_path);
        if let Some(origin) = app {
            cors::allow(response.headers_mut(), origin);
        }
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            response.headers_mut().insert("x-request-id", value);
        }
        observed.finish(&response);
        Ok(response)
    }
}

impl EdgeEndpoint {
    /// Tells which operations are documented, so that unknown query parameters are refused and a 405 says what works.
    #[must_use]
    pub fn documented(self, operations: Operations) -> Self {
        Self { operations: Arc::new(operations), ..self }
    }

    /// Has problems said by this voice: those of the routes, and those that no route gets to see.
    #[must_use]
    pub fn speaking(self, voice: Voice) -> Self {
        Self { voice: Some(voice), ..self }
    }

    async fn tell(&self, problem: Problem, path: String, id: RequestId) -> Response {
        match &self.voice {
            Some(voice) => voice(problem, path, id).await,
            None => problem.response(Some(id)),
        }
    }

    async fn answer(&self, request: Request, id: RequestId, observed: &Observed) -> Response {
        let path = request.uri().path().to_owned();
        match AssertUnwindSafe(self.routed(request, id, observed)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(problem)) => {
                observed.note(&problem);
                self.tell(problem, path, id).await
            }
            Err(_) => {
                // The text of a panic may hold values: the log gets its place from the hook, and no text.
                let problem = Problem::internal("the handler panicked");
                observed.note(&problem);
                self.tell(problem, path, id).await
            }
        }
    }

    async fn routed(
        &self,
        mut request: Request,
        id: RequestId,
        observed: &Observed,
    ) -> Result<Response, Problem> {
        let shared = &self.edge.0;
        match request.uri().path() {
            "/healthz" => return Ok(health::alive()),
            "/readyz" => return Ok(shared.readiness.answer(shared.environment.now()).await),
            _ => {}
        }
        refuse_odd(&request)?;
        let host = canonical_host(&request)?;
        let entry = shared.hosts.find(&host).await?.ok_or_else(unknown_host)?;
        if let (Some(_), Some(answer)) =
            (cors::registered_origin(&request, &shared.settings.app_origins), cors::preflight(&request))
        {
            return Ok(answer);
        }
        let peer = peer(&request)?;
        let inbound = Inbound::new(Parts {
            request: id,
            at: shared.environment.now(),
            source: shared.settings.trusted_hops.client(peer, request.headers()),
            user_agent: user_agent(&request),
            host: entry,
            cookies: Cookies::read(request.headers())?,
            ephemeral: shared.ephemeral.clone(),
            environment: shared.environment.clone(),
            settings: shared.settings.clone(),
            class: std::sync::OnceLock::new(),
            refusal: std::sync::OnceLock::new(),
        });
        request.set_data(inbound.clone());
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let body = request.take_body();
            request.set_body(crate::body::capped(body));
        }
        self.operations.check_query(&request)?;
        let path = request.uri().path().to_owned();
        let answered = self.routes.call(request).await;
        finish(answered, &inbound, observed).map_err(|problem| {
            if problem.http_status() == StatusCode::METHOD_NOT_ALLOWED {
                problem.allow(self.operations.methods(&path))
            } else {
                problem
            }
        })
    }
}

/// Withholds what a route without a guard answered, and makes a problem of every other failure.
fn finish(
    answered: poem::Result<Response>,
    inbound: &Inbound,
    observed: &Observed,
) -> Result<Response, Problem> {
    let response = match answered {
        Ok(response) => {
            observed.route_of_response(&response);
            response
        }
        Err(error) => {
            observed.route_of_error(&error);
            match problem_of(error) {
                Ok(problem) => return Err(problem),
                Err(response) => *response,
            }
        }
    };
    if let Some(problem) = replaces(&response) {
        let text = problem.response(Some(inbound.request_id()));
        return Ok(with_problem(response, text));
    }
    let failed = response.status().is_client_error() || response.status().is_server_error();
    if !failed && inbound.class().is_none() {
        return Err(Problem::internal("the route chose no class: its first parameter must be a guard"));
    }
    Ok(response)
}

fn refuse_odd(request: &Request) -> Result<(), Problem> {
    let target = request.original_uri();
    if target.path_and_query().is_some_and(|target| target.as_str().len() > LONGEST_TARGET) {
        return Err(of_status(StatusCode::URI_TOO_LONG));
    }
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE).field(
            "Content-Encoding",
            "body.content_encoding",
            "compressed bodies are not taken",
        ));
    }
    Ok(())
}

fn peer(request: &Request) -> Result<std::net::IpAddr, Problem> {
    let RemoteAddr(address) = request.remote_addr();
    let socket = address.as_socket_addr();
    socket.map(std::net::SocketAddr::ip).ok_or_else(|| Problem::internal("the peer has no address"))
}
