//! What a read costs where there are many clinics, and where the log is long.
//!
//! The other clinics and events are copies that SQL made of this clinic's rows: the tables and indexes are as large as
//! they would be. Nobody reads the copies, whose values are sealed for this clinic.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Bench, CLOSED, Samples, Used, say};
use crate::load::{Gets, closed_loop};

/// Rounds of the floor and of reads of one result; what they say under a name.
async fn read(bench: &Bench, name: &str, floor: &Arc<Gets>, one: &Arc<Gets>) -> Value {
    let mut samples = Samples::of(name);
    for _ in 0..bench.scale.rounds {
        let bare = closed_loop(floor, bench.programs.floor, CLOSED, bench.scale.round).await;
        let before = Used::now();
        let seen = closed_loop(one, bench.programs.address, CLOSED, bench.scale.round).await;
        samples.closed(seen, before, Some(bare.rate()));
    }
    let mut measured = samples.json();
    measured["cpu_ms"]["service_and_postgresql"] = json!(super::rounded(samples.service_and_postgres()));
    measured
}

pub(crate) async fn of_clinics_and_events(bench: &Bench, floor: &Arc<Gets>, one: &Arc<Gets>) -> Value {
    let mut measured = vec![read(bench, "1 clinic", floor, one).await];
    let mut there = 1;
    for clinics in bench.scale.many_clinics {
        say(&format!("{clinics} clinics"));
        bench.copy_clinic(there, *clinics);
        there = *clinics;
        measured.push(read(bench, &format!("{clinics} clinics"), floor, one).await);
    }
    say(&format!("{} events", bench.scale.many_events));
    bench.copy_events();
    measured.push(read(bench, &format!("and {} events", bench.scale.many_events), floor, one).await);
    json!(measured)
}

impl Bench {
    fn fill(&self, sql: &str) {
        self.services.database.execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Copies tenant, hosts and keys, and one patient with account and forty results.
    fn copy_clinic(&self, from: usize, to: usize) {
        let id = &self.clinic.id;
        let copied = |table: &str, condition: &str, changes: &str| {
            format!(
                "INSERT INTO {table} SELECT c.* FROM {table} x CROSS JOIN generate_series({from}, {}) n \
                 CROSS JOIN LATERAL jsonb_populate_record(x, jsonb_build_object({changes})) c WHERE {condition}; ",
                to - 1
            )
        };
        let other = "md5('clinic ' || n)::uuid";
        let patient = format!(
            "(SELECT patient_id FROM resources WHERE tenant_id = '{id}' AND resource_type = 'Observation' \
             GROUP BY patient_id HAVING count(*) = 40 LIMIT 1)"
        );
        let of_tenant = format!("'tenant_id', {other}");
        // No two clinics share an id: what PostgreSQL knows of the columns is as true as it would be.
        let own = |column: &str| format!("'{column}', md5(x.{column}::text || n)::uuid");
        let of_patient = format!("x.tenant_id = '{id}' AND x.patient_id = {patient}");
        let of_a_patient = format!("{of_tenant}, {}, {}", own("id"), own("patient_id"));
        let statements = [
            "SET session_replication_role = replica; ".to_owned(),
            copied(
                "tenants",
                &format!("x.id = '{id}'"),
                &format!("'id', {other}, 'slug', 'clinic-' || n, 'slug_skeleton', 'clinic-' || n"),
            ),
            copied(
                "hosts",
                &format!("x.tenant_id = '{id}'"),
                &format!("{of_tenant}, 'host', 'clinic-' || n || '-' || x.host"),
            ),
            copied(
                "wrapped_keys",
                &format!("x.owner LIKE '%{id}%'"),
                &format!("'owner', replace(x.owner, '{id}', ({other})::text)"),
            ),
            copied(
                "patients",
                &format!("x.tenant_id = '{id}' AND x.id = {patient}"),
                &format!("{of_tenant}, {}", own("id")),
            ),
            copied("users", &of_patient, &of_a_patient),
            copied("resources", &of_patient, &of_a_patient),
            "ANALYZE".to_owned(),
        ];
        self.fill(&statements.concat());
        let count = "SELECT count(DISTINCT tenant_id) FROM resources";
        let found = self.services.database.execute(count).expect("a count");
        assert_eq!(found.trim(), to.to_string(), "clinics with results");
    }

    fn copy_events(&self) {
        self.fill(&format!(
            "INSERT INTO events SELECT c.* FROM events x CROSS JOIN generate_series(1, {1}) n \
             CROSS JOIN LATERAL jsonb_populate_record(x, jsonb_build_object('id', md5('event ' || n)::uuid)) c \
             WHERE x.tenant_id = '{0}' AND x.id = (SELECT id FROM events WHERE tenant_id = '{0}' LIMIT 1)",
            self.clinic.id, self.scale.many_events
        ));
        self.fill("ANALYZE events");
    }
}
