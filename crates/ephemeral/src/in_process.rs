//! The store in this process's memory: bounded, expiring, one lock.

mod sessions;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use cloister_kernel::{TenantId, UserId};
use time::{Duration, OffsetDateTime};

use crate::{
    Activity, ClaimKey, EndedSessions, EphemeralError, FLOW_LIFETIME, Flow, RateAnswer, RateKey, RateLimit,
    SessionRecord, TokenHash, Touched,
    ephemeral::{FlowRead, Revoked},
    error::Cause,
};
use sessions::{Sessions, Standing};

/// How much the in-process store may hold. Full of live entries it is unavailable, never forgetful.
#[derive(Debug, Clone, Copy)]
pub struct InProcessCapacity {
    /// Live sessions, and ended ones that are not written down yet; these give way to live ones.
    pub sessions: usize,
    /// Live flows.
    pub flows: usize,
    /// Remembered single-use values.
    pub claims: usize,
    /// Subjects with a call within their window.
    pub rates: usize,
}

impl Default for InProcessCapacity {
    /// Some tens of megabytes at the most.
    fn default() -> Self {
        Self { sessions: 20_000, flows: 20_000, claims: 100_000, rates: 100_000 }
    }
}

/// The state behind one lock: every operation is short and does no I/O.
pub(crate) struct InProcess {
    capacity: InProcessCapacity,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sessions: Sessions,
    flows: HashMap<(TenantId, TokenHash), (Flow, OffsetDateTime)>,
    claims: HashMap<ClaimKey, OffsetDateTime>,
    rates: HashMap<RateKey, Window>,
}

#[derive(Default)]
struct Window {
    calls: VecDeque<OffsetDateTime>,
    forget_at: Option<OffsetDateTime>,
}

impl InProcess {
    pub(crate) fn new(capacity: InProcessCapacity) -> Self {
        Self { capacity, state: Mutex::default() }
    }

    pub(crate) fn create_session(
        &self,
        hash: &TokenHash,
        record: &SessionRecord,
        now: OffsetDateTime,
    ) -> Result<(), EphemeralError> {
        let sessions = &mut self.lock().sessions;
        if sessions.len() >= self.capacity.sessions {
            let forgotten = sessions.forget_all_ended(now);
            if forgotten > 0 {
                tracing::warn!(forgotten, "no room: the ends of these sessions will be in no clinic's log");
            }
            room(sessions.len(), self.capacity.sessions, "sessions")?;
        }
        sessions.give_way(record.tenant, record.user, now);
        sessions.insert(*hash, record);
        Ok(())
    }

    pub(crate) fn touch_session(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
        activity: Activity,
        limit: Option<RateLimit>,
        now: OffsetDateTime,
    ) -> Result<Touched, EphemeralError> {
        let mut state = self.lock();
        let mut session = match state.sessions.standing((tenant, *hash), now) {
            Standing::Absent => return Ok(Touched::Absent),
            Standing::Ended(ended) => return Ok(Touched::Ended(ended)),
            Standing::Live(session) => session,
        };
        let rate = match limit {
            None => RateAnswer::UNCOUNTED,
            Some(limit) => {
                state.hit(&RateKey::user(tenant, session.user), limit, self.capacity.rates, now)?
            }
        };
        if !rate.allowed {
            return Ok(Touched::Limited(session, rate));
        }
        if activity == Activity::Extends && now > session.last_seen_at {
            session.last_seen_at = now;
            state.sessions.extend((tenant, *hash), now);
        }
        Ok(Touched::Active(session, rate))
    }

    pub(crate) fn rotate_session(
        &self,
        old: &TokenHash,
        new: &TokenHash,
        record: &SessionRecord,
        now: OffsetDateTime,
    ) -> Result<bool, EphemeralError> {
        let sessions = &mut self.lock().sessions;
        if !matches!(sessions.standing((record.tenant, *old), now), Standing::Live(_)) {
            return Ok(false);
        }
        sessions.forget((record.tenant, *old));
        sessions.insert(*new, record);
        Ok(true)
    }

