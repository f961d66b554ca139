//! Route classes. Every handler takes exactly one of these as its **first** parameter; an answer of a route that
//! took none is withheld and answered 500, so a forgotten guard cannot be missed.
//!
//! | guard | credentials | CSRF | counted |
//! |---|---|---|---|
//! | [`SignedIn`] | session cookie; `Authorization` refused | mutating calls | by user |
//! | [`InFlow`] | flow cookie; `Authorization` refused | mutating calls | by flow |
//! | [`Anyone`] | whichever cookie is there; reads only | | by user, flow or source |
//! | [`Anonymous`] | none; cookies and `Authorization` refused | | by source |
//! | [`Bearer`] | `Authorization: Bearer`; cookies refused | | by source, then by client |
//! | [`FlowPage`] | none needed; the page that opens a flow | | by source; beyond that by proofs of work |
//! | [`Webhook`] | a signature over the body; cookies refused | | not |
//! | [`Open`] | none looked at: pages, assets, documents | | not |
//!
//! A request that its guard turns away is remembered in its [`Inbound`]: whoever serves the routes writes the event.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use cloister_access::RequestFacts;
use cloister_ephemeral::{Activity, ClaimKey, Flow, RateKey, SessionRecord, Token, TokenHash, Touched};
use cloister_kernel::SecretString;
use poem::{
    Request, RequestBody,
    http::{Method, StatusCode, header},
};

use crate::{
    Inbound, Problem, Proven, csrf,
    framework::of_status,
    inbound::{TurnedAway, too_many},
    webhook::WebhookVerifier,
};

mod extraction;

/// Longer than any challenge counts.
const PROOFS_REMEMBERED: time::Duration = time::Duration::minutes(5);

/// What a route chose to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteClass {
    /// By session or flow cookie.
    Cookie,
    /// By access token.
    Bearer,
    /// By nothing, counted by source.
    Anonymous,
    /// By a signature over the body.
    Webhook,
    /// Pages, assets and documents.
    Open,
}

/// Somebody is signed in: session fetched, touched and counted, CSRF proofs checked.
#[derive(Debug)]
pub struct SignedIn {
    /// The request.
    pub inbound: Inbound,
    /// The live session, of this host's tenant and audience.
    pub session: SessionRecord,
    /// What the session is kept under; needed to rotate it.
    pub token: TokenHash,
}

/// A sign-in or activation is under way.
#[derive(Debug)]
pub struct InFlow {
    /// The request.
    pub inbound: Inbound,
    /// The flow, of this host's tenant and audience, with this call counted.
    pub flow: Flow,
    /// What the flow is kept under; needed to advance or take it.
    pub token: TokenHash,
}

/// Who is looking, for the few reads that answer everybody.
#[derive(Debug)]
pub struct Anyone {
    /// The request.
    pub inbound: Inbound,
    /// What the cookies lead to.
    pub who: Who,
}

/// What a request's cookies lead to.
#[derive(Debug)]
pub enum Who {
    /// A live session; looking did not extend it.
    SignedIn(Box<SessionRecord>),
    /// A flow under way.
    InFlow(Box<Flow>),
    /// Neither.
    Nobody,
}

/// Nobody, counted by source.
#[derive(Debug)]
pub struct Anonymous {
    /// The request.
    pub inbound: Inbound,
}

/// An access token was shown; whoever takes this verifies it and counts the client.
#[derive(Debug)]
pub struct Bearer {
    /// The request.
    pub inbound: Inbound,
    /// The token as sent, not yet verified.
    pub token: SecretString,
}

/// The page that opens a flow.
#[derive(Debug)]
pub struct FlowPage {
    /// The request.
    pub inbound: Inbound,
    /// A flow that the browser already has.
    pub flow: Option<Flow>,
    /// Whether the browser has a live session of this site; then nothing was counted by source.
    pub signed_in: bool,
    crowded: Option<u64>,
}

/// A signed call from a provider, verified by `V` before the handler sees the body.
#[derive(Debug)]
pub struct Webhook<V> {
    /// The request.
    pub inbound: Inbound,
    /// The body whose signature held.
    pub body: bytes::Bytes,
    verifier: std::marker::PhantomData<fn() -> V>,
}

