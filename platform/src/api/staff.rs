//! The clinic's staff and their invitations.

use cloister_access::RoleSet;
use cloister_edge::StrictJson;
use cloister_grants::{ShownInvitation, StaffInvitationRequest as Request, StaffRow};
use cloister_kernel::InvitationId;
use poem_openapi::{Object, OpenApi, param::Path, payload::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    answers::{Answer, Change, Created, Done, Making},
    context::User,
    invitations::{InvitationCreated, InvitationState},
};

/// A member of staff as colleagues see them.
#[derive(Debug, Object)]
pub(crate) struct StaffMember {
    /// The account.
    id: Uuid,
    /// The name.
    display_name: String,
    /// The roles held now.
    roles: Vec<String>,
    /// `active` or `suspended`.
    status: String,
}

impl From<StaffRow> for StaffMember {
    fn from(row: StaffRow) -> Self {
        Self {
            id: row.id.uuid(),
            display_name: row.display_name.into_exposed(),
            roles: words(row.roles),
            status: row.status,
        }
    }
}

/// The clinic's staff, in the order they joined.
#[derive(Debug, Object)]
pub(crate) struct StaffList {
    /// The staff.
    items: Vec<StaffMember>,
}

/// Whom to invite to the console.
#[derive(Debug, Object)]
pub(crate) struct StaffInvitationRequest {
    /// The address; the link goes there.
    #[oai(validator(max_length = 254))]
    email: String,
    /// The name shown to colleagues.
    #[oai(validator(max_length = 480))]
    display_name: String,
    /// The roles: `clinician`, `billing`, `support` or `admin`.
    #[oai(validator(max_items = 8))]
    roles: Vec<String>,
    /// `SYSTEM|VALUE` by which the record system names this practitioner: puts patients of the care team on the panel.
    #[oai(validator(max_length = 300))]
    practitioner_identifier: Option<String>,
}

/// A staff invitation in a list.
#[derive(Debug, Object)]
pub(crate) struct StaffInvitation {
    /// The invitation.
    id: Uuid,
    /// Where it stands.
    status: InvitationState,
    /// The address as a hint.
    email_hint: String,
    /// The name.
    display_name: String,
    /// The roles that the account will hold.
    roles: Vec<String>,
    /// When it was made.
    created_at: OffsetDateTime,
    /// Until when it holds.
    expires_at: OffsetDateTime,
}

impl From<ShownInvitation> for StaffInvitation {
    fn from(shown: ShownInvitation) -> Self {
        Self {
            id: shown.row.id.uuid(),
            status: shown.row.status.into(),
            email_hint: shown.email_hint,
            display_name: shown.row.display_name.map(|name| name.into_exposed()).unwrap_or_default(),
            roles: words(shown.row.roles),
            created_at: shown.row.created_at,
            expires_at: shown.row.expires_at,
        }
    }
}

/// Staff invitations, newest first.
#[derive(Debug, Object)]
pub(crate) struct StaffInvitationList {
    /// The invitations.
    items: Vec<StaffInvitation>,
}

/// Roles in their stable spelling.
pub(super) fn words(roles: RoleSet) -> Vec<String> {
    roles.iter().map(|role| role.as_str().to_owned()).collect()
}

pub(crate) struct StaffApi;

#[OpenApi]
impl StaffApi {
    /// The clinic's staff
    #[oai(path = "/api/v1/staff", method = "get", operation_id = "list_staff")]
    async fn list(&self, user: User) -> Answer<StaffList> {
        let rows = user.platform.grants().staff(&user.caller).await?;
        Ok(Json(StaffList { items: rows.into_iter().map(StaffMember::from).collect() }))
    }

    /// Invites somebody to the console; needs a fresh factor
    #[oai(path = "/api/v1/staff-invitations", method = "post", operation_id = "invite_staff")]
    async fn invite(
        &self,
        user: User,
        request: StrictJson<StaffInvitationRequest>,
    ) -> Making<InvitationCreated> {
        let StaffInvitationRequest { email, display_name, roles, practitioner_identifier } = request.0;
        let request = Request { email, display_name, roles, practitioner_identifier };
        let issued = user.platform.grants().invite_staff(&user.caller, &request).await?;
        Ok(Created::new(issued.into()))
    }

    /// Staff invitations, newest first
    #[oai(path = "/api/v1/staff-invitations", method = "get", operation_id = "list_staff_invitations")]
    async fn invitations(&self, user: User) -> Answer<StaffInvitationList> {
        let shown = user.platform.grants().staff_invitations(&user.caller).await?;
        Ok(Json(StaffInvitationList { items: shown.into_iter().map(StaffInvitation::from).collect() }))
    }

    /// Takes a staff invitation back
    #[oai(
        path = "/api/v1/staff-invitations/:id",
        method = "delete",
        operation_id = "revoke_staff_invitation"
    )]
    async fn revoke(&self, user: User, id: Path<Uuid>) -> Change {
        let id = InvitationId::from_uuid(id.0);
        user.platform.grants().revoke_staff_invitation(&user.caller, id).await?;
        Ok(Done::Done)
    }
}
