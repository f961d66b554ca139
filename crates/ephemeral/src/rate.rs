//! Rate limits and single-use values: what is counted, and the answer.

use std::net::IpAddr;

use cloister_kernel::{TenantId, UserId};
use sha2::{Digest, Sha256};
use time::Duration;

/// So many calls in any window of so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls let through.
    pub calls: u32,
    /// The window that slides over them.
    pub window: Duration,
}

impl RateLimit {
    /// A limit by the minute.
    pub const fn per_minute(calls: u32) -> Self {
        Self { calls, window: Duration::MINUTE }
    }
}

/// Whether a call was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateAnswer {
    /// Let through and counted; a refused call is not counted.
    pub allowed: bool,
    /// Calls left in this window.
    pub remaining: u32,
    /// How long until the next can pass; zero when this one did.
    pub retry_after: Duration,
}

impl RateAnswer {
    /// The answer where nothing is counted.
    pub const UNCOUNTED: Self = Self { allowed: true, remaining: 0, retry_after: Duration::ZERO };

    /// Seconds for a `Retry-After` header, rounded up.
    pub fn retry_after_seconds(&self) -> u64 {
        u64::try_from(self.retry_after.whole_milliseconds().max(0)).unwrap_or(0).div_ceil(1000)
    }
}

/// What calls are counted by: a class within a tenant (or the platform), and a subject.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateKey(pub(crate) String);

impl RateKey {
    /// By the client's address, digested; IPv6 by its /64, which is one customer.
    pub fn source(tenant: Option<TenantId>, class: &'static str, source: IpAddr) -> Self {
        let network = match source.to_canonical() {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets()[..8].to_vec(),
        };
        Self::subject(tenant, class, &network)
    }

    /// By a signed-in user: the same count that [`crate::Ephemeral::touch_session`] keeps.
    pub fn user(tenant: TenantId, user: UserId) -> Self {
        Self(format!("{}{user}", user_rate_prefix(tenant)))
    }

    /// By anything else, digested: a machine client, an operator, an account.
    pub fn subject(tenant: Option<TenantId>, class: &'static str, subject: &[u8]) -> Self {
        Self(format!("{}:rate:{class}:{}", tag(tenant), digest(class, subject)))
    }
}

/// A value that may be used once: an assertion's `jti`, a ceremony, an idempotent step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimKey(pub(crate) String);

impl ClaimKey {
    /// Names the kind and the value, which is digested.
    pub fn new(tenant: Option<TenantId>, kind: &'static str, value: &[u8]) -> Self {
        Self(format!("{}:once:{kind}:{}", tag(tenant), digest(kind, value)))
    }
}

/// The common head of a tenant's keys. The braces keep one tenant's keys in one slot of a Redis cluster.
pub(crate) fn tag(tenant: Option<TenantId>) -> String {
    tenant.map_or_else(|| "cloister:{platform}".to_owned(), |tenant| format!("cloister:{{{tenant}}}"))
}

pub(crate) fn user_rate_prefix(tenant: TenantId) -> String {
    format!("{}:rate:user:", tag(Some(tenant)))
}

fn digest(class: &str, subject: &[u8]) -> String {
    let digest = Sha256::new().chain_update(class.as_bytes()).chain_update([0]).chain_update(subject);
    hex::encode(&digest.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_network_is_one_subject() {
        let key = |text: &str| RateKey::source(None, "anonymous", text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.2"), key("192.0.2.1"));
        assert!(!key("192.0.2.1").0.contains("192.0.2.1"));
    }

    #[test]
    fn waiting_is_rounded_up_to_seconds() {
        let answer = |milliseconds| RateAnswer {
            allowed: false,
            remaining: 0,
            retry_after: Duration::milliseconds(milliseconds),
        };
        assert_eq!(answer(1).retry_after_seconds(), 1);
        assert_eq!(answer(1000).retry_after_seconds(), 1);
        assert_eq!(answer(1001).retry_after_seconds(), 2);
    }
}
