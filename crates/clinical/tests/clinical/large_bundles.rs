//! Long bundles: worked out beside the transaction, and still right when the record changes meanwhile.

use std::time::Instant;

use cloister_access::{action::Create, resource::Bundle};
use cloister_fhir::EntryResult;
use cloister_store::{IncomingBundle, IntakeError, PreparedBundle, StoreError, Target};
use serde_json::{Value, json};

use crate::{
    clinic::{ANA, Clinic, Harness, Kind, ana, bundle, glucose, post, url},
    on_both,
    statements::open_times,
};

on_both! {
    a_long_bundle_holds_its_transaction_only_while_it_is_written,
    what_was_prepared_does_not_count_once_the_record_has_changed,
    what_was_prepared_for_one_record_system_is_not_taken_in_for_another,
}

/// Ana and values of hers, each with a remark.
fn values(count: u32, unit: &str) -> Value {
    let mut entries = vec![post(ANA, ana("1"))];
    entries.extend((0..count).map(|n| {
        let mut value = glucose(&format!("many-{n}"), "2026-01-05", json!(n));
        value["note"] = json!([{ "text": "x".repeat(800) }]);
        value["valueQuantity"]["unit"] = json!(unit);
        post(&url(10 + n), value)
    }));
    bundle(&entries)
}

async fn a_long_bundle_holds_its_transaction_only_while_it_is_written(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    // New resources, the same again, and a new version of each.
    for (unit, status) in [("mg/dL", 201), ("mg/dL", 200), ("mmol/L", 200)] {
        let sent = values(3_000, unit);
        let began = Instant::now();
        let (answers, open) = open_times(clinic.send(&sent)).await;
        let (kind, took) = (harness.kind, began.elapsed());
        println!("{kind:?}: {} entries in {took:?}, transaction open for {open:?}", answers.len());
        assert!(answers[1..].iter().all(|answer| answer.status == status));
        let [open] = open[..] else { panic!("{} transactions were committed", open.len()) };
        assert!(open * 2 < took, "{kind:?}: open for {open:?} of {took:?}");
    }
    assert_eq!(clinic.number("SELECT count(*) FROM resources WHERE version = 2").await, 3_000);
    assert_eq!(clinic.number("SELECT count(*) FROM resource_versions").await, 3_000);
    assert_eq!(clinic.events("bundle.ingested success").await, 3);
    assert_eq!(clinic.events("resource.created success").await, 3_001);
    assert_eq!(clinic.events("resource.updated success").await, 3_000);
}

/// What a long bundle comes to now.
async fn prepared(clinic: &Clinic<'_>, sent: &Value) -> (IncomingBundle, PreparedBundle) {
    let incoming = IncomingBundle::read(serde_json::to_vec(sent).unwrap()).unwrap();
    let caller = clinic.machine();
    let unit = clinic.harness.store.begin(&caller).await.unwrap();
    let (unit, permit) = unit.require::<Create, Bundle>(Target::Clinic).await.unwrap();
    let planned = unit.plan_bundle(permit, &incoming).await.unwrap();
    let unit = clinic.harness.store.begin(&caller).await.unwrap();
    let (unit, permit) = unit.require::<Create, Bundle>(Target::Clinic).await.unwrap();
    let prepared = unit.prepare_bundle(permit, planned).await.unwrap();
    (incoming, prepared)
}

/// The results of taking in what was prepared.
async fn taken_in(
    clinic: &Clinic<'_>,
    (incoming, prepared): (IncomingBundle, PreparedBundle),
) -> Result<Vec<EntryResult>, IntakeError> {
    let caller = clinic.machine();
    let unit = clinic.harness.store.begin(&caller).await.unwrap();
    let (mut unit, permit) = unit.require::<Create, Bundle>(Target::Clinic).await.unwrap();
    let entries = unit.take_in(permit, &incoming, Some(prepared)).await?;
    unit.commit(()).await.unwrap();
    Ok(entries.iter().map(|entry| entry.result).collect())
}

async fn what_was_prepared_does_not_count_once_the_record_has_changed(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let of =
        |value: u32| bundle(&[post(ANA, ana("1")), post(&url(2), glucose("g1", "2026-01-05", json!(value)))]);
    let version = "SELECT version FROM resources WHERE resource_type = 'Observation'";

    // Somebody else made the patient and the value first: no second patient, and the value's second version.
    let first = prepared(&clinic, &of(90)).await;
    clinic.send(&of(91)).await;
    assert_eq!(taken_in(&clinic, first).await.unwrap(), [EntryResult::Unchanged, EntryResult::Updated]);
    assert_eq!(clinic.number("SELECT count(*) FROM patients").await, 1);
    assert_eq!(clinic.number(version).await, 2);

    // A version came between.
    let second = prepared(&clinic, &of(92)).await;
    clinic.send(&of(93)).await;
    assert_eq!(taken_in(&clinic, second).await.unwrap(), [EntryResult::Unchanged, EntryResult::Updated]);
    assert_eq!(clinic.number(version).await, 4);
    assert_eq!(clinic.number("SELECT count(*) FROM resource_versions").await, 3);

    // Nothing came between.
    let third = prepared(&clinic, &of(94)).await;
    assert_eq!(taken_in(&clinic, third).await.unwrap(), [EntryResult::Unchanged, EntryResult::Updated]);
    assert_eq!(clinic.number(version).await, 5);

    // Who the patient is came into dispute.
    let mut other = ana("1");
    other["birthDate"] = json!("1999-09-09");
    let alone = bundle(&[post(&url(2), {
        let mut value = glucose("g1", "2026-01-05", json!(95));
        value["subject"] = json!({ "reference": format!("Patient?identifier={}|1", crate::clinic::MRN) });
        value
    })]);
    let fourth = prepared(&clinic, &alone).await;
    clinic.send(&bundle(&[post(ANA, other)])).await;
    assert_eq!(taken_in(&clinic, fourth).await.unwrap(), [EntryResult::Quarantined]);
    assert_eq!(clinic.number(version).await, 5);
}

async fn what_was_prepared_for_one_record_system_is_not_taken_in_for_another(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let there = Clinic::open(&harness, "riverside").await;
    let sent = bundle(&[post(ANA, ana("1"))]);
    let foreign = prepared(&there, &sent).await;
    let caller = clinic.machine();
    let unit = harness.store.begin(&caller).await.unwrap();
    let (mut unit, permit) = unit.require::<Create, Bundle>(Target::Clinic).await.unwrap();
    let entries = unit.take_in(permit, &foreign.0, Some(foreign.1)).await.unwrap();
    unit.commit(()).await.unwrap();
    // It was worked out anew under this clinic's keys: its record system reads it back.
    assert_eq!(entries[0].result, EntryResult::Created);
    let id = entries[0].id.to_string();
    clinic.clinical.read_resource(&caller, "Patient", &id).await.unwrap();
    // And a preparation is good for who made it only.
    let unit = harness.store.begin(&caller).await.unwrap();
    let (unit, permit) = unit.require::<Create, Bundle>(Target::Clinic).await.unwrap();
    drop(unit);
    let theirs = there.machine();
    let at_theirs = harness.store.begin(&theirs).await.unwrap();
    let refused = at_theirs.plan_bundle(permit, &foreign.0).await;
    assert!(matches!(refused, Err(IntakeError::Store(StoreError::ForeignPermit))));
}
