//! Panels: which patients a member of staff cares for, from the record itself and by hand.

use sea_orm::Value;
use uuid::Uuid;

use crate::{StoreError, core::Core};

impl Core {
    /// Puts the patients whose records name a practitioner on the panel of the account that is this practitioner.
    pub(crate) async fn link_practitioner_panel(
        &mut self,
        user: Uuid,
        practitioner_index: &[u8],
    ) -> Result<(), StoreError> {
        let now = self.now_microseconds();
        let sql = "INSERT INTO panel_members (tenant_id, user_id, patient_id, source, created_at) \
                   SELECT DISTINCT l.tenant_id, $2, l.patient_id, l.source, $4 FROM care_links l \
                   WHERE l.tenant_id = $1 AND l.practitioner_index = $3 ON CONFLICT DO NOTHING";
        let values: Vec<Value> = vec![user.into(), practitioner_index.to_vec().into(), now.into()];
        self.execute(sql, values).await?;
        Ok(())
    }
}
