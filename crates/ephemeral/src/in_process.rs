//! The store in this process's memory: bounded, expiring, one lock.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use cloister_kernel::{TenantId, UserId};
use time::{Duration, OffsetDateTime};

use crate::{
    Activity, ClaimKey, EphemeralError, FLOW_LIFETIME, Flow, MOST_SESSIONS, RateAnswer, RateKey, RateLimit,
    SessionRecord, TokenHash, Touched,
    ephemeral::{FlowRead, Revoked},
    error::Cause,
};

/// How much the in-process store may hold. Full of live entries it is unavailable, never forgetful.
#[derive(Debug, Clone, Copy)]
pub struct InProcessCapacity {
    /// Live sessions.
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
    sessions: HashMap<(TenantId, TokenHash), SessionRecord>,
    by_user: HashMap<(TenantId, UserId), Vec<TokenHash>>,
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
        let mut state = self.lock();
        if state.sessions.len() >= self.capacity.sessions {
            let dead = state.sessions_where(|session| !session.is_live(now));
            state.forget(dead);
            room(state.sessions.len(), self.capacity.sessions, "sessions")?;
        }
        let mut own = state.sessions_of(record.tenant, record.user);
        let dead = own.extract_if(.., |(_, session)| !session.is_live(now)).collect();
        state.forget(dead);
        own.sort_by_key(|(_, session)| session.id);
        own.truncate((own.len() + 1).saturating_sub(MOST_SESSIONS));
        state.forget(own);
        state.insert(hash, record);
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
        let Some(session) = state.sessions.get(&(tenant, *hash)).cloned() else {
            return Ok(Touched::Absent);
        };
        if !session.is_live(now) {
            state.forget(vec![(*hash, session)]);
            return Ok(Touched::Absent);
        }
        let rate = match limit {
            None => RateAnswer::UNCOUNTED,
            Some(limit) => {
                state.hit(&RateKey::user(tenant, session.user), limit, self.capacity.rates, now)?
            }
        };
        if !rate.allowed {
            return Ok(Touched::Limited(session, rate));
        }
        let mut session = session;
        if activity == Activity::Extends && now > session.last_seen_at {
            session.last_seen_at = now;
            state.sessions.insert((tenant, *hash), session.clone());
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
        let mut state = self.lock();
        let Some(before) = state.sessions.get(&(record.tenant, *old)).cloned() else {
            return Ok(false);
        };
        let live = before.is_live(now);
        state.forget(vec![(*old, before)]);
        if live {
            state.insert(new, record);
        }
        Ok(live)
    }

    pub(crate) fn sessions_of(
        &self,
        tenant: TenantId,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<Vec<SessionRecord>, EphemeralError> {
        let own = self.lock().sessions_of(tenant, user);
        Ok(own.into_iter().map(|(_, session)| session).filter(|session| session.is_live(now)).collect())
    }

    pub(crate) fn revoke(
        &self,
        tenant: TenantId,
        user: UserId,
        which: Revoked,
    ) -> Result<u64, EphemeralError> {
        let mut state = self.lock();
        let mut dying = state.sessions_of(tenant, user);
        dying.retain(|(_, session)| match which {
            Revoked::One(id) => session.id == id,
            Revoked::Others(id) => session.id != id,
            Revoked::All => true,
        });
        let died = dying.len() as u64;
        state.forget(dying);
        Ok(died)
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
    fn insert(&mut self, hash: &TokenHash, record: &SessionRecord) {
        self.sessions.insert((record.tenant, *hash), record.clone());
        self.by_user.entry((record.tenant, record.user)).or_default().push(*hash);
    }

    fn sessions_of(&self, tenant: TenantId, user: UserId) -> Vec<(TokenHash, SessionRecord)> {
        let hashes = self.by_user.get(&(tenant, user)).map_or(&[][..], Vec::as_slice);
        hashes.iter().filter_map(|hash| Some((*hash, self.sessions.get(&(tenant, *hash))?.clone()))).collect()
    }

    fn sessions_where(&self, rule: impl Fn(&SessionRecord) -> bool) -> Vec<(TokenHash, SessionRecord)> {
        let matching = self.sessions.iter().filter(|(_, session)| rule(session));
        matching.map(|((_, hash), session)| (*hash, session.clone())).collect()
    }

    fn forget(&mut self, sessions: Vec<(TokenHash, SessionRecord)>) {
        for (hash, session) in sessions {
            self.sessions.remove(&(session.tenant, hash));
            let owner = (session.tenant, session.user);
            if let Some(hashes) = self.by_user.get_mut(&owner) {
                hashes.retain(|kept| *kept != hash);
                if hashes.is_empty() {
                    self.by_user.remove(&owner);
                }
            }
        }
    }

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
