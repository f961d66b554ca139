//! The one type other crates use; it chooses the store and keeps what both have in common.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use std::sync::Arc;

use cloister_kernel::{Environment, SessionId, TenantId, UserId};
use time::{Duration, OffsetDateTime};

use crate::{
    Activity, ClaimKey, CsrfSecret, Elevation, EndedSessions, EphemeralError, Flow, InProcessCapacity,
    NewFlow, NewSession, RateAnswer, RateKey, RateLimit, RedisSettings, SessionRecord, Token, TokenHash,
    Touched,
    in_process::InProcess,
    redis::RedisStore,
    session::{cut, whole},
};

/// Sessions, flows, single-use values and rate limits. Cheap to clone.
#[derive(Clone)]
pub struct Ephemeral {
    store: Store,
    environment: Environment,
}

#[derive(Clone)]
enum Store {
    Redis(Arc<RedisStore>),
    InProcess(Arc<InProcess>),
}

/// What reading a flow does to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlowRead {
    Look,
    Call,
    Take,
}

/// Which of a user's sessions die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revoked {
    One(SessionId),
    Others(SessionId),
    All,
}

macro_rules! in_store {
    ($ephemeral:expr, $store:ident => $call:expr) => {
        match &$ephemeral.store {
            Store::Redis($store) => $call.await,
            Store::InProcess($store) => $call,
        }
    };
}

impl Ephemeral {
    /// In this process's memory: the embedded size, where one process is all there is.
    pub fn in_process(capacity: InProcessCapacity, environment: Environment) -> Self {
        Self { store: Store::InProcess(Arc::new(InProcess::new(capacity))), environment }
    }

    /// In Redis. Nothing is connected yet: [`Ephemeral::ping`] tells whether it answers.
    pub fn redis(settings: &RedisSettings, environment: Environment) -> Result<Self, EphemeralError> {
        Ok(Self { store: Store::Redis(Arc::new(RedisStore::new(settings)?)), environment })
    }

    /// Whether the store answers; for readiness.
    pub async fn ping(&self) -> Result<(), EphemeralError> {
        match &self.store {
            Store::Redis(store) => store.ping().await,
            Store::InProcess(_) => Ok(()),
        }
    }

    /// Whether it dies with this process and no other process sees it.
    pub const fn is_of_this_process(&self) -> bool {
        matches!(self.store, Store::InProcess(_))
    }

    /// Starts a session and gives the token for its cookie. Ends the user's oldest beyond [`crate::MOST_SESSIONS`].
    pub async fn create_session(&self, new: NewSession) -> Result<(Token, SessionRecord), EphemeralError> {
        let now = self.now();
        let token = Token::draw(&self.environment);
        let record = SessionRecord {
            id: self.environment.id(),
            tenant: new.tenant,
            audience: new.audience,
            user: new.user,
            assurance: new.assurance,
            epoch: new.epoch,
            created_at: now,
            last_seen_at: now,
            idle: Duration::milliseconds(whole(new.limits.idle)),
            absolute_expires_at: now + Duration::milliseconds(whole(new.limits.absolute)),
            csrf_secret: CsrfSecret::draw(&self.environment),
            sealed_client: new.sealed_client,
            step_up_until: new.step_up_until.map(cut),
            last_sign_in_at: new.last_sign_in_at.map(cut),
        };
        in_store!(self, store => store.create_session(&token.hash(), &record, now))?;
        Ok((token, record))
    }

    /// Fetches, touches and rate-limits a session by its user in one atomic step.
    pub async fn touch_session(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
        activity: Activity,
        limit: Option<RateLimit>,
    ) -> Result<Touched, EphemeralError> {
        in_store!(self, store => store.touch_session(tenant, hash, activity, limit, self.now()))
    }

    /// Replaces token, CSRF secret and assurance in one step; the old token is dead at once. `None` when it was
    /// dead already: then nothing was made. The idle time starts anew, the absolute limit stays.
    pub async fn rotate_session(
        &self,
        hash: &TokenHash,
        current: &SessionRecord,
        elevation: Elevation,
    ) -> Result<Option<(Token, SessionRecord)>, EphemeralError> {
        let now = self.now();
        let token = Token::draw(&self.environment);
        let record = SessionRecord {
            assurance: elevation.assurance,
            step_up_until: elevation.step_up_until.map(cut),
            csrf_secret: CsrfSecret::draw(&self.environment),
            last_seen_at: now,
            ..current.clone()
        };
        let rotated = in_store!(self, store => store.rotate_session(hash, &token.hash(), &record, now))?;
        Ok(rotated.then_some((token, record)))
    }

