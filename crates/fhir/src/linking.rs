//! Leading every reference of a bundle to the platform's ids, and from them to the patient.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use uuid::Uuid;

use crate::{
    ResourceType,
    compartment::{Ownership, inherited_paths, patient_paths},
    element::{at_path, list, text},
    outcome::{Issue, IssueCode, OperationOutcome, Refused, Severity},
    patient::Patient,
    plan::{BundlePlan, Known},
    reference::{Identity, ReferenceText},
};

/// Where one reference leads.
enum Target {
    Entry(usize),
    Known(Known),
    /// Inside the resource, or on a server that is none of ours.
    Elsewhere,
    Nowhere,
    Several,
}

/// Resources with linked references, the patient of each, and what deserves a look.
type Linked = (Vec<Option<Value>>, Vec<Option<Uuid>>, BTreeMap<usize, Vec<Issue>>);

pub(crate) struct Linker<'a, K: Fn(&Identity) -> Option<Known>> {
    plan: &'a BundlePlan,
    targets: &'a [(Uuid, Option<Known>)],
    known: &'a K,
}

impl Linker<'_, fn(&Identity) -> Option<Known>> {
    /// The identities outside the bundle that its references name. Refuses fragments that lead nowhere.
    pub(crate) fn outside(plan: &BundlePlan) -> Result<BTreeSet<Identity>, Refused> {
        let mut outside = BTreeSet::new();
        let mut outcome = OperationOutcome::new();
        for (position, planned) in plan.entries.iter().enumerate() {
            let Some(resource) = &planned.entry.resource else { continue };
            let inner = contained_ids(resource);
            let base = planned.entry.full_url.as_deref();
            let mut visit = |reference: &Value, path: &str| {
                if let Some(ReferenceText::Fragment(id)) = parsed(reference)
                    && !id.is_empty()
                    && !inner.contains(id.as_str())
                {
                    let words = "The resource contains nothing with this id.";
                    outcome.push_error(IssueCode::NotFound, format!("{path}.reference"), words);
                }
                let names = names_of(reference, base);
                if names.iter().all(|name| !plan.index().by_name.contains_key(name)) {
                    outside.extend(names);
                }
            };
            each_reference(resource, &mut format!("Bundle.entry[{position}].resource"), &mut visit);
        }
        outcome.into_result()?;
        Ok(outside)
    }
}

impl<'a, K: Fn(&Identity) -> Option<Known>> Linker<'a, K> {
    pub(crate) fn link(
        plan: &'a BundlePlan,
        targets: &'a [(Uuid, Option<Known>)],
        known: &'a K,
    ) -> Result<Linked, Refused> {
        let linker = Self { plan, targets, known };
        let mut outcome = OperationOutcome::new();
        let mut resources = Vec::with_capacity(plan.entries.len());
        for position in 0..plan.entries.len() {
            resources.push(linker.rewritten(position, &mut outcome));
        }
        let mut warnings: BTreeMap<usize, Vec<Issue>> = BTreeMap::new();
        let mut owners: Vec<Ownership<Uuid>> = Vec::with_capacity(resources.len());
        for (position, resource) in resources.iter().enumerate() {
            owners.push(linker.owner(position, resource.as_ref(), &mut outcome));
        }
        outcome.into_result()?;
        let by_id: HashMap<Uuid, usize> =
            targets.iter().enumerate().map(|(position, (id, _))| (*id, position)).collect();
        let inherited: Vec<Ownership<Uuid>> = (0..owners.len())
            .map(|position| linker.inherited(position, resources[position].as_ref(), &owners, &by_id))
            .collect();
        let patients = inherited.into_iter().enumerate().map(|(position, owner)| match owner {
            Ownership::One(patient) => Some(patient),
            Ownership::Nobody => None,
            Ownership::Several => {
                warnings.entry(position).or_default().push(Issue {
                    severity: Severity::Warning,
                    code: IssueCode::BusinessRule,
                    diagnostics:
                        "The resource is about several patients, so it is kept but shown in no chart.".into(),
                    expression: format!("Bundle.entry[{position}].resource"),
                });
                None
            }
        });
        let patients = patients.collect();
        for (position, issue) in linker.unmerged(&resources) {
            warnings.entry(position).or_default().push(issue);
        }
        Ok((resources, patients, warnings))
    }

    /// Charts are not merged by a link; who sends one is told so.
    fn unmerged(&self, resources: &[Option<Value>]) -> Vec<(usize, Issue)> {
        let is_patient =
            |position: usize| self.plan.entries[position].entry.resource_type == ResourceType::PATIENT;
        let replaced = resources.iter().enumerate().filter(|(position, resource)| {
            let is_linked = |patient: &Value| Patient::of(patient).replaced_by().is_some();
            is_patient(*position) && resource.as_ref().is_some_and(is_linked)
        });
        replaced
            .map(|(position, _)| {
                let issue = Issue {
                    severity: Severity::Warning,
                    code: IssueCode::BusinessRule,
                    diagnostics: "The link is kept, but the two charts are not merged: each stays as it is."
                        .into(),
                    expression: format!("Bundle.entry[{position}].resource.link"),
                };
                (position, issue)
            })
            .collect()
    }

