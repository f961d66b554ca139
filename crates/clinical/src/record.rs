//! The record's header.

use cloister_access::{Caller, action::Read, resource};
use cloister_audit::ActionCode;
use cloister_kernel::{PatientId, Phi};
use cloister_store::{RecordRow, Target};

use crate::{
    Clinical, ClinicalError,
    clinical::{Sought, found},
};

/// Who a record is about.
#[derive(Debug, Clone)]
pub struct Record {
    /// The patient.
    pub patient_id: PatientId,
    /// The name to show; empty when the source gave none.
    pub name: String,
    /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`, as precise as it is known.
    pub birth_date: Option<String>,
    /// FHIR's administrative gender.
    pub sex: Option<String>,
    /// Whether the patient has died.
    pub deceased: bool,
    /// How many results the record holds.
    pub results: i64,
}

impl Clinical {
    /// The record of the patient who asks.
    ///
    /// # Errors
    /// `Store` with `NotFound` or a denial.
    pub async fn own_record(&self, caller: &Caller) -> Result<Phi<Record>, ClinicalError> {
        self.record(caller, Target::OwnRecord).await
    }

    /// The record of a patient on the caller's panel.
    ///
    /// # Errors
    /// As [`Clinical::own_record`].
    pub async fn patient_record(
        &self,
        caller: &Caller,
        patient: PatientId,
    ) -> Result<Phi<Record>, ClinicalError> {
        self.record(caller, Target::Patient(patient)).await
    }

    async fn record(&self, caller: &Caller, target: Target) -> Result<Phi<Record>, ClinicalError> {
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<Read, resource::Record>(target).await?;
        let patient = permit.patient();
        let outcome = unit.record(permit).await;
        let sought = Sought { action: ActionCode::RecordRead, resource: "record", row: None, patient };
        let (unit, row) = found(unit, outcome, sought).await?;
        let RecordRow { patient, header, results } = unit.commit(row).await?;
        Ok(header.map(|header| Record {
            patient_id: patient,
            name: header.name,
            birth_date: header.birth_date,
            sex: header.sex,
            deceased: header.deceased,
            results,
        }))
    }
}
