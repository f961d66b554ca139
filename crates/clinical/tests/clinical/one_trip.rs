//! A patient's own results are read in one trip, decided on what is foreseen of the patient: the answers and the events are
//! those of a unit of work, and nothing is read that a unit of work would not read at this moment.

use std::time::Duration;

use cloister_access::Caller;
use cloister_clinical::{Clinical, Page, PageRequest, ResultDetail, ResultSummary};
use cloister_kernel::{Failure, PatientId, ResourceId};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    clinic::{ANA, Clinic, Harness, Kind, ana, ana_with_values, bundle, glucose, post, url},
    on_both, on_postgres,
    statements::counted,
};

on_both! {
    one_trip_reads_what_a_unit_of_work_reads_and_leaves_the_same_events,
    what_changed_since_is_not_read_in_one_trip,
}

on_postgres! {
    a_patient_who_was_here_reads_in_one_trip_and_the_first_time_is_the_only_one_that_takes_two,
    those_who_read_at_once_share_commits_and_each_gets_what_is_their_own,
}

struct Scene<'h> {
    clinic: Clinic<'h>,
    patient: PatientId,
    account: Caller,
    /// An older value of the same thing.
    older: ResourceId,
    result: ResourceId,
}

async fn scene<'h>(harness: &'h Harness, slug: &str) -> Scene<'h> {
    let clinic = Clinic::open(harness, slug).await;
    let answers = clinic.send(&ana_with_values()).await;
    let [older, result] = [1, 2].map(|place: usize| ResourceId::from_uuid(answers[place].id.unwrap()));
    let patient = answers[0].patient();
    let account = clinic.account(patient).await;
    Scene { clinic, patient, account, older, result }
}

async fn list(clinical: &Clinical, caller: &Caller, page: &PageRequest) -> Page<ResultSummary> {
    clinical.own_results(caller, page).await.unwrap().into_exposed()
}

async fn detail(clinical: &Clinical, caller: &Caller, id: ResourceId) -> ResultDetail {
    clinical.own_result(caller, id).await.unwrap().into_exposed()
}

/// Values of every kind: some at one moment, one without a time, one without a code, and more than a history holds.
fn values() -> Value {
    let mut entries = vec![post(ANA, ana("77-001"))];
    for n in 0..205u32 {
        let day = format!("2025-{:02}-{:02}", 1 + n / 28, 1 + n % 28);
        entries.push(post(&url(10 + n), glucose(&format!("m{n}"), &day, json!(n))));
    }
    let mut timeless = glucose("t", "2026-01-01", json!(1));
    timeless.as_object_mut().unwrap().remove("effectiveDateTime");
    let mut uncoded = glucose("u", "2026-01-01", json!(2));
    uncoded["code"] = json!({"text": "Mood"});
    entries.extend([post(&url(500), timeless), post(&url(501), uncoded)]);
    bundle(&entries)
}

async fn one_trip_reads_what_a_unit_of_work_reads_and_leaves_the_same_events(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let answers = clinic.send(&values()).await;
    let account = clinic.account(answers[0].patient()).await;
    let results: Vec<_> =
        answers[1..].iter().map(|answer| ResourceId::from_uuid(answer.id.unwrap())).collect();
    let asked: Vec<_> = [0, 1, 100, 204, 205, 206].map(|place| results[place]).to_vec();
    let pages = [1, 50, 200].map(|limit| PageRequest { limit: Some(limit), cursor: None });
    for id in &asked {
        // A store of its own foresees nothing yet.
        let unforeseen = Clinical::new(harness.store_with_connections(1).await);
        let by_unit = detail(&unforeseen, &account, *id).await;
        let before = clinic.events("result.read success").await;
        assert_eq!(detail(&clinic.clinical, &account, *id).await, by_unit);
        assert_eq!(detail(&clinic.clinical, &account, *id).await, by_unit);
        assert_eq!(by_unit.summary.id, *id);
        assert_eq!(clinic.events("result.read success").await, before + 2);
    }
    for page in &pages {
        let unforeseen = Clinical::new(harness.store_with_connections(1).await);
        let by_unit = list(&unforeseen, &account, page).await;
        let before = clinic.events("result.list success").await;
        let in_one_trip = list(&clinic.clinical, &account, page).await;
        assert_eq!(in_one_trip.items, by_unit.items);
        assert_eq!(in_one_trip.items.len(), usize::from(page.limit.unwrap()));
        let after = |cursor: Option<String>| PageRequest { limit: page.limit, cursor };
        let next = list(&clinic.clinical, &account, &after(in_one_trip.next_cursor)).await;
        assert_eq!(next.items, list(&unforeseen, &account, &after(by_unit.next_cursor)).await.items);
        assert_eq!(clinic.events("result.list success").await, before + 3);
    }
    let nobody = clinic.send(&bundle(&[post(ANA, ana("77-002"))])).await[0].patient();
    let account = clinic.account(nobody).await;
    for _ in 0..2 {
        let empty = list(&clinic.clinical, &account, &PageRequest::default()).await;
        assert!(empty.items.is_empty() && empty.next_cursor.is_none());
    }
}