    fn rewritten(&self, position: usize, outcome: &mut OperationOutcome) -> Option<Value> {
        let planned = &self.plan.entries[position];
        let mut resource = planned.entry.resource.clone()?;
        let base = planned.entry.full_url.as_deref();
        let mut visit = |reference: &mut Value, path: &str| {
            let place = || format!("{path}.reference");
            match self.target(reference, base) {
                Target::Entry(entry) => {
                    if self.plan.entries[entry].entry.resource.is_none() {
                        let words = "The reference leads to a resource that this bundle deletes.";
                        return outcome.push_error(IssueCode::Conflict, place(), words);
                    }
                    let resource_type = self.plan.entries[entry].entry.resource_type;
                    point(reference, resource_type, self.targets[entry].0);
                }
                Target::Known(known) => point(reference, known.resource_type, known.id),
                Target::Elsewhere => {}
                Target::Nowhere => {
                    let words = "The reference leads to nothing in this bundle or on the platform.";
                    outcome.push_error(IssueCode::NotFound, place(), words);
                }
                Target::Several => {
                    let words = "The reference matches more than one entry of this bundle.";
                    outcome.push_error(IssueCode::MultipleMatches, place(), words);
                }
            }
        };
        each_reference_mut(&mut resource, &mut format!("Bundle.entry[{position}].resource"), &mut visit);
        self.point_urls(&mut resource);
        if let Value::Object(members) = &mut resource {
            members.insert("id".into(), Value::String(self.targets[position].0.to_string()));
        }
        Some(resource)
    }

    fn target(&self, reference: &Value, base: Option<&str>) -> Target {
        let names = names_of(reference, base);
        for name in &names {
            if self.plan.index().ambiguous.contains(name) {
                return Target::Several;
            }
            if let Some(entry) = self.plan.index().by_name.get(name) {
                return Target::Entry(*entry);
            }
        }
        match names.iter().find_map(self.known) {
            Some(known) if !known.deleted => Target::Known(known),
            Some(_) => Target::Nowhere,
            None => match parsed(reference) {
                None | Some(ReferenceText::Fragment(_) | ReferenceText::Absolute { .. }) => Target::Elsewhere,
                Some(_) => Target::Nowhere,
            },
        }
    }

    /// Attachments and the like may point into the bundle by a plain `url`.
    fn point_urls(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    let pointer = match member {
                        Value::String(url)
                            if matches!(name.as_str(), "url" | "uri" | "valueUrl" | "valueUri") =>
                        {
                            let entry = url.starts_with("urn:").then(|| Identity::FullUrl(url.clone()));
                            entry.and_then(|name| self.plan.index().by_name.get(&name)).copied()
                        }
                        _ => None,
                    };
                    match pointer {
                        Some(entry) => {
                            let (kind, id) =
                                (self.plan.entries[entry].entry.resource_type, self.targets[entry].0);
                            *member = Value::String(format!("{kind}/{id}"));
                        }
                        None => self.point_urls(member),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.point_urls(item)),
            _ => {}
        }
    }

    fn owner(
        &self,
        position: usize,
        resource: Option<&Value>,
        outcome: &mut OperationOutcome,
    ) -> Ownership<Uuid> {
        let resource_type = self.plan.entries[position].entry.resource_type;
        let Some(resource) = resource else { return Ownership::Nobody };
        if resource_type == ResourceType::PATIENT {
            return Ownership::One(self.targets[position].0);
        }
        let mut patients = BTreeSet::new();
        for path in patient_paths(resource_type) {
            for reference in at_path(resource, path) {
                match parsed(reference) {
                    Some(ReferenceText::Relative { resource_type: ResourceType::PATIENT, id }) => {
                        patients.extend(Uuid::try_parse(&id));
                    }
                    Some(ReferenceText::Absolute { resource_type: Some(ResourceType::PATIENT), .. }) => {
                        let words = "The patient is neither in this bundle nor on the platform.";
                        let place = format!("Bundle.entry[{position}].resource.{path}");
                        outcome.push_error(IssueCode::NotFound, place, words);
                    }
                    None if reference.get("identifier").is_some()
                        && text(reference, "type").is_none_or(|t| t == "Patient") =>
                    {
                        let words = "No patient is known by this identifier.";
                        let place = format!("Bundle.entry[{position}].resource.{path}");
                        outcome.push_error(IssueCode::NotFound, place, words);
                    }
                    _ => {}
                }
            }
        }
        Ownership::of(patients)
    }

    /// A resource about other resources, and about no patient by name, is in their chart.
    fn inherited(
        &self,
        position: usize,
        resource: Option<&Value>,
        owners: &[Ownership<Uuid>],
        by_id: &HashMap<Uuid, usize>,
    ) -> Ownership<Uuid> {
        let paths = inherited_paths(self.plan.entries[position].entry.resource_type);
        let Some(resource) = resource.filter(|_| owners[position] == Ownership::Nobody && !paths.is_empty())
        else {
            return owners[position].clone();
        };
        let mut patients = BTreeSet::new();
        for reference in paths.iter().flat_map(|path| at_path(resource, path)) {
            let Some(ReferenceText::Relative { id, .. }) = parsed(reference) else { continue };
            let Ok(id) = Uuid::try_parse(&id) else { continue };
            match by_id.get(&id).map(|entry| &owners[*entry]) {
                Some(Ownership::One(patient)) => patients.extend([*patient]),
                Some(Ownership::Several) => return Ownership::Several,
                Some(Ownership::Nobody) => {}
                None => {
                    let original = &self.plan.entries[position].entry;
                    let outside =
                        original.resource.as_ref().map(|resource| self.outside_patients(resource, id, paths));
                    patients.extend(outside.into_iter().flatten());
                }
            }
        }
        Ownership::of(patients)
    }

    fn outside_patients(&self, resource: &Value, id: Uuid, paths: &[&str]) -> Vec<Uuid> {
        let references = paths.iter().flat_map(|path| at_path(resource, path));
        let known = references.filter_map(|reference| names_of(reference, None).iter().find_map(self.known));
        known.filter(|known| known.id == id).filter_map(|known| known.patient).collect()
    }
}

