//! What every request passes on its way in, and every answer on its way out.
//!
//! Promises:
//! - every failed answer, also 404, 405, 413, a panic and the framework's own errors, is `application/problem+json`
//!   (RFC 9457) with a stable code and the request's id, and tells neither cause nor value;
//! - every answer carries the whole set of security headers;
//! - the host is canonicalised once and looked up exactly; nothing a client can write chooses the tenant;
//! - a route says what credentials it takes by the guard that stands first among its parameters ([`guard`]);
//! - a client that goes away does not stop the work that it began;
//! - bodies are limited by counted bytes, requests by count, connections by time.
//!
//! The framework's types stay here and in the two `api` folders.

mod body;
mod client;
mod cookies;
mod cors;
mod csrf;
mod document;
mod edge;
mod error;
mod framework;
pub mod guard;
mod headers;
mod health;
mod host;
mod inbound;
mod json;
mod logs;
mod measure;
mod observe;
mod operations;
mod problem;
mod proof_of_work;
mod serve;
mod settings;
mod tls;
mod unparsed;
mod webhook;

pub use body::{BUNDLE_LIMIT, LimitedBody, USUAL_LIMIT};
pub use client::{Network, TrustedHops};
pub use cookies::{
    Cookies, FLOW_COOKIE, PROOF_COOKIE, SESSION_COOKIE, clear_flow, clear_proof, clear_session, set_flow,
    set_session,
};
pub use csrf::{CSRF_HEADER, csrf_token};
pub use document::close_schemas;
pub use edge::{Edge, EdgeEndpoint, Voice};
pub use error::EdgeError;
pub use framework::{for_people, problem_of};
pub use guard::{Anonymous, Anyone, Bearer, FlowPage, InFlow, Open, RouteClass, SignedIn, Webhook, Who};
pub use headers::CONTENT_SECURITY_POLICY;
pub use health::ReadinessCheck;
pub use host::{HostEntry, HostTable, Site};
pub use inbound::{GuardRefusal, Inbound};
pub use json::{StrictJson, refuse_ambiguity};
pub use logs::start_logs;
pub use measure::{Measurements, metrics_routes};
pub use operations::Operations;
pub use problem::{PROBLEM_JSON, Problem, ProblemFieldSchema, ProblemSchema};
pub use proof_of_work::{PROOF_BITS, Proven};
pub use serve::{Listener, ServeSettings, serve};
pub use settings::{EdgeSettings, Limits};
pub use tls::{Certificates, OldestTls};
pub use webhook::WebhookVerifier;
