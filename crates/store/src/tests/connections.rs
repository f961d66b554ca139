//! Connections go from unit to unit without being asked whether they live.

use std::{future::pending, time::Duration};

use cloister_kernel::{Audience, Failure, FailureKind, TenantId};
use futures_util::future::join_all;

use super::{Harness, Kind};
use crate::{Store, StoreError, trip::within};

crate::on_postgres! {
    a_connection_goes_from_one_unit_to_the_next,
    a_live_connection_is_kept_while_others_are_suspect,
    connections_that_died_while_they_rested_cost_nobody_an_answer,
    a_store_that_is_closed_keeps_no_connection,
    a_store_is_closed_when_the_last_unit_has_ended,
    a_unit_that_outlives_the_runtime_ends_without_a_word,
    a_database_of_another_shape_is_found_out,
}

crate::on_both! {
    a_store_of_platform_tables_answers_until_it_is_closed,
    a_unit_writes_alone_where_the_database_has_one_writer,
}

async fn visit(harness: &Harness, store: &Store, tenant: TenantId) -> Result<i64, StoreError> {
    let visitor = harness.visitor(tenant, Audience::Portal);
    let visit = store.begin_visit(&visitor).await?;
    let row = visit.core.row("SELECT pg_backend_pid()::bigint AS n WHERE $1 IS NOT NULL", vec![]).await?;
    let backend = row.ok_or(StoreError::NotFound)?.get("n")?;
    visit.commit(()).await?;
    Ok(backend)
}

/// Connections of the store that do not run anything.
const AT_REST: &str = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() \
                       AND application_name = 'cloister' AND state = 'idle' AND query LIKE '%COMMIT%'";

async fn a_connection_goes_from_one_unit_to_the_next(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let store = harness.store_with_connections(3).await;
    let first = visit(&harness, &store, tenant).await.unwrap();
    for _ in 0..20 {
        assert_eq!(visit(&harness, &store, tenant).await.unwrap(), first);
    }
}

async fn a_live_connection_is_kept_while_others_are_suspect(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let store = harness.store_with_connections(1).await;
    within(Duration::ZERO, pending::<Result<(), sqlx::Error>>()).await.unwrap_err();
    let first = visit(&harness, &store, tenant).await.unwrap();
    for _ in 0..5 {
        assert_eq!(visit(&harness, &store, tenant).await.unwrap(), first);
    }
}

async fn connections_that_died_while_they_rested_cost_nobody_an_answer(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let store = harness.store_with_connections(4).await;
    for _ in 0..3 {
        let visits = join_all((0..4).map(|_| visit(&harness, &store, tenant))).await;
        assert!(visits.iter().all(Result::is_ok), "{visits:?}");
        let ended = "SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity \
                     WHERE datname = current_database() AND application_name = 'cloister'";
        assert!(harness.number(ended).await > 1);
        visit(&harness, &store, tenant).await.unwrap();
    }
}

async fn a_store_that_is_closed_keeps_no_connection(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let before = harness.number(AT_REST).await;
    let store = harness.store_with_connections(3).await;
    join_all((0..3).map(|_| visit(&harness, &store, tenant))).await;
    assert!(harness.number(AT_REST).await > before);
    tokio::time::timeout(Duration::from_secs(5), store.close()).await.expect("it closes").unwrap();
    let mut looks = 0;
    while harness.number(AT_REST).await > before {
        looks += 1;
        assert!(looks < 100, "a connection is left");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let refused = visit(&harness, &store, tenant).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Unavailable);
}

async fn a_store_of_platform_tables_answers_until_it_is_closed(harness: Harness) {
    harness.platform.ping().await.unwrap();
    harness.platform.close().await.unwrap();
    assert_eq!(harness.platform.ping().await.unwrap_err().kind(), FailureKind::Unavailable);
}

async fn a_store_is_closed_when_the_last_unit_has_ended(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let store = harness.store_with_connections(2).await;
    let visitor = harness.visitor(tenant, Audience::Portal);
    let visit = store.begin_visit(&visitor).await.unwrap();
    let closing = tokio::spawn({
        let store = store.clone();
        async move { store.close().await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!closing.is_finished(), "a unit is under way");
    visit.commit(()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), closing).await.expect("it closes").unwrap().unwrap();
}

async fn a_unit_that_outlives_the_runtime_ends_without_a_word(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let store = harness.store_with_connections(1).await;
    let visitor = harness.visitor(tenant, Audience::Portal);
    let visit = store.begin_visit(&visitor).await.unwrap();
    // A thread without a runtime, as all are when the program ends.
    std::thread::scope(|threads| threads.spawn(|| drop(visit)).join()).expect("nothing panics");
}

async fn a_database_of_another_shape_is_found_out(harness: Harness) {
    for (change, undo, missing) in [
        ("ALTER TABLE tenants RENAME TO away", "ALTER TABLE away RENAME TO tenants", true),
        (
            "ALTER TABLE tenants RENAME COLUMN kill_switch TO off",
            "ALTER TABLE tenants RENAME COLUMN off TO kill_switch",
            false,
        ),
    ] {
        harness.execute(change).await.unwrap();
        let refused = harness.store_with_connections(1).await.refuse_unless_isolated().await.unwrap_err();
        // Connections know no statement of a table that is not there, and find out by name that it is not.
        assert_eq!(matches!(refused, StoreError::Isolation(_)), missing, "{refused:?}");
        harness.execute(undo).await.unwrap();
    }
    harness.store_with_connections(1).await.refuse_unless_isolated().await.unwrap();
}

/// SQLite has one writer: who begins waits for it at once, and is not refused in the middle.
async fn a_unit_writes_alone_where_the_database_has_one_writer(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let other = harness.store_with_connections(2).await;
    let visitor = harness.visitor(tenant, Audience::Portal);
    let visit = harness.store.begin_visit(&visitor).await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(300), other.begin_visit(&visitor)).await;
    assert_eq!(waiting.is_err(), harness.kind == Kind::Sqlite);
    visit.commit(()).await.unwrap();
    drop(waiting);
    other.begin_visit(&visitor).await.unwrap().commit(()).await.unwrap();
}
