//! Quarantine: bundles that would change who a record is about wait here, whole and sealed, for a person's decision.

use std::collections::BTreeSet;

use cloister_access::{
    Permit,
    action::{Decide, List},
    resource::QuarantineEntry,
};
use cloister_audit::{ActionCode, EventDraft};
use cloister_fhir::{Patient, RecordHeader};
use cloister_kernel::{PatientId, Phi, QuarantineId};
use cloister_vault::Purpose;
use sea_orm::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Pending, StoreError, UnitOfWork,
    core::Core,
    intake::{HeldBundle, Planned},
    patients::header_of,
};

/// The most entries that are listed at once.
const LONGEST_LIST: i64 = 200;

const INCOMING: &str = "quarantine.incoming_hash";

/// Why a bundle is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldBecause {
    /// It describes the patient in a way that contradicts the record.
    ConflictingDemographics,
    /// It writes to a record whose patient is in dispute, and does not say who the patient is.
    PatientInDispute,
}

impl HeldBecause {
    /// The stable spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConflictingDemographics => "conflicting_demographics",
            Self::PatientInDispute => "patient_in_dispute",
        }
    }
}

impl std::str::FromStr for HeldBecause {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::ConflictingDemographics, Self::PatientInDispute]
            .into_iter()
            .find(|w| w.as_str() == text)
            .ok_or(())
    }
}

/// A held bundle as those see it who may decide.
pub struct QuarantineRow {
    /// The entry.
    pub id: QuarantineId,
    /// Whose record it is about.
    pub patient: PatientId,
    /// Why it is held.
    pub reason: HeldBecause,
    /// The record system that sent it.
    pub source: String,
    /// When it came.
    pub received_at: OffsetDateTime,
    /// What the record says.
    pub current: Phi<RecordHeader>,
    /// What the bundle says, if it says.
    pub incoming: Option<Phi<RecordHeader>>,
}

/// A bundle to be held, sealed.
pub(crate) struct Hold {
    client: Uuid,
    patient: Uuid,
    reason: HeldBecause,
    hash: Vec<u8>,
    id: Uuid,
    original: Vec<u8>,
    header: Option<Vec<u8>>,
    /// Patients for whom it was accepted already.
    accepted: String,
}

impl Hold {
    /// Seals what is kept of a bundle while it waits for a decision about a patient, whom it may describe.
    pub(crate) fn of(
        planned: &Planned,
        patient: Uuid,
        reason: HeldBecause,
        incoming: Option<&serde_json::Value>,
    ) -> Result<Self, StoreError> {
        let (sealer, original) = (&planned.sealer, planned.incoming.original());
        let id = sealer.environment().uuid();
        let seal = |column, text: &[u8]| sealer.seal(Purpose::Phi, "quarantine", column, id, text);
        let header = incoming.map(|patient| {
            let header = serde_json::to_vec(&Patient::of(patient).header())
                .map_err(|_| StoreError::Corrupt("header"))?;
            seal("header_sealed", &header)
        });
        Ok(Self {
            client: planned.source.client,
            patient,
            reason,
            hash: sealer.blind_index(INCOMING, &data_encoding::BASE64.encode(original))?,
            id,
            original: seal("incoming_sealed", original)?,
            header: header.transpose()?,
            accepted: serde_json::to_string(&planned.origin.accepted)
                .map_err(|_| StoreError::Corrupt("accepted"))?,
        })
    }
}