/// A page, asset or document: no credentials are looked at.
#[derive(Debug)]
pub struct Open {
    /// The request.
    pub inbound: Inbound,
}

impl SignedIn {
    /// Applies the class to a request.
    pub async fn of(request: &Request) -> Result<Self, Problem> {
        let inbound = chosen(request, RouteClass::Cookie)?;
        let admitted = Box::pin(Self::admitted(request, inbound.clone())).await;
        admitted.map_err(|turned_away| inbound.turn_away(turned_away))
    }

    async fn admitted(request: &Request, inbound: Inbound) -> Result<Self, TurnedAway> {
        refuse_authorization(request, &inbound).await?;
        let (tenant, audience) = inbound.clinic()?;
        let limits = &inbound.parts().settings.limits;
        let found = match &inbound.parts().cookies.session {
            None => None,
            Some(token) => {
                let hash = token.hash();
                let touched = inbound.parts().ephemeral.touch_session(
                    tenant,
                    &hash,
                    Activity::Extends,
                    Some(limits.signed_in),
                );
                match touched.await? {
                    Touched::Active(session, _) if session.audience == audience => Some((session, hash)),
                    Touched::Limited(_, rate) => return Err(too_many(rate.retry_after_seconds()).into()),
                    Touched::Active(..) | Touched::Ended(_) | Touched::Absent => None,
                }
            }
        };
        let Some((session, token)) = found else {
            inbound.count_by_source("anonymous", limits.anonymous).await?;
            return Err(of_status(StatusCode::UNAUTHORIZED).into());
        };
        if csrf::mutates(request.method()) {
            csrf::check(request.headers(), inbound.origin(), &session.csrf_secret)
                .map_err(|problem| TurnedAway::whose(problem, session.user))?;
        }
        Ok(Self { inbound, session, token })
    }

    /// What events say about the request.
    pub fn facts(&self) -> RequestFacts {
        self.inbound.facts()
    }
}

impl InFlow {
    /// Applies the class to a request.
    pub async fn of(request: &Request) -> Result<Self, Problem> {
        let inbound = chosen(request, RouteClass::Cookie)?;
        let admitted = Box::pin(Self::admitted(request, inbound.clone())).await;
        admitted.map_err(|turned_away| inbound.turn_away(turned_away))
    }

    async fn admitted(request: &Request, inbound: Inbound) -> Result<Self, TurnedAway> {
        refuse_authorization(request, &inbound).await?;
        let (tenant, audience) = inbound.clinic()?;
        let limits = &inbound.parts().settings.limits;
        let found = match &inbound.parts().cookies.flow {
            None => None,
            Some(token) => {
                let flow = inbound.parts().ephemeral.call_flow(tenant, &token.hash()).await?;
                flow.filter(|flow| flow.audience == audience).map(|flow| (flow, token.hash()))
            }
        };
        let Some((flow, token)) = found else {
            inbound.count_by_source("anonymous", limits.anonymous).await?;
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "flow.required",
                "open the sign-in page first",
            )
            .into());
        };
        if flow.calls > limits.calls_in_flow {
            return Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "flow.spent",
                "this sign-in took too many attempts; open the page again",
            )
            .retry_after(1)
            .into());
        }
        if csrf::mutates(request.method()) {
            csrf::check(request.headers(), inbound.origin(), &flow.csrf_secret)?;
        }
        Ok(Self { inbound, flow, token })
    }
}

impl Anyone {
    /// Applies the class to a request.
    pub async fn of(request: &Request) -> Result<Self, Problem> {
        let inbound = chosen(request, RouteClass::Anonymous)?;
        let admitted = Box::pin(Self::admitted(request, inbound.clone())).await;
        admitted.map_err(|turned_away| inbound.turn_away(turned_away))
    }

    async fn admitted(request: &Request, inbound: Inbound) -> Result<Self, TurnedAway> {
        refuse_authorization(request, &inbound).await?;
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Problem::internal("a route for anyone must only read").into());
        }
        let who = look(&inbound).await?;
        Ok(Self { inbound, who })
    }
}

