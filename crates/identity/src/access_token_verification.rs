//! From an access token to a record system's caller.

use cloister_access::{Caller, RevocationEpoch, VerifiedMachineToken, Visitor};
use cloister_audit::{ActionCode, EventDraft};
use cloister_ephemeral::Token;
use cloister_kernel::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use crate::{
    Identity, IdentityError,
    access_token::{KEPT_AS, KeptToken},
};

/// A record system that showed an access token which holds.
#[derive(Debug)]
pub struct VerifiedAccess {
    /// The record system.
    pub caller: Caller,
    /// The scopes of the token, separated by blanks.
    pub scope: String,
}

impl VerifiedAccess {
    /// Whether the token is good for an interaction with every type of resource: one of SMART's letters `c` create,
    /// `r` read, `u` update, `d` delete, `s` search.
    pub fn permits(&self, interaction: char) -> bool {
        let mut letters =
            self.scope.split_ascii_whitespace().filter_map(|scope| scope.strip_prefix("system/*."));
        letters.any(|letters| letters.contains(interaction))
    }
}

impl Identity {
    /// The record system behind an access token. Clinic and site of host and token must agree. Whether the
    /// registration still counts is read in each unit of work. A refusal leaves an event.
    ///
    /// # Errors
    /// `AccessTokenRefused`, and the stores'.
    pub async fn verify_access_token(
        &self,
        visitor: &Visitor,
        token: &SecretString,
    ) -> Result<VerifiedAccess, IdentityError> {
        let Some(kept) = self.kept_token(visitor, token).await? else {
            let mut unit = self.store.begin_visit(visitor).await?;
            unit.note(EventDraft::refused(ActionCode::MachineClientAuthenticated, "token_refused"));
            unit.commit(()).await?;
            return Err(IdentityError::AccessTokenRefused);
        };
        let caller = mint(VerifiedMachineToken {
            tenant: visitor.tenant(),
            audience: visitor.audience(),
            client: kept.client,
            epoch: RevocationEpoch(kept.epoch),
            request: visitor.request().clone(),
        });
        Ok(VerifiedAccess { caller, scope: kept.scope })
    }

    /// Writes down that the scopes of a record system's token do not cover what it tried.
    ///
    /// # Errors
    /// The store's: the registration does not count any more, or the event cannot be written.
    pub async fn refuse_scope(&self, caller: &Caller) -> Result<(), IdentityError> {
        let mut unit = self.store.begin(caller).await?;
        unit.note(EventDraft::refused(ActionCode::MachineClientAuthenticated, "scope_not_held"));
        Ok(unit.commit(()).await?)
    }

    /// What is kept of a token that holds at this site now.
    async fn kept_token(
        &self,
        visitor: &Visitor,
        token: &SecretString,
    ) -> Result<Option<KeptToken>, IdentityError> {
        let Some(token) = Token::parse(token.expose_secret()) else { return Ok(None) };
        let found = self.ephemeral.flow(visitor.tenant(), &token.hash()).await?;
        let found = found.filter(|kept| kept.step == KEPT_AS && kept.audience == visitor.audience());
        let kept = found.and_then(|found| serde_json::from_slice::<KeptToken>(&found.state).ok());
        let now = self.environment.now();
        Ok(kept.filter(|kept| {
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(kept.expires_at) * 1_000_000)
                .is_ok_and(|expires_at| now < expires_at)
        }))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that makes a record system's caller of a token")]
fn mint(verified: VerifiedMachineToken) -> Caller {
    Caller::from_machine_token(verified)
}
