//! Webhooks are signed, and a class of their own.

use poem::http::HeaderMap;
use time::OffsetDateTime;

use crate::Problem;

/// Checks a provider's signature over the raw body, and that it is fresh.
pub trait WebhookVerifier: Send + Sync + 'static {
    /// Refuses a body that the provider did not sign, or signed too long before `now`.
    fn verify(
        headers: &HeaderMap,
        body: &[u8],
        now: OffsetDateTime,
    ) -> impl Future<Output = Result<(), Problem>> + Send;
}
