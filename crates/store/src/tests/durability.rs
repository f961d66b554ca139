//! The walls between clinics, and the log that only grows.

use cloister_access::{Relation, action::Delete, resource};
use cloister_kernel::{Audience, InvitationId, PatientId, TenantId};
use sea_orm::{ConnectionTrait, Statement, TransactionTrait};

use super::{Harness, Kind, insert_patient, nothing};
use crate::{StoreError, Target};

crate::on_both! {
    the_id_of_another_clinic_fails_like_one_that_does_not_exist,
    nothing_of_another_clinic_is_found,
    nobody_changes_an_event,
    units_of_many_tasks_do_not_starve_each_other,
}

crate::on_postgres! {
    without_a_tenant_no_row_is_seen,
    one_connection_serves_clinics_in_turn_without_mixing_them,
    row_security_stops_a_statement_that_forgot_the_tenant,
    an_auditor_reads_events_and_nothing_else,
}

/// Rows of `patients` that a connection of `serve` sees, outside every unit of work.
async fn visible(harness: &Harness, store: &crate::Store) -> i64 {
    let _ = harness;
    let rows = store.platform().rows("SELECT count(*) AS n FROM patients", vec![]).await.unwrap();
    rows[0].get("n").unwrap()
}

async fn without_a_tenant_no_row_is_seen(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    harness.patient(tenant).await;
    let store = harness.store_with_connections(1).await;
    assert_eq!(visible(&harness, &store).await, 0, "on a fresh connection");
    let visitor = harness.visitor(tenant, Audience::Portal);
    let visit = store.begin_visit(&visitor).await.unwrap();
    let seen =
        visit.core.row("SELECT count(*) AS n FROM patients WHERE tenant_id = $1", vec![]).await.unwrap();
    assert_eq!(seen.unwrap().get::<i64>("n").unwrap(), 1);
    visit.commit(()).await.unwrap();
    assert_eq!(visible(&harness, &store).await, 0, "on a connection that a unit gave back");
    drop(store.begin_visit(&visitor).await.unwrap());
    assert_eq!(visible(&harness, &store).await, 0, "on a connection that a dropped unit gave back");
}

async fn one_connection_serves_clinics_in_turn_without_mixing_them(harness: Harness) {
    let mut clinics = Vec::new();
    for slug in ["lakeside", "riverside", "hillside"] {
        let tenant = harness.clinic(slug).await;
        harness.patient(tenant).await;
        clinics.push(tenant);
    }
    let store = harness.store_with_connections(1).await;
    for round in 0..600 {
        let tenant = clinics[round % clinics.len()];
        let visitor = harness.visitor(tenant, Audience::Portal);
        let visit = store.begin_visit(&visitor).await.unwrap();
        let sql = "SELECT count(*) AS n, count(*) FILTER (WHERE tenant_id <> $1) AS others FROM patients";
        let row = visit.core.row(sql, vec![]).await.unwrap().unwrap();
        assert_eq!((row.get::<i64>("n").unwrap(), row.get::<i64>("others").unwrap()), (1, 0));
        match round % 3 {
            0 => visit.commit(()).await.unwrap(),
            1 => drop(visit),
            _ => visit.core.abandon().await.unwrap(),
        }
    }
}

async fn row_security_stops_a_statement_that_forgot_the_tenant(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let other = harness.clinic("riverside").await;
    let patient = harness.patient(other).await;
    let visitor = harness.visitor(tenant, Audience::Portal);
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    let everything = "WITH me AS (SELECT $1::uuid) DELETE FROM patients";
    assert_eq!(visit.core.execute(everything, vec![]).await.unwrap(), 0);
    let theirs = "WITH me AS (SELECT $1::uuid) INSERT INTO patient_name_tokens (tenant_id, patient_id, token_index) \
                  VALUES ($2, $3, $4)";
    let values = vec![other.uuid().into(), patient.uuid().into(), vec![1u8; 32].into()];
    assert!(matches!(visit.core.execute(theirs, values).await, Err(StoreError::Database(_))));
    drop(visit);
    assert_eq!(harness.number("SELECT count(*) FROM patients").await, 1);
}

async fn the_id_of_another_clinic_fails_like_one_that_does_not_exist(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let other = harness.clinic("riverside").await;
    let own = harness.patient(tenant).await;
    let theirs = harness.patient(other).await;
    let insert = async |patient: uuid::Uuid| {
        let visitor = harness.visitor(tenant, Audience::Portal);
        let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
        let sql = "INSERT INTO patient_name_tokens (tenant_id, patient_id, token_index) VALUES ($1, $2, $3)";
        let outcome = visit.core.execute(sql, vec![patient.into(), vec![1u8; 32].into()]).await;
        outcome.map_err(|error| (format!("{error:?}"), error.to_string()))
    };
    assert_eq!(insert(own.uuid()).await.unwrap(), 1);
    let absent = insert(nothing(&harness)).await.unwrap_err();
    assert_eq!(insert(theirs.uuid()).await.unwrap_err(), absent);
    assert_eq!(absent.0, "Conflict");
    // The same identifier in two clinics is no conflict either.
    let visitor = harness.visitor(other, Audience::Portal);
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    insert_patient(&mut visit.core, own.uuid()).await.unwrap();
    visit.commit(()).await.unwrap();
}