    /// Carries a session over a revocation of all the others: the same token, at the epoch that holds from now on.
    /// False when it was dead already.
    pub async fn carry_session(
        &self,
        hash: &TokenHash,
        current: &SessionRecord,
        epoch: i64,
    ) -> Result<bool, EphemeralError> {
        let now = self.now();
        let record = SessionRecord { epoch, last_seen_at: now, ..current.clone() };
        in_store!(self, store => store.rotate_session(hash, hash, &record, now))
    }

    /// The user's live sessions, oldest first.
    pub async fn sessions_of(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Vec<SessionRecord>, EphemeralError> {
        let mut sessions = in_store!(self, store => store.sessions_of(tenant, user, self.now()))?;
        sessions.sort_by_key(|session| session.id);
        Ok(sessions)
    }

    /// Ends one session of the user. Whether there was one.
    pub async fn revoke_session(
        &self,
        tenant: TenantId,
        user: UserId,
        session: SessionId,
    ) -> Result<bool, EphemeralError> {
        let died = in_store!(self, store => store.revoke(tenant, user, Revoked::One(session), self.now()))?;
        Ok(died > 0)
    }

    /// Ends all sessions of the user but one. How many ended.
    pub async fn revoke_other_sessions(
        &self,
        tenant: TenantId,
        user: UserId,
        keep: SessionId,
    ) -> Result<u64, EphemeralError> {
        in_store!(self, store => store.revoke(tenant, user, Revoked::Others(keep), self.now()))
    }

    /// Ends all sessions of the user. How many ended.
    pub async fn revoke_all_sessions(&self, tenant: TenantId, user: UserId) -> Result<u64, EphemeralError> {
        in_store!(self, store => store.revoke(tenant, user, Revoked::All, self.now()))
    }

    /// Some sessions of one clinic that ran out, at most so many, for whoever writes that into the clinic's log: for a
    /// minute nobody else gets them, and what is not forgotten by then comes again. `None` when there are none. The work
    /// does not grow with the number of clinics or of live sessions.
    pub async fn claim_ended(&self, most: usize) -> Result<Option<EndedSessions>, EphemeralError> {
        in_store!(self, store => store.claim_ended(most, self.now()))
    }

    /// Forgets ended sessions that are written down.
    pub async fn forget_ended(&self, ended: &EndedSessions) -> Result<(), EphemeralError> {
        in_store!(self, store => store.forget_ended(ended))
    }

    /// Opens a flow and gives the token for its cookie.
    pub async fn open_flow(&self, new: NewFlow) -> Result<(Token, Flow), EphemeralError> {
        let token = Token::draw(&self.environment);
        let flow = Flow {
            tenant: new.tenant,
            audience: new.audience,
            step: new.step,
            state: new.state,
            csrf_secret: CsrfSecret::draw(&self.environment),
            version: 0,
            calls: 0,
        };
        in_store!(self, store => store.open_flow(&token.hash(), &flow, self.now()))?;
        Ok((token, flow))
    }

    /// The flow, without counting a call.
    pub async fn flow(&self, tenant: TenantId, hash: &TokenHash) -> Result<Option<Flow>, EphemeralError> {
        in_store!(self, store => store.read_flow(tenant, hash, FlowRead::Look, self.now()))
    }

    /// The flow, with this call counted in [`Flow::calls`].
    pub async fn call_flow(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
    ) -> Result<Option<Flow>, EphemeralError> {
        in_store!(self, store => store.read_flow(tenant, hash, FlowRead::Call, self.now()))
    }

    /// Takes the flow away: of many who finish it at once, one gets it.
    pub async fn take_flow(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
    ) -> Result<Option<Flow>, EphemeralError> {
        in_store!(self, store => store.read_flow(tenant, hash, FlowRead::Take, self.now()))
    }

    /// Writes the flow's next step and state. False when it is gone or somebody advanced it since `current` was
    /// read; the ten minutes do not start anew.
    pub async fn advance_flow(
        &self,
        hash: &TokenHash,
        current: &Flow,
        step: &str,
        state: Vec<u8>,
    ) -> Result<bool, EphemeralError> {
        let next = Flow { step: step.to_owned(), state, ..current.clone() };
        in_store!(self, store => store.advance_flow(hash, current.version, &next, self.now()))
    }

    /// Whether this is the first use of the value within the time it is remembered.
    pub async fn claim_once(&self, key: &ClaimKey, remember: Duration) -> Result<bool, EphemeralError> {
        in_store!(self, store => store.claim_once(key, whole(remember), self.now()))
    }

    /// Counts a call and says whether it may pass.
    pub async fn hit(&self, key: &RateKey, limit: RateLimit) -> Result<RateAnswer, EphemeralError> {
        in_store!(self, store => store.hit(key, limit, self.now()))
    }

    fn now(&self) -> OffsetDateTime {
        cut(self.environment.now())
    }
}

impl std::fmt::Debug for Ephemeral {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.store {
            Store::Redis(_) => "Ephemeral(Redis)",
            Store::InProcess(_) => "Ephemeral(in process)",
        })
    }
}
