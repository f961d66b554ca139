//! Sessions that ran out: which clinic has some, and who writes them down.
//!
//! Each clinic's deadlines stand beside its sessions. Which clinics to look at stands in a key of its own, in another
//! slot, so it is only a hint: never later than the earliest deadline, and set right by whoever looks.

use cloister_kernel::TenantId;
use time::{Duration, OffsetDateTime};

use super::{RedisStore, index_prefix, session_prefix};
use crate::{
    EndedSession, EndedSessions, EphemeralError, TokenHash,
    ended::{KEPT_AFTER_END, SWEEP_LEASE},
    rate::tag,
    session::{Stored, milliseconds, moment, whole},
};

impl RedisStore {
    /// Has a clinic looked at when a session of it may end, or did.
    pub(super) async fn note_clinic(
        &self,
        tenant: TenantId,
        look_at: OffsetDateTime,
        longest: Duration,
    ) -> Result<(), EphemeralError> {
        let mut call = self.scripts.clinic_note.call(&clinics_key());
        call.arg(tenant.to_string()).arg(milliseconds(look_at)).arg(whole(longest + KEPT_AFTER_END));
        call.run(&self.link).await?.flag().map(drop)
    }

    pub(crate) async fn claim_ended(
        &self,
        most: usize,
        now: OffsetDateTime,
    ) -> Result<Option<EndedSessions>, EphemeralError> {
        let lease = milliseconds(now + SWEEP_LEASE);
        let mut call = self.scripts.clinic_lease.call(&clinics_key());
        call.arg(milliseconds(now)).arg(lease);
        let mut answer = call.run(&self.link).await?;
        if !answer.flag()? {
            return Ok(None);
        }
        let tenant: TenantId = answer.text()?.parse().map_err(|_| EphemeralError::wrong("not a clinic"))?;
        let (sessions, next) = self.claim_ended_of(tenant, lease, most, now).await?;
        let mut call = self.scripts.clinic_settle.call(&clinics_key());
        call.arg(tenant.to_string()).arg(lease).arg(next);
        call.run(&self.link).await?;
        Ok(Some(EndedSessions { tenant, sessions }))
    }

    /// The clinic's ended sessions, and when to look at it next.
    async fn claim_ended_of(
        &self,
        tenant: TenantId,
        lease: i64,
        most: usize,
        now: OffsetDateTime,
    ) -> Result<(Vec<EndedSession>, i64), EphemeralError> {
        let mut call = self.scripts.ended_claim.call(&deadlines_key(tenant));
        call.arg(milliseconds(now)).arg(lease).arg(most).arg(session_prefix(tenant));
        let mut answer = call.run(&self.link).await?;
        let next = answer.integer()?;
        let mut sessions = Vec::new();
        while !answer.is_empty() {
            let (hash, stored) = (answer.text()?, answer.json::<Stored>());
            let (seen, gave_way) = (answer.integer()?, answer.integer()?);
            // One value that somebody else wrote must not keep the others' ends from being written down.
            match ended(tenant, &hash, stored, seen, gave_way) {
                Ok(session) => sessions.push(session),
                Err(error) => tracing::warn!(%tenant, ?error, "an ended session cannot be read"),
            }
        }
        Ok((sessions, next))
    }

    pub(crate) async fn forget_ended(&self, ended: &EndedSessions) -> Result<(), EphemeralError> {
        let mut call = self.scripts.ended_forget.call(&deadlines_key(ended.tenant));
        call.arg(session_prefix(ended.tenant)).arg(index_prefix(ended.tenant));
        for session in &ended.sessions {
            call.arg(session.hash.to_hex());
        }
        call.run(&self.link).await?.count().map(drop)
    }
}

/// Reads a session that is over as its script answered it; `-1` is one that gave way to none.
pub(super) fn ended(
    tenant: TenantId,
    hash: &str,
    stored: Result<Stored, EphemeralError>,
    seen: i64,
    gave_way: i64,
) -> Result<EndedSession, EphemeralError> {
    let key = format!("{}{hash}", session_prefix(tenant));
    let record = stored?.into_record(&key, tenant, seen)?;
    let hash = TokenHash::from_hex(hash).ok_or(EphemeralError::wrong("not a token's hash"))?;
    let gave_way_at = (gave_way >= 0).then(|| moment(gave_way)).transpose()?;
    Ok(EndedSession::of(&record, hash, gave_way_at))
}

pub(super) fn deadlines_key(tenant: TenantId) -> String {
    format!("{}:session-deadlines", tag(Some(tenant)))
}

fn clinics_key() -> String {
    format!("{}:session-deadlines", tag(None))
}
