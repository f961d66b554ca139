//! The two halves of an intake: working out what a bundle changes, which needs no transaction, and reading and writing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cloister_audit::{EventContext, EventDraft};
use cloister_fhir::{
    EntryResult, Issue, IssueCode, Operation, Patient, ResolvedPlan, ResourceType, Severity,
};
use cloister_vault::SealedValue;
use sea_orm::DbBackend;
use uuid::Uuid;

use crate::{
    IntakeEntry, IntakeError, StoreError,
    core::Core,
    events::SealedEvents,
    identities::IdentityRows,
    intake::{IncomingBundle, Looked, Origin, Planned, PreparedBundle, Source},
    patients::{PatientRows, demographics_of},
    quarantine::{HeldBecause, Hold},
    resources::{Applied, ResourceRows},
    workbench::Workbench,
};

/// What a bundle comes to, for what is kept now.
pub(crate) enum Worked {
    /// It waits for a decision about a patient.
    Held(Hold, Vec<IntakeEntry>),
    /// It changes the record.
    Changes(Box<Changes>),
}

/// Every row that a bundle writes, sealed.
pub(crate) struct Changes {
    resources: ResourceRows,
    patients: PatientRows,
    identities: IdentityRows,
    /// Those that panels follow from.
    care: Vec<(Operation, Applied)>,
    events: SealedEvents,
    entries: Vec<IntakeEntry>,
}

impl Worked {
    /// Works a planned bundle out.
    pub(crate) async fn out(
        bench: &Workbench,
        planned: &Arc<Planned>,
        looked: &Looked,
        context: EventContext,
    ) -> Result<Self, IntakeError> {
        let is_long = planned.incoming.is_long();
        if !is_long {
            return worked(planned, looked, &context);
        }
        let (planned, looked) = (Arc::clone(planned), looked.clone());
        bench.run(true, move || worked(&planned, &looked, &context)).await?
    }
}

fn worked(planned: &Planned, looked: &Looked, context: &EventContext) -> Result<Worked, IntakeError> {
    let (sealer, client) = (&planned.sealer, planned.source.client);
    let known = |identity: &_| looked.known.get(identity).map(|kept| kept.known);
    let plan = planned.plan.resolve(known, |_| sealer.environment().uuid())?;
    if let Some((patient, reason)) = contradiction(planned, looked, &plan)? {
        let incoming = incoming_patients(&plan).find(|(id, _)| *id == patient).map(|(_, value)| value);
        let hold = Hold::of(planned, patient, reason, incoming)?;
        return Ok(Worked::Held(hold, all_held(&plan, patient)));
    }
    let mut events: Vec<EventDraft> = Vec::new();
    let (resources, applied) = ResourceRows::of(sealer, client, &plan.operations, looked, &mut events)?;
    let patients = PatientRows::of(sealer, &resources, &plan.operations)?;
    let identities = IdentityRows::of(planned, looked, &plan.operations, &applied);
    let entries = plan
        .operations
        .iter()
        .zip(&applied)
        .map(|(operation, applied)| IntakeEntry {
            result: applied.result,
            resource_type: operation.resource_type,
            id: operation.id,
            version: applied.version.and_then(|version| u32::try_from(version).ok()),
            issues: warnings(&plan, operation),
        })
        .collect();
    let care = plan.operations.into_iter().zip(applied).filter(|(operation, _)| is_about_care(operation));
    let events = sealer.seal_events(context, events)?;
    let changes = Changes { resources, patients, identities, care: care.collect(), events, entries };
    Ok(Worked::Changes(Box::new(changes)))
}

fn is_about_care(operation: &Operation) -> bool {
    let of = ["CareTeam", "Encounter", "Practitioner", "PractitionerRole"];
    of.contains(&operation.resource_type.as_str())
}

/// The first patient about whom the bundle contradicts the record, or writes while that is in dispute.
fn contradiction(
    planned: &Planned,
    looked: &Looked,
    plan: &ResolvedPlan,
) -> Result<Option<(Uuid, HeldBecause)>, StoreError> {
    let touched: BTreeSet<Uuid> = plan
        .operations
        .iter()
        .flat_map(|operation| [operation.patient, operation.known.and_then(|known| known.patient)])
        .flatten()
        .filter(|patient| !planned.origin.accepted.contains(patient))
        .collect();
    let incoming: BTreeMap<Uuid, &serde_json::Value> = incoming_patients(plan).collect();
    let mut agreeing = BTreeSet::new();
    for patient in &touched {
        let (Some(sealed), Some(value)) = (looked.demographics.get(patient), incoming.get(patient)) else {
            continue;
        };
        let sealed = SealedValue::from_bytes(sealed.clone())?;
        let demographics = demographics_of(&planned.sealer, *patient, &sealed)?;
        if !demographics.conflicts_with(&Patient::of(value).demographics()).is_empty() {
            return Ok(Some((*patient, HeldBecause::ConflictingDemographics)));
        }
        agreeing.insert(*patient);
    }
    let mut unsaid = touched.into_iter().filter(|patient| !agreeing.contains(patient));
    let disputed = unsaid.find(|patient| looked.disputed.contains(patient));
    Ok(disputed.map(|patient| (patient, HeldBecause::PatientInDispute)))
}

