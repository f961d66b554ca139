//! From a bundle to operations that can be executed.
//!
//! Two steps, because only the caller knows what is already kept: [`BundlePlan::read`] says which identities must be
//! looked up; [`BundlePlan::resolve`] takes the answers and gives operations whose references name the platform's ids.
//!
//! A resource's id on the platform is a UUID; a Patient's is the patient's id.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use serde_json::Value;
use uuid::Uuid;

use crate::{
    ResourceType,
    bundle::{Address, Entry, Method, read_entries},
    content::ContentHash,
    element::text,
    linking::Linker,
    outcome::{IssueCode, OperationOutcome, Refused},
    patient::identifiers_of,
    reference::Identity,
};

/// What the platform knows of an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The resource's id.
    pub id: Uuid,
    /// The resource's type.
    pub resource_type: ResourceType,
    /// The patient whose chart it is in; for a Patient its own id.
    pub patient: Option<Uuid>,
    /// Whether it was deleted. It keeps its id if it comes back.
    pub deleted: bool,
}

/// A transaction bundle that is sound in itself, with the identities that must be looked up.
#[derive(Debug, Clone)]
pub struct BundlePlan {
    pub(crate) entries: Vec<PlannedEntry>,
    outside: BTreeSet<Identity>,
    index: EntryIndex,
}

#[derive(Debug, Clone)]
pub(crate) struct PlannedEntry {
    pub(crate) entry: Arc<Entry>,
    /// Where an existing version is looked for, in order.
    lookups: Vec<Identity>,
    /// Under which names the resource is to be found later, the first being its identity.
    names: Vec<Identity>,
}

/// Which entry of the bundle a reference can lead to.
#[derive(Debug, Clone, Default)]
pub(crate) struct EntryIndex {
    pub(crate) by_name: HashMap<Identity, usize>,
    pub(crate) ambiguous: BTreeSet<Identity>,
}

impl EntryIndex {
    fn add(&mut self, name: Identity, entry: usize) {
        if self.by_name.get(&name).is_some_and(|other| *other != entry) {
            self.ambiguous.insert(name);
        } else {
            self.by_name.insert(name, entry);
        }
    }
}

/// What is to be done with one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing was known under its identity: the first version.
    Create,
    /// It is known: a new version, if its content hash differs from the kept one's.
    Update,
    /// `ifNoneExist` found it: nothing changes.
    Keep,
    /// It leaves the chart.
    Delete,
    /// It was not there, or is deleted already: nothing changes.
    AlreadyGone,
}

/// One entry, ready to be executed.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The entry's position in the bundle.
    pub entry: usize,
    /// What was asked.
    pub method: Method,
    /// What is to be done.
    pub effect: Effect,
    /// The resource's type.
    pub resource_type: ResourceType,
    /// The resource's id on the platform.
    pub id: Uuid,
    /// What was known of it.
    pub known: Option<Known>,
    /// The names to keep with the resource. The first is its identity and leads to nothing else, ever; the others serve
    /// later references, and each belongs to the resource that used it last.
    pub names: Vec<Identity>,
    /// Whose chart it belongs to now. When [`Known::patient`] is another, it moves from a wrong chart.
    pub patient: Option<Uuid>,
    /// The resource with the platform's id and references; absent for a deletion.
    pub resource: Option<Value>,
    /// Its content hash; absent for a deletion.
    pub content: Option<ContentHash>,
}

/// Everything a bundle asks for, in the order of its entries.
#[derive(Debug, Clone)]
pub struct ResolvedPlan {
    /// One operation for each entry.
    pub operations: Vec<Operation>,
    /// What was accepted but deserves a look, by the entry's position.
    pub warnings: BTreeMap<usize, Vec<crate::outcome::Issue>>,
}

impl ResolvedPlan {
    /// The operations in the order FHIR executes them: deletions, then POST, then PUT.
    pub fn in_execution_order(&self) -> impl Iterator<Item = &Operation> {
        let of = |method: Method| self.operations.iter().filter(move |operation| operation.method == method);
        of(Method::Delete).chain(of(Method::Post)).chain(of(Method::Put))
    }
}

/// A transaction bundle whose entries are sound one by one: what can be found out before it is known who sent it.
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct ReadBundle(Arc<[Arc<Entry>]>);

