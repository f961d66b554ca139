//! Sessions of people: opening, listing, ending, and proving oneself afresh.

use cloister_access::{
    Caller, Factor, Factors, RevocationEpoch,
    action::{Delete, List, Read},
    resource,
};
use cloister_audit::{ActionCode, EventDraft};
use cloister_ephemeral::{Elevation, NewSession, SessionRecord, Token, TokenHash};
use cloister_kernel::{Failure, FailureKind, Pii, SecretString, SessionId, UserId};
use cloister_store::{Admission, Profile, StoreError, Target, VisitUnit};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{CurrentFlow, Identity, IdentityError, sign_in::judge_totp};

/// A session that was opened, or whose token changed: the token goes into the cookie.
#[derive(Debug)]
pub struct OpenedSession {
    /// For the cookie.
    pub token: Token,
    /// The session.
    pub session: SessionRecord,
}

/// A session as its owner sees it.
#[derive(Debug)]
pub struct ShownSession {
    /// The session.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub is_current: bool,
    /// When it was opened.
    pub started_at: OffsetDateTime,
    /// When it was last used.
    pub last_seen_at: OffsetDateTime,
    /// The client that opened it, as it calls itself.
    pub user_agent: Option<Pii<String>>,
    /// The address that it was opened from.
    pub source: Option<Pii<String>>,
}

/// Somebody who just proved who they are.
pub(crate) struct Proved {
    pub(crate) user: UserId,
    pub(crate) epoch: RevocationEpoch,
    pub(crate) factors: Factors,
    pub(crate) last_sign_in_at: Option<OffsetDateTime>,
}

/// Where a session was opened from, as sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    source: Option<String>,
    user_agent: Option<String>,
}

const SPELLINGS: [(Factor, &str); 3] =
    [(Factor::Password, "password"), (Factor::Totp, "totp"), (Factor::RecoveryCode, "recovery_code")];

/// The factors as kept with a session: `password+totp`.
fn spell(factors: Factors) -> String {
    let words: Vec<&str> =
        SPELLINGS.iter().filter(|(factor, _)| factors.holds(*factor)).map(|(_, word)| *word).collect();
    words.join("+")
}

/// Reads what [`spell`] wrote; `None` for anything else.
pub(crate) fn factors_of(text: &str) -> Option<Factors> {
    text.split('+').try_fold(Factors::default(), |factors, word| {
        let (factor, _) = SPELLINGS.iter().find(|(_, spelling)| *spelling == word)?;
        Some(factors.with(*factor))
    })
}

impl Identity {
    /// Finishes a flow: takes it, opens the session, and commits. The token is given out only after the events stand.
    pub(crate) async fn open_session(
        &self,
        mut unit: VisitUnit<'_>,
        current: CurrentFlow<'_>,
        proved: Proved,
    ) -> Result<OpenedSession, IdentityError> {
        let visitor = unit.visitor();
        let taken = self.ephemeral.take_flow(visitor.tenant(), current.token).await?;
        if taken.is_none_or(|taken| taken.version != current.flow.version) {
            return Err(IdentityError::FlowEnded);
        }
        let request = visitor.request();
        let client = Client {
            source: request.source.as_ref().map(|source| source.expose().to_canonical().to_string()),
            user_agent: request.user_agent.as_ref().map(|agent| agent.expose().clone()),
        };
        let client = serde_json::to_vec(&client).map_err(|_| IdentityError::Broken("a session's client"))?;
        let new = NewSession {
            tenant: visitor.tenant(),
            audience: visitor.audience(),
            user: proved.user,
            assurance: spell(proved.factors),
            epoch: proved.epoch.0,
            limits: self.settings().session_limits(visitor.audience()),
            sealed_client: Some(unit.seal_session_client(proved.user, &client)?),
            step_up_until: None,
            last_sign_in_at: proved.last_sign_in_at,
        };
        let (token, session) = self.ephemeral.create_session(new).await?;
        unit.note(EventDraft::success(ActionCode::SessionCreated).on("session", Some(session.id.uuid())));
        if let Err(error) = unit.commit(()).await {
            // Nobody has the token; the session would only take a place until it runs out.
            let _ = self.ephemeral.revoke_session(session.tenant, session.user, session.id).await;
            return Err(error.into());
        }
        Ok(OpenedSession { token, session })
    }

