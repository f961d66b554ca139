//! Sessions that ran out: each leaves one event, whether its browser comes back or not.

use cloister_audit::ActionCode;
use cloister_ephemeral::{EndedSession, SessionEnd};
use cloister_store::SessionEnding;

use crate::{Identity, IdentityError};

/// Sessions that are written down in one transaction.
const AT_ONCE: usize = 100;

impl Identity {
    /// Writes down that sessions ran out, of one clinic and some at a time. Whether there may be more. It may run
    /// anywhere and as often as one likes: an ending stands in the log once, and what was not written comes again.
    ///
    /// # Errors
    /// The stores'; then what was claimed comes again in a minute.
    pub async fn note_ended_sessions(&self) -> Result<bool, IdentityError> {
        let Some(ended) = self.ephemeral.claim_ended(AT_ONCE).await? else { return Ok(false) };
        if ended.sessions.is_empty() {
            return Ok(true);
        }
        let endings: Vec<SessionEnding> = ended.sessions.iter().map(ending).collect();
        self.store.note_session_endings(ended.tenant, &endings).await?;
        self.ephemeral.forget_ended(&ended).await?;
        Ok(true)
    }
}

fn ending(ended: &EndedSession) -> SessionEnding {
    let (action, reason) = match ended.reason {
        SessionEnd::Idle => (ActionCode::SessionExpired, "idle"),
        SessionEnd::Age => (ActionCode::SessionExpired, "age"),
        SessionEnd::GaveWay => (ActionCode::SessionRevoked, "too_many_sessions"),
    };
    SessionEnding { session: ended.id, user: ended.user, at: ended.ended_at, action, reason }
}
