//! Sessions that are over and not yet written down.

use cloister_kernel::{Audience, SessionId, TenantId, UserId};
use time::{Duration, OffsetDateTime};

use crate::{SessionRecord, TokenHash};

/// How long Redis keeps a session after its end, for whoever writes that end into the clinic's log.
pub(crate) const KEPT_AFTER_END: Duration = Duration::DAY;

/// How long one sweeper has ended sessions to itself.
pub(crate) const SWEEP_LEASE: Duration = Duration::MINUTE;

/// Why a session is over without anybody having ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// Nothing was called for too long.
    Idle,
    /// It was as old as a session may become.
    Age,
    /// Its user opened more than [`crate::MOST_SESSIONS`]; it was the oldest.
    GaveWay,
}

/// A session that is over. Nothing that a live one is used by can be made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSession {
    /// The session as its owner knew it.
    pub id: SessionId,
    /// The clinic.
    pub tenant: TenantId,
    /// Portal or console.
    pub audience: Audience,
    /// Whose it was.
    pub user: UserId,
    /// When it ended, not when that was noticed: the same whoever asks.
    pub ended_at: OffsetDateTime,
    /// Why.
    pub reason: SessionEnd,
    pub(crate) hash: TokenHash,
}

impl EndedSession {
    /// The end of a session that is over by now.
    pub(crate) fn of(record: &SessionRecord, hash: TokenHash, gave_way_at: Option<OffsetDateTime>) -> Self {
        let ran_out = record.idle_expires_at();
        let (ended_at, reason) = match gave_way_at {
            Some(at) if at < ran_out => (at, SessionEnd::GaveWay),
            _ if ran_out == record.absolute_expires_at => (ran_out, SessionEnd::Age),
            _ => (ran_out, SessionEnd::Idle),
        };
        let SessionRecord { id, tenant, audience, user, .. } = *record;
        Self { id, tenant, audience, user, ended_at, reason, hash }
    }
}

/// Ended sessions of one clinic that one sweeper has to itself for a minute.
#[derive(Debug)]
#[must_use = "what is not written down and forgotten comes again"]
pub struct EndedSessions {
    /// The clinic.
    pub tenant: TenantId,
    /// The sessions; none where the clinic was looked at too early.
    pub sessions: Vec<EndedSession>,
}
