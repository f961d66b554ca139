//! Sign-in: a password, then a second factor, each time.

use cloister_access::{Factor, Factors, Visitor};
use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{Email, ExposeSecret, SecretString, UserId};
use cloister_store::{Account, Credentials, VisitUnit};

use crate::{
    CurrentFlow, FlowStep, Identity, IdentityError, OpenedSession, PasswordHash, TotpSecret,
    attempt::Attempt,
    flow::{FlowState, check_site, seal_state},
    recovery_code::canonical_recovery_code,
    session::Proved,
};

/// Longer input is no address of anybody and is cut before it is counted.
const LONGEST_EMAIL: usize = 254;

/// What was found before the password is compared.
struct Judged {
    attempt: Attempt,
    account: Option<Account>,
    stored: Option<PasswordHash>,
}

impl Identity {
    /// The first step: email and password. Costs exactly one password hash, whatever the account.
    ///
    /// # Errors
    /// `SignInRefused`, `SignInLocked`, `FlowEnded`, `Busy`, and the stores'.
    pub async fn sign_in_password(
        &self,
        visitor: &Visitor,
        current: CurrentFlow<'_>,
        email: &str,
        password: &SecretString,
    ) -> Result<FlowStep, IdentityError> {
        check_site(visitor, current.flow)?;
        let judged = self.admit_password(visitor, &normalized(email)).await?;
        let verified = self.pool.verify(password, judged.stored.as_ref()).await;
        if let Some(locked) = judged.attempt.locked(self.environment.now()) {
            return Err(locked);
        }
        let mut unit = self.store.begin_visit(visitor).await?;
        if let Some(account) = &judged.account {
            unit.is_about(account.id);
        }
        let proved = match (verified, &judged.account) {
            (Err(error), _) => {
                judged.attempt.give_back(&mut unit).await?;
                unit.commit(()).await?;
                return Err(error.into());
            }
            (Ok(true), Some(account)) => account,
            (Ok(_), account) => {
                judged.attempt.fail(&mut unit, self.settings()).await?;
                let reason = match account {
                    None => "unknown_account",
                    Some(account) if !account.is_active => "account_disabled",
                    Some(_) => "wrong_password",
                };
                unit.note(EventDraft::failed(ActionCode::SignInPassword, reason));
                unit.commit(()).await?;
                return Err(IdentityError::SignInRefused);
            }
        };
        judged.attempt.give_back(&mut unit).await?;
        let state = FlowState::PasswordProved { user: proved.id, epoch: proved.epoch };
        let sealed = seal_state(&unit, current, &state)?;
        unit.note(EventDraft::success(ActionCode::SignInPassword));
        unit.note(EventDraft::success(ActionCode::SignInFactorChallenged));
        unit.commit(()).await?;
        self.advance(current, state.step(), sealed).await?;
        Ok(state.step())
    }

    /// Counts the attempt and reads what it is judged by. Committed before the hash is computed, so that hashing holds
    /// no transaction.
    async fn admit_password(&self, visitor: &Visitor, email: &str) -> Result<Judged, IdentityError> {
        let mut unit = self.store.begin_visit(visitor).await?;
        let key = unit.attempts_on(email)?;
        let attempt = Attempt::begin(&mut unit, self.settings(), Some(key)).await?;
        let account = unit.account_by_email(email).await?;
        if let Some(account) = &account {
            unit.is_about(account.id);
        }
        let mut stored = None;
        if attempt.locked(self.environment.now()).is_some() {
            attempt.give_back(&mut unit).await?;
            unit.note(EventDraft::refused(ActionCode::SignInPassword, "locked"));
        } else if let Some(account) = account.as_ref().filter(|account| account.is_active) {
            let credentials = unit.credentials(account.id).await?;
            stored = credentials
                .and_then(|found| found.password_hash)
                .map(|hash| PasswordHash::from_phc(hash.expose_secret().to_owned()));
        }
        unit.commit(()).await?;
        Ok(Judged { attempt, account, stored })
    }

    /// The second step, with a code of the authenticator app: opens the session.
    ///
    /// # Errors
    /// `SignInRefused`, `SignInLocked`, `WrongStep`, `FlowEnded`, and the stores'.
    pub async fn sign_in_totp(
        &self,
        visitor: &Visitor,
        current: CurrentFlow<'_>,
        code: &SecretString,
    ) -> Result<OpenedSession, IdentityError> {
        self.second_factor(visitor, current, Factor::Totp, code).await
    }

