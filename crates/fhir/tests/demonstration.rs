//! The demonstration bundles: valid R4, the same every time, and what a demonstration needs to show.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a failed test stops")]

mod corpus;

use std::collections::{BTreeSet, HashMap};

use cloister_fhir::{
    BundlePlan, Identity, Interpretation, Known, Moment, Patient, ResourceType, ResultView,
    demonstration::{
        DemoClinic, generate, patients, practitioner_system, practitioners, record_system, resource_system,
    },
};
use serde_json::Value;
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

const NOW: OffsetDateTime = datetime!(2026-06-15 12:00 UTC);

fn clinics() -> [DemoClinic; 2] {
    [("lakeside", "Lakeside Clinic"), ("riverside", "Riverside Clinic")]
        .map(|(slug, name)| DemoClinic { slug: slug.into(), name: name.into() })
}

fn resources(bundles: &[Value]) -> impl Iterator<Item = &Value> {
    bundles.iter().flat_map(|bundle| bundle["entry"].as_array().unwrap()).map(|entry| &entry["resource"])
}

#[test]
fn bundles_are_valid_r4() {
    let Some(folder) = corpus::folder("fhir/fhir-r4.schema.json.gz") else { return };
    let mut schema: Value = serde_json::from_slice(&corpus::open(folder)).unwrap();
    // This edition of the schema refers to two definitions that it does not hold.
    schema["definitions"]["Resource"] = serde_json::json!({"$ref": "#/definitions/ResourceList"});
    schema["definitions"]["integer64"] = serde_json::json!({"type": "integer"});
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut broken = generate(7, &clinics()[0], NOW).swap_remove(1);
    assert!(validator.is_valid(&broken));
    broken["entry"][0]["resource"]["birthDate"] = "June".into();
    assert!(!validator.is_valid(&broken), "the schema accepts anything");
    for bundle in clinics().iter().flat_map(|clinic| generate(7, clinic, NOW)) {
        for resource in resources(std::slice::from_ref(&bundle)) {
            assert!(validator.is_valid(resource), "{resource:#}");
        }
        assert!(validator.is_valid(&bundle));
    }
}

#[test]
fn equal_arguments_give_equal_bundles() {
    let [lakeside, riverside] = clinics();
    assert_eq!(generate(7, &lakeside, NOW), generate(7, &lakeside, NOW));
    assert_ne!(generate(7, &lakeside, NOW), generate(8, &lakeside, NOW));
    assert_ne!(generate(7, &lakeside, NOW), generate(7, &riverside, NOW));
}

#[test]
fn sent_in_order_every_bundle_is_accepted_and_every_identity_is_an_identifier() {
    for clinic in clinics() {
        let systems =
            [record_system(&clinic.slug), practitioner_system(&clinic.slug), resource_system(&clinic.slug)];
        let mut known: HashMap<Identity, Known> = HashMap::new();
        let mut given = 0;
        for bundle in generate(7, &clinic, NOW) {
            let plan = BundlePlan::read(bundle.to_string().as_bytes(), &systems).unwrap();
            let assign = |_| {
                given += 1;
                Uuid::from_u128(given)
            };
            for operation in plan.resolve(|name| known.get(name).copied(), assign).unwrap().operations {
                let (id, resource_type, patient) = (operation.id, operation.resource_type, operation.patient);
                assert!(matches!(operation.names[0], Identity::Identifier { .. }));
                assert!(
                    patient.is_some() || matches!(resource_type.as_str(), "Organization" | "Practitioner")
                );
                for name in operation.names {
                    known.insert(name, Known { id, resource_type, patient, deleted: false });
                }
            }
        }
        for person in practitioners(&clinic) {
            let (system, value) = (practitioner_system(&clinic.slug), person.identifier);
            let name = Identity::Identifier { resource_type: ResourceType::PRACTITIONER, system, value };
            assert!(known.contains_key(&name));
        }
    }
}

#[test]
fn there_is_something_of_everything_to_see() {
    for clinic in clinics() {
        let bundles = generate(7, &clinic, NOW);
        let people = patients(7, &clinic, NOW);
        assert_eq!((people.len(), bundles.len()), (12, 13));
        let today = NOW.date();
        let age = |person: &cloister_fhir::demonstration::DemoPatient| {
            Moment::parse_date(&person.birth_date.to_string()).unwrap().years_on(today).unwrap().0
        };
        assert!(people.iter().any(|person| age(person) < 18), "no minor");
        assert!(people.iter().any(|person| person.died_on.is_some()), "nobody is deceased");
        assert!(people.iter().filter(|person| !person.family.is_ascii()).count() >= 3, "names are all ASCII");
        let kinds: BTreeSet<&str> = resources(&bundles).filter_map(|r| r["resourceType"].as_str()).collect();
        for kind in [
            "AllergyIntolerance",
            "CareTeam",
            "Condition",
            "DiagnosticReport",
            "Encounter",
            "Immunization",
            "MedicationRequest",
            "Observation",
            "Patient",
            "Practitioner",
        ] {
            assert!(kinds.contains(kind), "{kind}");
        }
        let mut seen = BTreeSet::new();
        for observation in resources(&bundles).filter(|r| r["resourceType"] == "Observation") {
            seen.insert(ResultView::of(observation).reading.interpretation);
            let at = Moment::parse(observation["effectiveDateTime"].as_str().unwrap()).unwrap().start();
            assert!(at <= NOW, "a result of the future");
        }
        use Interpretation::{Above, Below, InRange, NoRange, NotComparable};
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [InRange, Above, Below, NoRange, NotComparable]);
        let names: BTreeSet<String> =
            bundles[1..].iter().map(|b| Patient::of(&b["entry"][0]["resource"]).display_name()).collect();
        assert_eq!(names.len(), 12);
    }
}