async fn a_patient_who_was_here_reads_in_one_trip_and_the_first_time_is_the_only_one_that_takes_two(
    harness: Harness,
) {
    let Scene { clinic, account, result, .. } = scene(&harness, "lakeside").await;
    let (clinical, page) = (&clinic.clinical, PageRequest::default());
    let (first, statements) = counted(clinical.own_result(&account, result)).await;
    assert_eq!((first.is_ok(), statements), (true, 2));
    let (again, statements) = counted(clinical.own_result(&account, result)).await;
    assert_eq!((again.is_ok(), statements), (true, 1));
    let (all, statements) = counted(clinical.own_results(&account, &page)).await;
    assert_eq!((all.is_ok(), statements), (true, 1));
}

/// A patient of a clinic, with a result of each number.
async fn with_results(clinic: &Clinic<'_>, number: &str, values: &[u32]) -> (Caller, Vec<ResourceId>) {
    let mut entries = vec![post(ANA, ana(number))];
    for value in values {
        entries.push(post(&url(*value), glucose(&format!("{number}-{value}"), "2026-01-05", json!(value))));
    }
    let answers = clinic.send(&bundle(&entries)).await;
    let ids = answers[1..].iter().map(|answer| ResourceId::from_uuid(answer.id.unwrap())).collect();
    (clinic.account(answers[0].patient()).await, ids)
}

async fn those_who_read_at_once_share_commits_and_each_gets_what_is_their_own(harness: Harness) {
    let clinics = [Clinic::open(&harness, "lakeside").await, Clinic::open(&harness, "riverside").await];
    let mut people = Vec::new();
    for clinic in &clinics {
        for (number, values) in [("77-001", [80, 81, 82]), ("77-002", [90, 91, 92])] {
            let (account, ids) = with_results(clinic, number, &values).await;
            let listed = list(&clinic.clinical, &account, &PageRequest::default()).await.items;
            let read = detail(&clinic.clinical, &account, ids[0]).await;
            assert_eq!((listed.len(), read.history.len()), (3, 3));
            people.push((&clinic.clinical, account, ids[0], listed, read));
        }
    }
    let events = "FROM events WHERE action IN ('result.read', 'result.list') AND outcome = 'success'";
    let before = harness.number(&format!("SELECT count(*) {events}")).await;
    let commits = harness.number(&format!("SELECT count(DISTINCT xmin::text) {events}")).await;

    harness.execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let at_once =
        join_all(people.iter().cycle().take(24).map(|(clinical, account, id, listed, read)| async move {
            assert_eq!(&detail(clinical, account, *id).await, read);
            assert_eq!(&list(clinical, account, &PageRequest::default()).await.items, listed);
        }));
    let opened = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        harness.execute("COMMIT").await.unwrap();
    };
    tokio::join!(at_once, opened);
    assert_eq!(harness.number(&format!("SELECT count(*) {events}")).await, before + 48);
    let commits = harness.number(&format!("SELECT count(DISTINCT xmin::text) {events}")).await - commits;
    assert!(commits < 24, "48 reads in {commits} commits");
}

/// A change, and the code that each read answers with then; `None` for a read that is admitted.
struct Change {
    sql: &'static str,
    result: Option<&'static str>,
    list: Option<&'static str>,
}

const fn refused(sql: &'static str, code: &'static str) -> Change {
    Change { sql, result: Some(code), list: Some(code) }
}

/// A denial, which hides that there is such a result.
const fn concealed(sql: &'static str) -> Change {
    Change { sql, result: Some("resource.not_found"), list: Some("access.denied") }
}

