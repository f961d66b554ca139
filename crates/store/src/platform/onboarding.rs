//! What an onboarding meant to do and what it has done, written down before and after each step, so that a process
//! that dies leaves nothing behind that another cannot find.

use cloister_kernel::TenantId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::PlatformUnit;
use crate::{
    StoreError,
    statement::{Row, microseconds},
};

/// How far one step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepStatus {
    /// About to be done: it may or may not have happened.
    Intended,
    /// Done; the reference says what came of it.
    Done,
}

/// One step of an onboarding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnboardingStep {
    /// The step's name.
    pub step: String,
    /// How far it has come.
    pub status: StepStatus,
    /// What came of it, for example a key's id.
    pub reference: Option<String>,
}

/// The row that says which process works on an onboarding is the step `lease`: its reference names the holder.
impl PlatformUnit {
    /// Begins an onboarding under the given holder.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn begin_onboarding(&mut self, tenant: TenantId, holder: Uuid) -> Result<(), StoreError> {
        self.put_step(tenant, "lease", "held", Some(holder.to_string())).await
    }

    /// Renews the lease of its holder. Says whether he still holds it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn renew_onboarding(&mut self, tenant: TenantId, holder: Uuid) -> Result<bool, StoreError> {
        let sql = "UPDATE onboarding_steps SET updated_at = $3 \
                   WHERE tenant_id = $1 AND step = 'lease' AND reference = $2";
        let values = vec![tenant.uuid().into(), holder.to_string().into(), self.now_microseconds().into()];
        Ok(self.execute(sql, values).await? == 1)
    }

    /// Takes over an onboarding that nobody has touched since `before`. Says whether it was to be had.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn take_onboarding(
        &mut self,
        tenant: TenantId,
        holder: Uuid,
        before: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE onboarding_steps SET reference = $2, updated_at = $3, attempts = attempts + 1 \
                   WHERE tenant_id = $1 AND step = 'lease' AND updated_at < $4";
        let values = vec![
            tenant.uuid().into(),
            holder.to_string().into(),
            self.now_microseconds().into(),
            microseconds(before).into(),
        ];
        Ok(self.execute(sql, values).await? == 1)
    }

    /// Onboardings that nobody has touched since `before`, at most 100.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn abandoned_onboardings(
        &mut self,
        before: OffsetDateTime,
    ) -> Result<Vec<TenantId>, StoreError> {
        let sql = "SELECT tenant_id FROM onboarding_steps WHERE step = 'lease' AND updated_at < $1 LIMIT 100";
        let rows = self.rows(sql, vec![microseconds(before).into()]).await?;
        rows.iter().map(|row| Ok(TenantId::from_uuid(row.get("tenant_id")?))).collect()
    }

    /// Writes down that a step is about to be done.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn intend_step(&mut self, tenant: TenantId, step: &str) -> Result<(), StoreError> {
        self.put_step(tenant, step, "intended", None).await
    }

    /// Writes down what came of a step.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn finish_step(
        &mut self,
        tenant: TenantId,
        step: &str,
        reference: &str,
    ) -> Result<(), StoreError> {
        self.put_step(tenant, step, "done", Some(reference.to_owned())).await
    }

    /// The steps written down so far.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn onboarding_steps(&mut self, tenant: TenantId) -> Result<Vec<OnboardingStep>, StoreError> {
        let sql =
            "SELECT step, status, reference FROM onboarding_steps WHERE tenant_id = $1 AND step <> 'lease'";
        let step = |row: &Row| {
            let done = row.get::<String>("status")? == "done";
            Ok(OnboardingStep {
                step: row.get("step")?,
                status: if done { StepStatus::Done } else { StepStatus::Intended },
                reference: row.get("reference")?,
            })
        };
        self.rows(sql, vec![tenant.uuid().into()]).await?.iter().map(step).collect()
    }

    /// Forgets an onboarding, whether completed or undone.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn end_onboarding(&mut self, tenant: TenantId) -> Result<(), StoreError> {
        self.execute("DELETE FROM onboarding_steps WHERE tenant_id = $1", vec![tenant.uuid().into()]).await?;
        Ok(())
    }

    async fn put_step(
        &mut self,
        tenant: TenantId,
        step: &str,
        status: &str,
        reference: Option<String>,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO onboarding_steps (tenant_id, step, status, attempts, reference, updated_at) \
                   VALUES ($1, $2, $3, 1, $4, $5) ON CONFLICT (tenant_id, step) DO UPDATE \
                   SET status = excluded.status, reference = excluded.reference, updated_at = excluded.updated_at";
        let now = self.now_microseconds();
        let values = vec![tenant.uuid().into(), step.into(), status.into(), reference.into(), now.into()];
        self.execute(sql, values).await?;
        Ok(())
    }
}
