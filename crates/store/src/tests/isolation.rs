//! The catalogue check turns red for every way in which isolation can be undone.

use cloister_kernel::Failure;

use super::{Harness, Kind};
use crate::{IsolationError, StoreError};

crate::on_postgres! { every_difference_is_refused_by_name }
crate::on_both! { a_fresh_database_is_isolated }

async fn a_fresh_database_is_isolated(harness: Harness) {
    harness.store.refuse_unless_isolated().await.unwrap();
    // Again with the role of the worker.
    harness.platform.refuse_unless_isolated().await.unwrap();
}

async fn every_difference_is_refused_by_name(harness: Harness) {
    use IsolationError as E;
    let role = harness.serve_role.clone();
    let named = |name: &str| name.to_owned();
    let changes: Vec<(String, String, E)> = vec![
        (
            "ALTER TABLE patients NO FORCE ROW LEVEL SECURITY".into(),
            "ALTER TABLE patients FORCE ROW LEVEL SECURITY".into(),
            E::NotForced(named("patients")),
        ),
        (
            "ALTER TABLE users DISABLE ROW LEVEL SECURITY".into(),
            "ALTER TABLE users ENABLE ROW LEVEL SECURITY".into(),
            E::NotForced(named("users")),
        ),
        (
            "ALTER TABLE events_2026_12 NO FORCE ROW LEVEL SECURITY".into(),
            "ALTER TABLE events_2026_12 FORCE ROW LEVEL SECURITY".into(),
            E::NotForced(named("events_2026_12")),
        ),
        (format!("ALTER ROLE {role} BYPASSRLS"), format!("ALTER ROLE {role} NOBYPASSRLS"), E::RoleBypasses(role.clone())),
        (
            format!("CREATE ROLE {role}_strong BYPASSRLS; GRANT {role}_strong TO {role}"),
            format!("DROP ROLE {role}_strong"),
            E::RoleBypasses(format!("{role}_strong")),
        ),
        (
            format!("GRANT cloister_owner TO {role}"),
            format!("REVOKE cloister_owner FROM {role}"),
            E::RoleOwns(named("attempt_counters")),
        ),
        ("CREATE TABLE notes (id int)".into(), "DROP TABLE notes".into(), E::Unlisted(named("notes"))),
        (
            "CREATE SCHEMA aside; CREATE TABLE aside.notes (id int)".into(),
            "DROP SCHEMA aside CASCADE".into(),
            E::Unlisted(named("aside.notes")),
        ),
        (
            "CREATE VIEW everyone AS SELECT * FROM patients".into(),
            "DROP VIEW everyone".into(),
            E::ViewWithoutInvoker(named("everyone")),
        ),
        (
            "CREATE VIEW everyone WITH (security_invoker = true) AS SELECT * FROM patients".into(),
            "DROP VIEW everyone".into(),
            E::Unlisted(named("everyone")),
        ),
        (
            "CREATE MATERIALIZED VIEW everyone AS SELECT * FROM patients".into(),
            "DROP MATERIALIZED VIEW everyone".into(),
            E::Unlisted(named("everyone")),
        ),
        (
            "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM patients'".into(),
            "DROP FUNCTION peek()".into(),
            E::DefinerFunction(named("peek")),
        ),
        (
            "ALTER POLICY tenant_isolation ON resources USING (true)".into(),
            "ALTER POLICY tenant_isolation ON resources USING (tenant_id = NULLIF(current_setting('cloister.tenant', true), '')::uuid)".into(),
            E::Policy(named("resources")),
        ),
        (
            "ALTER POLICY tenant_isolation ON resources WITH CHECK (true)".into(),
            "ALTER POLICY tenant_isolation ON resources WITH CHECK (tenant_id = NULLIF(current_setting('cloister.tenant', true), '')::uuid)".into(),
            E::Policy(named("resources")),
        ),
        (
            "CREATE POLICY all_of_it ON resources USING (true)".into(),
            "DROP POLICY all_of_it ON resources".into(),
            E::Policy(named("resources")),
        ),
        (
            "CREATE UNIQUE INDEX one_email ON users (email_index)".into(),
            "DROP INDEX one_email".into(),
            E::Key(named("users")),
        ),
        (
            "ALTER TABLE messages ADD UNIQUE (tenant_id, id, subject_id), ADD CONSTRAINT loose FOREIGN KEY (subject_id) REFERENCES tenants (id)".into(),
            "ALTER TABLE messages DROP CONSTRAINT loose".into(),
            E::ForeignKey(named("messages")),
        ),
        (
            "GRANT UPDATE ON events TO cloister_serve".into(),
            "REVOKE UPDATE ON events FROM cloister_serve".into(),
            E::Grants(named("events")),
        ),
        (
            "GRANT SELECT (id) ON patients TO cloister_admin".into(),
            "REVOKE SELECT (id) ON patients FROM cloister_admin".into(),
            E::Grants(named("patients")),
        ),
        (
            "GRANT SELECT (reason_sealed) ON raised_networks TO cloister_serve".into(),
            "REVOKE SELECT (reason_sealed) ON raised_networks FROM cloister_serve".into(),
            E::Grants(named("raised_networks")),
        ),
        (
            "REVOKE SELECT (network) ON raised_networks FROM cloister_serve".into(),
            "GRANT SELECT (network) ON raised_networks TO cloister_serve".into(),
            E::Grants(named("raised_networks")),
        ),
        (
            "GRANT UPDATE (expires_at) ON raised_networks TO cloister_serve".into(),
            "REVOKE UPDATE (expires_at) ON raised_networks FROM cloister_serve".into(),
            E::Grants(named("raised_networks")),
        ),
        (
            "GRANT SELECT ON operators TO PUBLIC".into(),
            "REVOKE SELECT ON operators FROM PUBLIC".into(),
            E::Grants(named("operators")),
        ),
        (
            "REVOKE INSERT ON jobs FROM cloister_serve".into(),
            "GRANT INSERT ON jobs TO cloister_serve".into(),
            E::Grants(named("jobs")),
        ),
        (
            "ALTER TABLE hosts ADD COLUMN note text".into(),
            "ALTER TABLE hosts DROP COLUMN note".into(),
            E::Columns(named("hosts")),
        ),
        (
            "ALTER TABLE events DISABLE TRIGGER events_append_only".into(),
            "ALTER TABLE events ENABLE TRIGGER events_append_only".into(),
            E::NotAppendOnly(named("events")),
        ),
        (
            "ALTER TABLE quarantine RENAME TO set_aside".into(),
            "ALTER TABLE set_aside RENAME TO quarantine".into(),
            E::Unlisted(named("set_aside")),
        ),
    ];
    for (change, back, expected) in changes {
        harness.execute(&change).await.unwrap();
        match harness.store.refuse_unless_isolated().await {
            Err(StoreError::Isolation(found)) => {
                assert_eq!(found, expected, "{change}");
                assert_eq!(found.code(), "store.not_isolated");
            }
            other => panic!("{change}: {other:?}"),
        }
        harness.execute(&back).await.unwrap();
        harness.store.refuse_unless_isolated().await.unwrap();
    }
    harness.execute("DROP TABLE care_links").await.unwrap();
    // Whoever holds the platform's tables alone, as the worker does, is refused alike.
    for missing in
        [harness.store.refuse_unless_isolated().await, harness.platform.refuse_unless_isolated().await]
    {
        assert!(matches!(missing, Err(StoreError::Isolation(E::Missing(name))) if name == "care_links"));
    }
}
