//! Activation of an account: the invitation's link, what proves that one is the invited, a password, and an
//! authenticator app. The account is made at the end, whole, in one unit of work.

use cloister_access::{Factor, Factors, RevocationEpoch, Visitor};
use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{
    CLINIC_CODE_LENGTH, ExposeSecret, FieldError, InvitationId, Pii, SecretString, canonical_spoken_code,
    email_hint, group_spoken_code,
};
use cloister_store::{
    AccountKind, FoundInvitation, InvitationStatus, NewAccount, NewCredentials, StoreError, VisitUnit,
};
use time::Date;

use crate::{
    CurrentFlow, FlowStep, Identity, IdentityError, OpenedSession, PasswordHash, TotpSecret,
    attempt::Attempt,
    flow::{FlowState, check_site, seal_state, secret_of},
    recovery_code::generate_recovery_codes,
    session::Proved,
};

/// What proves that somebody is the one invited.
pub struct IdentityProof<'p> {
    /// The token of the emailed link.
    pub token: &'p SecretString,
    /// The birth date, of patients.
    pub birth_date: Option<Date>,
    /// The code that the clinic handed over, as typed.
    pub clinic_code: &'p SecretString,
}

/// The invitation's holder is the one invited.
#[derive(Debug)]
pub struct ActivationStarted {
    /// The next step.
    pub step: FlowStep,
    /// Portal or console.
    pub kind: AccountKind,
    /// The address of the account, as a hint.
    pub email_hint: String,
    /// The shortest password.
    pub min_length: usize,
}

/// What goes into the authenticator app.
#[derive(Debug)]
pub struct TotpEnrolment {
    /// The secret as one types it.
    pub secret: SecretString,
    /// The same for a QR code.
    pub otpauth_uri: SecretString,
}

/// The account is there and its owner signed in.
#[derive(Debug)]
pub struct ActivatedAccount {
    /// Ten codes, shown this once, in groups of four.
    pub recovery_codes: Vec<SecretString>,
    /// The first session.
    pub session: OpenedSession,
}

impl Identity {
    /// The first step: who holds the invitation. Every wrong answer is answered alike; five lock the invitation.
    ///
    /// # Errors
    /// `ActivationRefused`, `SignInLocked` (too many wrong answers from the source), `FlowEnded`, and the stores'.
    pub async fn activate_identity(
        &self,
        visitor: &Visitor,
        current: CurrentFlow<'_>,
        proof: &IdentityProof<'_>,
    ) -> Result<ActivationStarted, IdentityError> {
        check_site(visitor, current.flow)?;
        let mut unit = self.store.begin_activation(visitor).await?;
        let attempt = Attempt::begin(&mut unit, self.settings(), None).await?;
        if let Some(locked) = attempt.locked(unit.now()) {
            unit.note(EventDraft::refused(ActionCode::InvitationIdentityProved, "locked"));
            unit.commit(()).await?;
            return Err(locked);
        }
        let found = unit.invitation_by_token(proof.token.expose_secret()).await?;
        let judged = match &found {
            Some(invitation) => judge(&mut unit, invitation, proof).await?,
            None => Err("unknown_invitation"),
        };
        let draft = |draft: EventDraft| match &found {
            Some(found) => draft.on("invitation", Some(found.id.uuid())).of_patient(found.patient),
            None => draft,
        };
        let (Ok(()), Some(found)) = (judged, &found) else {
            attempt.fail(&mut unit, self.settings()).await?;
            if let Some(found) = &found {
                unit.count_invitation_try(found.id).await?;
            }
            let reason = judged.err().unwrap_or("unknown_invitation");
            unit.note(draft(EventDraft::failed(ActionCode::InvitationIdentityProved, reason)));
            unit.commit(()).await?;
            return Err(IdentityError::ActivationRefused);
        };
        attempt.give_back(&mut unit).await?;
        let state = FlowState::InvitationProved { invitation: found.id };
        let sealed = seal_state(&unit, current, &state)?;
        unit.note(draft(EventDraft::success(ActionCode::InvitationIdentityProved)));
        unit.commit(()).await?;
        self.advance(current, state.step(), sealed).await?;
        Ok(ActivationStarted {
            step: state.step(),
            kind: AccountKind::at(visitor.audience()),
            email_hint: email_hint(&found.email),
            min_length: self.settings().passwords.effective_shortest(),
        })
    }