impl ReadBundle {
    /// Reads the text of a transaction bundle.
    ///
    /// # Errors
    /// [`Refused`] with every problem found.
    pub fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let entries = read_entries(bytes)?;
        Ok(Self(entries.into_iter().map(Arc::new).collect()))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl BundlePlan {
    /// Plans a bundle that was read. `identifier_systems` as for [`Self::read`].
    ///
    /// # Errors
    /// [`Refused`] with every problem found.
    pub fn of(bundle: &ReadBundle, identifier_systems: &[String]) -> Result<Self, Refused> {
        Self::of_entries(&bundle.0, identifier_systems)
    }

    /// Reads a transaction bundle. `identifier_systems` are those configured for the machine client, in order of
    /// preference: an identifier of one of them is a resource's identity, else its fullUrl is.
    ///
    /// # Errors
    /// [`Refused`] with every problem found.
    pub fn read(bytes: &[u8], identifier_systems: &[String]) -> Result<Self, Refused> {
        Self::of(&ReadBundle::read(bytes)?, identifier_systems)
    }

    fn of_entries(entries: &[Arc<Entry>], systems: &[String]) -> Result<Self, Refused> {
        let mut outcome = OperationOutcome::new();
        let mut index = EntryIndex::default();
        let mut planned = Vec::with_capacity(entries.len());
        let mut identities: BTreeMap<Identity, usize> = BTreeMap::new();
        for (position, entry) in entries.iter().enumerate() {
            let path = format!("Bundle.entry[{position}]");
            let entry = PlannedEntry::of(Arc::clone(entry), systems);
            let Some(identity) = entry.names.first() else {
                let words = "Without a fullUrl or an identifier of a system configured for this client, the resource \
                    could not be recognised when it is sent again.";
                outcome.push_error(IssueCode::Required, format!("{path}.fullUrl"), words);
                continue;
            };
            if let Some(other) = identities.insert(identity.clone(), position) {
                let words = format!("The resource has the same identity as entry {other}.");
                outcome.push_error(IssueCode::Duplicate, path, words);
            }
            for name in entry.handles() {
                index.add(name, position);
            }
            planned.push(entry);
        }
        outcome.into_result()?;
        let mut plan = Self { entries: planned, outside: BTreeSet::new(), index };
        plan.outside = Linker::outside(&plan)?;
        Ok(plan)
    }

    /// Every identity whose owner must be known before the plan can be resolved.
    pub fn lookups(&self) -> BTreeSet<Identity> {
        let own = self.entries.iter().flat_map(|entry| entry.lookups.iter().cloned());
        own.chain(self.outside.iter().cloned()).collect()
    }

    /// Every name under which a resource of the bundle is to be found later.
    pub fn names(&self) -> impl Iterator<Item = &Identity> {
        self.entries.iter().flat_map(|entry| &entry.names)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) const fn index(&self) -> &EntryIndex {
        &self.index
    }

    /// Gives each entry its id, leads every reference to the platform's ids and says whose chart each resource is in.
    ///
    /// `known` answers for each of [`Self::lookups`]; `assign` gives a new id.
    ///
    /// # Errors
    /// [`Refused`] with every reference that leads nowhere and every clash between entries.
    pub fn resolve(
        &self,
        known: impl Fn(&Identity) -> Option<Known>,
        mut assign: impl FnMut(ResourceType) -> Uuid,
    ) -> Result<ResolvedPlan, Refused> {
        let mut outcome = OperationOutcome::new();
        let mut targets = Vec::with_capacity(self.entries.len());
        let mut seen: HashMap<Uuid, usize> = HashMap::new();
        for (position, planned) in self.entries.iter().enumerate() {
            let path = format!("Bundle.entry[{position}]");
            let answers: Vec<Known> = planned.lookups.iter().filter_map(&known).collect();
            let found = answers.first().copied();
            if answers.iter().any(|other| Some(other.id) != found.map(|found| found.id)) {
                let words = "Its identifiers and url lead to different resources on the platform.";
                outcome.push_error(IssueCode::MultipleMatches, path.as_str(), words);
            }
            if found.is_some_and(|found| found.resource_type != planned.entry.resource_type) {
                let words = "A resource of another type is known under this identity.";
                outcome.push_error(IssueCode::Conflict, path.as_str(), words);
            }
            let id = found.map_or_else(|| assign(planned.entry.resource_type), |found| found.id);
            if let Some(other) = seen.insert(id, position) {
                let words = format!("This is the same resource as that of entry {other}.");
                outcome.push_error(IssueCode::Duplicate, path, words);
            }
            targets.push((id, found));
        }
        outcome.into_result()?;
        let (resources, owners, warnings) = Linker::link(self, &targets, &known)?;
        let operations = self.entries.iter().zip(resources).zip(targets).zip(owners).enumerate();
        let operations = operations
            .map(|(position, (((planned, resource), (id, found)), patient))| {
                let effect = effect(&planned.entry, found);
                let patient =
                    if resource.is_none() { found.and_then(|found| found.patient) } else { patient };
                Operation {
                    entry: position,
                    method: planned.entry.method,
                    effect,
                    resource_type: planned.entry.resource_type,
                    id,
                    known: found,
                    names: planned.names.clone(),
                    patient,
                    content: resource.as_ref().map(ContentHash::of),
                    resource,
                }
            })
            .collect();
        Ok(ResolvedPlan { operations, warnings })
    }
}

fn effect(entry: &Entry, found: Option<Known>) -> Effect {
    match (entry.method, found) {
        (Method::Delete, Some(found)) if !found.deleted => Effect::Delete,
        (Method::Delete, _) => Effect::AlreadyGone,
        (Method::Post, Some(found)) if entry.only_if_absent.is_some() && !found.deleted => Effect::Keep,
        (_, Some(_)) => Effect::Update,
        (_, None) => Effect::Create,
    }
}

impl PlannedEntry {
    fn of(entry: Arc<Entry>, systems: &[String]) -> Self {
        let resource_type = entry.resource_type;
        let identifier =
            |(system, value): (String, String)| Identity::Identifier { resource_type, system, value };
        let configured: Vec<Identity> = entry
            .resource
            .as_ref()
            .map(|resource| configured_identifiers(resource, systems))
            .unwrap_or_default()
            .into_iter()
            .map(identifier)
            .collect();
        let full_url = entry.full_url.clone().map(Identity::FullUrl);
        let address = match &entry.address {
            Address::Type => None,
            Address::Id(id) => Some(Identity::Literal { resource_type, id: id.clone() }),
            Address::Condition { system, value } => Some(identifier((system.clone(), value.clone()))),
        };
        let condition = entry.only_if_absent.clone().map(identifier);
        let mut names: Vec<Identity> = Vec::new();
        names.extend(configured.iter().cloned());
        names.extend(address.clone());
        names.extend(full_url.clone());
        let mut lookups: Vec<Identity> =
            condition.into_iter().chain(address.clone()).chain(configured.clone()).collect();
        if configured.is_empty() && (address.is_none() || entry.method == Method::Delete) {
            lookups.extend(full_url);
        }
        Self { entry, lookups, names: distinct(names) }
    }

