//! Putting a member of staff on a patient's panel by hand, by ids alone: an administrator never sees whose they are.

use cloister_access::{
    Caller,
    action::{Create, Delete},
    resource::PanelMember,
};
use cloister_kernel::{PatientId, UserId};
use cloister_store::Target;

use crate::{Grants, GrantsError};

impl Grants {
    /// Puts a member of staff on a patient's panel.
    ///
    /// # Errors
    /// The store's: an unknown patient or member of staff is not found.
    pub async fn assign_panel_member(
        &self,
        caller: &Caller,
        patient: PatientId,
        member: UserId,
    ) -> Result<(), GrantsError> {
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) =
            unit.require::<Create, PanelMember>(Target::PanelMember(member, patient)).await?;
        unit.assign_panel_member(permit).await?;
        Ok(unit.commit(()).await?)
    }

    /// Takes a member of staff off a patient's panel.
    ///
    /// # Errors
    /// As [`Grants::assign_panel_member`].
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
