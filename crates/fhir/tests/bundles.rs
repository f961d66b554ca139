//! Real bundles become plans in which every reference is led somewhere, twice the same.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a failed test stops")]

mod corpus;

use std::collections::{HashMap, HashSet};

use cloister_fhir::{BundlePlan, Effect, Identity, Known, ResolvedPlan, ResourceType, read_json};
use serde_json::Value;
use uuid::Uuid;

/// A platform that remembers what it was given.
#[derive(Default)]
struct Memory {
    known: HashMap<Identity, Known>,
    given: u128,
}

impl Memory {
    fn take(&mut self, bytes: &[u8], systems: &[String]) -> ResolvedPlan {
        let plan = BundlePlan::read(bytes, systems).unwrap_or_else(|refused| panic!("{:#?}", refused.0));
        let mut given = self.given;
        let resolved = plan
            .resolve(
                |identity| self.known.get(identity).copied(),
                |_| {
                    given += 1;
                    Uuid::from_u128(given)
                },
            )
            .unwrap_or_else(|refused| panic!("{:#?}", refused.0));
        self.given = given;
        for operation in &resolved.operations {
            let (id, resource_type, patient) = (operation.id, operation.resource_type, operation.patient);
            for name in &operation.names {
                self.known.insert(name.clone(), Known { id, resource_type, patient, deleted: false });
            }
        }
        resolved
    }
}

fn bundles() -> Vec<(String, Vec<u8>)> {
    // Hospitals and practitioners first, as their sender would.
    let mut files = corpus::files("fhir/synthea");
    files.sort_by_key(|(name, _)| !name.contains("Information"));
    files.extend(corpus::files("fhir/inferno"));
    files
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("reference").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_bundle_round_trips_equal() {
    for (name, bytes) in bundles() {
        let value = read_json(&bytes).unwrap();
        let again = read_json(serde_json::to_string(&value).unwrap().as_bytes()).unwrap();
        assert_eq!(value, again, "{name}");
        let reference: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value, reference, "{name}");
    }
}

#[test]
fn every_reference_is_led_somewhere_and_a_second_pass_changes_nothing() {
    for systems in [vec![], vec!["https://github.com/synthetichealth/synthea".to_owned()]] {
        let mut memory = Memory::default();
        let mut contents = HashMap::new();
        let (mut resources, mut charts, mut placed) = (0, 0, 0);
        for (name, bytes) in bundles() {
            let plan = memory.take(&bytes, &systems);
            let ids: HashSet<Uuid> = memory.known.values().map(|known| known.id).collect();
            for operation in plan.operations {
                let resource = operation.resource.unwrap();
                resources += 1;
                charts += usize::from(operation.resource_type == ResourceType::PATIENT);
                placed += usize::from(operation.patient.is_some());
                let mut found = Vec::new();
                references(&resource, &mut found);
                for reference in found {
                    let inside = reference.starts_with('#');
                    let id = reference.split_once('/').and_then(|(_, id)| Uuid::try_parse(id).ok());
                    let led = id.is_some_and(|id| ids.contains(&id));
                    assert!(inside || led, "{name} entry {}: a reference leads nowhere", operation.entry);
                }
                contents.insert(operation.id, operation.content);
            }
            let given = memory.given;
            for operation in memory.take(&bytes, &systems).operations {
                assert_eq!(operation.effect, Effect::Update, "{name}");
                assert_eq!(
                    contents.get(&operation.id),
                    Some(&operation.content),
                    "{name} entry {}",
                    operation.entry
                );
            }
            assert_eq!(memory.given, given, "{name}: a second pass gave new ids");
        }
        if resources == 0 {
            return;
        }
        println!("{resources} resources, {placed} of them in {charts} charts");
        assert_eq!(charts, 13);
        // The hospital and practitioner bundles say more of 35 organizations and practitioners than the patients' own
        // bundles do: sent again from the beginning, those alone have other content.
        let given = memory.given;
        let mut changed = 0;
        for operation in bundles().iter().flat_map(|(_, bytes)| memory.take(bytes, &systems).operations) {
            if contents.insert(operation.id, operation.content) != Some(operation.content) {
                assert!(matches!(operation.resource_type.as_str(), "Organization" | "Practitioner"));
                changed += 1;
            }
        }
        assert_eq!((changed, memory.given), (2 * 35, given));
    }
}

#[test]
fn clinical_resources_of_every_bundle_are_in_its_patients_chart() {
    let mut memory = Memory::default();
    for (name, bytes) in bundles() {
        let plan = memory.take(&bytes, &[]);
        let patients: Vec<Uuid> = plan
            .operations
            .iter()
            .filter(|o| o.resource_type == ResourceType::PATIENT)
            .map(|o| o.id)
            .collect();
        let nobodys =
            ["Organization", "Practitioner", "PractitionerRole", "Location", "Endpoint", "Medication"];
        for operation in &plan.operations {
            if nobodys.contains(&operation.resource_type.as_str()) {
                assert_eq!(operation.patient, None, "{name} {}", operation.resource_type);
            } else {
                assert_eq!(operation.patient.as_slice(), patients, "{name} {}", operation.resource_type);
            }
        }
        assert!(plan.warnings.is_empty());
    }
}
