//! Connections go from unit to unit without being asked whether they live.

use std::time::Duration;

use cloister_kernel::{Audience, Failure, FailureKind, TenantId};
use futures_util::future::join_all;

use super::{Harness, Kind};
use crate::{Store, StoreError};

crate::on_postgres! {
    a_connection_goes_from_one_unit_to_the_next,
    connections_that_died_while_they_rested_cost_nobody_an_answer,
    a_store_that_is_closed_keeps_no_connection,
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
