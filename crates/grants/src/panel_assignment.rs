//! Putting a clinician on a patient's panel by hand, by ids alone: an administrator never sees whose they are.

use cloister_access::{
    Caller,
    action::{Create, Delete},
    resource::PanelMember,
};
use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{PatientId, UserId};
use cloister_store::{StoreError, Target};

use crate::{
    Grants, GrantsError,
    invitation::{given_up, invalid},
};

impl Grants {
    /// Puts a clinician on a patient's panel.
    ///
    /// # Errors
    /// `Invalid` for a member of staff who treats nobody, and the store's: an unknown patient or member of staff is not
    /// found.
    pub async fn assign_panel_member(
        &self,
        caller: &Caller,
        patient: PatientId,
        member: UserId,
    ) -> Result<(), GrantsError> {
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) =
            unit.require::<Create, PanelMember>(Target::PanelMember(member, patient)).await?;
        let about = |event: EventDraft| event.on("panel_member", Some(member.uuid())).of_patient(patient);
        match unit.assign_panel_member(permit).await {
            Ok(()) => Ok(unit.commit(()).await?),
            Err(StoreError::Conflict) => {
                let reason = "only clinicians can be on panels";
                let error = invalid("user_id", "panel_member.not_a_clinician", reason);
                Err(given_up(unit, error, ActionCode::PanelMemberAssigned, about).await)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a member of staff off a patient's panel.
    ///
    /// # Errors
    /// The store's: an unknown patient or member of staff is not found.
    pub async fn unassign_panel_member(
        &self,
        caller: &Caller,
        patient: PatientId,
        member: UserId,
    ) -> Result<(), GrantsError> {
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) =
            unit.require::<Delete, PanelMember>(Target::PanelMember(member, patient)).await?;
        unit.unassign_panel_member(permit).await?;
        Ok(unit.commit(()).await?)
    }
}
