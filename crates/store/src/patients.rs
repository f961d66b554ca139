//! Patients: sealed demographics and chart headers, and the blind indexes by which they are found.

use std::collections::{BTreeMap, BTreeSet};

use cloister_access::{Permit, action::Read, resource::Record};
use cloister_fhir::{
    Demographics, Operation, Patient, RecordHeader, ResourceType, identifier_tokens, name_prefix,
};
use cloister_kernel::{PatientId, Phi};
use cloister_vault::{Purpose, SealedValue};
use sea_orm::Value;
use time::{Date, macros::format_description};
use uuid::Uuid;

use crate::{
    Pending, StoreError, UnitOfWork, VisitUnit, core::Core, resources::ResourceRows, results::VISIBLE,
    sealer::Sealer,
};

const NAME_TOKEN: &str = "patient_name_tokens.token";
const NAME_PREFIX: &str = "patient_name_tokens.prefix";
const IDENTIFIER: &str = "patient_identifiers.identifier";

/// What the comparison of two descriptions needs, and the activation of an account.
const COMPARED: [&str; 3] = ["name", "birthDate", "gender"];

/// A record's header.
pub struct RecordRow {
    /// Whose it is.
    pub patient: PatientId,
    /// Name, birth date, sex, whether deceased.
    pub header: Phi<RecordHeader>,
    /// How many results it holds.
    pub results: i64,
}

pub(crate) fn header_of(bytes: &[u8]) -> Result<Phi<RecordHeader>, StoreError> {
    serde_json::from_slice(bytes).map(Phi::new).map_err(|_| StoreError::Corrupt("patients.header_sealed"))
}

impl UnitOfWork<'_> {
    /// The header of the record that the permit names.
    ///
    /// # Errors
    /// `NotFound` when the record was taken back by its source.
    pub async fn record(&mut self, permit: Permit<Read, Record>) -> Result<Pending<RecordRow>, StoreError> {
        let patient = self.patient_of(&permit)?;
        let sql = format!(
            "SELECT p.header_sealed, (SELECT COUNT(*) FROM resources r WHERE r.tenant_id = $1 \
             AND r.patient_id = p.id AND {VISIBLE}) AS results \
             FROM patients p WHERE p.tenant_id = $1 AND p.id = $2 AND p.status = 'active'"
        );
        let id = patient.uuid();
        let row = self.core.row(&sql, vec![id.into()]).await?.ok_or(StoreError::NotFound)?;
        let results = row.get("results")?;
        let header = row.sealed("header_sealed")?;
        Ok(self.core.pending("patients", "header_sealed", id, header, move |bytes| {
            Ok(RecordRow { patient, header: header_of(bytes)?, results })
        }))
    }
}

/// The demographics that were kept of a patient.
pub(crate) fn demographics_of(
    sealer: &Sealer,
    patient: Uuid,
    sealed: &SealedValue,
) -> Result<Demographics, StoreError> {
    let text = sealer.open("patients", "demographics_sealed", patient, sealed)?;
    let known: serde_json::Value =
        serde_json::from_slice(&text).map_err(|_| StoreError::Corrupt("patients.demographics_sealed"))?;
    Ok(Patient::of(&known).demographics())
}

/// The rows and indexes of patients to write, sealed.
#[derive(Default)]
pub(crate) struct PatientRows {
    kept: Vec<Value>,
    rows: Vec<Vec<Value>>,
    tokens: Vec<Vec<Value>>,
    identifiers: Vec<Vec<Value>>,
    gone: Vec<Value>,
}

impl PatientRows {
    /// The patients among the resources that change.
    pub(crate) fn of(
        sealer: &Sealer,
        resources: &ResourceRows,
        operations: &[Operation],
    ) -> Result<Self, StoreError> {
        let mut patients = Self::default();
        for (entry, content) in resources.changed.iter().zip(&resources.contents) {
            let Some(operation) =
                operations.get(*entry).filter(|operation| operation.resource_type == ResourceType::PATIENT)
            else {
                continue;
            };
            match &operation.resource {
                Some(resource) => patients.add(sealer, operation.id, resource, content.clone())?,
                None => patients.gone.push(operation.id.into()),
            }
        }
        Ok(patients)
    }