impl UnitOfWork<'_> {
    /// What waits for a decision about patients of the caller's panel, oldest first, at most two hundred.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn quarantined(
        &mut self,
        permit: Permit<List, QuarantineEntry>,
    ) -> Result<Vec<Pending<QuarantineRow>>, StoreError> {
        self.check(&permit)?;
        let user = self.caller().user().ok_or(StoreError::ForeignPermit)?;
        let sql = "SELECT q.id, q.patient_id, q.reason, q.created_at, q.header_sealed AS incoming_header, \
                   p.header_sealed, c.name FROM quarantine q \
                   JOIN patients p ON p.tenant_id = q.tenant_id AND p.id = q.patient_id \
                   JOIN machine_clients c ON c.tenant_id = q.tenant_id AND c.id = q.machine_client_id \
                   WHERE q.tenant_id = $1 AND q.status = 'pending' AND EXISTS (SELECT 1 FROM panel_members m \
                   WHERE m.tenant_id = $1 AND m.patient_id = q.patient_id AND m.user_id = $2) \
                   ORDER BY q.created_at, q.id LIMIT $3";
        let values: Vec<Value> = vec![user.uuid().into(), LONGEST_LIST.into()];
        let rows = self.core.rows(sql, values).await?;
        rows.iter()
            .map(|row| {
                let (id, patient): (Uuid, Uuid) = (row.get("id")?, row.get("patient_id")?);
                let (source, received_at) = (row.get("name")?, row.moment("created_at")?);
                let reason = row.word("reason")?;
                let current = row.sealed("header_sealed")?;
                let current = self.core.pending("patients", "header_sealed", patient, current, header_of);
                let incoming = match row.sealed_or_none("incoming_header")? {
                    None => self.core.pending_clear(None),
                    Some(sealed) => {
                        let some = |bytes: &[u8]| header_of(bytes).map(Some);
                        self.core.pending("quarantine", "header_sealed", id, sealed, some)
                    }
                };
                Ok(current.and(incoming).map(move |(current, incoming)| QuarantineRow {
                    id: QuarantineId::from_uuid(id),
                    patient: PatientId::from_uuid(patient),
                    reason,
                    source,
                    received_at,
                    current,
                    incoming,
                }))
            })
            .collect()
    }

    /// Leaves the record as it is. The bundle stays on file and is not taken in; sent again unchanged, it is not put
    /// to anybody a second time.
    ///
    /// # Errors
    /// `Conflict` when it was decided already.
    pub async fn keep_current(&mut self, permit: Permit<Decide, QuarantineEntry>) -> Result<(), StoreError> {
        let id = self.row_of(&permit)?;
        self.settle(id, "discarded").await
    }

    pub(crate) async fn settle(&mut self, id: Uuid, status: &'static str) -> Result<(), StoreError> {
        let decided_by = self.caller().user().map(cloister_kernel::UserId::uuid);
        let now = self.core.now_microseconds();
        let sql = "UPDATE quarantine SET status = $3, decided_at = $4, decided_by = $5 \
                   WHERE tenant_id = $1 AND id = $2 AND status = 'pending'";
        let values: Vec<Value> = vec![id.into(), status.into(), now.into(), decided_by.into()];
        match self.core.execute(sql, values).await? {
            0 => Err(StoreError::Conflict),
            _ => Ok(()),
        }
    }
}

impl Core {
    /// Which of these patients have something waiting from this record system.
    pub(crate) async fn in_dispute(
        &self,
        client: Uuid,
        patients: &BTreeSet<Uuid>,
    ) -> Result<BTreeSet<Uuid>, StoreError> {
        let sql = "SELECT DISTINCT patient_id FROM quarantine WHERE tenant_id = $1 AND machine_client_id = $2 \
                   AND status = 'pending' AND patient_id IN ({set})";
        let set = patients.iter().map(|patient| Value::from(*patient)).collect();
        let rows = self.rows_among(sql, &[client.into()], set).await?;
        rows.iter().map(|row| row.get("patient_id")).collect()
    }

    /// Puts a bundle into quarantine, unless the very same one waits already or was decided against.
    pub(crate) async fn hold(&mut self, hold: Hold) -> Result<(), StoreError> {
        let sql = "SELECT id FROM quarantine WHERE tenant_id = $1 AND machine_client_id = $2 AND patient_id = $3 \
                   AND incoming_hash = $4 AND status <> 'accepted'";
        let values: Vec<Value> = vec![hold.client.into(), hold.patient.into(), hold.hash.clone().into()];
        let same = self.row(sql, values).await?;
        let of_patient = PatientId::from_uuid(hold.patient);
        let event = EventDraft::success(ActionCode::ResourceQuarantined).of_patient(of_patient);
        if let Some(same) = same {
            let id = same.get("id")?;
            self.note(event.on("quarantine_entry", Some(id)).because("already_held"));
            return Ok(());
        }
        let values: Vec<Value> = vec![
            hold.id.into(),
            hold.client.into(),
            hold.patient.into(),
            hold.reason.as_str().into(),
            hold.hash.into(),
            hold.original.into(),
            hold.header.into(),
            hold.accepted.into(),
            self.now_microseconds().into(),
        ];
        let sql = "INSERT INTO quarantine (tenant_id, id, machine_client_id, resource_type, patient_id, reason, \
                   incoming_hash, incoming_sealed, header_sealed, accepted_patients, status, created_at) \
                   VALUES ($1, $2, $3, 'Bundle', $4, $5, $6, $7, $8, $9, 'pending', $10)";
        self.execute(sql, values).await?;
        self.note(event.on("quarantine_entry", Some(hold.id)).because(hold.reason.as_str()));
        Ok(())
    }

    /// A bundle that waits, still sealed.
    pub(crate) async fn held(&self, id: Uuid) -> Result<HeldBundle, StoreError> {
        let sql = "SELECT machine_client_id, patient_id, incoming_sealed, accepted_patients FROM quarantine \
                   WHERE tenant_id = $1 AND id = $2 AND status = 'pending'";
        let row = self.row(sql, vec![id.into()]).await?.ok_or(StoreError::Conflict)?;
        let mut accepted: BTreeSet<Uuid> = serde_json::from_str(&row.get::<String>("accepted_patients")?)
            .map_err(|_| StoreError::Corrupt("quarantine.accepted_patients"))?;
        accepted.insert(row.get("patient_id")?);
        Ok(HeldBundle {
            client: row.get("machine_client_id")?,
            sealed: row.sealed("incoming_sealed")?,
            accepted,
        })
    }
}
