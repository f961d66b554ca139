//! The job that invites a clinic's owner, as an operator asked: the operator sees neither link nor code.

use cloister_access::{Role, RoleSet, action::Create, resource::StaffInvitation};
use cloister_kernel::{Audience, Environment, ExposeSecret, InvitationId, Pii, group_spoken_code};
use cloister_notify::MessageContent;
use cloister_store::{InvitationSecrets, LeasedJob, NewStaffInvitation, StoreError, Target};
use serde::Deserialize;

use crate::{
    Grants, GrantsError,
    invitation::{INVITATION_LIFE, account_exists, queue},
    links::activation_link,
    secrets::{make_clinic_code, make_token},
};

/// The job's sealed input, as `tenancy` wrote it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnerInvitationInput {
    email: String,
    display_name: String,
}

/// Makes the owner's invitation and mails its two halves to two people.
#[derive(Clone)]
pub struct OwnerInvitationSender {
    grants: Grants,
    environment: Environment,
}

impl OwnerInvitationSender {
    /// Over the grants of this process.
    pub fn new(grants: Grants, environment: Environment) -> Self {
        Self { grants, environment }
    }

    /// Makes the invitation: the link goes to the owner, the code to the contact of the clinic's agreement. An earlier
    /// invitation that still waits is taken back, so running twice leaves one.
    ///
    /// # Errors
    /// `AccountExists`, `Broken` when the clinic has no contact, and the store's.
    pub async fn send(&self, job: &LeasedJob) -> Result<InvitationId, GrantsError> {
        let store = &self.grants.store;
        let caller = job.caller(&self.environment)?;
        let input = store.platform().job_input(job).await?;
        let input: OwnerInvitationInput =
            serde_json::from_slice(&input).map_err(|_| StoreError::Corrupt("jobs.input_sealed"))?;
        let contact = store.platform().tenant_contact(caller.tenant()).await?;
        let contact = contact.ok_or(GrantsError::Broken("the clinic has no contact"))?;
        let letterhead = self.grants.letterhead(caller.tenant(), Audience::Console).await?;
        let unit = store.begin(&caller).await?;
        let (mut unit, permit) = unit.require::<Create, StaffInvitation>(Target::Clinic).await?;
        let (token, code) = (make_token(unit.environment()), make_clinic_code(unit.environment()));
        let secrets = InvitationSecrets { token: token.expose_secret(), code: code.expose_secret() };
        let expires_at = unit.now() + INVITATION_LIFE;
        let invitation = NewStaffInvitation {
            email: Pii::new(input.email),
            display_name: Pii::new(input.display_name),
            roles: RoleSet::NONE.with(Role::Admin),
            is_owner: true,
            practitioner: None,
        };
        let locale = letterhead.locale;
        let invited = unit.invite_staff(permit, &invitation, &secrets, locale.as_str(), expires_at).await;
        let id = invited.map_err(account_exists)?;
        let link = MessageContent::OwnerInvitation {
            clinic: letterhead.clinic.clone(),
            link: activation_link(&letterhead.origin, token.expose_secret()),
            expires_on: expires_at.date().to_string(),
        };
        queue(&mut unit, &link, locale, &invitation.email, id).await?;
        let code = MessageContent::OwnerClinicCode {
            clinic: letterhead.clinic,
            code: group_spoken_code(code.expose_secret()),
        };
        queue(&mut unit, &code, locale, &contact.email, id).await?;
        unit.commit(()).await?;
        Ok(id)
    }
}

/// Tells the platform's table that a clinic's owner has an account: the last thing activation waits for.
#[derive(Clone)]
pub struct OwnerActivated {
    grants: Grants,
}

impl OwnerActivated {
    /// Over the grants of this process.
    pub fn new(grants: Grants) -> Self {
        Self { grants }
    }

    /// Notes it.
    ///
    /// # Errors
    /// The store's.
    pub async fn record(&self, job: &LeasedJob) -> Result<(), GrantsError> {
        let tenant = job.tenant.ok_or(StoreError::NotFound)?;
        Ok(self.grants.store.platform().owner_activated(tenant).await?)
    }
}
