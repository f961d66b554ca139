//! The ends of sessions that nobody ended: written into a clinic's log, and nothing else.
//!
//! Nobody calls here, so there is no caller to make a unit of work for. This is the narrowest way into a clinic: it
//! opens the log's key alone, reads nothing, and can write these events only.

use cloister_audit::{ActionCode, Actor, Event, EventContext, EventDraft, Log};
use cloister_kernel::{EventId, SessionId, TenantId, UserId};
use cloister_vault::KeyOwner;
use time::OffsetDateTime;
use uuid::Builder;

use crate::{Store, StoreError, database, events};

/// How a session ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionEnding {
    /// The session.
    pub session: SessionId,
    /// Whose it was.
    pub user: UserId,
    /// When it ended.
    pub at: OffsetDateTime,
    /// What the log calls it.
    pub action: ActionCode,
    /// Why.
    pub reason: &'static str,
}

impl SessionEnding {
    /// The same whenever and by whomever it is written, so that it stands in the log once.
    fn event_id(&self) -> EventId {
        let milliseconds = self.at.unix_timestamp_nanos() / 1_000_000;
        let milliseconds = u64::try_from(milliseconds).unwrap_or(0);
        let [_, _, _, _, _, _, random @ ..] = self.session.uuid().into_bytes();
        EventId::from_uuid(Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid())
    }

    fn event(&self, context: EventContext) -> Event {
        let session = Some(self.session.uuid());
        EventDraft::success(self.action).on("session", session).because(self.reason).into_event(
            self.event_id(),
            EventContext {
                at: self.at,
                actor: Actor::User(self.user),
                session_id: Some(self.session),
                ..context
            },
        )
    }
}

impl Store {
    /// Writes into a clinic's log that sessions ended by themselves: all of them or none, and each at most once, however
    /// often it is told. A clinic that is suspended or switched off is no exception: its log goes on.
    ///
    /// # Errors
    /// `TenantNotReady`, `Keys`, `Unavailable`.
    pub async fn note_session_endings(
        &self,
        tenant: TenantId,
        endings: &[SessionEnding],
    ) -> Result<(), StoreError> {
        if endings.is_empty() {
            return Ok(());
        }
        let log = self.keys.ring(KeyOwner::TenantLog(tenant)).await?;
        let context = EventContext {
            log: Log::Tenant(tenant),
            at: self.environment.now(),
            actor: Actor::Anonymous,
            session_id: None,
            request_id: self.environment.id(),
            source: None,
            user_agent: None,
        };
        let written: Vec<Event> = endings.iter().map(|ending| ending.event(context.clone())).collect();
        let sealed = events::seal(&self.environment, Some(&log), &written)?;
        let transaction = self.database.begin(Some(tenant)).await?;
        database::joined(tokio::spawn(async move {
            sealed.write_once(&transaction).await?;
            Ok(transaction.commit().await?)
        }))
        .await
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_endings_event_is_named_by_its_moment_and_its_session() {
        let ending = SessionEnding {
            session: SessionId::from_uuid(Uuid::from_u128(7)),
            user: UserId::from_uuid(Uuid::from_u128(9)),
            at: datetime!(2026-11-22 09:30:00.456_789 UTC),
            action: ActionCode::SessionEnded,
            reason: "idle",
        };
        let id = ending.event_id().uuid();
        let (seconds, nanoseconds) = id.get_timestamp().unwrap().to_unix();
        assert_eq!(i64::try_from(seconds).unwrap(), ending.at.unix_timestamp());
        assert_eq!(nanoseconds, 456_000_000);
        assert_eq!(id.as_u128() & 0xff, 7);
    }
}
