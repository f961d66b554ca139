//! From a live session to a person's caller.

use cloister_access::{Assurance, Caller, RevocationEpoch, VerifiedSession, Visitor};
use cloister_ephemeral::SessionRecord;

use crate::{Identity, IdentityError, session::factors_of};

impl Identity {
    /// The person behind a session that was just fetched by its token's hash. Clinic and site of host and session must
    /// agree, it must be live, and a password with a second factor must stand behind it. Whether its epoch still
    /// counts is read in each unit of work.
    ///
    /// # Errors
    /// `SessionEnded`.
    pub fn caller(&self, visitor: &Visitor, session: &SessionRecord) -> Result<Caller, IdentityError> {
        let is_live = self.environment.now() < session.idle_expires_at();
        if session.tenant != visitor.tenant() || session.audience != visitor.audience() || !is_live {
            return Err(IdentityError::SessionEnded);
        }
        let factors = factors_of(&session.assurance).ok_or(IdentityError::SessionEnded)?;
        let assurance = Assurance { factors, step_up_until: session.step_up_until };
        if !assurance.is_multi_factor() {
            return Err(IdentityError::SessionEnded);
        }
        Ok(mint(VerifiedSession {
            tenant: session.tenant,
            audience: session.audience,
            user: session.user,
            session: session.id,
            assurance,
            epoch: RevocationEpoch(session.epoch),
            request: visitor.request().clone(),
        }))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that makes a person's caller of a verified session"
)]
fn mint(verified: VerifiedSession) -> Caller {
    Caller::from_verified_session(verified)
}