    fn add(
        &mut self,
        sealer: &Sealer,
        id: Uuid,
        resource: &serde_json::Value,
        content: Vec<u8>,
    ) -> Result<(), StoreError> {
        let now = sealer.now_microseconds();
        let compared: serde_json::Map<String, serde_json::Value> = COMPARED
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), resource.get(*name)?.clone())))
            .collect();
        let demographics = serde_json::to_vec(&compared).map_err(|_| StoreError::Corrupt("demographics"))?;
        let patient = Patient::of(resource);
        let header = serde_json::to_vec(&patient.header()).map_err(|_| StoreError::Corrupt("header"))?;
        let seal = |column, text: &[u8]| sealer.seal(Purpose::Phi, "patients", column, id, text);
        self.kept.push(id.into());
        self.rows.push(vec![
            id.into(),
            "active".into(),
            seal("demographics_sealed", &demographics)?.into(),
            seal("header_sealed", &header)?.into(),
            content.into(),
            now.into(),
            now.into(),
        ]);
        for token in patient.name_tokens() {
            self.tokens.push(vec![id.into(), sealer.blind_index(NAME_TOKEN, &token)?.into()]);
            self.tokens.push(vec![id.into(), sealer.blind_index(NAME_PREFIX, name_prefix(&token))?.into()]);
        }
        for identifier in identifier_tokens(resource) {
            self.identifiers.push(vec![id.into(), sealer.blind_index(IDENTIFIER, &identifier)?.into()]);
        }
        Ok(())
    }
}

impl VisitUnit<'_> {
    /// Whether a patient was born on this day. A record without a whole birth date matches no day.
    ///
    /// # Errors
    /// `Keys`, `Unavailable`.
    pub async fn birth_date_matches(&self, patient: PatientId, date: Date) -> Result<bool, StoreError> {
        let sql = "SELECT id, demographics_sealed FROM patients \
                   WHERE tenant_id = $1 AND id IN ({set}) AND status = 'active'";
        let found = self.core.compared(sql, vec![patient.uuid()]).await?;
        let spelt = date.format(format_description!("[year]-[month]-[day]")).ok();
        Ok(found.iter().any(|(_, known)| {
            let birth_date = Patient::of(known).birth_date();
            birth_date.is_some() && birth_date == spelt.as_deref()
        }))
    }
}

impl Core {
    async fn compared(
        &self,
        sql: &str,
        patients: Vec<Uuid>,
    ) -> Result<Vec<(Uuid, serde_json::Value)>, StoreError> {
        let rows = self.rows_among(sql, &[], patients.into_iter().map(Value::from).collect()).await?;
        rows.iter()
            .map(|row| {
                let id: Uuid = row.get("id")?;
                let text =
                    self.open("patients", "demographics_sealed", id, &row.sealed("demographics_sealed")?)?;
                let value = serde_json::from_slice(&text)
                    .map_err(|_| StoreError::Corrupt("patients.demographics_sealed"))?;
                Ok((id, value))
            })
            .collect()
    }

    /// The sealed demographics kept of patients, deleted ones too, for comparison.
    pub(crate) async fn sealed_demographics(
        &self,
        patients: &BTreeSet<Uuid>,
    ) -> Result<BTreeMap<Uuid, Vec<u8>>, StoreError> {
        let sql = "SELECT id, demographics_sealed FROM patients WHERE tenant_id = $1 AND id IN ({set})";
        let set = patients.iter().map(|patient| Value::from(*patient)).collect();
        let rows = self.rows_among(sql, &[], set).await?;
        rows.iter().map(|row| Ok((row.get("id")?, row.get("demographics_sealed")?))).collect()
    }

    /// Writes Patient resources' rows and their indexes, and takes those that are gone, and with them their charts, out
    /// of sight.
    pub(crate) async fn write_patients(&mut self, patients: PatientRows) -> Result<(), StoreError> {
        let PatientRows { kept, rows, tokens, identifiers, gone } = patients;
        let columns = [
            "id",
            "status",
            "demographics_sealed",
            "header_sealed",
            "content_hash",
            "created_at",
            "updated_at",
        ];
        let replacing = "ON CONFLICT (tenant_id, id) DO UPDATE SET status = excluded.status, \
                         demographics_sealed = excluded.demographics_sealed, header_sealed = excluded.header_sealed, \
                         content_hash = excluded.content_hash, updated_at = excluded.updated_at, \
                         version = patients.version + 1";
        self.insert_rows("patients", &columns, rows, replacing).await?;
        self.forget_indexes(kept).await?;
        const ONCE: &str = "ON CONFLICT DO NOTHING";
        self.insert_rows("patient_name_tokens", &["patient_id", "token_index"], tokens, ONCE).await?;
        let columns = ["patient_id", "identifier_index"];
        self.insert_rows("patient_identifiers", &columns, identifiers, ONCE).await?;
        self.hide_patients(gone).await
    }

    async fn forget_indexes(&mut self, patients: Vec<Value>) -> Result<(), StoreError> {
        for table in ["patient_name_tokens", "patient_identifiers"] {
            let sql = format!("DELETE FROM {table} WHERE tenant_id = $1 AND patient_id IN ({{set}})");
            self.execute_among(&sql, &[], patients.clone()).await?;
        }
        Ok(())
    }

    async fn hide_patients(&mut self, patients: Vec<Value>) -> Result<(), StoreError> {
        let now = self.now_microseconds();
        let sql = "UPDATE patients SET status = 'deleted', version = version + 1, updated_at = $2 \
                   WHERE tenant_id = $1 AND id IN ({set})";
        self.execute_among(sql, &[now.into()], patients.clone()).await?;
        self.forget_indexes(patients).await
    }
}
