//! One log line and one measurement for each request: templates, never paths; no query, no address, no body.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use cloister_kernel::RequestId;
use metrics::{counter, gauge, histogram};
use poem::{PathPattern, Request, Response};

use crate::Problem;

/// A request under way, as logs and metrics see it.
#[derive(Clone)]
pub(crate) struct Observed(Arc<Notes>);

struct Notes {
    request: RequestId,
    method: &'static str,
    started: Instant,
    finished: AtomicBool,
    seen: Mutex<Seen>,
}

impl Drop for Notes {
    /// Runs when both the answer and the work are done with: what the answer's line could not say is said here.
    fn drop(&mut self) {
        gauge!("http_requests_in_flight").decrement(1.0);
        let seen = std::mem::take(self.seen.get_mut().unwrap_or_else(PoisonError::into_inner));
        let answered = *self.finished.get_mut();
        if !answered || seen.code.is_some() {
            let (request, route) = (self.request.to_string(), seen.route.unwrap_or_default());
            let (code, cause) = (seen.code, seen.cause);
            tracing::warn!(
                request,
                method = self.method,
                route = &*route,
                answered,
                code,
                cause,
                "work outlived its client"
            );
        }
    }
}

#[derive(Default)]
struct Seen {
    route: Option<Arc<str>>,
    code: Option<String>,
    cause: Option<String>,
}

impl Observed {
    pub(crate) fn start(request: RequestId, incoming: &Request) -> Self {
        gauge!("http_requests_in_flight").increment(1.0);
        // A method of the client's invention would be a label of his choice.
        let method = match incoming.method().as_str() {
            "GET" => "GET",
            "HEAD" => "HEAD",
            "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            "OPTIONS" => "OPTIONS",
            _ => "OTHER",
        };
        let own = match incoming.uri().path() {
            "/healthz" => Some("/healthz"),
            "/readyz" => Some("/readyz"),
            _ => None,
        };
        let seen = Seen { route: own.map(Arc::from), ..Seen::default() };
        Self(Arc::new(Notes {
            request,
            method,
            started: Instant::now(),
            finished: AtomicBool::new(false),
            seen: Mutex::new(seen),
        }))
    }

    pub(crate) fn route_of_response(&self, response: &Response) {
        self.route(response.data::<PathPattern>());
    }

    pub(crate) fn route_of_error(&self, error: &poem::Error) {
        self.route(error.data::<PathPattern>());
    }

    fn route(&self, pattern: Option<&PathPattern>) {
        if let Some(pattern) = pattern.filter(|pattern| !pattern.0.is_empty()) {
            self.seen().route = Some(pattern.0.clone());
        }
    }

    pub(crate) fn note(&self, problem: &Problem) {
        let mut seen = self.seen();
        seen.code = Some(problem.code().to_owned());
        seen.cause = problem.cause_chain();
    }

    pub(crate) fn finish(&self, response: &Response) {
        let notes = &self.0;
        let status = response.status().as_u16();
        let took = notes.started.elapsed();
        let (route, code, cause) = {
            let mut seen = self.seen();
            (seen.route.clone(), seen.code.take(), seen.cause.take())
        };
        let route = route.as_deref().unwrap_or("unmatched").to_owned();
        notes.finished.store(true, Ordering::Release);
        let labels =
            [("method", notes.method.to_owned()), ("route", route.clone()), ("status", status.to_string())];
        counter!("http_requests_total", &labels).increment(1);
        histogram!("http_request_duration_seconds", &labels[..2]).record(took.as_secs_f64());
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let request = notes.request.to_string();
        if status >= 500 {
            tracing::error!(
                request,
                method = notes.method,
                route,
                status,
                milliseconds,
                code,
                cause,
                "request failed"
            );
        } else {
            tracing::info!(request, method = notes.method, route, status, milliseconds, code, "request");
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
