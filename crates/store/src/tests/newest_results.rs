//! A part of a list costs what it shows, however long the record is.

use super::{Harness, Kind};

crate::on_postgres! { the_newest_results_come_in_the_order_of_an_index }

async fn the_newest_results_come_in_the_order_of_an_index(harness: Harness) {
    // Few rows are sorted sooner than looked up: whether they could be looked up is the question.
    harness
        .execute("SET enable_sort = off; SET enable_incremental_sort = off; SET enable_seqscan = off")
        .await
        .unwrap();
    let id = "00000000-0000-0000-0000-000000000001";
    let plan = format!(
        "EXPLAIN SELECT id FROM resources WHERE tenant_id = '{id}' AND patient_id = '{id}' \
         AND resource_type = 'Observation' AND NOT deleted AND COALESCE(status, '') <> 'entered-in-error' \
         ORDER BY clinical_time DESC NULLS LAST, id DESC LIMIT 21"
    );
    let plan = harness.texts(&plan).await.join("\n");
    assert!(plan.contains("resources_newest_first") && !plan.contains("Sort"), "{plan}");
}
