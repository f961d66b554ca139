//! Which site a request is for: one canonical host, whatever the HTTP version wrote it in.

use std::sync::Arc;

use async_trait::async_trait;
use cloister_kernel::{Audience, CanonicalHost, RaisedNetwork, TenantId};
use poem::{
    Request,
    http::{StatusCode, header},
};

use crate::Problem;

/// What a host serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// One of a clinic's two sites.
    Clinic {
        /// The clinic.
        tenant: TenantId,
        /// Portal or console.
        audience: Audience,
    },
    /// The operators' API.
    Operators,
    /// A page of the embedded size that belongs to no clinic.
    Demonstration,
}

/// A known host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEntry {
    /// What it serves.
    pub site: Site,
    /// Its one origin, `scheme://host[:port]` as browsers write it: links and the CSRF rule use it.
    pub origin: String,
    /// The networks of the clinic from which more calls are let through than from others.
    pub raised: Arc<[RaisedNetwork]>,
}

/// Finds a host. Implementations cache; they hold no wildcard and no default.
#[async_trait]
pub trait HostTable: Send + Sync + 'static {
    /// The entry, or `None` for a host that nobody registered or that is retired.
    async fn find(&self, host: &CanonicalHost) -> Result<Option<HostEntry>, Problem>;
}

/// A table that does not change: tests and single-site services.
#[async_trait]
impl HostTable for std::collections::HashMap<CanonicalHost, HostEntry> {
    async fn find(&self, host: &CanonicalHost) -> Result<Option<HostEntry>, Problem> {
        Ok(self.get(host).cloned())
    }
}

/// The host as written in `Host`, `:authority` or an absolute-form target. All that are present must agree;
/// `X-Forwarded-Host` and `Forwarded` are not looked at.
pub(crate) fn canonical_host(request: &Request) -> Result<CanonicalHost, Problem> {
    let refused = |reason: &str| {
        Problem::new(StatusCode::BAD_REQUEST, "host.invalid", "the Host header is not acceptable").field(
            "Host",
            "host.invalid",
            reason.to_owned(),
        )
    };
    let mut written = request.headers().get_all(header::HOST).iter();
    let header = written.next();
    if written.next().is_some() {
        return Err(refused("is given more than once"));
    }
    let header = header.map(|value| value.to_str().map_err(|_| refused("is not ASCII"))).transpose()?;
    // The request's own URI loses its authority nowhere on the way; `original_uri` is before any nesting.
    let target = request.original_uri().authority().map(poem::http::uri::Authority::as_str);
    let parse = |text: &str| CanonicalHost::parse(text).map_err(|error| refused(&error.to_string()));
    match (header, target) {
        (None, None) => Err(refused("is missing")),
        (Some(one), None) | (None, Some(one)) => parse(one),
        (Some(header), Some(target)) => {
            let (header, target) = (parse(header)?, parse(target)?);
            if header == target { Ok(target) } else { Err(refused("contradicts the request's target")) }
        }
    }
}

/// 421 for a host that is not in the table.
pub(crate) fn unknown_host() -> Problem {
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "host.unknown", "this host is not served here")
}