fn point(reference: &mut Value, resource_type: ResourceType, id: Uuid) {
    if let Value::Object(members) = reference {
        members.insert("reference".into(), Value::String(format!("{resource_type}/{id}")));
    }
}

fn contained_ids(resource: &Value) -> BTreeSet<&str> {
    list(resource, "contained").iter().filter_map(|item| text(item, "id")).collect()
}

fn parsed(reference: &Value) -> Option<ReferenceText> {
    ReferenceText::parse(text(reference, "reference")?).ok()
}

/// The identities a Reference may mean, most telling first.
fn names_of(reference: &Value, base: Option<&str>) -> Vec<Identity> {
    match parsed(reference) {
        Some(ReferenceText::Fragment(_)) => Vec::new(),
        Some(ReferenceText::Urn(url)) => vec![Identity::FullUrl(url)],
        Some(ReferenceText::Absolute { url, .. }) => vec![Identity::FullUrl(url)],
        Some(ReferenceText::Conditional { resource_type, system, value }) => {
            vec![Identity::Identifier { resource_type, system, value }]
        }
        Some(ReferenceText::Relative { resource_type, id }) => {
            let mut names = Vec::new();
            names.extend(
                base.and_then(service_root)
                    .map(|root| Identity::FullUrl(format!("{root}/{resource_type}/{id}"))),
            );
            names.push(Identity::Literal { resource_type, id });
            names
        }
        None => {
            let Some(identifier) = reference.get("identifier") else { return Vec::new() };
            let kind = text(reference, "type").map_or(Some(ResourceType::PATIENT), ResourceType::parse);
            match (kind, text(identifier, "system"), text(identifier, "value")) {
                (Some(resource_type), Some(system), Some(value)) => {
                    let (system, value) = (system.to_owned(), value.to_owned());
                    vec![Identity::Identifier { resource_type, system, value }]
                }
                _ => Vec::new(),
            }
        }
    }
}

/// The root of a RESTful fullUrl: `https://ehr.example/r4` of `https://ehr.example/r4/Patient/85`.
fn service_root(full_url: &str) -> Option<&str> {
    let (rest, _) = full_url.rsplit_once('/')?;
    let (root, name) = rest.rsplit_once('/')?;
    ResourceType::parse(name)?;
    Some(root)
}

/// Whether an object is a Reference: it has a textual `reference`, or points by identifier alone.
fn is_reference(value: &Value, name: &str) -> bool {
    let logical = || {
        value.get("identifier").is_some_and(Value::is_object)
            && value.get("resourceType").is_none()
            && value.as_object().is_some_and(|members| {
                members
                    .keys()
                    .all(|key| matches!(key.as_str(), "identifier" | "type" | "display" | "id" | "extension"))
            })
            && name != "resource"
    };
    text(value, "reference").is_some() || logical()
}

fn each_reference(value: &Value, path: &mut String, visit: &mut impl FnMut(&Value, &str)) {
    let end = path.len();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                path.push('.');
                path.push_str(name);
                each_reference(member, path, visit);
                path.truncate(end);
            }
            if is_reference(value, last_name(path)) {
                visit(value, path);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                each_reference(item, path, visit);
                path.truncate(end);
            }
        }
        _ => {}
    }
}

fn each_reference_mut(value: &mut Value, path: &mut String, visit: &mut impl FnMut(&mut Value, &str)) {
    let end = path.len();
    let here = is_reference(value, last_name(path));
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                path.push('.');
                path.push_str(name);
                each_reference_mut(member, path, visit);
                path.truncate(end);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                path.push_str(&format!("[{index}]"));
                each_reference_mut(item, path, visit);
                path.truncate(end);
            }
        }
        _ => {}
    }
    if here {
        visit(value, path);
    }
}

fn last_name(path: &str) -> &str {
    let last = path.rsplit('.').next().unwrap_or(path);
    last.split('[').next().unwrap_or(last)
}