    /// Every name under which other entries of the bundle may mean this one.
    fn handles(&self) -> Vec<Identity> {
        let resource_type = self.entry.resource_type;
        let mut handles = self.names.clone();
        if let Some(resource) = &self.entry.resource {
            let own = |(system, value)| Identity::Identifier { resource_type, system, value };
            handles.extend(
                identifiers_of(resource).map(|(system, value)| own((system.to_owned(), value.to_owned()))),
            );
            if let Some(id) = text(resource, "id") {
                handles.push(Identity::Literal { resource_type, id: id.to_owned() });
            }
        }
        distinct(handles)
    }
}

fn distinct(names: Vec<Identity>) -> Vec<Identity> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}

/// The identifiers of configured systems, in the systems' order; those marked as old only if there is no other.
fn configured_identifiers(resource: &Value, systems: &[String]) -> Vec<(String, String)> {
    let old = |identifier: &Value| text(identifier, "use") == Some("old");
    let all = crate::patient::identifier_elements(resource);
    let mut found = Vec::new();
    for wanted_old in [false, true] {
        for system in systems {
            for identifier in all.iter().filter(|identifier| old(identifier) == wanted_old) {
                if let (Some(own), Some(value)) = (text(identifier, "system"), text(identifier, "value"))
                    && own == system
                    && !value.trim().is_empty()
                {
                    found.push((system.clone(), value.to_owned()));
                }
            }
        }
        if !found.is_empty() {
            break;
        }
    }
    found
}