async fn look(inbound: &Inbound) -> Result<Who, Problem> {
    let (tenant, audience) = inbound.clinic()?;
    let parts = inbound.parts();
    let limits = &parts.settings.limits;
    if let Some(token) = &parts.cookies.session {
        let observed = Activity::Observes;
        match parts.ephemeral.touch_session(tenant, &token.hash(), observed, Some(limits.signed_in)).await? {
            Touched::Active(session, _) if session.audience == audience => {
                return Ok(Who::SignedIn(Box::new(session)));
            }
            Touched::Limited(_, rate) => return Err(too_many(rate.retry_after_seconds())),
            Touched::Active(..) | Touched::Ended(_) | Touched::Absent => {}
        }
    }
    if let Some(token) = &parts.cookies.flow
        && let Some(flow) = parts.ephemeral.flow(tenant, &token.hash()).await?
        && flow.audience == audience
    {
        let looks = RateKey::subject(Some(tenant), "flow-looks", token.hash().to_hex().as_bytes());
        inbound.count(&looks, limits.signed_in).await?;
        return Ok(Who::InFlow(Box::new(flow)));
    }
    inbound.count_by_source("anonymous", limits.anonymous).await?;
    Ok(Who::Nobody)
}

impl Anonymous {
    /// Applies the class to a request.
    pub async fn of(request: &Request) -> Result<Self, Problem> {
        let inbound = chosen(request, RouteClass::Anonymous)?;
        let admitted = Box::pin(Self::admitted(request, inbound.clone())).await;
        admitted.map_err(|turned_away| inbound.turn_away(turned_away))
    }

    async fn admitted(request: &Request, inbound: Inbound) -> Result<Self, TurnedAway> {
        inbound.count_by_source("anonymous", inbound.parts().settings.limits.anonymous).await?;
        mixed_authorization(request)?;
        mixed_cookies(&inbound)?;
        Ok(Self { inbound })
    }
}

impl Bearer {
    /// Applies the class to a request.
    pub async fn of(request: &Request) -> Result<Self, Problem> {
        let inbound = chosen(request, RouteClass::Bearer)?;
        let admitted = Box::pin(Self::admitted(request, inbound.clone())).await;
        admitted.map_err(|turned_away| inbound.turn_away(turned_away))
    }

    async fn admitted(request: &Request, inbound: Inbound) -> Result<Self, TurnedAway> {
        inbound.count_by_source("bearer", inbound.parts().settings.limits.bearer).await?;
        mixed_cookies(&inbound)?;
        let refused = || {
            let title = "an access token is needed";
            Problem::new(StatusCode::UNAUTHORIZED, "access_token.required", title).challenge("Bearer")
        };
        let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Err(refused().into()) };
        let text = value.to_str().map_err(|_| refused())?;
        let (scheme, token) = text.split_once(' ').ok_or_else(refused)?;
        let fits = scheme.eq_ignore_ascii_case("bearer")
            && !token.is_empty()
            && token.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits {
            return Err(refused().into());
        }
        Ok(Self { inbound, token: SecretString::from(token.to_owned()) })
    }
}

impl FlowPage {
    /// Applies the class to a request.
    pub async fn of(request: &Request) -> Result<Self, Problem> {
        let inbound = chosen(request, RouteClass::Open)?;
        let (tenant, audience) = inbound.clinic()?;
        let parts = inbound.parts();
        let signed_in = match &parts.cookies.session {
            None => false,
            Some(token) => {
                let limit = Some(parts.settings.limits.signed_in);
                let observed = Activity::Observes;
                match parts.ephemeral.touch_session(tenant, &token.hash(), observed, limit).await? {
                    Touched::Active(session, _) => session.audience == audience,
                    Touched::Limited(_, rate) => return Err(too_many(rate.retry_after_seconds())),
                    Touched::Ended(_) | Touched::Absent => false,
                }
            }
        };
        let mut crowded = None;
        if !signed_in {
            let room = inbound.hit_by_source("flow-page", parts.settings.limits.flow_pages).await?;
            crowded = (!room.allowed).then(|| room.retry_after_seconds());
        }
        let flow = match &parts.cookies.flow {
            None => None,
            Some(token) => parts.ephemeral.flow(tenant, &token.hash()).await?,
        };
        let flow = flow.filter(|flow| flow.audience == audience);
        Ok(Self { inbound, flow, signed_in, crowded })
    }

