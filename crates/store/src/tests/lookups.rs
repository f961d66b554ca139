//! A row is looked up by an index that leads to it, whether there is one clinic or one large among thousands of small ones.

use super::{Harness, Kind};
use crate::{named_statement::NamedStatement, store::named_statements};

crate::on_postgres! {
    rows_are_looked_up_by_indexes_that_lead_to_them_in_one_clinic,
    rows_are_looked_up_by_indexes_that_lead_to_them_in_a_large_clinic_among_small_ones,
}

/// Columns of which a clinic has many values. One of them must be given, or all rows of the clinic are looked at.
const NARROW: [&str; 4] = ["id", "user_id", "patient_id", "code_index"];

async fn rows_are_looked_up_by_indexes_that_lead_to_them_in_one_clinic(harness: Harness) {
    one_large_clinic(&harness).await;
    every_lookup_leads_to_its_rows(&harness).await;
}

async fn rows_are_looked_up_by_indexes_that_lead_to_them_in_a_large_clinic_among_small_ones(
    harness: Harness,
) {
    one_large_clinic(&harness).await;
    small_clinics(&harness).await;
    every_lookup_leads_to_its_rows(&harness).await;
}

/// A clinic with three hundred people of each kind, and a patient with forty values of each of forty tests.
async fn one_large_clinic(harness: &Harness) {
    let tenant = harness.clinic("large").await;
    let patient = harness.patient(tenant).await;
    harness.user(tenant, "patient", &[], Some(patient)).await;
    let clinician = harness.user(tenant, "staff", &["clinician"], None).await;
    harness.assign(tenant, clinician, patient).await;
    harness.machine_client(tenant).await;
    let result = format!(
        "INSERT INTO resources (tenant_id, id, resource_type, patient_id, received_at, status, content_hash, body_sealed) \
         VALUES ('{}', gen_random_uuid(), 'Observation', '{}', 0, 'final', sha256(''), '')",
        tenant.uuid(),
        patient.uuid()
    );
    harness.execute(&result).await.unwrap();
    harness.execute("SET session_replication_role = replica").await.unwrap();
    let result =
        "'id', gen_random_uuid(), 'clinical_time', n, 'code_index', sha256(CAST(n % 40 AS text)::bytea)";
    copy(harness, "resources", 1600, result).await;
    let people = [
        ("patients", "'id', md5('patient ' || n)::uuid"),
        (
            "users",
            "'id', md5(x.kind || n)::uuid, 'email_index', sha256((x.kind || n)::bytea), \
             'patient_id', CASE WHEN x.kind = 'patient' THEN md5('patient ' || n)::uuid END",
        ),
        ("role_assignments", "'id', gen_random_uuid(), 'user_id', md5('staff' || n)::uuid"),
        ("panel_members", "'user_id', md5('staff' || n)::uuid, 'patient_id', md5('patient ' || n)::uuid"),
        ("machine_clients", "'id', md5('machine ' || n)::uuid"),
    ];
    for (table, changes) in people {
        copy(harness, table, 300, changes).await;
    }
}

/// Three thousand clinics, each with a row in every table.
async fn small_clinics(harness: &Harness) {
    let clinic = "md5('clinic ' || n)::uuid";
    let slug = "'small-' || n";
    let tenant = format!("'id', {clinic}, 'slug', {slug}, 'slug_skeleton', {slug}");
    copy(harness, "tenants", 3000, &tenant).await;
    for table in ["resources", "patients", "users", "role_assignments", "panel_members", "machine_clients"] {
        let of_one = format!("(SELECT * FROM {table} LIMIT 1)");
        copy_from(harness, table, &of_one, 3000, &format!("'tenant_id', {clinic}, {}", own_ids(table))).await;
    }
}

/// Ids that no other clinic has.
fn own_ids(table: &str) -> String {
    let id = |what: &str| format!("md5('{what} of ' || n)::uuid");
    match table {
        "resources" => format!("'id', gen_random_uuid(), 'patient_id', {}", id("patient")),
        "patients" => format!("'id', {}", id("patient")),
        "users" => format!("'id', {}, 'patient_id', {}", id("user"), id("patient")),
        "role_assignments" => format!("'id', gen_random_uuid(), 'user_id', {}", id("user")),
        "panel_members" => format!("'user_id', {}, 'patient_id', {}", id("user"), id("patient")),
        _ => format!("'id', {}", id("machine")),
    }
}

