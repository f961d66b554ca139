//! The store in Redis: each operation is one script, so one atomic step and one round trip.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

mod ended;
mod link;
mod script;
mod settings;

use cloister_kernel::{TenantId, UserId};
use deadpool_redis::redis::Value;
use time::{Duration, OffsetDateTime};

pub use settings::RedisSettings;

use crate::{
    Activity, ClaimKey, EphemeralError, FLOW_LIFETIME, Flow, MOST_SESSIONS, RateAnswer, RateKey, RateLimit,
    SessionRecord, TokenHash, Touched,
    ephemeral::{FlowRead, Revoked},
    flow::StoredFlow,
    rate::{tag, user_rate_prefix},
    session::{Stored, milliseconds, whole},
};
use ended::deadlines_key;
use link::Link;
use script::{Answer, Scripts};

/// Redis behind one shared connection.
pub(crate) struct RedisStore {
    link: Link,
    scripts: Scripts,
}

impl RedisStore {
    pub(crate) fn new(settings: &RedisSettings) -> Result<Self, EphemeralError> {
        Ok(Self { link: Link::new(settings)?, scripts: Scripts::new() })
    }

    pub(crate) async fn ping(&self) -> Result<(), EphemeralError> {
        self.link.ping().await
    }

    pub(crate) async fn create_session(
        &self,
        hash: &TokenHash,
        record: &SessionRecord,
        now: OffsetDateTime,
    ) -> Result<(), EphemeralError> {
        let key = session_key(record.tenant, hash);
        let mut call = self.scripts.create.call(&key);
        call.key(index_key(record.tenant, record.user))
            .key(deadlines_key(record.tenant))
            .arg(milliseconds(now))
            .arg(json(&Stored::of(&key, record))?)
            .arg(whole(record.idle))
            .arg(milliseconds(record.absolute_expires_at))
            .arg(record.user.to_string())
            .arg(record.id.to_string())
            .arg(hash.to_hex())
            .arg(session_prefix(record.tenant))
            .arg(MOST_SESSIONS);
        let gave_way = call.run(&self.link).await?.count()?;
        let look_at = if gave_way > 0 { now } else { record.idle_expires_at() };
        self.note_clinic(record.tenant, look_at, record.absolute_expires_at - now).await
    }

    pub(crate) async fn touch_session(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
        activity: Activity,
        limit: Option<RateLimit>,
        now: OffsetDateTime,
    ) -> Result<Touched, EphemeralError> {
        let key = session_key(tenant, hash);
        let counted = limit.unwrap_or(RateLimit { calls: 0, window: Duration::MINUTE });
        let mut call = self.scripts.touch.call(&key);
        call.key(deadlines_key(tenant))
            .arg(milliseconds(now))
            .arg(u8::from(activity == Activity::Extends))
            .arg(counted.calls)
            .arg(whole(counted.window))
            .arg(user_rate_prefix(tenant))
            .arg(hash.to_hex());
        let mut answer = call.run(&self.link).await?;
        let standing = answer.integer()?;
        if standing == 0 {
            return Ok(Touched::Absent);
        }
        let (stored, seen) = (answer.json::<Stored>(), answer.integer()?);
        if standing != 1 {
            let ended = ended::ended(tenant, &hash.to_hex(), stored, seen, answer.integer()?)?;
            return Ok(Touched::Ended(ended));
        }
        let record = stored?.into_record(&key, tenant, seen)?;
        let rate = rate_answer(&mut answer)?;
        let rate = if limit.is_some() { rate } else { RateAnswer::UNCOUNTED };
        Ok(if rate.allowed { Touched::Active(record, rate) } else { Touched::Limited(record, rate) })
    }

    pub(crate) async fn rotate_session(
        &self,
        old: &TokenHash,
        new: &TokenHash,
        record: &SessionRecord,
        now: OffsetDateTime,
    ) -> Result<bool, EphemeralError> {
        let key = session_key(record.tenant, new);
        let mut call = self.scripts.rotate.call(&session_key(record.tenant, old));
        call.key(key.clone())
            .key(index_key(record.tenant, record.user))
            .key(deadlines_key(record.tenant))
            .arg(milliseconds(now))
            .arg(json(&Stored::of(&key, record))?)
            .arg(record.id.to_string())
            .arg(new.to_hex())
            .arg(old.to_hex());
        call.run(&self.link).await?.flag()
    }