    /// The caller's own account: name, kind and roles as they are now.
    ///
    /// # Errors
    /// The store's: `SessionRevoked`, `AccountDisabled` and the like when the session does not count any more.
    pub async fn profile(&self, caller: &Caller) -> Result<Profile, IdentityError> {
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<Read, resource::Account>(Target::OwnAccount).await?;
        let profile = unit.own_profile(permit).await?;
        Ok(unit.commit(profile).await?)
    }

    /// The caller's live sessions at this site, oldest first.
    ///
    /// # Errors
    /// The stores'.
    pub async fn sessions(&self, caller: &Caller) -> Result<Vec<ShownSession>, IdentityError> {
        let user = caller.user().ok_or(IdentityError::SessionEnded)?;
        let live = self.ephemeral.sessions_of(caller.tenant(), user).await?;
        let unit = self.store.begin(caller).await?;
        let (unit, _permit) = unit.require::<List, resource::Session>(Target::OwnAccount).await?;
        let of_now = live.into_iter().filter(|session| {
            Some(session.audience) == caller.audience()
                && Some(RevocationEpoch(session.epoch)) == caller.epoch()
        });
        let shown = of_now
            .map(|session| {
                let client = match &session.sealed_client {
                    Some(sealed) => read_client(&unit.open_own_session_client(sealed)?)?,
                    None => Client { source: None, user_agent: None },
                };
                Ok(ShownSession {
                    id: session.id,
                    is_current: Some(session.id) == caller.session(),
                    started_at: session.created_at,
                    last_seen_at: session.last_seen_at,
                    user_agent: client.user_agent.map(Pii::new),
                    source: client.source.map(Pii::new),
                })
            })
            .collect::<Result<Vec<_>, IdentityError>>()?;
        unit.commit(()).await?;
        Ok(shown)
    }

    /// Ends one of the caller's sessions.
    ///
    /// # Errors
    /// `NotFound` when the caller has no such session, and the stores'.
    pub async fn revoke_session(&self, caller: &Caller, session: SessionId) -> Result<(), IdentityError> {
        let user = caller.user().ok_or(IdentityError::SessionEnded)?;
        let unit = self.store.begin(caller).await?;
        let (unit, _permit) = unit.require::<Delete, resource::Session>(Target::OwnSession(session)).await?;
        if !self.ephemeral.revoke_session(caller.tenant(), user, session).await? {
            let draft = EventDraft::failed(ActionCode::SessionRevoked, "not_found");
            unit.fail(draft.on("session", Some(session.uuid()))).await?;
            return Err(StoreError::NotFound.into());
        }
        Ok(unit.commit(()).await?)
    }

    /// Ends all of the caller's sessions but this one, here and wherever a copy of them might come back: the account
    /// begins a new revocation epoch, and only this session is carried over. Its token stays.
    ///
    /// # Errors
    /// The stores'. When only the ephemeral store fails, this session is over too.
    pub async fn revoke_other_sessions(
        &self,
        caller: &Caller,
        token: &TokenHash,
        session: &SessionRecord,
    ) -> Result<(), IdentityError> {
        let user = caller.user().ok_or(IdentityError::SessionEnded)?;
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<Delete, resource::Session>(Target::OwnAccount).await?;
        let epoch = unit.revoke_own_sessions(permit).await?;
        unit.commit(()).await?;
        let carried = self.ephemeral.carry_session(token, session, epoch.0).await?;
        self.ephemeral.revoke_other_sessions(caller.tenant(), user, session.id).await?;
        if carried { Ok(()) } else { Err(IdentityError::SessionEnded) }
    }