async fn copy(harness: &Harness, table: &str, number: usize, changes: &str) {
    copy_from(harness, table, table, number, changes).await;
}

/// Copies each row that is there so many times, with other values in some columns.
async fn copy_from(harness: &Harness, table: &str, rows: &str, number: usize, changes: &str) {
    let copies = format!(
        "INSERT INTO {table} SELECT c.* FROM {rows} x CROSS JOIN generate_series(1, {number}) n \
         CROSS JOIN LATERAL jsonb_populate_record(CAST(x AS {table}), jsonb_build_object({changes})) c"
    );
    harness.execute(&copies).await.unwrap_or_else(|error| panic!("{copies}: {error:?}"));
}

/// As `serve` plans them: once a connection, for any values.
async fn every_lookup_leads_to_its_rows(harness: &Harness) {
    harness.execute("ANALYZE").await.unwrap();
    let as_serve = format!("SET ROLE {}; SET plan_cache_mode = force_generic_plan", harness.serve_role);
    let mut seen = 0;
    for statement in named_statements() {
        harness.execute(&as_serve).await.unwrap();
        harness.execute(&statement.preparation()).await.unwrap();
        let plan = plan_of(harness, statement).await;
        harness.execute("RESET ROLE").await.unwrap();
        for lookup in lookups(&plan) {
            let columns = columns_of(harness, &lookup.index).await;
            let ordered =
                lookup.index == "resources_newest_first" && statement.name == "cloister_own_results";
            let leads = lookup.compared.iter().any(|column| NARROW.contains(&column.as_str()));
            let without_gap = columns.starts_with(&lookup.compared);
            let of_one_test = !lookup.index.starts_with("resources_")
                || ordered
                || ["id", "code_index"]
                    .iter()
                    .any(|narrow| lookup.compared.iter().any(|column| column == narrow));
            assert!(
                leads && without_gap && of_one_test,
                "{}: {lookup:?} of {columns:?}\n{plan}",
                statement.name
            );
            seen += 1;
        }
        let small = ["Seq Scan on tenants", "Seq Scan on role_assignments", "Seq Scan on machine_clients"];
        let whole = plan.lines().filter(|line| line.contains("Seq Scan"));
        let whole: Vec<&str> = whole.filter(|line| !small.iter().any(|small| line.contains(small))).collect();
        assert!(whole.is_empty(), "{}: {whole:?}\n{plan}", statement.name);
    }
    assert!(seen > 15, "{seen} lookups in all statements together");
}

async fn plan_of(harness: &Harness, statement: &NamedStatement) -> String {
    let values = vec!["NULL"; statement.types.split(',').count()].join(", ");
    harness.texts(&format!("EXPLAIN (COSTS OFF) EXECUTE {}({values})", statement.name)).await.join("\n")
}

/// One look into an index.
#[derive(Debug)]
struct Lookup {
    index: String,
    /// The columns that are compared, in the order of the index.
    compared: Vec<String>,
}

/// All looks into indexes of a plan.
fn lookups(plan: &str) -> Vec<Lookup> {
    let lines: Vec<&str> = plan.lines().map(str::trim).collect();
    let begins = |line: &&str| {
        line.split_once("Index Scan using ").or(line.split_once("Index Only Scan using ")).is_some()
    };
    let places = (0..lines.len()).filter(|place| begins(&lines[*place]));
    places
        .map(|place| {
            let after = lines[place].split_once(" using ").unwrap().1;
            let condition = lines[place + 1].strip_prefix("Index Cond: ").unwrap_or_default();
            let compared =
                condition.split(" AND ").filter_map(|part| part.trim_start_matches('(').split_once(" = "));
            Lookup {
                index: after.split_whitespace().next().unwrap().to_owned(),
                compared: compared.map(|(column, _)| column.to_owned()).collect(),
            }
        })
        .collect()
}

async fn columns_of(harness: &Harness, index: &str) -> Vec<String> {
    let sql = format!(
        "SELECT CAST(a.attname AS text) FROM pg_attribute a WHERE a.attrelid = '{index}'::regclass ORDER BY a.attnum"
    );
    harness.texts(&sql).await
}
