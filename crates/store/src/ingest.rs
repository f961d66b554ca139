//! Taking a bundle in: everything that it asks for or nothing, in the unit of work that was begun for it.
//!
//! The plan is made and executed here, inside the transaction, so that nothing kept leaves the store on the way.

use std::collections::{BTreeMap, BTreeSet};

use cloister_access::{
    Permit,
    action::{Create, Decide},
    resource::{Bundle, QuarantineEntry},
};
use cloister_fhir::{
    BundlePlan, Effect, EntryResult, Issue, IssueCode, Operation, Patient, ReadBundle, Refused, ResolvedPlan,
    ResourceType, Severity,
};
use cloister_kernel::Phi;
use sea_orm::{DbBackend, Value};
use uuid::Uuid;

use crate::{
    StoreError, UnitOfWork,
    core::Core,
    quarantine::{HeldBecause, Hold},
};

/// What became of one entry of a bundle.
#[derive(Debug, Clone)]
pub struct IntakeEntry {
    /// The result.
    pub result: EntryResult,
    /// FHIR's resource type.
    pub resource_type: ResourceType,
    /// What the resource is called here.
    pub id: Uuid,
    /// Its version, from 1, if it is kept.
    pub version: Option<u32>,
    /// What deserves a look.
    pub issues: Vec<Issue>,
}

/// Why a bundle was not taken in. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The store could not, or the present state does not allow it.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The bundle itself.
    #[error("{0}")]
    Refused(#[from] Refused),
}

/// The record system whose identities count.
struct Source {
    client: Uuid,
    systems: Vec<String>,
}

impl UnitOfWork<'_> {
    /// Takes a bundle in, or holds it in quarantine: then every entry is [`EntryResult::Quarantined`]. Bundles of one
    /// record system wait for each other.
    ///
    /// # Errors
    /// [`IntakeError`]; the unit must then be given up. `Conflict`: another transaction took an identity first, try anew.
    pub async fn take_in(
        &mut self,
        permit: Permit<Create, Bundle>,
        bundle: ReadBundle,
        original: &Phi<Vec<u8>>,
    ) -> Result<Vec<IntakeEntry>, IntakeError> {
        self.check(&permit)?;
        let cloister_access::Principal::Machine(client) = permit.principal() else {
            return Err(StoreError::ForeignPermit.into());
        };
        let source = self.core.source(client.uuid()).await?;
        self.core.take_in(&source, bundle, original.expose(), &BTreeSet::new()).await
    }

    /// Takes in the held bundle that the permit names: the record's patient is who the bundle says. If it contradicts
    /// the record of a further patient, it is held again, for a decision about that one.
    ///
    /// # Errors
    /// `Conflict` when it was decided already; `Refused` when what it refers to has gone since.
    pub async fn accept_incoming(
        &mut self,
        permit: Permit<Decide, QuarantineEntry>,
    ) -> Result<Vec<IntakeEntry>, IntakeError> {
        let id = self.row_of(&permit)?;
        let (held, bundle) = self.core.held(id).await?;
        let source = self.core.source(held.client).await?;
        self.settle(id, "accepted").await?;
        self.core.take_in(&source, bundle, &held.original, &held.accepted).await
    }
}

impl Core {
    /// Reads a record system's identifier systems and, on PostgreSQL, makes its bundles queue; SQLite has one writer.
    async fn source(&self, client: Uuid) -> Result<Source, StoreError> {
        let lock = match self.backend() {
            DbBackend::Postgres => " FOR NO KEY UPDATE",
            _ => "",
        };
        let sql =
            format!("SELECT identifier_systems FROM machine_clients WHERE tenant_id = $1 AND id = $2{lock}");
        let row = self.row(&sql, vec![client.into()]).await?.ok_or(StoreError::NotFound)?;
        let systems = serde_json::from_str(&row.get::<String>("identifier_systems")?)
            .map_err(|_| StoreError::Corrupt("machine_clients.identifier_systems"))?;
        Ok(Source { client, systems })
    }

