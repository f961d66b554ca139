//! Attempt counters: how often somebody tried to be an account, and from where. They live in the database, so that
//! no outage of anything else opens a door.
//!
//! An attempt is counted before it is judged and given back when it was right, so that many at once cannot outrun
//! the limit.

use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::Audience;
use sea_orm::Value;
use time::{Duration, OffsetDateTime};

use crate::{StoreError, UnitOfWork, VisitUnit, core::Core, statement::microseconds};

const SOURCE: &str = "attempt_counters.source";

/// What attempts are counted by. Says nothing to whoever reads it.
#[derive(Clone)]
pub struct AttemptKey {
    scope: &'static str,
    subject: Vec<u8>,
}

impl AttemptKey {
    pub(crate) const fn account(audience: Audience, email_index: Vec<u8>) -> Self {
        let scope = match audience {
            Audience::Portal => "portal_account",
            Audience::Console => "console_account",
        };
        Self { scope, subject: email_index }
    }

    fn values(&self) -> Vec<Value> {
        vec![self.scope.into(), self.subject.clone().into()]
    }
}

impl std::fmt::Debug for AttemptKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.scope)
    }
}

/// How many failures lock, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimit {
    /// So many failures.
    pub failures: i64,
    /// Within so long.
    pub within: Duration,
    /// Lock for so long.
    pub lock: Duration,
}

/// Whether an attempt may be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Yes; it is counted until it is settled.
    Admitted,
    /// No, until then.
    Locked(OffsetDateTime),
}

impl Core {
    async fn begin_attempt(
        &mut self,
        key: &AttemptKey,
        limit: AttemptLimit,
    ) -> Result<Admission, StoreError> {
        let now = self.now();
        self.note_ended_lock(key, now).await?;
        let mut values = key.values();
        values.push(microseconds(now).into());
        values.push(microseconds(now - limit.within).into());
        let sql = "INSERT INTO attempt_counters AS c \
             (tenant_id, scope, subject_index, failures, window_started_at, updated_at) \
             VALUES ($1, $2, $3, 1, $4, $4) ON CONFLICT (tenant_id, scope, subject_index) DO UPDATE SET \
             failures = CASE WHEN c.locked_until > $4 THEN c.failures \
             WHEN c.locked_until IS NOT NULL OR c.window_started_at <= $5 THEN 1 ELSE c.failures + 1 END, \
             window_started_at = CASE WHEN c.locked_until > $4 THEN c.window_started_at \
             WHEN c.locked_until IS NOT NULL OR c.window_started_at <= $5 THEN $4 ELSE c.window_started_at END, \
             locked_until = CASE WHEN c.locked_until > $4 THEN c.locked_until ELSE NULL END, updated_at = $4 \
             RETURNING failures, window_started_at, locked_until";
        let rows = self.returning(sql, values).await?;
        let row = rows.first().ok_or(StoreError::Corrupt("attempt_counters"))?;
        if let Some(until) = row.moment_or_none("locked_until")? {
            return Ok(Admission::Locked(until));
        }
        if row.get::<i64>("failures")? > limit.failures {
            // As many as may fail are being judged right now.
            let until = row.moment("window_started_at")? + limit.within;
            self.give_back_attempt(key).await?;
            return Ok(Admission::Locked(until));
        }
        Ok(Admission::Admitted)
    }

    async fn note_ended_lock(&mut self, key: &AttemptKey, now: OffsetDateTime) -> Result<(), StoreError> {
        let sql = "SELECT locked_until FROM attempt_counters \
                   WHERE tenant_id = $1 AND scope = $2 AND subject_index = $3";
        let row = self.row(sql, key.values()).await?;
        let locked_until = row.map(|row| row.moment_or_none("locked_until")).transpose()?.flatten();
        if locked_until.is_some_and(|until| until <= now) {
            self.note(EventDraft::success(ActionCode::SignInUnlocked).on(key.scope, None));
        }
        Ok(())
    }

    async fn give_back_attempt(&mut self, key: &AttemptKey) -> Result<(), StoreError> {
        let sql = "UPDATE attempt_counters SET failures = failures - 1 \
                   WHERE tenant_id = $1 AND scope = $2 AND subject_index = $3 AND failures > 0";
        self.execute(sql, key.values()).await?;
        Ok(())
    }

    async fn fail_attempt(&mut self, key: &AttemptKey, limit: AttemptLimit) -> Result<(), StoreError> {
        let now = self.now();
        let mut values = key.values();
        values.extend::<[Value; 3]>([
            microseconds(now).into(),
            limit.failures.into(),
            microseconds(now + limit.lock).into(),
        ]);
        let sql = "UPDATE attempt_counters SET locked_until = $6, updated_at = $4 \
                   WHERE tenant_id = $1 AND scope = $2 AND subject_index = $3 AND failures >= $5 \
                   AND (locked_until IS NULL OR locked_until <= $4)";
        if self.execute(sql, values).await? > 0 {
            self.note(EventDraft::success(ActionCode::SignInLocked).on(key.scope, None));
        }
        Ok(())
    }

    async fn clear_attempts(&mut self, key: &AttemptKey) -> Result<(), StoreError> {
        let sql = "UPDATE attempt_counters SET failures = 0, locked_until = NULL \
                   WHERE tenant_id = $1 AND scope = $2 AND subject_index = $3";
        self.execute(sql, key.values()).await?;
        Ok(())
    }
}

impl VisitUnit<'_> {
    /// What attempts from a network are counted by.
    ///
    /// # Errors
    /// `Keys`.
    pub fn attempts_from(&self, network: &str) -> Result<AttemptKey, StoreError> {
        Ok(AttemptKey { scope: "source", subject: self.core.blind_index(SOURCE, network)? })
    }
}

macro_rules! attempts_of {
    ($unit:ident) => {
        impl $unit<'_> {
            /// Counts an attempt before it is judged, and says whether it may be. A lock that ended leaves an event.
            ///
            /// # Errors
            /// `Unavailable`.
            pub async fn begin_attempt(
                &mut self,
                key: &AttemptKey,
                limit: AttemptLimit,
            ) -> Result<Admission, StoreError> {
                self.core.begin_attempt(key, limit).await
            }

            /// Gives an attempt back that was right as far as it went, or was not judged.
            ///
            /// # Errors
            /// `Unavailable`.
            pub async fn give_back_attempt(&mut self, key: &AttemptKey) -> Result<(), StoreError> {
                self.core.give_back_attempt(key).await
            }

            /// Lets an attempt stand as a failure; the one that reaches the limit locks, which leaves an event.
            ///
            /// # Errors
            /// `Unavailable`.
            pub async fn fail_attempt(
                &mut self,
                key: &AttemptKey,
                limit: AttemptLimit,
            ) -> Result<(), StoreError> {
                self.core.fail_attempt(key, limit).await
            }

            /// Forgets all failures: somebody proved to be the one.
            ///
            /// # Errors
            /// `Unavailable`.
            pub async fn clear_attempts(&mut self, key: &AttemptKey) -> Result<(), StoreError> {
                self.core.clear_attempts(key).await
            }
        }
    };
}

attempts_of!(VisitUnit);
attempts_of!(UnitOfWork);
