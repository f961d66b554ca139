//! The event of a call that was refused before anybody was known.

use cloister_access::Visitor;
use cloister_audit::{ActionCode, EventDraft, Term};
use cloister_ephemeral::{RateKey, RateLimit};
use cloister_kernel::{Failure, FailureKind, Phi, UserId};
use cloister_store::StoreError;

use crate::{Identity, IdentityError};

/// Events of one clinic for calls that nobody stands behind. Each source is refused outright after ten a minute: this
/// bounds what many sources together can write.
const OF_A_CLINIC: RateLimit = RateLimit::per_minute(600);
/// Events for calling too often, for each source: a flood must not fill the log.
const OF_A_FLOOD: RateLimit = RateLimit::per_minute(1);

/// A call that was turned away at the door.
#[derive(Debug)]
pub struct RefusedCall<'a> {
    /// The stable code of the answer.
    pub code: &'a str,
    /// Whether it was one too many, rather than one without what the route asks for.
    pub flood: bool,
    /// Whose session came with it.
    pub user: Option<UserId>,
    /// Method and path, without the query.
    pub target: Phi<String>,
}

/// What became of the event of a refused call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It stands in the clinic's log.
    Written,
    /// There were too many in this minute.
    LeftOut,
}

impl Identity {
    /// Writes down that a call was refused before it was known whose it is (AUTHZ-4), or says that it was left out:
    /// too many of them came.
    ///
    /// # Errors
    /// The stores': the event cannot be written. A clinic that is suspended or switched off is none: that it turned
    /// the call away is an event already.
    pub async fn note_refused_call(
        &self,
        visitor: &Visitor,
        refused: RefusedCall<'_>,
    ) -> Result<Noted, IdentityError> {
        if !self.is_within_bounds(visitor, refused.flood).await? {
            return Ok(Noted::LeftOut);
        }
        let mut unit = match self.store.begin_visit(visitor).await {
            Ok(unit) => unit,
            Err(error) if is_told(&error) => return Ok(Noted::Written),
            Err(error) => return Err(error.into()),
        };
        if let Some(user) = refused.user {
            unit.is_about(user);
        }
        let reason = Term::parse(refused.code).unwrap_or_else(|_| Term::from("request.invalid"));
        unit.note(EventDraft::refused(ActionCode::CallRefused, reason).explained(refused.target));
        unit.commit(()).await?;
        Ok(Noted::Written)
    }

    async fn is_within_bounds(&self, visitor: &Visitor, flood: bool) -> Result<bool, IdentityError> {
        let tenant = Some(visitor.tenant());
        if let (true, Some(source)) = (flood, &visitor.request().source) {
            let key = RateKey::source(tenant, "flood-noted", *source.expose());
            if !self.ephemeral.hit(&key, OF_A_FLOOD).await?.allowed {
                return Ok(false);
            }
        }
        let key = RateKey::subject(tenant, "refused-calls", b"");
        Ok(self.ephemeral.hit(&key, OF_A_CLINIC).await?.allowed)
    }
}

/// The store wrote an event about the clinic's state when it turned the visitor away.
fn is_told(error: &StoreError) -> bool {
    matches!(error.kind(), FailureKind::Forbidden) || matches!(error, StoreError::KillSwitch)
}