    /// The second step: a password that the policy accepts.
    ///
    /// # Errors
    /// `Invalid` with a code for each rule that it breaks, `ActivationRefused` when the invitation was taken back
    /// meanwhile, `WrongStep`, `FlowEnded`, `Busy`, and the stores'.
    pub async fn activate_password(
        &self,
        visitor: &Visitor,
        current: CurrentFlow<'_>,
        password: &SecretString,
    ) -> Result<FlowStep, IdentityError> {
        let unit = self.store.begin_activation(visitor).await?;
        let FlowState::InvitationProved { invitation } =
            self.state_at(&unit, current, FlowStep::ActivatePassword)?
        else {
            return Err(IdentityError::WrongStep);
        };
        let found = waiting(unit, invitation).await?;
        let refusals = self.refusals(visitor, &found, password).await?;
        if !refusals.is_empty() {
            return Err(IdentityError::Invalid(refusals));
        }
        let password_hash = self.pool.hash(&self.environment, password).await?;
        let unit = self.store.begin_activation(visitor).await?;
        let state = FlowState::PasswordChosen { invitation, password_hash };
        let sealed = seal_state(&unit, current, &state)?;
        drop(unit);
        self.advance(current, state.step(), sealed).await?;
        Ok(state.step())
    }

    /// Judges a password beside the request threads: the breach list is read from disk.
    async fn refusals(
        &self,
        visitor: &Visitor,
        found: &FoundInvitation,
        password: &SecretString,
    ) -> Result<Vec<FieldError>, IdentityError> {
        let clinic = self.store.platform().tenant(visitor.tenant()).await?;
        let clinic = clinic.ok_or(StoreError::TenantNotReady)?;
        let mut context = vec![clinic.name, clinic.slug, found.email.expose().clone()];
        context.extend(found.display_name.as_ref().map(|name| name.expose().clone()));
        let (settings, password) = (self.settings.clone(), password.clone());
        tokio::task::spawn_blocking(move || {
            let context: Vec<&str> = context.iter().map(String::as_str).collect();
            settings.passwords.refusals(password.expose_secret(), &context, settings.breached.as_ref())
        })
        .await
        .map_err(|_| IdentityError::Broken("a password could not be judged"))?
        .map_err(|_| IdentityError::Broken("the breach list cannot be read"))
    }

    /// The third step: offers a secret for the authenticator app. Asked again, a new one.
    ///
    /// # Errors
    /// `ActivationRefused`, `WrongStep`, `FlowEnded`, and the stores'.
    pub async fn activate_totp(
        &self,
        visitor: &Visitor,
        current: CurrentFlow<'_>,
    ) -> Result<TotpEnrolment, IdentityError> {
        let clinic = self.store.platform().tenant(visitor.tenant()).await?;
        let clinic = clinic.ok_or(StoreError::TenantNotReady)?;
        let mut unit = self.store.begin_activation(visitor).await?;
        let (invitation, password_hash, _) = self.chosen(&unit, current)?;
        let found = unit.invitation(invitation).await?.filter(is_waiting);
        let found = found.ok_or(IdentityError::ActivationRefused)?;
        let secret = TotpSecret::generate(&self.environment);
        let otpauth_uri = secret
            .otpauth_uri(&clinic.name, found.email.expose())
            .map_err(|_| IdentityError::Broken("the clinic's name does not fit into an otpauth URI"))?;
        let shown = TotpEnrolment { secret: secret.base32(), otpauth_uri };
        let state = FlowState::SecretOffered { invitation, password_hash, secret };
        let sealed = seal_state(&unit, current, &state)?;
        let draft = EventDraft::success(ActionCode::TotpEnrolmentStarted);
        unit.note(draft.on("invitation", Some(invitation.uuid())).of_patient(found.patient));
        unit.commit(()).await?;
        self.advance(current, state.step(), sealed).await?;
        Ok(shown)
    }

    /// The last step: a first code of the app. Makes the account with its credentials and opens its first session.
    ///
    /// # Errors
    /// `ActivationRefused` when the code is wrong or the invitation does not wait any more, `WrongStep`,
    /// `FlowEnded`, and the stores'.
    pub async fn confirm_activation(
        &self,
        visitor: &Visitor,
        current: CurrentFlow<'_>,
        code: &SecretString,
    ) -> Result<ActivatedAccount, IdentityError> {
        let mut unit = self.store.begin_activation(visitor).await?;
        let (invitation, password_hash, Some(secret)) = self.chosen(&unit, current)? else {
            return Err(IdentityError::WrongStep);
        };
        let found = unit.invitation(invitation).await?.filter(is_waiting);
        let found = found.ok_or(IdentityError::ActivationRefused)?;
        let Some(totp_step) = secret.matching_step(code.expose_secret(), unit.now()) else {
            let draft = EventDraft::failed(ActionCode::TotpEnrolled, "wrong_code");
            unit.note(draft.on("invitation", Some(invitation.uuid())).of_patient(found.patient));
            unit.commit(()).await?;
            return Err(IdentityError::ActivationRefused);
        };
        let account = NewAccount { invitation, display_name: name_of(&found), locale: None };
        let user = match unit.accept_invitation(&account).await {
            Ok(user) => user,
            Err(StoreError::Conflict) => return Err(IdentityError::ActivationRefused),
            Err(error) => return Err(error.into()),
        };
        let recovery_codes = generate_recovery_codes(&self.environment);
        let credentials = NewCredentials {
            password_hash: &secret_of(&password_hash),
            totp_secret: secret.as_bytes(),
            totp_step,
            recovery_codes: &recovery_codes,
        };
        unit.set_credentials(user, &credentials).await?;
        unit.record_sign_in(user).await?;
        unit.note(EventDraft::success(ActionCode::SignInCompleted));
        let factors = Factors::default().with(Factor::Password).with(Factor::Totp);
        let proved = Proved { user, epoch: RevocationEpoch(0), factors, last_sign_in_at: None };
        let session = self.open_session(unit, current, proved).await?;
        let recovery_codes =
            recovery_codes.iter().map(|code| group_spoken_code(code.expose_secret()).into()).collect();
        Ok(ActivatedAccount { recovery_codes, session })
    }

