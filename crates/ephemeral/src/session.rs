//! Signed-in sessions.

use cloister_kernel::{Audience, SessionId, TenantId, UserId};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::{CsrfSecret, EndedSession, EphemeralError, RateAnswer};

/// How many sessions a user may have at once; the oldest gives way.
pub const MOST_SESSIONS: usize = 20;

/// How long a session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without a call.
    pub idle: Duration,
    /// In all.
    pub absolute: Duration,
}

impl Default for SessionLimits {
    /// The operator's floor: 15 minutes idle, 8 hours in all.
    fn default() -> Self {
        Self { idle: Duration::minutes(15), absolute: Duration::hours(8) }
    }
}

impl SessionLimits {
    /// The stricter of both, each by itself: a tenant can shorten and never lengthen.
    #[must_use]
    pub fn tightened(self, tenant: Self) -> Self {
        Self { idle: self.idle.min(tenant.idle), absolute: self.absolute.min(tenant.absolute) }
    }
}

/// What is known when somebody has just proved who he is.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The clinic.
    pub tenant: TenantId,
    /// Portal or console: a session of one is nothing at the other.
    pub audience: Audience,
    /// Whose it is.
    pub user: UserId,
    /// The factors behind it in a stable spelling that the caller chooses, such as `password+totp`.
    pub assurance: String,
    /// The user's revocation epoch at this moment; a later one in the database kills the session.
    pub epoch: i64,
    /// Idle and absolute limits, tightened by the tenant.
    pub limits: SessionLimits,
    /// Source and user agent, already sealed by the caller.
    pub sealed_client: Option<Vec<u8>>,
    /// Until when actions that need a fresh factor are open.
    pub step_up_until: Option<OffsetDateTime>,
    /// When the user signed in before this, to be shown to him.
    pub last_sign_in_at: Option<OffsetDateTime>,
}

/// A live session. Times are whole milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Shown to its owner; stays the same when the token rotates.
    pub id: SessionId,
    /// The clinic.
    pub tenant: TenantId,
    /// Portal or console.
    pub audience: Audience,
    /// Whose it is.
    pub user: UserId,
    /// Stable name of the assurance reached.
    pub assurance: String,
    /// The user's revocation epoch when it was made.
    pub epoch: i64,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// Last call that counted as activity.
    pub last_seen_at: OffsetDateTime,
    /// How long it lives without a call.
    pub idle: Duration,
    /// When it ends whatever happens.
    pub absolute_expires_at: OffsetDateTime,
    /// What its CSRF tokens are made from.
    pub csrf_secret: CsrfSecret,
    /// Source and user agent, sealed.
    pub sealed_client: Option<Vec<u8>>,
    /// Until when actions that need a fresh factor are open.
    pub step_up_until: Option<OffsetDateTime>,
    /// When the user signed in before this.
    pub last_sign_in_at: Option<OffsetDateTime>,
}

impl SessionRecord {
    /// When it ends if nothing more is called.
    pub fn idle_expires_at(&self) -> OffsetDateTime {
        (self.last_seen_at + self.idle).min(self.absolute_expires_at)
    }
}

/// Whether a call keeps a session awake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// A person did something: the idle time starts anew.
    Extends,
    /// The page only looked, for example how long is left.
    Observes,
}

/// The answer to a touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    /// No such session, or one that was ended or is long over.
    Absent,
    /// It ran out, which is not yet written down. To whoever comes with its token it is worth nothing.
    Ended(EndedSession),
    /// Live, and within its user's rate.
    Active(SessionRecord, RateAnswer),
    /// Live, but its user calls too often; it was not extended.
    Limited(SessionRecord, RateAnswer),
}

/// What a rotation changes.
#[derive(Debug, Clone)]
pub struct Elevation {
    /// Stable name of the assurance now reached.
    pub assurance: String,
    /// Until when actions that need a fresh factor are open.
    pub step_up_until: Option<OffsetDateTime>,
}

/// A session as written to Redis, with the key and tenant it was written for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stored {
    key: String,
    id: SessionId,
    tenant: TenantId,
    audience: Audience,
    user: UserId,
    assurance: String,
    epoch: i64,
    created: i64,
    idle: i64,
    absolute: i64,
    csrf: CsrfSecret,
    client: Option<String>,
    step_up: Option<i64>,
    last_sign_in: Option<i64>,
}

impl Stored {
    pub(crate) fn of(key: &str, record: &SessionRecord) -> Self {
        Self {
            key: key.to_owned(),
            id: record.id,
            tenant: record.tenant,
            audience: record.audience,
            user: record.user,
            assurance: record.assurance.clone(),
            epoch: record.epoch,
            created: milliseconds(record.created_at),
            idle: whole(record.idle),
            absolute: milliseconds(record.absolute_expires_at),
            csrf: record.csrf_secret.clone(),
            client: record.sealed_client.as_ref().map(hex::encode),
            step_up: record.step_up_until.map(milliseconds),
            last_sign_in: record.last_sign_in_at.map(milliseconds),
        }
    }

    /// Refuses a value that was written for another key or tenant.
    pub(crate) fn into_record(
        self,
        key: &str,
        tenant: TenantId,
        seen: i64,
    ) -> Result<SessionRecord, EphemeralError> {
        if self.key != key || self.tenant != tenant {
            return Err(EphemeralError::wrong("a session of another key or tenant"));
        }
        let sealed_client = self.client.map(hex::decode).transpose();
        Ok(SessionRecord {
            id: self.id,
            tenant: self.tenant,
            audience: self.audience,
            user: self.user,
            assurance: self.assurance,
            epoch: self.epoch,
            created_at: moment(self.created)?,
            last_seen_at: moment(seen)?,
            idle: Duration::milliseconds(self.idle),
            absolute_expires_at: moment(self.absolute)?,
            csrf_secret: self.csrf,
            sealed_client: sealed_client.map_err(|_| EphemeralError::wrong("sealed bytes"))?,
            step_up_until: self.step_up.map(moment).transpose()?,
            last_sign_in_at: self.last_sign_in.map(moment).transpose()?,
        })
    }
}

/// Whole milliseconds since 1970.
pub(crate) fn milliseconds(moment: OffsetDateTime) -> i64 {
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// The moment cut to whole milliseconds, so that both stores give back the same.
pub(crate) fn cut(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_millisecond(moment.millisecond()).unwrap_or(moment)
}

/// A span in whole milliseconds, at least one.
pub(crate) fn whole(span: Duration) -> i64 {
    i64::try_from(span.whole_milliseconds()).unwrap_or(i64::MAX).max(1)
}

pub(crate) fn moment(milliseconds: i64) -> Result<OffsetDateTime, EphemeralError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000)
        .map_err(|_| EphemeralError::wrong("a moment out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_shortens_and_never_lengthens() {
        let floor = SessionLimits::default();
        let tenant = SessionLimits { idle: Duration::minutes(5), absolute: Duration::hours(99) };
        let both = floor.tightened(tenant);
        assert_eq!((both.idle, both.absolute), (Duration::minutes(5), Duration::hours(8)));
    }

    #[test]
    fn moments_are_cut_to_what_both_stores_keep() {
        let now = time::macros::datetime!(2026-03-01 10:00:00.123456789 UTC);
        assert_eq!(cut(now), time::macros::datetime!(2026-03-01 10:00:00.123 UTC));
        assert_eq!(moment(milliseconds(now)).unwrap(), cut(now));
    }
}
