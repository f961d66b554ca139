//! Invitations of patients.

use cloister_edge::StrictJson;
use cloister_grants::{InvitationStatus, IssuedInvitation, ShownInvitation};
use cloister_kernel::{InvitationId, PatientId};
use poem_openapi::{Enum, Object, OpenApi, param::Path, payload::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    answers::{Answer, Change, Created, Done, Making},
    context::User,
};

/// Whom to invite.
#[derive(Debug, Object)]
pub(crate) struct InvitationRequest {
    /// The patient's address; the link goes there.
    #[oai(validator(max_length = 254))]
    email: String,
}

/// A new invitation.
#[derive(Debug, Object)]
pub(crate) struct InvitationCreated {
    /// The invitation.
    id: Uuid,
    /// The code to hand over in person; it is shown this once.
    clinic_code: String,
    /// Until when it holds.
    expires_at: OffsetDateTime,
}

impl From<IssuedInvitation> for InvitationCreated {
    fn from(issued: IssuedInvitation) -> Self {
        Self {
            id: issued.id.uuid(),
            clinic_code: issued.clinic_code.into_exposed(),
            expires_at: issued.expires_at,
        }
    }
}

/// Where an invitation stands.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum InvitationState {
    /// Waits to be accepted.
    Pending,
    /// An account came of it.
    Accepted,
    /// Taken back, or replaced by a newer one.
    Revoked,
    /// Its time ran out.
    Expired,
    /// Too many wrong answers.
    Locked,
}

impl From<InvitationStatus> for InvitationState {
    fn from(status: InvitationStatus) -> Self {
        match status {
            InvitationStatus::Pending => Self::Pending,
            InvitationStatus::Accepted => Self::Accepted,
            InvitationStatus::Revoked => Self::Revoked,
            InvitationStatus::Expired => Self::Expired,
            InvitationStatus::Locked => Self::Locked,
        }
    }
}

/// An invitation in a list.
#[derive(Debug, Object)]
pub(crate) struct Invitation {
    /// The invitation.
    id: Uuid,
    /// Where it stands.
    status: InvitationState,
    /// The address as a hint.
    email_hint: String,
    /// When it was made.
    created_at: OffsetDateTime,
    /// Until when it holds.
    expires_at: OffsetDateTime,
}

impl From<ShownInvitation> for Invitation {
    fn from(shown: ShownInvitation) -> Self {
        Self {
            id: shown.row.id.uuid(),
            status: shown.row.status.into(),
            email_hint: shown.email_hint,
            created_at: shown.row.created_at,
            expires_at: shown.row.expires_at,
        }
    }
}

/// A patient's invitations, newest first.
#[derive(Debug, Object)]
pub(crate) struct InvitationList {
    /// The invitations.
    items: Vec<Invitation>,
}

pub(crate) struct InvitationApi;

#[OpenApi]
impl InvitationApi {
    /// Invites a patient of the caller's panel
    #[oai(
        path = "/api/v1/patients/:patient_id/invitations",
        method = "post",
        operation_id = "invite_patient"
    )]
    async fn create(
        &self,
        user: User,
        patient_id: Path<Uuid>,
        request: StrictJson<InvitationRequest>,
    ) -> Making<InvitationCreated> {
        let patient = PatientId::from_uuid(patient_id.0);
        let issued = user.platform.grants().invite_patient(&user.caller, patient, &request.0.email).await?;
        Ok(Created::new(issued.into()))
    }

    /// A patient's invitations, newest first
    #[oai(
        path = "/api/v1/patients/:patient_id/invitations",
        method = "get",
        operation_id = "list_invitations"
    )]
    async fn list(&self, user: User, patient_id: Path<Uuid>) -> Answer<InvitationList> {
        let patient = PatientId::from_uuid(patient_id.0);
        let shown = user.platform.grants().patient_invitations(&user.caller, patient).await?;
        Ok(Json(InvitationList { items: shown.into_iter().map(Invitation::from).collect() }))
    }

    /// Takes an invitation back
    #[oai(path = "/api/v1/invitations/:id", method = "delete", operation_id = "revoke_invitation")]
    async fn revoke(&self, user: User, id: Path<Uuid>) -> Change {
        user.platform.grants().revoke_invitation(&user.caller, InvitationId::from_uuid(id.0)).await?;
        Ok(Done::Done)
    }
}