    fn chosen(
        &self,
        unit: &VisitUnit<'_>,
        current: CurrentFlow<'_>,
    ) -> Result<(InvitationId, PasswordHash, Option<TotpSecret>), IdentityError> {
        match self.state_at(unit, current, FlowStep::ActivateTotp)? {
            FlowState::PasswordChosen { invitation, password_hash } => Ok((invitation, password_hash, None)),
            FlowState::SecretOffered { invitation, password_hash, secret } => {
                Ok((invitation, password_hash, Some(secret)))
            }
            _ => Err(IdentityError::WrongStep),
        }
    }
}

/// Compares everything, whatever was wrong first.
async fn judge(
    unit: &mut VisitUnit<'_>,
    invitation: &FoundInvitation,
    proof: &IdentityProof<'_>,
) -> Result<Result<(), &'static str>, StoreError> {
    let typed = canonical_spoken_code(proof.clinic_code.expose_secret(), CLINIC_CODE_LENGTH);
    let code = unit.invitation_code_matches(invitation.id, typed.as_deref().unwrap_or_default()).await?;
    let born = match invitation.patient {
        Some(patient) => unit.birth_date_matches(patient, proof.birth_date.unwrap_or(Date::MIN)).await?,
        None => true,
    };
    Ok(match invitation.status {
        InvitationStatus::Pending if code && born => Ok(()),
        InvitationStatus::Pending => Err("wrong_proof"),
        InvitationStatus::Accepted => Err("invitation_accepted"),
        InvitationStatus::Revoked => Err("invitation_revoked"),
        InvitationStatus::Expired => Err("invitation_expired"),
        InvitationStatus::Locked => Err("invitation_locked"),
    })
}

fn is_waiting(invitation: &FoundInvitation) -> bool {
    invitation.status == InvitationStatus::Pending
}

/// The invitation, if it still waits. Gives the unit up: what follows takes long.
async fn waiting(mut unit: VisitUnit<'_>, id: InvitationId) -> Result<FoundInvitation, IdentityError> {
    let found = unit.invitation(id).await?.filter(is_waiting);
    found.ok_or(IdentityError::ActivationRefused)
}

/// What the account is called: by its name, else by what stands before the address's @.
fn name_of(found: &FoundInvitation) -> Pii<String> {
    match &found.display_name {
        Some(name) => name.clone(),
        None => found.email.clone().map(|address| match address.split_once('@') {
            Some((local, _)) => local.to_owned(),
            None => address,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invited(name: Option<&str>, address: &str, status: InvitationStatus) -> FoundInvitation {
        FoundInvitation {
            id: InvitationId::from_uuid(uuid::Uuid::nil()),
            status,
            patient: None,
            email: Pii::new(address.to_owned()),
            display_name: name.map(|name| Pii::new(name.to_owned())),
        }
    }

    #[test]
    fn an_account_is_called_as_its_owner_is_or_as_the_address_begins() {
        let name =
            |name, address| name_of(&invited(name, address, InvitationStatus::Pending)).expose().clone();
        assert_eq!(name(Some("Ana Canária"), "ana@example.org"), "Ana Canária");
        assert_eq!(name(None, "ana@example.org"), "ana");
        assert_eq!(name(None, "ana"), "ana");
    }

    #[test]
    fn only_an_invitation_that_waits_is_gone_on_with() {
        use InvitationStatus as S;
        for status in [S::Pending, S::Accepted, S::Revoked, S::Expired, S::Locked] {
            assert_eq!(is_waiting(&invited(None, "a", status)), status == S::Pending, "{status:?}");
        }
    }
}