impl Core {
    /// Reads a record system's identifier systems. To take a bundle in, it makes the record system's bundles queue on
    /// PostgreSQL; SQLite has one writer.
    pub(crate) async fn source(&self, client: Uuid, queued: bool) -> Result<Source, StoreError> {
        let lock = match self.backend() {
            DbBackend::Postgres if queued => " FOR NO KEY UPDATE",
            _ => "",
        };
        let sql =
            format!("SELECT identifier_systems FROM machine_clients WHERE tenant_id = $1 AND id = $2{lock}");
        let row = self.row(&sql, vec![client.into()]).await?.ok_or(StoreError::NotFound)?;
        let systems = serde_json::from_str(&row.get::<String>("identifier_systems")?)
            .map_err(|_| StoreError::Corrupt("machine_clients.identifier_systems"))?;
        Ok(Source { client, systems })
    }

    /// Reads all that is kept of what a plan touches.
    pub(crate) async fn look(&self, planned: &Planned) -> Result<Looked, StoreError> {
        let client = planned.source.client;
        let known = self.known_identities(client, planned).await?;
        let mut patients: BTreeSet<Uuid> = known.values().filter_map(|kept| kept.known.patient).collect();
        patients.extend(planned.origin.accepted.iter().copied());
        let demographics = self.sealed_demographics(&patients).await?;
        let disputed = self.in_dispute(client, &patients).await?;
        Ok(Looked { known, demographics, disputed })
    }

    /// Takes a bundle in. What was prepared counts only if everything it was prepared for is as it was.
    pub(crate) async fn take_in(
        &mut self,
        source: Source,
        incoming: IncomingBundle,
        origin: Origin,
        prepared: Option<PreparedBundle>,
    ) -> Result<Vec<IntakeEntry>, IntakeError> {
        let (planned, before) = match prepared {
            Some(before) if before.planned.source == source => {
                (before.planned, Some((before.looked, before.worked)))
            }
            _ => {
                let (bench, sealer) = (self.bench().clone(), self.sealer().clone());
                (Planned::of(&bench, &sealer, source, incoming, origin).await?, None)
            }
        };
        let looked = self.look(&planned).await?;
        let worked = match before {
            Some((then, worked)) if then == looked => worked,
            _ => {
                let (bench, context) = (self.bench().clone(), self.event_context().clone());
                Worked::out(&bench, &planned, &looked, context).await?
            }
        };
        match worked {
            Worked::Held(hold, entries) => {
                self.hold(hold).await?;
                Ok(entries)
            }
            Worked::Changes(changes) => Ok(self.write(*changes).await?),
        }
    }

    async fn write(&mut self, changes: Changes) -> Result<Vec<IntakeEntry>, StoreError> {
        let Changes { resources, patients, identities, care, events, entries } = changes;
        self.write_patients(patients).await?;
        self.write_resources(resources).await?;
        self.write_identities(identities).await?;
        let care: Vec<(&Operation, Applied)> =
            care.iter().map(|(operation, applied)| (operation, *applied)).collect();
        self.write_care_links(&care).await?;
        self.note_sealed(events);
        Ok(entries)
    }
}

/// The Patient resources of the bundle.
fn incoming_patients(plan: &ResolvedPlan) -> impl Iterator<Item = (Uuid, &serde_json::Value)> {
    plan.operations
        .iter()
        .filter(|operation| operation.resource_type == ResourceType::PATIENT)
        .filter_map(|operation| Some((operation.id, operation.resource.as_ref()?)))
}

fn all_held(plan: &ResolvedPlan, patient: Uuid) -> Vec<IntakeEntry> {
    let held = |operation: &Operation| {
        let mut issues = warnings(plan, operation);
        if operation.patient == Some(patient) && operation.resource_type == ResourceType::PATIENT {
            issues.push(Issue {
                severity: Severity::Information,
                code: IssueCode::Informational,
                diagnostics:
                    "The demographics contradict the record. The whole bundle is held until the clinic \
                              decides; nothing of it is in the chart yet."
                        .into(),
                expression: format!("Bundle.entry[{}].resource", operation.entry),
            });
        }
        IntakeEntry {
            result: EntryResult::Quarantined,
            resource_type: operation.resource_type,
            id: operation.id,
            version: None,
            issues,
        }
    };
    let mut entries: Vec<IntakeEntry> = plan.operations.iter().map(held).collect();
    if entries.iter().all(|entry| entry.issues.is_empty())
        && let Some(first) = entries.first_mut()
    {
        first.issues.push(Issue {
            severity: Severity::Information,
            code: IssueCode::Informational,
            diagnostics:
                "An earlier bundle contradicts who this patient is. The whole bundle is held until the \
                          clinic decides; nothing of it is in the chart yet."
                    .into(),
            expression: "Bundle.entry[0]".into(),
        });
    }
    entries
}

fn warnings(plan: &ResolvedPlan, operation: &Operation) -> Vec<Issue> {
    plan.warnings.get(&operation.entry).cloned().unwrap_or_default()
}
