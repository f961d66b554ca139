//! All sessions of the person who asks.

use cloister_identity::ShownSession;
use cloister_kernel::{Pii, SessionId};
use poem_openapi::{Object, OpenApi, param::Path, payload::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    answers::{Answer, Change, Done},
    context::User,
};

/// One of the sessions.
#[derive(Debug, Object)]
pub(crate) struct SessionEntry {
    /// The session.
    id: Uuid,
    /// Whether it is the one that asks.
    current: bool,
    /// When it was opened.
    started_at: OffsetDateTime,
    /// When it was last used.
    last_seen_at: OffsetDateTime,
    /// The client that opened it, as it calls itself; empty where it did not.
    user_agent: String,
    /// The address that it was opened from.
    source: String,
}

impl From<ShownSession> for SessionEntry {
    fn from(shown: ShownSession) -> Self {
        Self {
            id: shown.id.uuid(),
            current: shown.is_current,
            started_at: shown.started_at,
            last_seen_at: shown.last_seen_at,
            user_agent: shown.user_agent.map(Pii::into_exposed).unwrap_or_default(),
            source: shown.source.map(Pii::into_exposed).unwrap_or_default(),
        }
    }
}

/// The sessions, oldest first.
#[derive(Debug, Object)]
pub(crate) struct SessionList {
    /// The sessions.
    items: Vec<SessionEntry>,
}

pub(crate) struct SessionsApi;

#[OpenApi]
impl SessionsApi {
    /// The sessions of the person who asks
    #[oai(path = "/api/v1/sessions", method = "get", operation_id = "list_sessions")]
    async fn list(&self, user: User) -> Answer<SessionList> {
        let shown = user.platform.identity().sessions(&user.caller).await?;
        Ok(Json(SessionList { items: shown.into_iter().map(SessionEntry::from).collect() }))
    }

    /// Ends one of them
    #[oai(path = "/api/v1/sessions/:id", method = "delete", operation_id = "revoke_session")]
    async fn revoke(&self, user: User, id: Path<Uuid>) -> Change {
        user.platform.identity().revoke_session(&user.caller, SessionId::from_uuid(id.0)).await?;
        Ok(Done::Done)
    }

    /// Ends all but the one that asks
    #[oai(path = "/api/v1/sessions", method = "delete", operation_id = "revoke_other_sessions")]
    async fn revoke_others(&self, user: User) -> Change {
        let (token, session) = (&user.signed_in.token, &user.signed_in.session);
        user.platform.identity().revoke_other_sessions(&user.caller, token, session).await?;
        Ok(Done::Done)
    }
}
