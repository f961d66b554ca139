//! What is read in the trip that begins a unit of work.

use cloister_access::{action::Read, resource::Record};
use cloister_kernel::Audience;

use super::{Harness, Kind};
use crate::{Ahead, Target};

crate::on_both! {
    what_was_read_ahead_no_longer_counts_once_the_unit_has_written,
    reading_ahead_admits_nobody_to_another_target,
    a_connection_that_forgot_its_named_statements_is_replaced,
}

async fn what_was_read_ahead_no_longer_counts_once_the_unit_has_written(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let patient = harness.patient(tenant).await;
    let clinician = harness.user(tenant, "staff", &["clinician"], None).await;
    harness.assign(tenant, clinician, patient).await;
    let caller = harness.caller(tenant, Audience::Console, clinician);
    let mut unit = harness.store.begin_with(&caller, Ahead::Patient(patient)).await.unwrap();
    let removed = unit.core.execute("DELETE FROM panel_members WHERE tenant_id = $1", vec![]).await.unwrap();
    assert_eq!(removed, 1);
    let refusal = unit.permit::<Read, Record>(Target::Patient(patient)).await.unwrap_err();
    assert!(refusal.denied().is_some(), "the panel is read anew");
    unit.refuse(refusal).await;
}

async fn reading_ahead_admits_nobody_to_another_target(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let (own, other) = (harness.patient(tenant).await, harness.patient(tenant).await);
    let clinician = harness.user(tenant, "staff", &["clinician"], None).await;
    harness.assign(tenant, clinician, own).await;
    let caller = harness.caller(tenant, Audience::Console, clinician);
    let mut unit = harness.store.begin_with(&caller, Ahead::Patient(own)).await.unwrap();
    let refusal = unit.permit::<Read, Record>(Target::Patient(other)).await.unwrap_err();
    assert!(refusal.denied().is_some());
    unit.refuse(refusal).await;
}

async fn a_connection_that_forgot_its_named_statements_is_replaced(harness: Harness) {
    if harness.kind == Kind::Sqlite {
        return;
    }
    let tenant = harness.clinic("lakeside").await;
    let patient = harness.patient(tenant).await;
    let user = harness.user(tenant, "patient", &[], Some(patient)).await;
    let store = harness.store_with_connections(1).await;
    let caller = harness.caller(tenant, Audience::Portal, user);
    store.platform().database.execute("DEALLOCATE ALL", vec![]).await.unwrap();
    let mut unit = store.begin(&caller).await.unwrap();
    let permit = unit.permit::<Read, Record>(Target::OwnRecord).await.unwrap();
    let header = unit.sample_header(permit).await.unwrap();
    unit.commit(header).await.unwrap();
}