    /// Whether so many pages were opened from this address that the next needs a proof of work: for how many seconds.
    pub fn crowded(&self) -> Option<u64> {
        self.crowded
    }

    /// Looks for a proof of work that fits one of these challenges and was not used before.
    ///
    /// # Errors
    /// 429 where even pages with a proof are too many.
    pub async fn prove(&self, challenges: &[String]) -> Result<Option<Proven>, Problem> {
        let parts = self.inbound.parts();
        let Some(number) = &parts.cookies.proof else { return Ok(None) };
        let fitting = challenges
            .iter()
            .find_map(|challenge| Proven::of(challenge, number).map(|proven| (challenge, proven)));
        let Some((challenge, proven)) = fitting else { return Ok(None) };
        self.inbound.count_by_source("flow-page-proven", parts.settings.limits.proven_flow_pages).await?;
        let used =
            ClaimKey::new(self.inbound.tenant(), "proof-of-work", format!("{challenge}:{number}").as_bytes());
        let fresh = parts.ephemeral.claim_once(&used, PROOFS_REMEMBERED).await?;
        Ok(fresh.then_some(proven))
    }

    /// Opens a new flow at this step and gives its cookie's token. From a crowded address only with a proof of work.
    pub async fn open(&self, step: &str, state: Vec<u8>, proof: Option<Proven>) -> Result<Token, Problem> {
        if let (Some(seconds), None) = (self.crowded, proof) {
            return Err(too_many(seconds));
        }
        let (tenant, audience) = self.inbound.clinic()?;
        let new = cloister_ephemeral::NewFlow { tenant, audience, step: step.to_owned(), state };
        Ok(self.inbound.parts().ephemeral.open_flow(new).await?.0)
    }
}

impl Open {
    /// Applies the class to a request.
    pub fn of(request: &Request) -> Result<Self, Problem> {
        Ok(Self { inbound: chosen(request, RouteClass::Open)? })
    }
}

impl<V: WebhookVerifier> Webhook<V> {
    /// Applies the class to a request: the body is read within its limit and its signature checked.
    pub async fn of(request: &Request, body: &mut RequestBody) -> Result<Self, Problem> {
        let inbound = chosen(request, RouteClass::Webhook)?;
        mixed_cookies(&inbound)?;
        let bytes = crate::body::read(request, body, crate::body::USUAL_LIMIT).await?;
        V::verify(request.headers(), &bytes, inbound.parts().environment.now()).await?;
        Ok(Self { inbound, body: bytes, verifier: std::marker::PhantomData })
    }
}

fn chosen(request: &Request, class: RouteClass) -> Result<Inbound, Problem> {
    let inbound = Inbound::of(request)?;
    inbound.choose(class);
    Ok(inbound.clone())
}

/// Credentials that do not belong here; counted, as nobody stands behind the call.
async fn refuse_authorization(request: &Request, inbound: &Inbound) -> Result<(), Problem> {
    let mixed = mixed_authorization(request);
    if mixed.is_err() {
        inbound.count_by_source("anonymous", inbound.parts().settings.limits.anonymous).await?;
    }
    mixed
}

fn mixed_authorization(request: &Request) -> Result<(), Problem> {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "credentials.mixed",
            "this call takes no Authorization header",
        )
        .field("Authorization", "credentials.mixed", "must be absent"));
    }
    Ok(())
}

fn mixed_cookies(inbound: &Inbound) -> Result<(), Problem> {
    if inbound.parts().cookies.any {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "credentials.mixed", "this call takes no cookies")
            .field("Cookie", "credentials.mixed", "must be absent"));
    }
    Ok(())
}
