//! Inviting and listing the clinic's staff.

use cloister_access::{
    Caller, Role, RoleSet,
    action::{Create, Delete, List},
    resource::{StaffInvitation, StaffMember},
};
use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{Audience, Email, ExposeSecret, InvitationId, MAX_NAME, Pii, group_spoken_code, line};
use cloister_notify::MessageContent;
use cloister_store::{InvitationSecrets, NewStaffInvitation, StaffRow, Target};

use crate::{
    Grants, GrantsError, IssuedInvitation, ShownInvitation,
    invitation::{INVITATION_LIFE, account_exists, given_up, invalid, queue, settled},
    links::activation_link,
    secrets::{make_clinic_code, make_token},
};

/// Roles that an administrator may hand out.
const GRANTABLE: [Role; 4] = [Role::Clinician, Role::Billing, Role::Support, Role::Admin];
/// The longest practitioner identifier, `system|value`.
const LONGEST_IDENTIFIER: usize = 300;

/// Whom to invite to the staff console, as the administrator wrote it.
pub struct StaffInvitationRequest {
    /// The address.
    pub email: String,
    /// The name shown to colleagues.
    pub display_name: String,
    /// The roles.
    pub roles: Vec<String>,
    /// The identifier (`system|value`) by which the record system names this practitioner.
    pub practitioner_identifier: Option<String>,
}

fn read(request: &StaffInvitationRequest) -> Result<NewStaffInvitation, GrantsError> {
    let mut errors = Vec::new();
    let email = Email::parse("email", &request.email).map_err(|error| errors.push(error));
    let name = line("display_name", &request.display_name, MAX_NAME).map_err(|error| errors.push(error));
    let (Ok(email), Ok(name)) = (email, name) else { return Err(GrantsError::Invalid(errors)) };
    let mut roles = RoleSet::NONE;
    for word in &request.roles {
        match word.parse() {
            Ok(role) if GRANTABLE.contains(&role) => roles = roles.with(role),
            _ => {
                return Err(invalid("roles", "roles.unknown", "use clinician, billing, support or admin"));
            }
        }
    }
    if roles == RoleSet::NONE {
        return Err(invalid("roles", "roles.required", "name at least one role"));
    }
    if roles.holds(Role::Admin) && roles.holds(Role::Clinician) {
        let reason = "an administrator sees no clinical data: use two accounts";
        return Err(invalid("roles", "roles.separate_duties", reason));
    }
    let practitioner = request.practitioner_identifier.as_deref().map(read_practitioner).transpose()?;
    Ok(NewStaffInvitation {
        email: email.address().clone(),
        display_name: Pii::new(name),
        roles,
        is_owner: false,
        practitioner,
    })
}

fn read_practitioner(text: &str) -> Result<Pii<String>, GrantsError> {
    let well_formed =
        text.split_once('|').is_some_and(|(system, value)| !system.is_empty() && !value.is_empty());
    if !well_formed || text.len() > LONGEST_IDENTIFIER || text.chars().any(char::is_control) {
        let reason = "write SYSTEM|VALUE, as in the record system";
        return Err(invalid("practitioner_identifier", "practitioner.format", reason));
    }
    Ok(Pii::new(text.to_owned()))
}

impl Grants {
    /// Invites somebody to the staff console: the link goes to the address, the code to the caller.
    ///
    /// Until two people can approve it, only the owner invites clinicians.
    ///
    /// # Errors
    /// `Invalid`, `AccountExists` (also for the caller's own address), `OwnerOnly`, and the store's.
    pub async fn invite_staff(
        &self,
        caller: &Caller,
        request: &StaffInvitationRequest,
    ) -> Result<IssuedInvitation, GrantsError> {
        let letterhead = self.letterhead(caller.tenant(), Audience::Console).await?;
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<Create, StaffInvitation>(Target::Clinic).await?;
        let about = |event: EventDraft| event.on("staff_invitation", None);
        let invitation = match read(request) {
            Ok(invitation) => invitation,
            Err(error) => return Err(given_up(unit, error, ActionCode::StaffInvited, about).await),
        };
        if invitation.roles.holds(Role::Clinician) && !unit.caller_is_owner().await? {
            let error = GrantsError::OwnerOnly;
            return Err(given_up(unit, error, ActionCode::StaffInvited, about).await);
        }
        let (token, code) = (make_token(unit.environment()), make_clinic_code(unit.environment()));
        let secrets = InvitationSecrets { token: token.expose_secret(), code: code.expose_secret() };
        let expires_at = unit.now() + INVITATION_LIFE;
        let locale = letterhead.locale.as_str();
        let invited = unit.invite_staff(permit, &invitation, &secrets, locale, expires_at).await;
        let id = match invited.map_err(account_exists) {
            Ok(id) => id,
            Err(error) => return Err(given_up(unit, error, ActionCode::StaffInvited, about).await),
        };
        let content = MessageContent::StaffInvitation {
            clinic: letterhead.clinic,
            link: activation_link(&letterhead.origin, token.expose_secret()),
            expires_on: expires_at.date().to_string(),
        };
        queue(&mut unit, &content, letterhead.locale, &invitation.email, id).await?;
        unit.commit(()).await?;
        let clinic_code = Pii::new(group_spoken_code(code.expose_secret()));
        Ok(IssuedInvitation { id, clinic_code, expires_at })
    }

    /// The clinic's staff invitations, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn staff_invitations(&self, caller: &Caller) -> Result<Vec<ShownInvitation>, GrantsError> {
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<List, StaffInvitation>(Target::Clinic).await?;
        let rows = unit.staff_invitations(permit).await?;
        let rows = unit.commit(rows).await?;
        Ok(rows.into_iter().map(ShownInvitation::from).collect())
    }

    /// Takes a staff invitation back.
    ///
    /// # Errors
    /// `InvitationSettled`, and the store's.
    pub async fn revoke_staff_invitation(
        &self,
        caller: &Caller,
        id: InvitationId,
    ) -> Result<(), GrantsError> {
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<Delete, StaffInvitation>(Target::StaffInvitation(id)).await?;
        let about = |event: EventDraft| event.on("staff_invitation", Some(id.uuid()));
        match unit.revoke_staff_invitation(permit).await.map_err(settled) {
            Ok(()) => Ok(unit.commit(()).await?),
            Err(error) => Err(given_up(unit, error, ActionCode::StaffInvitationRevoked, about).await),
        }
    }

    /// The clinic's staff.
    ///
    /// # Errors
    /// The store's.
    pub async fn staff(&self, caller: &Caller) -> Result<Vec<StaffRow>, GrantsError> {
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<List, StaffMember>(Target::Clinic).await?;
        let rows = unit.staff(permit).await?;
        Ok(unit.commit(rows).await?)
    }
}
