//! What PostgreSQL is asked for one read, as its own log of statements says.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Bench;
use crate::load::{Connection, Gets, Operation};

/// The statements of one read of one result, in their order, as `pg_stat_statements` would not give them.
pub(crate) async fn of_one_read(bench: &Bench) -> Value {
    let requests = bench.clinic.gets(|reader, _| format!("/api/v1/record/results/{}", reader.results[0]));
    let read = Arc::new(Gets(vec![requests[0].clone()]));
    let mut connection = Connection::to(bench.programs.address);
    // Keys are opened and statements prepared by then.
    for number in 0..40 {
        read.run(&mut connection, number).await.expect("a result");
    }
    let log = || bench.services.statements();
    bench.services.log_statements(true);
    let before = log().len();
    read.run(&mut connection, 0).await.expect("a result");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let after = log();
    bench.services.log_statements(false);
    json!(after[before..])
}
