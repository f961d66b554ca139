//! Inviting patients to the portal.

use cloister_access::{
    Caller,
    action::{Create, Delete, List},
    resource::Invitation,
};
use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{
    Audience, Email, ExposeSecret, Failure, FieldError, InvitationId, PatientId, Pii, email_hint,
    group_spoken_code,
};
use cloister_notify::{Locale, MessageContent};
use cloister_store::{InvitationRow, InvitationSecrets, NewMessage, StoreError, Target, UnitOfWork};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::{
    Grants, GrantsError,
    links::activation_link,
    secrets::{make_clinic_code, make_token},
};

/// How long an invitation holds.
pub(crate) const INVITATION_LIFE: Duration = Duration::days(7);

/// What the person who invited must hand over.
#[derive(Debug)]
pub struct IssuedInvitation {
    /// The invitation.
    pub id: InvitationId,
    /// The code, shown this once; it is never mailed to the invited person.
    pub clinic_code: Pii<String>,
    /// Until when it holds.
    pub expires_at: OffsetDateTime,
}

/// An invitation in a list.
#[derive(Debug)]
pub struct ShownInvitation {
    /// The stored row.
    pub row: InvitationRow,
    /// The address as a hint.
    pub email_hint: String,
}

impl From<InvitationRow> for ShownInvitation {
    fn from(row: InvitationRow) -> Self {
        let email_hint = email_hint(&row.email);
        Self { row, email_hint }
    }
}

/// What a clinic's messages begin with.
pub(crate) struct Letterhead {
    pub(crate) clinic: String,
    pub(crate) origin: String,
    pub(crate) locale: Locale,
}

impl Grants {
    /// Name, origin and language of a clinic's messages. Read before a unit begins, so that no unit waits for it.
    pub(crate) async fn letterhead(
        &self,
        tenant: cloister_kernel::TenantId,
        audience: Audience,
    ) -> Result<Letterhead, GrantsError> {
        let row = self.store.platform().tenant(tenant).await?.ok_or(StoreError::TenantNotReady)?;
        let origin = self.links.origin(&self.store, tenant, audience).await?;
        Ok(Letterhead { clinic: row.name, origin, locale: Locale::from_tag(&row.default_locale) })
    }

    /// Invites a patient of the caller's panel: the link goes to the address, the code to the caller.
    ///
    /// # Errors
    /// `Invalid`, `AccountExists`, and the store's: a patient whom the caller may not know of is not found.
    pub async fn invite_patient(
        &self,
        caller: &Caller,
        patient: PatientId,
        email: &str,
    ) -> Result<IssuedInvitation, GrantsError> {
        let letterhead = self.letterhead(caller.tenant(), Audience::Portal).await?;
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<Create, Invitation>(Target::Patient(patient)).await?;
        let about = |event: EventDraft| event.on("invitation", None).of_patient(patient);
        let email = match Email::parse("email", email) {
            Ok(email) => email,
            Err(error) => {
                let error = GrantsError::Invalid(vec![error]);
                return Err(given_up(unit, error, ActionCode::InvitationCreated, about).await);
            }
        };
        let (token, code) = (make_token(unit.environment()), make_clinic_code(unit.environment()));
        let secrets = InvitationSecrets { token: token.expose_secret(), code: code.expose_secret() };
        let expires_at = unit.now() + INVITATION_LIFE;
        let locale = letterhead.locale.as_str();
        let invited = unit.invite_patient(permit, email.address(), &secrets, locale, expires_at).await;
        let id = match invited.map_err(account_exists) {
            Ok(id) => id,
            Err(error) => return Err(given_up(unit, error, ActionCode::InvitationCreated, about).await),
        };
        let content = MessageContent::PatientInvitation {
            clinic: letterhead.clinic,
            link: activation_link(&letterhead.origin, token.expose_secret()),
            expires_on: expires_at.date().to_string(),
        };
        queue(&mut unit, &content, letterhead.locale, email.address(), id).await?;
        unit.commit(()).await?;
        let clinic_code = Pii::new(group_spoken_code(code.expose_secret()));
        Ok(IssuedInvitation { id, clinic_code, expires_at })
    }

    /// A patient's invitations, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn patient_invitations(
        &self,
        caller: &Caller,
        patient: PatientId,
    ) -> Result<Vec<ShownInvitation>, GrantsError> {
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<List, Invitation>(Target::Patient(patient)).await?;
        let rows = unit.patient_invitations(permit).await?;
        let rows = unit.commit(rows).await?;
        Ok(rows.into_iter().map(ShownInvitation::from).collect())
    }

    /// Takes a patient's invitation back.
    ///
    /// # Errors
    /// `InvitationSettled`, and the store's.
    pub async fn revoke_invitation(&self, caller: &Caller, id: InvitationId) -> Result<(), GrantsError> {
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<Delete, Invitation>(Target::Invitation(id)).await?;
        let patient = permit.patient();
        let about = |event: EventDraft| event.on("invitation", Some(id.uuid())).of_patient(patient);
        match unit.revoke_invitation(permit).await.map_err(settled) {
            Ok(()) => Ok(unit.commit(()).await?),
            Err(error) => Err(given_up(unit, error, ActionCode::InvitationRevoked, about).await),
        }
    }
}

/// Writes a message into the unit's outbox.
pub(crate) async fn queue(
    unit: &mut UnitOfWork<'_>,
    content: &MessageContent,
    locale: Locale,
    to: &Pii<String>,
    about: InvitationId,
) -> Result<(), GrantsError> {
    let parameters =
        serde_json::to_vec(content).map_err(|_| GrantsError::Broken("a message could not be written"))?;
    let message = NewMessage {
        purpose: "invitation",
        template: content.template(),
        locale: locale.as_str(),
        to: to.clone(),
        parameters: Zeroizing::new(parameters),
        subject: Some(about.uuid()),
    };
    unit.queue_message(message).await?;
    Ok(())
}

/// Gives up a unit whose permit was granted: nothing of it stands but an event of what went wrong. The error to answer
/// with.
pub(crate) async fn given_up(
    unit: UnitOfWork<'_>,
    error: GrantsError,
    action: ActionCode,
    about: impl FnOnce(EventDraft) -> EventDraft,
) -> GrantsError {
    let event = |reason| about(EventDraft::failed(action, reason));
    let written = match &error {
        GrantsError::Store(_) | GrantsError::Broken(_) => return error,
        GrantsError::OwnerOnly => unit.forbid(event(error.code())).await,
        _ => unit.fail(event(error.code())).await,
    };
    match written {
        Ok(()) => error,
        Err(unwritten) => unwritten.into(),
    }
}

pub(crate) fn account_exists(error: StoreError) -> GrantsError {
    match error {
        StoreError::Conflict => GrantsError::AccountExists,
        other => GrantsError::Store(other),
    }
}

pub(crate) fn settled(error: StoreError) -> GrantsError {
    match error {
        StoreError::Conflict => GrantsError::InvitationSettled,
        other => GrantsError::Store(other),
    }
}

/// A field error of a request.
pub(crate) fn invalid(field: &str, code: &'static str, reason: &str) -> GrantsError {
    GrantsError::Invalid(vec![FieldError::new(field, code, reason)])
}
