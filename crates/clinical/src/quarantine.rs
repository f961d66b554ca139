//! Deciding about bundles that contradict who a patient is.

use cloister_access::{
    Caller,
    action::{Decide, List},
    resource::QuarantineEntry,
};
use cloister_audit::ActionCode;
use cloister_fhir::RecordHeader;
use cloister_kernel::{PatientId, Phi, QuarantineId};
use cloister_store::{HeldBecause, QuarantineRow, Target};
use time::OffsetDateTime;

use crate::{
    Clinical, ClinicalError,
    clinical::{Sought, found},
    ingest::settled,
};

/// What a clinician decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuarantineDecision {
    /// The record stays as it is; nothing of the bundle is taken in.
    KeepCurrent,
    /// The bundle is right about this patient; all of it is taken in.
    AcceptIncoming,
}

/// One point in which bundle and record differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineDifference {
    /// `name`, `birth_date`, `sex` or `deceased`.
    pub field: &'static str,
    /// What the record says.
    pub current: Option<String>,
    /// What the bundle says.
    pub incoming: Option<String>,
}

/// A held bundle.
#[derive(Debug, Clone)]
pub struct QuarantineItem {
    /// The entry.
    pub id: QuarantineId,
    /// Whose record it is about.
    pub patient_id: PatientId,
    /// The patient's name in the record.
    pub name: String,
    /// The record system that sent it.
    pub source: String,
    /// When it came.
    pub received_at: OffsetDateTime,
    /// Why it is held.
    pub reason: HeldBecause,
    /// In what bundle and record differ; none when the bundle does not describe the patient.
    pub differences: Vec<QuarantineDifference>,
}

impl Clinical {
    /// What waits for a decision about patients of the caller's panel.
    ///
    /// # Errors
    /// `Store` with a denial.
    pub async fn quarantine(&self, caller: &Caller) -> Result<Phi<Vec<QuarantineItem>>, ClinicalError> {
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<List, QuarantineEntry>(Target::OwnPanel).await?;
        let rows = unit.quarantined(permit).await?;
        let rows = unit.commit(rows).await?;
        Ok(Phi::new(rows.into_iter().map(item).collect()))
    }

    /// Decides about a held bundle.
    ///
    /// # Errors
    /// `Store` with a concealed denial, or with `Conflict` when it was decided already; `Refused` when what the bundle
    /// refers to has gone since. It then still waits.
    pub async fn decide_quarantine(
        &self,
        caller: &Caller,
        id: QuarantineId,
        decision: QuarantineDecision,
    ) -> Result<(), ClinicalError> {
        let unit = self.store.begin(caller).await?;
        let target = Target::Quarantine(id);
        let (mut unit, permit) = unit.require::<Decide, QuarantineEntry>(target).await?;
        let (row, patient) = (Some(id.uuid()), permit.patient());
        let sought =
            Sought { action: ActionCode::QuarantineDecided, resource: "quarantine_entry", row, patient };
        match decision {
            QuarantineDecision::KeepCurrent => {
                let outcome = unit.keep_current(permit).await;
                let (unit, ()) = found(unit, outcome, sought).await?;
                Ok(unit.commit(()).await?)
            }
            QuarantineDecision::AcceptIncoming => {
                let prepared = match unit.plan_held(permit).await {
                    Ok(planned) => {
                        let unit = self.store.begin(caller).await?;
                        let (unit, permit) = unit.require::<Decide, QuarantineEntry>(target).await?;
                        unit.prepare_held(permit, planned).await
                    }
                    Err(error) => Err(error),
                };
                let unit = self.store.begin(caller).await?;
                let (mut unit, permit) = unit.require::<Decide, QuarantineEntry>(target).await?;
                let outcome = match prepared {
                    Ok(prepared) => unit.accept_incoming(permit, prepared).await,
                    Err(error) => Err(error),
                };
                settled(unit, outcome, sought).await.map(drop)
            }
        }
    }
}

fn item(row: QuarantineRow) -> QuarantineItem {
    let current = row.current.into_exposed();
    let incoming = row.incoming.map(Phi::into_exposed);
    QuarantineItem {
        id: row.id,
        patient_id: row.patient,
        source: row.source,
        received_at: row.received_at,
        reason: row.reason,
        differences: incoming.map(|incoming| differences(&current, &incoming)).unwrap_or_default(),
        name: current.name,
    }
}

fn differences(current: &RecordHeader, incoming: &RecordHeader) -> Vec<QuarantineDifference> {
    let name = |header: &RecordHeader| Some(header.name.clone()).filter(|name| !name.is_empty());
    let deceased = |header: &RecordHeader| Some(header.deceased.to_string());
    [
        ("name", name(current), name(incoming)),
        ("birth_date", current.birth_date.clone(), incoming.birth_date.clone()),
        ("sex", current.sex.clone(), incoming.sex.clone()),
        ("deceased", deceased(current), deceased(incoming)),
    ]
    .into_iter()
    .filter(|(_, current, incoming)| current != incoming)
    .map(|(field, current, incoming)| QuarantineDifference { field, current, incoming })
    .collect()
}
