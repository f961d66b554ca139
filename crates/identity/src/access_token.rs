//! Access tokens of record systems: opaque, short, and worth nothing without the registration behind them.

use cloister_access::Visitor;
use cloister_audit::{ActionCode, EventDraft};
use cloister_ephemeral::{ClaimKey, NewFlow};
use cloister_kernel::{MachineClientId, SecretString};
use cloister_store::{MachineClientRow, VisitUnit};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::{
    Identity, IdentityError, OauthError,
    client_assertion::{self, ClientAssertion},
};

/// How long an access token holds.
pub const ACCESS_TOKEN_LIFE: Duration = Duration::seconds(300);
/// The only grant (RFC 6749, section 4.4).
pub const CLIENT_CREDENTIALS: &str = "client_credentials";
/// The only kind of client authentication (RFC 7523, section 2.2).
pub const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// What an access token is kept as in the ephemeral store. No step of a flow is called so.
pub(crate) const KEPT_AS: &str = "access_token";
const LONGEST_SCOPE: usize = 1024;

/// The form that a record system posts to the token endpoint.
#[derive(Debug)]
pub struct TokenRequest<'r> {
    /// `grant_type`.
    pub grant_type: &'r str,
    /// `client_assertion_type`.
    pub client_assertion_type: &'r str,
    /// `client_assertion`.
    pub client_assertion: &'r SecretString,
    /// `scope`; none asks for all that the client may have.
    pub scope: Option<&'r str>,
}

/// An access token.
#[derive(Debug)]
pub struct IssuedAccessToken {
    /// The token, 256 random bits.
    pub access_token: SecretString,
    /// Seconds that it holds.
    pub expires_in: i64,
    /// The scopes granted, separated by blanks.
    pub scope: String,
}

/// An access token as kept under its hash.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptToken {
    pub(crate) client: MachineClientId,
    pub(crate) epoch: i64,
    pub(crate) scope: String,
    /// Milliseconds since 1970.
    pub(crate) expires_at: i64,
}

impl Identity {
    /// Issues an access token to a record system that proves by a signed assertion who it is. `token_endpoint` is the
    /// URL of the host that was asked.
    ///
    /// # Errors
    /// `Oauth`, and the stores'. Whatever was wrong with an assertion, the answer is `invalid_client`.
    pub async fn issue_access_token(
        &self,
        visitor: &Visitor,
        token_endpoint: &str,
        request: &TokenRequest<'_>,
    ) -> Result<IssuedAccessToken, IdentityError> {
        use cloister_kernel::ExposeSecret;
        if request.grant_type != CLIENT_CREDENTIALS {
            return Err(IdentityError::Oauth(OauthError::UnsupportedGrantType));
        }
        if request.client_assertion_type != CLIENT_ASSERTION_TYPE {
            return Err(IdentityError::Oauth(OauthError::InvalidRequest));
        }
        let assertion = request.client_assertion.expose_secret();
        let mut unit = self.store.begin_visit(visitor).await?;
        let client = match client_assertion::named_client(assertion) {
            Some(id) => unit.machine_client(id).await?,
            None => None,
        };
        let Some(client) = client else {
            return refuse(unit, "client_unknown", OauthError::InvalidClient).await;
        };
        unit.is_about_machine(client.id);
        if !client.is_active {
            return refuse(unit, "client_removed", OauthError::InvalidClient).await;
        }
        let now = unit.now();
        let verified = client_assertion::verify(assertion, client.id, &client.jwks, token_endpoint, now);
        let verified = match verified {
            Ok(verified) => verified,
            Err(reason) => return refuse(unit, reason, OauthError::InvalidClient).await,
        };
        if !self.claim(visitor, client.id, &verified, now).await? {
            return refuse(unit, "assertion_replayed", OauthError::InvalidClient).await;
        }
        let Some(scope) = granted(&client.scopes, request.scope) else {
            return refuse(unit, "scope_not_allowed", OauthError::InvalidScope).await;
        };
        let draft = EventDraft::success(ActionCode::MachineClientToken);
        unit.note(draft.on("machine_client", Some(client.id.uuid())));
        unit.commit(()).await?;
        self.keep_token(visitor, &client, scope, now).await
    }

    async fn claim(
        &self,
        visitor: &Visitor,
        client: MachineClientId,
        assertion: &ClientAssertion,
        now: OffsetDateTime,
    ) -> Result<bool, IdentityError> {
        let value = format!("{client}:{}", assertion.jti);
        let key = ClaimKey::new(Some(visitor.tenant()), "client_assertion", value.as_bytes());
        let remember = assertion.expires_at - now + Duration::MINUTE;
        Ok(self.ephemeral.claim_once(&key, remember).await?)
    }

    async fn keep_token(
        &self,
        visitor: &Visitor,
        client: &MachineClientRow,
        scope: String,
        now: OffsetDateTime,
    ) -> Result<IssuedAccessToken, IdentityError> {
        let expires_at = i64::try_from((now + ACCESS_TOKEN_LIFE).unix_timestamp_nanos() / 1_000_000)
            .map_err(|_| IdentityError::Broken("a clock out of range"))?;
        let kept =
            KeptToken { client: client.id, epoch: client.revocation_epoch, scope: scope.clone(), expires_at };
        let state = serde_json::to_vec(&kept).map_err(|_| IdentityError::Broken("an access token"))?;
        let new = NewFlow {
            tenant: visitor.tenant(),
            audience: visitor.audience(),
            step: KEPT_AS.to_owned(),
            state,
        };
        let (token, _) = self.ephemeral.open_flow(new).await?;
        Ok(IssuedAccessToken {
            access_token: token.expose().into(),
            expires_in: ACCESS_TOKEN_LIFE.whole_seconds(),
            scope,
        })
    }
}

async fn refuse<T>(
    mut unit: VisitUnit<'_>,
    reason: &'static str,
    error: OauthError,
) -> Result<T, IdentityError> {
    unit.note(EventDraft::refused(ActionCode::MachineClientToken, reason));
    unit.commit(()).await?;
    Err(IdentityError::Oauth(error))
}

/// The scopes asked for, if the client may have them all; without asking, all that it may have.
fn granted(allowed: &str, asked: Option<&str>) -> Option<String> {
    let asked = asked.unwrap_or_default();
    if asked.len() > LONGEST_SCOPE {
        return None;
    }
    let mut scopes: Vec<&str> = asked.split_ascii_whitespace().collect();
    if scopes.is_empty() {
        scopes = allowed.split_ascii_whitespace().collect();
    }
    let may = |scope: &&str| allowed.split_ascii_whitespace().any(|known| known == *scope);
    scopes.iter().all(may).then(|| scopes.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_asks_for_and_may_have() {
        let allowed = "system/Bundle.c system/*.r";
        assert_eq!(granted(allowed, None).as_deref(), Some(allowed));
        assert_eq!(granted(allowed, Some("system/*.r")).as_deref(), Some("system/*.r"));
        assert_eq!(granted(allowed, Some("system/*.r system/*.d")), None);
        assert_eq!(granted(allowed, Some("system/*")), None);
    }

    #[test]
    fn a_request_for_scopes_is_read_up_to_its_longest_length() {
        let of_length = |length: usize| format!("{:length$}", "system/*.r");
        assert_eq!(granted("system/*.r", Some(&of_length(LONGEST_SCOPE))).as_deref(), Some("system/*.r"));
        assert_eq!(granted("system/*.r", Some(&of_length(LONGEST_SCOPE + 1))), None);
    }
}