const fn still_admitted(sql: &'static str) -> Change {
    Change { sql, result: None, list: None }
}

/// Of the result alone, which the list does without then.
const fn gone(sql: &'static str) -> Change {
    Change { sql, result: Some("resource.not_found"), list: None }
}

const CHANGES: &[Change] = &[
    refused("UPDATE tenants SET status = 'suspended' WHERE id = {tenant}", "tenant.suspended"),
    refused("UPDATE tenants SET kill_switch = TRUE WHERE id = {tenant}", "tenant.switched_off"),
    refused("UPDATE tenants SET policy_hash = '{hash}' WHERE id = {tenant}", "policy.unreadable"),
    refused("UPDATE users SET status = 'disabled' WHERE id = {user}", "account.disabled"),
    refused("UPDATE users SET revocation_epoch = 1 WHERE id = {user}", "session.revoked"),
    concealed("UPDATE users SET kind = 'staff' WHERE id = {user}"),
    concealed("UPDATE users SET patient_id = NULL WHERE id = {user}"),
    gone("UPDATE users SET patient_id = {other} WHERE id = {user}"),
    gone("UPDATE patients SET status = 'merged' WHERE id = {patient}"),
    gone("UPDATE resources SET patient_id = {other} WHERE id = {result}"),
    gone("UPDATE resources SET deleted = TRUE WHERE id = {result}"),
    gone("UPDATE resources SET status = 'entered-in-error' WHERE id = {result}"),
    gone("UPDATE resources SET resource_type = 'Condition' WHERE id = {result}"),
    still_admitted("UPDATE resources SET code_index = NULL WHERE id = {result}"),
    still_admitted(
        "INSERT INTO role_assignments (tenant_id, id, user_id, role, status, granted_at) \
              VALUES ({tenant}, {user}, {user}, 'clinician', 'active', 0)",
    ),
];

async fn what_changed_since_is_not_read_in_one_trip(harness: Harness) {
    for (number, change) in CHANGES.iter().enumerate() {
        let Scene { clinic, patient, account, older, result } =
            scene(&harness, &format!("clinic{number}")).await;
        let other = clinic.send(&bundle(&[post(ANA, ana("77-002"))])).await[0].patient();
        let (clinical, page) = (&clinic.clinical, PageRequest::default());
        detail(clinical, &account, result).await;
        assert_eq!(list(clinical, &account, &page).await.items.len(), 2);
        let literal = |id: uuid::Uuid| match harness.kind {
            Kind::Postgres => format!("'{id}'"),
            Kind::Sqlite => format!("x'{}'", id.simple()),
        };
        let sql = change
            .sql
            .replace("{tenant}", &literal(clinic.tenant.uuid()))
            .replace("{user}", &literal(account.user().unwrap().uuid()))
            .replace("{patient}", &literal(patient.uuid()))
            .replace("{other}", &literal(other.uuid()))
            .replace("{result}", &literal(result.uuid()))
            .replace("{hash}", &"ab".repeat(32));
        harness.execute(&sql).await.unwrap();

        let read = async |line| clinic.events(line).await;
        let before = (read("result.read success").await, read("result.list success").await);
        let (found, of_result) = counted(clinical.own_result(&account, result)).await;
        assert_eq!(found.as_ref().err().map(Failure::code), change.result, "{sql}");
        let listed = clinical.own_results(&account, &page).await;
        assert_eq!(listed.as_ref().err().map(Failure::code), change.list, "{sql}");
        if change.result.is_some() {
            let items = listed.map_or(Vec::new(), |page| page.into_exposed().items);
            assert!(items.iter().all(|item| item.id != result), "{sql}");
        }
        let released = (u32::from(change.result.is_none()), u32::from(change.list.is_none()));
        let after = (read("result.read success").await, read("result.list success").await);
        assert_eq!(
            (after.0 - before.0, after.1 - before.1),
            (usize::try_from(released.0).unwrap(), usize::try_from(released.1).unwrap()),
            "{sql}: events of what was released, and no other"
        );
        if let Ok(found) = clinical.own_result(&account, older).await {
            let shown = found.expose().history.iter().any(|entry| entry.id == result);
            assert_eq!(shown, change.result.is_none() && !change.sql.contains("code_index"), "{sql}");
        }
        if harness.kind == Kind::Postgres && change.result.is_none() {
            assert!(of_result > 1, "{sql}: a unit of work decides");
        }
    }
}