/// An invitation that waits; the patient's, or else a staff member's.
async fn invitation(harness: &Harness, tenant: TenantId, patient: Option<PatientId>) -> InvitationId {
    let visitor = harness.visitor(tenant, Audience::Portal);
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    let id: InvitationId = harness.environment.id();
    let digest = || harness.environment.bytes::<32>().to_vec();
    let sql = "INSERT INTO invitations (tenant_id, id, kind, status, patient_id, token_hash, code_hash, email_sealed, \
               email_index, birth_date_required, roles, created_at, expires_at) \
               VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7, $8, false, '', 0, 0)";
    let values: Vec<sea_orm::Value> = vec![
        id.uuid().into(),
        if patient.is_some() { "patient" } else { "staff" }.into(),
        patient.map(PatientId::uuid).into(),
        digest().into(),
        digest().into(),
        vec![0u8].into(),
        digest().into(),
    ];
    visit.core.execute(sql, values).await.unwrap();
    visit.commit(()).await.unwrap();
    id
}

async fn nothing_of_another_clinic_is_found(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let other = harness.clinic("riverside").await;
    let admin = harness.user(tenant, "staff", &["admin"], None).await;
    let patient = harness.patient(other).await;
    let caller = harness.caller(tenant, Audience::Console, admin);
    macro_rules! finds_nothing {
        ($resource:ident, $target:expr) => {{
            let target = $target;
            let mut unit = harness.store.begin(&caller).await.unwrap();
            let refusal = unit.permit::<Delete, resource::$resource>(target).await.unwrap_err();
            let denied = refusal.denied().unwrap();
            assert_eq!((denied.relation, denied.patient), (Relation::Unrelated, None), "{denied:?}");
            assert!(denied.concealed, "{denied:?}");
        }};
    }
    finds_nothing!(Invitation, Target::Invitation(invitation(&harness, other, Some(patient)).await));
    finds_nothing!(StaffInvitation, Target::StaffInvitation(invitation(&harness, other, None).await));
    finds_nothing!(MachineClient, Target::MachineClient(harness.machine_client(other).await));
    finds_nothing!(StaffMember, Target::StaffMember(harness.user(other, "staff", &["admin"], None).await));
}

async fn leave_an_event(harness: &Harness, tenant: TenantId) {
    use cloister_audit::{ActionCode, EventDraft};
    let visitor = harness.visitor(tenant, Audience::Portal);
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    visit.note(EventDraft::success(ActionCode::AccountRead));
    visit.commit(()).await.unwrap();
}

async fn nobody_changes_an_event(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    leave_an_event(&harness, tenant).await;
    let changes =
        ["UPDATE events SET outcome = 'refused'", "DELETE FROM events", "DELETE FROM platform_events"];
    if harness.kind == Kind::Sqlite {
        for change in &changes[..2] {
            assert!(harness.execute(change).await.is_err(), "{change}");
        }
    } else {
        let roles = [
            "postgres",
            "cloister_owner",
            "cloister_serve",
            "cloister_work",
            "cloister_admin",
            "cloister_auditor",
        ];
        for role in roles {
            for change in changes.into_iter().take(2).chain(["TRUNCATE events"]) {
                let transaction = harness.admin.begin().await.unwrap();
                for setting in
                    [format!("SET LOCAL ROLE {role}"), format!("SET LOCAL cloister.tenant = '{tenant}'")]
                {
                    transaction.execute_unprepared(&setting).await.unwrap();
                }
                assert!(transaction.execute_unprepared(change).await.is_err(), "{role}: {change}");
                transaction.rollback().await.unwrap();
            }
        }
        let partition = harness.texts("SELECT tableoid::regclass::text FROM events").await.pop().unwrap();
        assert_eq!(partition, "events_2026_11");
        assert!(harness.execute(&format!("DELETE FROM {partition}")).await.is_err());
    }
    assert_eq!(harness.events(tenant).await, ["account.read success"]);
}

async fn an_auditor_reads_events_and_nothing_else(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    leave_an_event(&harness, tenant).await;
    let as_auditor = async |sql: &str| {
        let transaction = harness.admin.begin().await.unwrap();
        transaction.execute_unprepared("SET LOCAL ROLE cloister_auditor").await.unwrap();
        let setting = format!("SET LOCAL cloister.tenant = '{tenant}'");
        transaction.execute_unprepared(&setting).await.unwrap();
        let statement = Statement::from_string(harness.backend(), sql.to_owned());
        let outcome = transaction.query_all_raw(statement).await;
        transaction.rollback().await.unwrap();
        outcome.map(|rows| rows.len())
    };
    assert_eq!(as_auditor("SELECT id FROM events").await.unwrap(), 1);
    assert!(as_auditor("SELECT id FROM patients").await.is_err());
    assert!(as_auditor("SELECT id FROM tenants").await.is_err());
    assert!(as_auditor("SELECT id FROM events_2026_11").await.is_err());
}

async fn units_of_many_tasks_do_not_starve_each_other(harness: Harness) {
    let mut clinics = Vec::new();
    for slug in ["lakeside", "riverside"] {
        clinics.push(harness.clinic(slug).await);
    }
    // Every unit finds its keys stale at first, so keys are read while others hold the writer.
    harness.clock.advance(time::Duration::seconds(90));
    let harness = std::sync::Arc::new(harness);
    let mut tasks = Vec::new();
    for number in 0..60 {
        let (harness, tenant) = (harness.clone(), clinics[number % clinics.len()]);
        tasks.push(tokio::spawn(async move { leave_an_event(&harness, tenant).await }));
    }
    for task in tasks {
        tokio::time::timeout(std::time::Duration::from_secs(30), task).await.unwrap().unwrap();
    }
    assert_eq!(harness.events(clinics[0]).await.len() + harness.events(clinics[1]).await.len(), 60);
}
