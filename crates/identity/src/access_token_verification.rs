//! From an access token to a record system's caller.

use cloister_access::{Caller, RevocationEpoch, VerifiedMachineToken, Visitor};
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
    /// registration still counts is read in each unit of work.
    ///
    /// # Errors
    /// `AccessTokenRefused`, and the ephemeral store's.
    pub async fn verify_access_token(
        &self,
        visitor: &Visitor,
        token: &SecretString,
    ) -> Result<VerifiedAccess, IdentityError> {
        let refused = || IdentityError::AccessTokenRefused;
        let token = Token::parse(token.expose_secret()).ok_or_else(refused)?;
        let found = self.ephemeral.flow(visitor.tenant(), &token.hash()).await?;
        let found = found.filter(|kept| kept.step == KEPT_AS && kept.audience == visitor.audience());
        let kept: KeptToken =
            serde_json::from_slice(&found.ok_or_else(refused)?.state).map_err(|_| refused())?;
        let expires_at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(kept.expires_at) * 1_000_000)
            .map_err(|_| refused())?;
        if self.environment.now() >= expires_at {
            return Err(refused());
        }
        let caller = mint(VerifiedMachineToken {
            tenant: visitor.tenant(),
            audience: visitor.audience(),
            client: kept.client,
            epoch: RevocationEpoch(kept.epoch),
            request: visitor.request().clone(),
        });
        Ok(VerifiedAccess { caller, scope: kept.scope })
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that makes a record system's caller of a token")]
fn mint(verified: VerifiedMachineToken) -> Caller {
    Caller::from_machine_token(verified)
}