    async fn take_in(
        &mut self,
        source: &Source,
        bundle: ReadBundle,
        original: &[u8],
        accepted: &BTreeSet<Uuid>,
    ) -> Result<Vec<IntakeEntry>, IntakeError> {
        let plan = BundlePlan::of(bundle, &source.systems)?;
        let known = self.known_identities(source.client, plan.lookups()).await?;
        let environment = self.environment().clone();
        let plan = plan.resolve(|identity| known.get(identity), |_| environment.uuid())?;
        if let Some((patient, reason)) = self.contradiction(source.client, &plan, accepted).await? {
            let incoming = incoming_patients(&plan).find(|(id, _)| *id == patient).map(|(_, value)| value);
            self.hold(Hold { client: source.client, patient, reason, incoming, accepted, original }).await?;
            return Ok(all_held(&plan, patient));
        }
        let written = self.write_resources(source.client, &plan.operations).await?;
        self.keep_identities(source.client, &known, &written).await?;
        self.write_care_links(&written).await?;
        Ok(written
            .iter()
            .map(|(operation, applied)| IntakeEntry {
                result: applied.result,
                resource_type: operation.resource_type,
                id: operation.id,
                version: applied.version.and_then(|version| u32::try_from(version).ok()),
                issues: warnings(&plan, operation),
            })
            .collect())
    }

    /// The first patient about whom the bundle contradicts the record, or writes while that is in dispute.
    async fn contradiction(
        &self,
        client: Uuid,
        plan: &ResolvedPlan,
        accepted: &BTreeSet<Uuid>,
    ) -> Result<Option<(Uuid, HeldBecause)>, StoreError> {
        let kept: BTreeSet<Uuid> =
            plan.operations.iter().filter_map(|o| o.known?.patient).chain(known_patients(plan)).collect();
        let kept: Vec<Uuid> = kept.into_iter().filter(|patient| !accepted.contains(patient)).collect();
        if kept.is_empty() {
            return Ok(None);
        }
        let incoming: BTreeMap<Uuid, &serde_json::Value> = incoming_patients(plan).collect();
        let described = kept.iter().copied().filter(|patient| incoming.contains_key(patient)).collect();
        let mut agreeing = BTreeSet::new();
        for (patient, demographics) in self.kept_demographics(described).await? {
            let Some(value) = incoming.get(&patient) else { continue };
            if !demographics.conflicts_with(&Patient::of(value).demographics()).is_empty() {
                return Ok(Some((patient, HeldBecause::ConflictingDemographics)));
            }
            agreeing.insert(patient);
        }
        let unsaid =
            kept.into_iter().filter(|patient| !agreeing.contains(patient)).map(Value::from).collect();
        let disputed = self.in_dispute(client, unsaid).await?;
        Ok(disputed.into_iter().min().map(|patient| (patient, HeldBecause::PatientInDispute)))
    }
}

/// The Patient resources of the bundle.
fn incoming_patients(plan: &ResolvedPlan) -> impl Iterator<Item = (Uuid, &serde_json::Value)> {
    plan.operations
        .iter()
        .filter(|operation| operation.resource_type == ResourceType::PATIENT)
        .filter_map(|operation| Some((operation.id, operation.resource.as_ref()?)))
}

/// Patients of whose charts the bundle writes, other than those that it makes.
fn known_patients(plan: &ResolvedPlan) -> impl Iterator<Item = Uuid> {
    let new: BTreeSet<Uuid> = plan
        .operations
        .iter()
        .filter(|operation| {
            operation.resource_type == ResourceType::PATIENT && operation.effect == Effect::Create
        })
        .map(|operation| operation.id)
        .collect();
    plan.operations
        .iter()
        .filter_map(|operation| operation.patient)
        .filter(move |patient| !new.contains(patient))
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
    let of_entry = plan.warnings.iter().filter(|(entry, _)| *entry == operation.entry);
    of_entry.map(|(_, issue)| issue.clone()).collect()
}
