//! Who is put on a patient's panel by hand.

use cloister_kernel::{PatientId, UserId};
use poem_openapi::{OpenApi, param::Path};
use uuid::Uuid;

use super::{
    answers::{Change, Done},
    context::User,
};

pub(crate) struct PanelMemberApi;

#[OpenApi]
impl PanelMemberApi {
    /// Puts a clinician on a patient's panel
    #[oai(
        path = "/api/v1/patients/:patient_id/panel-members/:user_id",
        method = "put",
        operation_id = "assign_panel_member"
    )]
    async fn assign(&self, user: User, patient_id: Path<Uuid>, user_id: Path<Uuid>) -> Change {
        let (patient, member) = (PatientId::from_uuid(patient_id.0), UserId::from_uuid(user_id.0));
        user.platform.grants().assign_panel_member(&user.caller, patient, member).await?;
        Ok(Done::Done)
    }

    /// Takes a member of staff off a patient's panel, where they were put by hand
    #[oai(
        path = "/api/v1/patients/:patient_id/panel-members/:user_id",
        method = "delete",
        operation_id = "unassign_panel_member"
    )]
    async fn unassign(&self, user: User, patient_id: Path<Uuid>, user_id: Path<Uuid>) -> Change {
        let (patient, member) = (PatientId::from_uuid(patient_id.0), UserId::from_uuid(user_id.0));
        user.platform.grants().unassign_panel_member(&user.caller, patient, member).await?;
        Ok(Done::Done)
    }
}
