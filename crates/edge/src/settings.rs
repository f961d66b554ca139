//! What the edge is told at start. Limits can be moved and never switched off.

use std::time::Duration;

use cloister_ephemeral::RateLimit;

use crate::TrustedHops;

/// The rate limits of requirement API-1 and their neighbours. Each is at least one call: there is no "off".
#[derive(Debug, Clone)]
pub struct Limits {
    /// Calls without session or flow, by (tenant, source).
    pub anonymous: RateLimit,
    /// Sign-in pages that open a flow, by (tenant, source).
    pub flow_pages: RateLimit,
    /// Sign-in pages beyond those, each for a proof of work, by (tenant, source).
    pub proven_flow_pages: RateLimit,
    /// Counted calls inside one flow, in all.
    pub calls_in_flow: u64,
    /// Calls of a signed-in user, over all his sessions.
    pub signed_in: RateLimit,
    /// Calls with an access token, by (tenant, source), before the token is verified.
    pub bearer: RateLimit,
    /// Calls of one verified machine client.
    pub machine: RateLimit,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            anonymous: RateLimit::per_minute(10),
            flow_pages: RateLimit::per_minute(60),
            proven_flow_pages: RateLimit::per_minute(600),
            calls_in_flow: 10,
            signed_in: RateLimit::per_minute(100),
            bearer: RateLimit::per_minute(600),
            machine: RateLimit::per_minute(300),
        }
    }
}

impl Limits {
    /// A limit of zero calls or no window would be off or closed for good: the nearest usable value stands instead.
    pub(crate) fn usable(mut self) -> Self {
        for limit in [
            &mut self.anonymous,
            &mut self.flow_pages,
            &mut self.proven_flow_pages,
            &mut self.signed_in,
            &mut self.bearer,
            &mut self.machine,
        ] {
            limit.calls = limit.calls.max(1);
            limit.window = limit.window.max(time::Duration::SECOND);
        }
        self.calls_in_flow = self.calls_in_flow.max(1);
        self
    }
}

/// How the edge behaves.
#[derive(Debug, Clone)]
pub struct EdgeSettings {
    /// Whose word on the client's address counts.
    pub trusted_hops: TrustedHops,
    /// Rate limits.
    pub limits: Limits,
    /// Origins of registered apps, which get CORS on `/fhir` and `/oauth/token`, without credentials.
    pub app_origins: Vec<String>,
    /// Whether browsers reach us over TLS: then every answer carries Strict-Transport-Security.
    pub strict_transport: bool,
    /// Requests worked on at once; the next is answered 503 at once.
    pub most_at_once: usize,
    /// How long a client waits for an answer. The work itself is not cut off.
    pub answer_within: Duration,
    /// How long a body may take to arrive.
    pub body_within: Duration,
}

impl Default for EdgeSettings {
    fn default() -> Self {
        Self {
            trusted_hops: TrustedHops::default(),
            limits: Limits::default(),
            app_origins: Vec::new(),
            strict_transport: true,
            most_at_once: 512,
            answer_within: Duration::from_secs(60),
            body_within: Duration::from_secs(30),
        }
    }
}