    pub(crate) async fn sessions_of(
        &self,
        tenant: TenantId,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<Vec<SessionRecord>, EphemeralError> {
        let mut call = self.scripts.list.call(&index_key(tenant, user));
        call.arg(milliseconds(now)).arg(session_prefix(tenant));
        let mut answer = call.run(&self.link).await?;
        let mut sessions = Vec::new();
        while !answer.is_empty() {
            let key = format!("{}{}", session_prefix(tenant), answer.text()?);
            let stored: Stored = answer.json()?;
            let record = stored.into_record(&key, tenant, answer.integer()?)?;
            if record.user != user {
                return Err(EphemeralError::wrong("a session of another user"));
            }
            sessions.push(record);
        }
        Ok(sessions)
    }

    pub(crate) async fn revoke(
        &self,
        tenant: TenantId,
        user: UserId,
        which: Revoked,
        now: OffsetDateTime,
    ) -> Result<u64, EphemeralError> {
        let (which, session) = match which {
            Revoked::One(session) => ("one", session.to_string()),
            Revoked::Others(session) => ("others", session.to_string()),
            Revoked::All => ("all", String::new()),
        };
        let mut call = self.scripts.revoke.call(&index_key(tenant, user));
        call.key(deadlines_key(tenant))
            .arg(milliseconds(now))
            .arg(which)
            .arg(session)
            .arg(session_prefix(tenant));
        call.run(&self.link).await?.count()
    }

    pub(crate) async fn open_flow(
        &self,
        hash: &TokenHash,
        flow: &Flow,
        now: OffsetDateTime,
    ) -> Result<(), EphemeralError> {
        let key = flow_key(flow.tenant, hash);
        let mut call = self.scripts.flow_open.call(&key);
        call.arg(json(&StoredFlow::of(&key, flow))?)
            .arg(milliseconds(now + FLOW_LIFETIME))
            .arg(whole(FLOW_LIFETIME));
        call.run(&self.link).await?.flag().map(drop)
    }

    pub(crate) async fn read_flow(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
        how: FlowRead,
        now: OffsetDateTime,
    ) -> Result<Option<Flow>, EphemeralError> {
        let key = flow_key(tenant, hash);
        let mut call = self.scripts.flow_read.call(&key);
        call.arg(milliseconds(now)).arg(match how {
            FlowRead::Look => "look",
            FlowRead::Call => "call",
            FlowRead::Take => "take",
        });
        let mut answer = call.run(&self.link).await?;
        if !answer.flag()? {
            return Ok(None);
        }
        let stored: StoredFlow = answer.json()?;
        stored.into_flow(&key, tenant, answer.count()?, answer.count()?).map(Some)
    }

    pub(crate) async fn advance_flow(
        &self,
        hash: &TokenHash,
        version: u64,
        next: &Flow,
        now: OffsetDateTime,
    ) -> Result<bool, EphemeralError> {
        let key = flow_key(next.tenant, hash);
        let mut call = self.scripts.flow_advance.call(&key);
        call.arg(milliseconds(now)).arg(version).arg(json(&StoredFlow::of(&key, next))?);
        call.run(&self.link).await?.flag()
    }

    pub(crate) async fn claim_once(
        &self,
        key: &ClaimKey,
        remember: i64,
        now: OffsetDateTime,
    ) -> Result<bool, EphemeralError> {
        let now = milliseconds(now);
        let mut call = self.scripts.claim.call(&key.0);
        call.arg(now).arg(now.saturating_add(remember)).arg(remember);
        call.run(&self.link).await?.flag()
    }

    pub(crate) async fn hit(
        &self,
        key: &RateKey,
        limit: RateLimit,
        now: OffsetDateTime,
    ) -> Result<RateAnswer, EphemeralError> {
        let mut call = self.scripts.hit.call(&key.0);
        call.arg(milliseconds(now)).arg(limit.calls).arg(whole(limit.window));
        rate_answer(&mut call.run(&self.link).await?)
    }
}

fn rate_answer(answer: &mut Answer) -> Result<RateAnswer, EphemeralError> {
    Ok(RateAnswer {
        allowed: answer.flag()?,
        remaining: u32::try_from(answer.count()?).unwrap_or(u32::MAX),
        retry_after: Duration::milliseconds(answer.integer()?),
    })
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, EphemeralError> {
    serde_json::to_vec(value).map_err(|_| EphemeralError::wrong("a value that has no JSON"))
}

fn session_prefix(tenant: TenantId) -> String {
    format!("{}:session:", tag(Some(tenant)))
}

fn session_key(tenant: TenantId, hash: &TokenHash) -> String {
    format!("{}{}", session_prefix(tenant), hash.to_hex())
}

fn index_key(tenant: TenantId, user: UserId) -> String {
    format!("{}{user}", index_prefix(tenant))
}

fn index_prefix(tenant: TenantId) -> String {
    format!("{}:sessions-of:", tag(Some(tenant)))
}

fn flow_key(tenant: TenantId, hash: &TokenHash) -> String {
    format!("{}:flow:{}", tag(Some(tenant)), hash.to_hex())
}

/// The items of a script's answer.
fn items(value: Value) -> Result<Vec<Value>, EphemeralError> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err(EphemeralError::wrong("not a list")),
    }
}
