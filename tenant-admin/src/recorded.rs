//! Refusals before an operation is reached leave an event as well: an unreadable body, an unknown route, too many calls.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use cloister_edge::{Inbound, Problem};
use cloister_ephemeral::{Ephemeral, RateKey, RateLimit};
use cloister_tenancy::{CallFacts, OperatorCall, Platform};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, http::StatusCode};

/// What is known of the event of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallNote(Arc<Note>);

#[derive(Debug, Default)]
struct Note {
    noted: AtomicBool,
    call: OnceLock<OperatorCall>,
}

impl CallNote {
    /// The operation writes its own events from here on, or the refusal was written.
    pub(crate) fn settle(&self) {
        self.0.noted.store(true, Ordering::Release);
    }

    /// Names the operator.
    pub(crate) fn name(&self, call: &OperatorCall) {
        let _ = self.0.call.set(call.clone());
    }
}

/// What is known of a request, as events say it.
pub(crate) fn facts(inbound: &Inbound) -> CallFacts {
    let facts = inbound.facts();
    CallFacts { request: facts.request, source: facts.source, user_agent: facts.user_agent }
}

/// Refusals for too many calls are written once a minute for each source: a flood must not fill the log.
const FLOOD_NOTED: RateLimit = RateLimit::per_minute(1);

/// Writes an event for every refused call that no operation wrote one for.
#[derive(Clone)]
pub struct Recorded {
    /// Where events are written.
    pub platform: Platform,
    /// Where floods are counted.
    pub ephemeral: Ephemeral,
}

impl<E: Endpoint> Middleware<E> for Recorded {
    type Output = RecordedEndpoint<E>;

    fn transform(&self, routes: E) -> Self::Output {
        RecordedEndpoint { recorded: self.clone(), routes }
    }
}

/// Routes whose refusals are recorded.
pub struct RecordedEndpoint<E> {
    recorded: Recorded,
    routes: E,
}

impl<E: Endpoint> Endpoint for RecordedEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let note = CallNote::default();
        request.set_data(note.clone());
        let inbound = request.data::<Inbound>().cloned();
        let answered = self.routes.call(request).await.map(IntoResponse::into_response);
        let reason = match &answered {
            Err(error) => match error.downcast_ref::<Problem>() {
                Some(problem) => problem.code().to_owned(),
                None => reason_of(error.status()).to_owned(),
            },
            Ok(response) if response.status().is_client_error() => reason_of(response.status()).to_owned(),
            Ok(_) => return answered,
        };
        let Some(inbound) = inbound.filter(|_| !note.0.noted.load(Ordering::Acquire)) else {
            return answered;
        };
        let Recorded { platform, ephemeral } = &self.recorded;
        if reason == "rate.limited" {
            let flood = RateKey::source(None, "operator-flood", *inbound.source().expose());
            if !ephemeral.hit(&flood, FLOOD_NOTED).await.map_err(Problem::from)?.allowed {
                return answered;
            }
        }
        let facts = facts(&inbound);
        platform.note_refused_call(note.0.call.get(), &facts, &reason).await.map_err(Problem::from)?;
        answered
    }
}

fn reason_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "route.not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method.not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "body.too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "body.content_type",
        _ => "request.invalid",
    }
}
