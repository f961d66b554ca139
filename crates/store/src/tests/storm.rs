//! Futures dropped at every point leave no open transaction behind.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use cloister_access::{action::Read, resource::Record};
use cloister_kernel::{Audience, TenantId, UserId};

use super::{Harness, Kind};
use crate::{Store, Target};

crate::on_both! { dropped_futures_leave_no_open_transaction }

const ROUNDS: u64 = 1500;

/// Counts PostgreSQL's warnings about transactions, which sqlx hands to `tracing`.
pub(super) struct Notices(pub(super) Arc<AtomicU64>);

impl tracing::Subscriber for Notices {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "sqlx::postgres::notice"
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Text(bool);
        impl tracing::field::Visit for Text {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0 |= format!("{value:?}").contains("already a transaction in progress");
            }
        }
        let mut text = Text(false);
        event.record(&mut text);
        if text.0 {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

async fn one_unit(store: Store, harness: Arc<Harness>, tenant: TenantId, user: UserId) {
    let caller = harness.caller(tenant, Audience::Portal, user);
    let Ok(mut unit) = store.begin(&caller).await else { return };
    let Ok(permit) = unit.permit::<Read, Record>(Target::OwnRecord).await else { return };
    let Ok(header) = unit.sample_header(permit).await else { return };
    let _ = unit.commit(header).await;
}

/// Polls a future so many times, giving others a little time in between, and drops it.
async fn poll_and_drop(future: impl Future<Output = ()>, polls: u64) {
    let mut future = pin!(future);
    for poll in 0..polls {
        if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        if poll % 2 == 0 {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(Duration::from_micros(150)).await;
        }
    }
}

async fn dropped_futures_leave_no_open_transaction(harness: Harness) {
    let warnings = Arc::new(AtomicU64::new(0));
    // The suite's other tests run in processes of their own, or do not mind.
    let _ = tracing::subscriber::set_global_default(Notices(warnings.clone()));
    let mut people = Vec::new();
    for slug in ["lakeside", "riverside"] {
        let tenant = harness.clinic(slug).await;
        let patient = harness.patient(tenant).await;
        people.push((tenant, harness.user(tenant, "patient", &[], Some(patient)).await));
    }
    let store = harness.store_with_connections(3).await;
    let harness = Arc::new(harness);
    let mut tasks = Vec::new();
    for lane in 0..6 {
        let (store, harness, people) = (store.clone(), harness.clone(), people.clone());
        tasks.push(tokio::spawn(async move {
            for round in 0..ROUNDS / 6 {
                let (tenant, user) = people[usize::try_from((lane + round) % 2).unwrap()];
                let unit = one_unit(store.clone(), harness.clone(), tenant, user);
                // Now and then one is left alone, however slow the machine is: dropped ones must not harm it.
                if round % 25 == 24 {
                    unit.await;
                } else {
                    poll_and_drop(unit, (round * 7 + lane) % 40).await;
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for (tenant, user) in people.iter().cycle().take(12) {
        let caller = harness.caller(*tenant, Audience::Portal, *user);
        let mut unit = store.begin(&caller).await.unwrap();
        let permit = unit.permit::<Read, Record>(Target::OwnRecord).await.unwrap();
        let header = unit.sample_header(permit).await.unwrap();
        unit.commit(header).await.unwrap();
    }
    assert_eq!(warnings.load(Ordering::SeqCst), 0, "transactions begun inside another");
    if harness.kind == Kind::Postgres {
        let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                    AND state LIKE 'idle in transaction%'";
        for _ in 0..50 {
            if harness.number(open).await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(harness.number(open).await, 0);
    }
    let success = harness.number("SELECT count(*) FROM events WHERE outcome = 'success'").await;
    assert!(success > 12, "some of the storm's units finished: {success}");
}
