//! Registering and removing record systems.

use cloister_clinical::{ClinicalError, MachineClientRequest};
use cloister_kernel::Failure;
use serde_json::json;

use crate::{
    clinic::{Clinic, Harness, Kind, MRN, key_set},
    on_both,
};

on_both! {
    an_administrator_registers_lists_and_removes,
    bad_fields_are_named_and_nothing_is_registered,
    nobody_else_may,
}

fn request() -> MachineClientRequest {
    MachineClientRequest {
        name: " Laboratory ".to_owned(),
        jwks: key_set(),
        identifier_systems: vec![MRN.to_owned()],
    }
}

async fn an_administrator_registers_lists_and_removes(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let admin = clinic.staff(clinic.admin);
    harness.clock.advance(time::Duration::seconds(1));
    let made = clinic.clinical.register_machine_client(&admin, &request()).await.unwrap();
    assert_eq!(
        (made.name.as_str(), made.identifier_systems.as_slice()),
        ("Laboratory", &[MRN.to_owned()][..])
    );
    let named = "SELECT count(*) FROM events WHERE action = 'machine_client.registered' \
                 AND resource_id IN (SELECT id FROM machine_clients)";
    assert_eq!(clinic.number(named).await, 2);
    let names = async || -> Vec<String> {
        let list = clinic.clinical.machine_clients(&admin).await.unwrap();
        list.into_iter().map(|client| client.name).collect()
    };
    assert_eq!(names().await, ["Main record system", "Laboratory"]);
    let visitor = harness.visitor(clinic.tenant, cloister_kernel::Audience::Portal);
    let visit = harness.store.begin_visit(&visitor).await.unwrap();
    let kept = visit.machine_client(made.id).await.unwrap().unwrap();
    assert!(kept.is_active && kept.revocation_epoch == 0 && kept.jwks.contains("RS384"));
    assert!(visit.machine_client(harness.environment.id()).await.unwrap().is_none());
    drop(visit);
    clinic.clinical.remove_machine_client(&admin, made.id).await.unwrap();
    assert_eq!(names().await, ["Main record system"]);
    let visit = harness.store.begin_visit(&visitor).await.unwrap();
    let kept = visit.machine_client(made.id).await.unwrap().unwrap();
    assert!(!kept.is_active && kept.revocation_epoch == 1);
    drop(visit);
    let again = clinic.clinical.remove_machine_client(&admin, made.id).await.unwrap_err();
    let never = clinic.clinical.remove_machine_client(&admin, harness.environment.id()).await.unwrap_err();
    assert_eq!((again.code(), never.code()), ("resource.not_found", "resource.not_found"));
    assert_eq!(clinic.events("machine_client.removed success").await, 1);
}

async fn bad_fields_are_named_and_nothing_is_registered(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let mut jwks = key_set();
    jwks["keys"][0]["d"] = json!("AQAB");
    let bad =
        MachineClientRequest { name: "\t".to_owned(), jwks, identifier_systems: vec!["mrn".to_owned()] };
    let admin = clinic.staff(clinic.admin);
    let Err(ClinicalError::Invalid(errors)) = clinic.clinical.register_machine_client(&admin, &bad).await
    else {
        panic!("registered")
    };
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["name", "identifier_systems[0]", "jwks.keys[0].d"]);
    assert_eq!(clinic.number("SELECT count(*) FROM machine_clients").await, 1);
    assert_eq!(clinic.events("machine_client.registered failed request.invalid").await, 1);
}

async fn nobody_else_may(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let other = Clinic::open(&harness, "riverside").await;
    let clinician = clinic.staff(clinic.clinician().await);
    let foreign = other.staff(other.admin);
    assert_eq!(
        clinic.clinical.register_machine_client(&clinician, &request()).await.unwrap_err().code(),
        "access.denied"
    );
    assert!(clinic.clinical.machine_clients(&clinician).await.is_err());
    for caller in [&clinician, &foreign, &clinic.machine()] {
        let error = clinic.clinical.remove_machine_client(caller, clinic.client).await.unwrap_err();
        assert_eq!(error.code(), "resource.not_found");
    }
    assert_eq!(clinic.number("SELECT count(*) FROM machine_clients WHERE status = 'active'").await, 2);
}