    pub(crate) fn sessions_of(
        &self,
        tenant: TenantId,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<Vec<SessionRecord>, EphemeralError> {
        let live = self.lock().sessions.live_of(tenant, user, now);
        Ok(live.into_iter().map(|(_, session)| session).collect())
    }

    pub(crate) fn revoke(
        &self,
        tenant: TenantId,
        user: UserId,
        which: Revoked,
        now: OffsetDateTime,
    ) -> Result<u64, EphemeralError> {
        Ok(self.lock().sessions.revoke(tenant, user, which, now))
    }

    pub(crate) fn claim_ended(
        &self,
        most: usize,
        now: OffsetDateTime,
    ) -> Result<Option<EndedSessions>, EphemeralError> {
        Ok(self.lock().sessions.claim_ended(most, now))
    }

    pub(crate) fn forget_ended(&self, ended: &EndedSessions) -> Result<(), EphemeralError> {
        let sessions = &mut self.lock().sessions;
        ended.sessions.iter().for_each(|session| sessions.forget((ended.tenant, session.hash)));
        Ok(())
    }

    pub(crate) fn open_flow(
        &self,
        hash: &TokenHash,
        flow: &Flow,
        now: OffsetDateTime,
    ) -> Result<(), EphemeralError> {
        let mut state = self.lock();
        if state.flows.len() >= self.capacity.flows {
            state.flows.retain(|_, (_, ends)| now < *ends);
            room(state.flows.len(), self.capacity.flows, "flows")?;
        }
        state.flows.insert((flow.tenant, *hash), (flow.clone(), now + FLOW_LIFETIME));
        Ok(())
    }

    pub(crate) fn read_flow(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
        how: FlowRead,
        now: OffsetDateTime,
    ) -> Result<Option<Flow>, EphemeralError> {
        let mut state = self.lock();
        let key = (tenant, *hash);
        let live = state.flows.get_mut(&key).filter(|(_, ends)| now < *ends).map(|(flow, _)| {
            flow.calls += u64::from(how == FlowRead::Call);
            flow.clone()
        });
        if live.is_none() || how == FlowRead::Take {
            state.flows.remove(&key);
        }
        Ok(live)
    }

    pub(crate) fn advance_flow(
        &self,
        hash: &TokenHash,
        version: u64,
        next: &Flow,
        now: OffsetDateTime,
    ) -> Result<bool, EphemeralError> {
        let mut state = self.lock();
        let Some((flow, ends)) = state.flows.get_mut(&(next.tenant, *hash)) else {
            return Ok(false);
        };
        if now >= *ends || flow.version != version {
            return Ok(false);
        }
        *flow = Flow { version: version + 1, calls: flow.calls, ..next.clone() };
        Ok(true)
    }

    pub(crate) fn claim_once(
        &self,
        key: &ClaimKey,
        remember: i64,
        now: OffsetDateTime,
    ) -> Result<bool, EphemeralError> {
        let mut state = self.lock();
        if state.claims.get(key).is_some_and(|until| now < *until) {
            return Ok(false);
        }
        if state.claims.len() >= self.capacity.claims {
            state.claims.retain(|_, until| now < *until);
            room(state.claims.len(), self.capacity.claims, "single-use values")?;
        }
        state.claims.insert(key.clone(), now + Duration::milliseconds(remember));
        Ok(true)
    }

    pub(crate) fn hit(
        &self,
        key: &RateKey,
        limit: RateLimit,
        now: OffsetDateTime,
    ) -> Result<RateAnswer, EphemeralError> {
        self.lock().hit(key, limit, self.capacity.rates, now)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn hit(
        &mut self,
        key: &RateKey,
        limit: RateLimit,
        capacity: usize,
        now: OffsetDateTime,
    ) -> Result<RateAnswer, EphemeralError> {
        if !self.rates.contains_key(key) && self.rates.len() >= capacity {
            self.rates.retain(|_, window| window.forget_at.is_some_and(|at| now < at));
            room(self.rates.len(), capacity, "rate limits")?;
        }
        let window = self.rates.entry(key.clone()).or_default();
        while window.calls.front().is_some_and(|call| *call + limit.window <= now) {
            window.calls.pop_front();
        }
        let used = window.calls.len();
        let allowed = usize::try_from(limit.calls).unwrap_or(usize::MAX);
        if used >= allowed {
            let frees = window.calls.get(used - allowed).copied().unwrap_or(now) + limit.window;
            let retry_after = (frees - now).max(Duration::milliseconds(1));
            return Ok(RateAnswer { allowed: false, remaining: 0, retry_after });
        }
        window.calls.push_back(now);
        window.forget_at = Some(now + limit.window);
        let remaining = u32::try_from(allowed - used - 1).unwrap_or(u32::MAX);
        Ok(RateAnswer { allowed: true, remaining, retry_after: Duration::ZERO })
    }
}

fn room(held: usize, capacity: usize, of: &'static str) -> Result<(), EphemeralError> {
    if held < capacity { Ok(()) } else { Err(EphemeralError::Unavailable(Cause::Full(of))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloister_kernel::Environment;

    #[test]
    fn full_of_live_entries_it_refuses_and_makes_room_of_dead_ones() {
        let store = InProcess::new(InProcessCapacity { claims: 2, rates: 2, ..Default::default() });
        let start = Environment::system().now();
        let claim =
            |name: &str, now| store.claim_once(&ClaimKey::new(None, "jti", name.as_bytes()), 1000, now);
        assert!(claim("a", start).unwrap());
        assert!(claim("b", start).unwrap());
        assert!(matches!(claim("c", start), Err(EphemeralError::Unavailable(Cause::Full(_)))));
        assert!(!claim("a", start).unwrap());
        assert!(claim("c", start + Duration::seconds(1)).unwrap());

        let hit = |name: &str, now| {
            store.hit(&RateKey::subject(None, "test", name.as_bytes()), RateLimit::per_minute(1), now)
        };
        assert!(hit("a", start).unwrap().allowed);
        assert!(hit("b", start).unwrap().allowed);
        assert!(hit("c", start).is_err());
        assert!(hit("c", start + Duration::MINUTE).unwrap().allowed);
    }
}
