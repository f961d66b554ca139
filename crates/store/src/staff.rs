//! The clinic's staff, and who is put on a patient's panel by hand.

use cloister_access::{
    Permit, RoleSet,
    action::{Create, Delete, List},
    resource::{PanelMember, StaffMember},
};
use cloister_kernel::{Pii, UserId};
use sea_orm::Value;
use uuid::Uuid;

use crate::{Pending, StoreError, UnitOfWork};

/// A member of staff as colleagues see them.
#[derive(Debug)]
pub struct StaffRow {
    /// The account.
    pub id: UserId,
    /// The name.
    pub display_name: Pii<String>,
    /// The roles held now.
    pub roles: RoleSet,
    /// Whether the account owns the clinic.
    pub is_owner: bool,
    /// `active` or `suspended`.
    pub status: String,
}

impl UnitOfWork<'_> {
    /// All staff, in the order they joined, at most five hundred.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn staff(
        &mut self,
        permit: Permit<List, StaffMember>,
    ) -> Result<Vec<Pending<StaffRow>>, StoreError> {
        self.check(&permit)?;
        let sql = "SELECT u.id, u.display_name_sealed, u.is_owner, u.status, r.role FROM users u \
                   LEFT JOIN role_assignments r ON r.tenant_id = $1 AND r.user_id = u.id AND r.status = 'active' \
                   WHERE u.tenant_id = $1 AND u.kind = 'staff' AND u.id IN (SELECT id FROM users \
                   WHERE tenant_id = $1 AND kind = 'staff' ORDER BY created_at, id LIMIT 500) \
                   ORDER BY u.created_at, u.id";
        let rows = self.core.rows(sql, vec![]).await?;
        let mut staff: Vec<(Uuid, RoleSet, usize)> = Vec::new();
        for (position, row) in rows.iter().enumerate() {
            let id: Uuid = row.get("id")?;
            if staff.last().is_none_or(|(last, ..)| *last != id) {
                staff.push((id, RoleSet::NONE, position));
            }
            if let (Some(role), Some((_, roles, _))) = (row.get::<Option<String>>("role")?, staff.last_mut())
            {
                *roles = roles.with(role.parse().map_err(|_| StoreError::Corrupt("role_assignments.role"))?);
            }
        }
        staff
            .into_iter()
            .map(|(id, roles, position)| {
                let row = &rows[position];
                let (is_owner, status) = (row.get("is_owner")?, row.get("status")?);
                let name = row.sealed("display_name_sealed")?;
                Ok(self.core.pending("users", "display_name_sealed", id, name, move |bytes| {
                    let name = String::from_utf8(bytes.to_vec())
                        .map_err(|_| StoreError::Corrupt("users.display_name_sealed"))?;
                    Ok(StaffRow {
                        id: UserId::from_uuid(id),
                        display_name: Pii::new(name),
                        roles,
                        is_owner,
                        status,
                    })
                }))
            })
            .collect()
    }

    /// Whether the caller owns the clinic.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn caller_is_owner(&mut self) -> Result<bool, StoreError> {
        let Some(user) = self.caller().user() else { return Ok(false) };
        let sql = "SELECT is_owner FROM users WHERE tenant_id = $1 AND id = $2";
        match self.core.row(sql, vec![user.uuid().into()]).await? {
            Some(row) => row.get("is_owner"),
            None => Ok(false),
        }
    }

    /// Puts a clinician on a patient's panel by hand. Doing it again changes nothing.
    ///
    /// # Errors
    /// `Conflict` when the member of staff is no clinician; `Unavailable`.
    pub async fn assign_panel_member(
        &mut self,
        permit: Permit<Create, PanelMember>,
    ) -> Result<(), StoreError> {
        let (user, patient) = (self.row_of(&permit)?, self.patient_of(&permit)?);
        let sql = "SELECT id FROM role_assignments WHERE tenant_id = $1 AND user_id = $2 \
                   AND role = 'clinician' AND status = 'active'";
        self.core.row(sql, vec![user.into()]).await?.ok_or(StoreError::Conflict)?;
        let created_by = self.caller().user().map(UserId::uuid);
        let now = self.core.now_microseconds();
        let sql = "INSERT INTO panel_members (tenant_id, user_id, patient_id, source, created_by, created_at) \
                   VALUES ($1, $2, $3, 'assigned', $4, $5) ON CONFLICT DO NOTHING";
        let values: Vec<Value> = vec![user.into(), patient.uuid().into(), created_by.into(), now.into()];
        self.core.execute(sql, values).await?;
        Ok(())
    }

    /// Takes a member of staff off a patient's panel where they were put by hand. What the record says of the care team
    /// stays.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn unassign_panel_member(
        &mut self,
        permit: Permit<Delete, PanelMember>,
    ) -> Result<(), StoreError> {
        let (user, patient) = (self.row_of(&permit)?, self.patient_of(&permit)?);
        let sql = "DELETE FROM panel_members \
                   WHERE tenant_id = $1 AND user_id = $2 AND patient_id = $3 AND source = 'assigned'";
        self.core.execute(sql, vec![user.into(), patient.uuid().into()]).await?;
        Ok(())
    }
}
