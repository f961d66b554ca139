//! What a read costs where there are many clinics, and where the log is long.
//!
//! The other clinics and events are copies that SQL made of this clinic's rows: the tables and indexes are as large as
//! they would be. Nobody reads the copies, whose values are sealed for this clinic. A database with one clinic and a short
//! log is kept beside and read in the same turns: a machine's minutes differ by more than what is measured. Both are read
//! through services that have done nothing else before.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{Bench, CLOSED, Samples, Used, say};
use crate::load::{Gets, closed_loop};

/// Long enough for connections to be opened anew, statements prepared and pages read.
const WARM: Duration = Duration::from_secs(2);

/// What is read, and where.
struct Turns<'a> {
    bench: &'a Bench,
    floor: &'a Arc<Gets>,
    one: &'a Arc<Gets>,
    /// The service over the database with one clinic.
    alone: SocketAddr,
    /// The service over the database that grows.
    among: SocketAddr,
}

impl Turns<'_> {
    /// Rounds of the floor and of reads of one result, of one clinic and among what there is; what they say under a name.
    async fn read(&self, name: &str) -> Value {
        let scale = &self.bench.scale;
        let mut seen = [Samples::of("1 clinic"), Samples::of(name)];
        for turn in 0..scale.rounds {
            let bare = closed_loop(self.floor, self.bench.programs.floor, CLOSED, scale.round).await;
            // The first one in a turn is now the one and now the other.
            for place in [turn % 2, 1 - turn % 2] {
                let before = Used::now();
                let round = closed_loop(self.one, [self.alone, self.among][place], CLOSED, scale.round).await;
                seen[place].closed(round, before, Some(bare.rate()));
            }
        }
        let [alone, among] = &seen;
        let mut measured = among.json();
        measured["cpu_ms"]["service_and_postgresql"] = json!(super::rounded(among.service_and_postgres()));
        measured["to_one_clinic"] = among.beside(alone);
        measured["one_clinic"] = alone.json();
        measured["one_clinic"]["cpu_ms"]["service_and_postgresql"] =
            json!(super::rounded(alone.service_and_postgres()));
        measured
    }

    async fn warm(&self) {
        for address in [self.alone, self.among] {
            closed_loop(self.one, address, CLOSED, WARM).await;
        }
    }
}

pub(crate) async fn of_clinics_and_events(bench: &Bench, floor: &Arc<Gets>, one: &Arc<Gets>) -> Value {
    let copy = bench.services.postgres.copy_of(&bench.services.database).expect("a copy of the database");
    let alone = bench.programs.serve_beside(&bench.services, Some(copy));
    let among = bench.programs.serve_beside(&bench.services, None);
    let turns = Turns { bench, floor, one, alone: alone.address, among: among.address };
    let mut measured = Vec::new();
    let mut there = 1;
    for clinics in bench.scale.many_clinics {
        say(&format!("{clinics} clinics"));
        bench.copy_clinic(there, *clinics);
        there = *clinics;
        turns.warm().await;
        measured.push(turns.read(&format!("{clinics} clinics")).await);
    }
    say(&format!("{} events", bench.scale.many_events));
    bench.copy_events();
    turns.warm().await;
    measured.push(turns.read(&format!("and {} events", bench.scale.many_events)).await);
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
        ];
        self.fill(&statements.concat());
        self.settle();
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
        self.settle();
    }

    /// What PostgreSQL does by itself some time after so many rows were written is no cost of the reads that follow.
    fn settle(&self) {
        self.fill("VACUUM ANALYZE");
        self.fill("CHECKPOINT");
    }
}
