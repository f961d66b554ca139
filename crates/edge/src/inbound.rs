//! What is known of a request before anybody is known.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use cloister_access::RequestFacts;
use cloister_ephemeral::{Ephemeral, RateAnswer, RateKey, RateLimit};
use cloister_kernel::{
    Audience, Environment, MachineClientId, Pii, RaisedNetwork, RequestId, TenantId, UserId,
};
use poem::{Request, http::StatusCode};
use time::OffsetDateTime;

use crate::{Cookies, EdgeSettings, HostEntry, Problem, RouteClass, Site};

/// The longest user agent kept, in characters.
const USER_AGENT_CHARACTERS: usize = 256;

/// The two counts by source that can be raised for a clinic's network.
const ANONYMOUS: &str = "anonymous";
const FLOW_PAGE: &str = "flow-page";

/// One request: its id, host, source and cookies. Handlers get it from their guard. Cheap to clone.
#[derive(Clone)]
pub struct Inbound(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) request: RequestId,
    pub(crate) at: OffsetDateTime,
    pub(crate) source: IpAddr,
    pub(crate) user_agent: Option<String>,
    pub(crate) host: HostEntry,
    pub(crate) cookies: Cookies,
    pub(crate) ephemeral: Ephemeral,
    pub(crate) environment: Environment,
    pub(crate) settings: Arc<EdgeSettings>,
    pub(crate) class: OnceLock<RouteClass>,
    pub(crate) refusal: OnceLock<GuardRefusal>,
}

/// Why a guard turned a request away, for the log of whoever serves the routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardRefusal {
    /// The problem's stable code.
    pub code: String,
    /// Whether the source or the caller calls too often, rather than without what the route asks for.
    pub flood: bool,
    /// Whose session it was, where there was one: a call that its own page did not make.
    pub user: Option<UserId>,
}

/// A guard's problem, and whose session it was about.
pub(crate) struct TurnedAway {
    problem: Problem,
    user: Option<UserId>,
}

impl TurnedAway {
    pub(crate) fn whose(problem: Problem, user: UserId) -> Self {
        Self { problem, user: Some(user) }
    }
}

impl<E: Into<Problem>> From<E> for TurnedAway {
    fn from(problem: E) -> Self {
        Self { problem: problem.into(), user: None }
    }
}

impl Inbound {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The one that the edge attached; a route outside the edge has none and fails.
    pub(crate) fn of(request: &Request) -> Result<&Self, Problem> {
        request.data::<Self>().ok_or_else(|| Problem::internal("a route is served outside the edge"))
    }

    /// The request's id, as in its answer, log lines and events.
    pub fn request_id(&self) -> RequestId {
        self.0.request
    }

    /// What events say about the request.
    pub fn facts(&self) -> RequestFacts {
        RequestFacts {
            request: self.0.request,
            source: Some(Pii::new(self.0.source)),
            user_agent: self.0.user_agent.clone().map(Pii::new),
            at: self.0.at,
        }
    }

    /// The client's address as far as trusted hops say it.
    pub fn source(&self) -> Pii<IpAddr> {
        Pii::new(self.0.source)
    }

    /// What the host serves.
    pub fn site(&self) -> Site {
        self.0.host.site
    }

    /// The host's one origin, for links.
    pub fn origin(&self) -> &str {
        &self.0.host.origin
    }

    /// The clinic and site, or 404 where the host belongs to none.
    pub fn clinic(&self) -> Result<(TenantId, Audience), Problem> {
        match self.0.host.site {
            Site::Clinic { tenant, audience } => Ok((tenant, audience)),
            Site::Operators | Site::Demonstration => Err(crate::framework::of_status(StatusCode::NOT_FOUND)),
        }
    }

    /// Counts a call of a verified machine client against its quota.
    pub async fn count_machine(&self, client: MachineClientId) -> Result<(), Problem> {
        let key = RateKey::subject(self.tenant(), "machine", client.uuid().as_bytes());
        self.count(&key, self.0.settings.limits.machine).await
    }

    pub(crate) async fn count_by_source(&self, class: &'static str, limit: RateLimit) -> Result<(), Problem> {
        let answer = self.hit_by_source(class, limit).await?;
        if answer.allowed { Ok(()) } else { Err(too_many(answer.retry_after_seconds())) }
    }

    /// As [`Inbound::count_by_source`], where too many calls are not yet a refusal.
    pub(crate) async fn hit_by_source(
        &self,
        class: &'static str,
        limit: RateLimit,
    ) -> Result<RateAnswer, Problem> {
        let limit = self.limit_of_source(class, limit);
        Ok(self.0.ephemeral.hit(&RateKey::source(self.tenant(), class, self.0.source), limit).await?)
    }

    /// What operators raised a limit to for the clinic's network that the source is in; else the usual one.
    fn limit_of_source(&self, class: &str, usual: RateLimit) -> RateLimit {
        let raised = match RaisedNetwork::limits_of(&self.0.host.raised, self.0.source, self.0.at) {
            Some(limits) if class == ANONYMOUS => limits.anonymous,
            Some(limits) if class == FLOW_PAGE => limits.sign_in_pages,
            _ => return usual,
        };
        RateLimit { calls: usual.calls.max(raised), ..usual }
    }

    pub(crate) async fn count(&self, key: &RateKey, limit: RateLimit) -> Result<(), Problem> {
        let answer = self.0.ephemeral.hit(key, limit).await?;
        if answer.allowed { Ok(()) } else { Err(too_many(answer.retry_after_seconds())) }
    }

    pub(crate) fn tenant(&self) -> Option<TenantId> {
        self.clinic().ok().map(|(tenant, _)| tenant)
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    pub(crate) fn choose(&self, class: RouteClass) {
        let _ = self.0.class.set(class);
    }

    /// Whether a proof of work came with the request, sound or not.
    pub fn sent_proof(&self) -> bool {
        self.0.cookies.proof.is_some()
    }

    /// The refusal of this request's guard, where there was one. A failure of ours is none.
    pub fn refusal(&self) -> Option<&GuardRefusal> {
        self.0.refusal.get()
    }

    /// Remembers a guard's refusal; gives back the answer.
    pub(crate) fn turn_away(&self, TurnedAway { problem, user }: TurnedAway) -> Problem {
        let status = problem.http_status();
        if status.is_client_error() {
            let flood = status == StatusCode::TOO_MANY_REQUESTS;
            let refusal = GuardRefusal { code: problem.code().to_owned(), flood, user };
            let _ = self.0.refusal.set(refusal);
        }
        problem
    }

    pub(crate) fn class(&self) -> Option<RouteClass> {
        self.0.class.get().copied()
    }
}

impl std::fmt::Debug for Inbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} at {:?}", self.0.request, self.0.host.site)
    }
}

/// 429 with the seconds until the next call can pass.
pub(crate) fn too_many(seconds: u64) -> Problem {
    crate::framework::of_status(StatusCode::TOO_MANY_REQUESTS).retry_after(seconds.max(1))
}

/// The user agent, cut and without control characters.
pub(crate) fn user_agent(request: &Request) -> Option<String> {
    let value = request.headers().get("user-agent")?;
    let text = String::from_utf8_lossy(value.as_bytes());
    let kept: String = text.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARACTERS).collect();
    (!kept.is_empty()).then_some(kept)
}