    /// Signs the caller out. A session that does not count any more is ended all the same.
    ///
    /// # Errors
    /// The stores', when they are away.
    pub async fn sign_out(&self, caller: &Caller) -> Result<(), IdentityError> {
        let (Some(user), Some(session)) = (caller.user(), caller.session()) else {
            return Err(IdentityError::SessionEnded);
        };
        let mut unit = match self.store.begin(caller).await {
            Ok(unit) => unit,
            // Turned away, which left an event of its own.
            Err(error) if matches!(error.kind(), FailureKind::Unauthenticated | FailureKind::Forbidden) => {
                self.ephemeral.revoke_session(caller.tenant(), user, session).await?;
                return Ok(());
            }
            // Nothing ends that could not be written down: whoever asked is told, and may ask again.
            Err(error) => return Err(error.into()),
        };
        let was_live = self.ephemeral.revoke_session(caller.tenant(), user, session).await?;
        // One that ended meanwhile by another hand or by itself has left the event of that.
        if was_live {
            unit.note(EventDraft::success(ActionCode::SessionEnded).on("session", Some(session.uuid())));
        }
        Ok(unit.commit(()).await?)
    }

    /// Takes a fresh TOTP code of a signed-in caller: the token changes, and key actions are open for a while.
    /// Failures count as failures to sign in.
    ///
    /// # Errors
    /// `StepUpRefused`, `SignInLocked`, `SessionEnded`, and the stores'.
    pub async fn step_up(
        &self,
        caller: &Caller,
        token: &TokenHash,
        session: &SessionRecord,
        code: &SecretString,
    ) -> Result<OpenedSession, IdentityError> {
        let limit = self.settings().account;
        let mut unit = self.store.begin(caller).await?;
        let attempts = unit.attempts_on_own_account().await?;
        if let Admission::Locked(until) = unit.begin_attempt(&attempts, limit).await? {
            let retry_after = u64::try_from((until - unit.now()).whole_seconds()).unwrap_or(0).max(1);
            unit.note(EventDraft::refused(ActionCode::SessionStepUp, "locked"));
            unit.commit(()).await?;
            return Err(IdentityError::SignInLocked { retry_after });
        }
        let credentials = unit.own_credentials().await?;
        let refusal = match judge_totp(credentials.as_ref(), code, unit.now()) {
            Ok(step) if unit.spend_own_totp_step(step).await? => None,
            Ok(_) => Some("replayed_code"),
            Err(reason) => Some(reason),
        };
        if let Some(reason) = refusal {
            unit.fail_attempt(&attempts, limit).await?;
            unit.note(EventDraft::failed(ActionCode::SessionStepUp, reason));
            unit.commit(()).await?;
            return Err(IdentityError::StepUpRefused);
        }
        unit.clear_attempts(&attempts).await?;
        let until = unit.now() + self.settings().step_up;
        unit.note(EventDraft::success(ActionCode::SessionStepUp).on("session", Some(session.id.uuid())));
        unit.commit(()).await?;
        let elevation = Elevation { assurance: session.assurance.clone(), step_up_until: Some(until) };
        let rotated = self.ephemeral.rotate_session(token, session, elevation).await?;
        let (token, session) = rotated.ok_or(IdentityError::SessionEnded)?;
        Ok(OpenedSession { token, session })
    }
}

fn read_client(bytes: &[u8]) -> Result<Client, IdentityError> {
    serde_json::from_slice(bytes).map_err(|_| IdentityError::Broken("a session's client"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_read_back_and_anything_else_is_nothing() {
        let both = Factors::default().with(Factor::Password).with(Factor::Totp);
        assert_eq!(spell(both), "password+totp");
        assert_eq!(factors_of("password+totp"), Some(both));
        for text in ["", "password+", "password+otp", "client_assertion", "Password"] {
            assert_eq!(factors_of(text), None, "{text:?}");
        }
    }
}
