//! Reads of several requests share a trip and a commit: each gets what is its own, with its own event, or nothing of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cloister_access::Caller;
use cloister_kernel::{Audience, Failure, FailureKind};
use cloister_testkit::fault_proxy::{Fault, Moment, Plan};
use tokio::task::JoinHandle;

use super::{Harness, Kind, silence::behind_a_proxy};
use crate::{Store, StoreError, named_statement::NamedStatement};

crate::on_postgres! {
    reads_that_wait_are_committed_together_each_with_an_event_of_its_own,
    one_that_fails_undoes_its_group_and_the_next_is_carried,
    nothing_is_read_for_whoever_left_before_the_trip,
    whoever_waits_behind_a_dead_connection_is_told_together,
}

/// Longer than anything here takes, shorter than what a hanging one would.
const LIMIT: Duration = Duration::from_secs(20);

/// How many results were read.
type Reading = JoinHandle<Result<Option<usize>, StoreError>>;

/// Patients of two clinics in turn, each seen by the store before.
async fn readers(harness: &Harness, store: &Store, number: usize) -> Vec<Arc<Caller>> {
    let clinics = [harness.clinic("lakeside").await, harness.clinic("riverside").await];
    let mut readers = Vec::new();
    for place in 0..number {
        let tenant = clinics[place % 2];
        let patient = harness.patient(tenant).await;
        let user = harness.user(tenant, "patient", &[], Some(patient)).await;
        let caller = harness.caller(tenant, Audience::Portal, user);
        store.begin(&caller).await.unwrap().commit(()).await.unwrap();
        readers.push(Arc::new(caller));
    }
    readers
}

fn reading(store: &Store, caller: &Arc<Caller>) -> Reading {
    let (store, caller) = (store.clone(), caller.clone());
    tokio::spawn(async move {
        let read =
            tokio::time::timeout(LIMIT, store.own_results(&caller, 10)).await.expect("an answer in time");
        Ok(read?.map(|read| read.items.len()))
    })
}

async fn until(what: impl Fn() -> bool) {
    let began = Instant::now();
    while !what() {
        assert!(began.elapsed() < Duration::from_secs(10), "it never was so");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Trips stand still from here on: nobody gets past the accounts.
async fn halt(harness: &Harness) {
    harness.execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE").await.unwrap();
}

async fn go_on(harness: &Harness) {
    harness.execute("COMMIT").await.unwrap();
}

/// Reads of the first two, each under way in a trip of its own.
async fn two_under_way(store: &Store, readers: &[Arc<Caller>]) -> Vec<Reading> {
    let mut under_way = Vec::new();
    for reader in &readers[..2] {
        under_way.push(reading(store, reader));
        // Long enough to leave alone: whoever came at the same time would share the trip.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    under_way
}

async fn events_of(harness: &Harness, caller: &Caller) -> i64 {
    let user = caller.user().unwrap().uuid();
    harness.number(&format!("SELECT count(*) FROM events WHERE actor_id = '{user}'")).await
}

async fn reads_that_wait_are_committed_together_each_with_an_event_of_its_own(harness: Harness) {
    let store = harness.store_with_connections(4).await;
    let readers = readers(&harness, &store, 10).await;
    halt(&harness).await;
    let mut readings = two_under_way(&store, &readers).await;
    readings.extend(readers[2..].iter().map(|reader| reading(&store, reader)));
    until(|| store.group_commit().waiting() == 8).await;
    go_on(&harness).await;
    for reading in readings {
        assert!(reading.await.unwrap().unwrap().is_some(), "answered in its trip");
    }
    for reader in &readers {
        assert_eq!(events_of(&harness, reader).await, 1);
    }
    let of_readers = "FROM events WHERE action = 'result.list'";
    assert_eq!(harness.number(&format!("SELECT count(*) {of_readers}")).await, 10);
    let commits = harness.number(&format!("SELECT count(DISTINCT xmin::text) {of_readers}")).await;
    assert!((3..=4).contains(&commits), "two alone, and eight together or in two parts: {commits}");
    let clinics = "SELECT count(*) FROM (SELECT 1 FROM events WHERE action = 'result.list' \
                   GROUP BY xmin::text HAVING count(DISTINCT tenant_id) = 2) AS shared";
    assert!(harness.number(clinics).await > 0, "the two clinics' share a commit");
}

/// Not known to any connection.
static UNKNOWN: NamedStatement =
    NamedStatement { name: "cloister_unknown", types: "uuid", text: "SELECT $1" };

async fn one_that_fails_undoes_its_group_and_the_next_is_carried(harness: Harness) {
    let store = harness.store_with_connections(4).await;
    let readers = readers(&harness, &store, 6).await;
    halt(&harness).await;
    let mut alone = two_under_way(&store, &readers).await;
    let group: Vec<_> = readers[2..5].iter().map(|reader| reading(&store, reader)).collect();
    until(|| store.group_commit().waiting() == 3).await;
    let calls = store.group_commit().clone();
    let broken = tokio::spawn(async move { calls.run(&UNKNOWN.call(vec![])).await });
    until(|| store.group_commit().waiting() == 4).await;
    go_on(&harness).await;
    assert!(broken.await.unwrap().unwrap().is_none());
    for reading in group {
        assert!(reading.await.unwrap().unwrap().is_none(), "left to a unit of work");
    }
    for reader in &readers[2..5] {
        assert_eq!(events_of(&harness, reader).await, 0, "undone with the others");
    }
    alone.push(reading(&store, &readers[5]));
    for reading in alone {
        assert!(reading.await.unwrap().unwrap().is_some());
    }
    for reader in &readers[2..5] {
        assert!(store.own_results(reader, 10).await.unwrap().is_some());
        assert_eq!(events_of(&harness, reader).await, 1);
    }
}

async fn nothing_is_read_for_whoever_left_before_the_trip(harness: Harness) {
    let store = harness.store_with_connections(4).await;
    let readers = readers(&harness, &store, 4).await;
    halt(&harness).await;
    let mut stayed = two_under_way(&store, &readers).await;
    let left = reading(&store, &readers[2]);
    stayed.push(reading(&store, &readers[3]));
    until(|| store.group_commit().waiting() == 2).await;
    left.abort();
    assert!(left.await.unwrap_err().is_cancelled());
    go_on(&harness).await;
    for reading in stayed {
        assert!(reading.await.unwrap().unwrap().is_some());
    }
    assert_eq!(events_of(&harness, &readers[2]).await, 0);
    assert_eq!(events_of(&harness, &readers[3]).await, 1);
}

async fn whoever_waits_behind_a_dead_connection_is_told_together(harness: Harness) {
    let (proxy, store) = behind_a_proxy(&harness, 2).await;
    let readers = readers(&harness, &store, 2).await;
    proxy.switch(Plan::always(Fault::BlackHole, Moment::Before));
    let began = Instant::now();
    let readings: Vec<_> = (0..100).map(|place| reading(&store, &readers[place % 2])).collect();
    for reading in readings {
        let failed = reading.await.unwrap().unwrap_err();
        assert_eq!(failed.kind(), FailureKind::Unavailable);
    }
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    proxy.heal();
    let healed = Instant::now();
    while !matches!(store.own_results(&readers[0], 10).await, Ok(Some(_))) {
        assert!(healed.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
