//! The core against real databases, with a small repository of its own.

#[path = "../../tests/support/mod.rs"]
mod support;

mod ahead;
mod connections;
mod cursors;
mod decisions;
mod durability;
mod failpoints;
mod group_commit;
mod isolation;
mod jobs;
mod lookups;
mod model;
mod newest_results;
mod release;
mod silence;
mod storm;

use cloister_access::{Permit, action, resource};
use cloister_kernel::{PatientId, Phi, TenantId};
use cloister_vault::Purpose;
pub(crate) use support::{Harness, Kind, nothing, spellings};
use uuid::Uuid;

use crate::{Pending, StoreError, UnitOfWork, core::Core};

pub(crate) const HEADER: &str = "Ana Canária, 1980-02-03";

/// What a repository file looks like: a clinical read under a permit.
impl UnitOfWork<'_> {
    pub(crate) async fn sample_header(
        &mut self,
        permit: Permit<action::Read, resource::Record>,
    ) -> Result<Pending<Phi<String>>, StoreError> {
        let patient = self.patient_of(&permit)?.uuid();
        let sql = "SELECT header_sealed FROM patients WHERE tenant_id = $1 AND id = $2";
        let row = self.core.row(sql, vec![patient.into()]).await?.ok_or(StoreError::NotFound)?;
        Ok(self.core.pending("patients", "header_sealed", patient, row.sealed("header_sealed")?, |bytes| {
            let text = std::str::from_utf8(bytes).map_err(|_| StoreError::Corrupt("header"))?;
            Ok(Phi::new(text.to_owned()))
        }))
    }
}

/// Writes a patient through a unit's core.
pub(crate) async fn insert_patient(core: &mut Core, id: Uuid) -> Result<(), StoreError> {
    let demographics = core.seal(Purpose::Phi, "patients", "demographics_sealed", id, HEADER.as_bytes())?;
    let header = core.seal(Purpose::Phi, "patients", "header_sealed", id, HEADER.as_bytes())?;
    let sql = "INSERT INTO patients (tenant_id, id, status, demographics_sealed, header_sealed, content_hash, \
               created_at, updated_at) VALUES ($1, $2, 'active', $3, $4, $5, 0, 0)";
    core.execute(sql, vec![id.into(), demographics.into(), header.into(), vec![7u8; 32].into()]).await?;
    Ok(())
}

impl Harness {
    /// A patient with a sealed header.
    pub(crate) async fn patient(&self, tenant: TenantId) -> PatientId {
        let visitor = self.visitor(tenant, cloister_kernel::Audience::Portal);
        let mut visit = self.store.begin_visit(&visitor).await.unwrap();
        let patient: PatientId = self.environment.id();
        insert_patient(&mut visit.core, patient.uuid()).await.unwrap();
        visit.commit(()).await.unwrap();
        patient
    }
}