    /// The second step, with a recovery code, which is spent: opens the session.
    ///
    /// # Errors
    /// As [`Identity::sign_in_totp`].
    pub async fn sign_in_recovery_code(
        &self,
        visitor: &Visitor,
        current: CurrentFlow<'_>,
        code: &SecretString,
    ) -> Result<OpenedSession, IdentityError> {
        self.second_factor(visitor, current, Factor::RecoveryCode, code).await
    }

    async fn second_factor(
        &self,
        visitor: &Visitor,
        current: CurrentFlow<'_>,
        factor: Factor,
        code: &SecretString,
    ) -> Result<OpenedSession, IdentityError> {
        let action = match factor {
            Factor::RecoveryCode => ActionCode::SignInRecoveryCode,
            _ => ActionCode::SignInTotp,
        };
        let mut unit = self.store.begin_visit(visitor).await?;
        let FlowState::PasswordProved { user, epoch } = self.state_at(&unit, current, FlowStep::Totp)? else {
            return Err(IdentityError::WrongStep);
        };
        let account = unit.account(user).await?.ok_or(IdentityError::SignInRefused)?;
        unit.is_about(user);
        let attempt = Attempt::begin(&mut unit, self.settings(), Some(account.attempts().clone())).await?;
        if let Some(locked) = attempt.locked(unit.now()) {
            attempt.give_back(&mut unit).await?;
            unit.note(EventDraft::refused(action, "locked"));
            unit.commit(()).await?;
            return Err(locked);
        }
        let refusal = if !account.is_active {
            Some("account_disabled")
        } else if account.epoch != epoch {
            Some("revoked_meanwhile")
        } else {
            let spent = match factor {
                Factor::RecoveryCode => spend_recovery_code(&mut unit, user, code).await?,
                _ => spend_totp(&mut unit, user, code).await?,
            };
            spent.err()
        };
        if let Some(reason) = refusal {
            attempt.fail(&mut unit, self.settings()).await?;
            unit.note(EventDraft::failed(action, reason));
            unit.commit(()).await?;
            return Err(IdentityError::SignInRefused);
        }
        attempt.succeed(&mut unit).await?;
        unit.record_sign_in(user).await?;
        unit.note(EventDraft::success(action));
        unit.note(EventDraft::success(ActionCode::SignInCompleted));
        let factors = Factors::default().with(Factor::Password).with(factor);
        let proved = Proved { user, epoch, factors, last_sign_in_at: account.last_sign_in_at };
        self.open_session(unit, current, proved).await
    }
}

/// Judges a code of the authenticator app: the step that it spends, or why not.
pub(crate) fn judge_totp(
    credentials: Option<&Credentials>,
    code: &SecretString,
    now: time::OffsetDateTime,
) -> Result<i64, &'static str> {
    let secret = credentials.and_then(|found| found.totp_secret.as_ref()).ok_or("no_totp")?;
    TotpSecret::from_bytes(secret).matching_step(code.expose_secret(), now).ok_or("wrong_code")
}

async fn spend_totp(
    unit: &mut VisitUnit<'_>,
    user: UserId,
    code: &SecretString,
) -> Result<Result<(), &'static str>, IdentityError> {
    let credentials = unit.credentials(user).await?;
    Ok(match judge_totp(credentials.as_ref(), code, unit.now()) {
        Ok(step) if unit.spend_totp_step(user, step).await? => Ok(()),
        Ok(_) => Err("replayed_code"),
        Err(reason) => Err(reason),
    })
}

async fn spend_recovery_code(
    unit: &mut VisitUnit<'_>,
    user: UserId,
    code: &SecretString,
) -> Result<Result<(), &'static str>, IdentityError> {
    let Some(canonical) = canonical_recovery_code(code.expose_secret()) else { return Ok(Err("wrong_code")) };
    let canonical = SecretString::from(canonical);
    let spent = unit.spend_recovery_code(user, canonical.expose_secret()).await?;
    Ok(if spent { Ok(()) } else { Err("wrong_code") })
}

/// The spelling by which accounts are found and attempts counted. What is no address is counted as it was typed.
fn normalized(email: &str) -> String {
    match Email::parse("email", email.trim()) {
        Ok(email) => email.address().expose().clone(),
        Err(_) => email.trim().to_lowercase().chars().take(LONGEST_EMAIL).collect(),
    }
}
