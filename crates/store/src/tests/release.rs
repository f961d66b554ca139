//! Nothing leaves before its event stands.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use cloister_access::{action::Read, resource::Record};
use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::Audience;
use cloister_vault::testing::Behavior;

use super::{HEADER, Harness, Kind, insert_patient, spellings};
use crate::{CursorQuery, StoreError, Target};

crate::on_both! {
    a_value_is_released_together_with_its_event,
    an_event_that_cannot_be_written_releases_and_changes_nothing,
    an_event_that_cannot_be_sealed_releases_nothing,
    a_key_service_that_refuses_stops_everything_before_it_begins,
    a_unit_that_is_dropped_leaves_nothing,
    pending_values_and_permits_belong_to_their_unit,
    nothing_sealed_shows_in_a_dump,
    cursors_belong_to_tenant_user_and_query,
    sealed_details_open_only_beside_their_own_event,
}

async fn a_value_is_released_together_with_its_event(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let patient = harness.patient(tenant).await;
    let user = harness.user(tenant, "patient", &[], Some(patient)).await;
    let caller = harness.caller(tenant, Audience::Portal, user);
    let mut unit = harness.store.begin(&caller).await.unwrap();
    let permit = unit.permit::<Read, Record>(Target::OwnRecord).await.unwrap();
    let header = unit.sample_header(permit).await.unwrap();
    assert_eq!(harness.events(tenant).await, [""; 0]);
    let header = unit.commit(header.map(|header| header.map(|text| text.len()))).await.unwrap();
    assert_eq!(*header.expose(), HEADER.len());
    assert_eq!(harness.events(tenant).await, ["record.read success"]);
    let named = harness
        .number("SELECT count(*) FROM events WHERE patient_id IS NOT NULL AND session_id IS NOT NULL")
        .await;
    assert_eq!(named, 1);
}

async fn forbid_events(harness: &Harness) {
    let sql = match harness.kind {
        Kind::Postgres => "REVOKE INSERT ON events FROM cloister_serve",
        Kind::Sqlite => {
            "CREATE TRIGGER no_events BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no events'); END"
        }
    };
    harness.execute(sql).await.unwrap();
}

async fn an_event_that_cannot_be_written_releases_and_changes_nothing(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let patient = harness.patient(tenant).await;
    let user = harness.user(tenant, "patient", &[], Some(patient)).await;
    let caller = harness.caller(tenant, Audience::Portal, user);
    forbid_events(&harness).await;
    let mut unit = harness.store.begin(&caller).await.unwrap();
    let permit = unit.permit::<Read, Record>(Target::OwnRecord).await.unwrap();
    let header = unit.sample_header(permit).await.unwrap();
    let new = unit.environment().uuid();
    insert_patient(&mut unit.core, new).await.unwrap();
    let opened = Arc::new(AtomicBool::new(false));
    let seen = opened.clone();
    let header = header.map(move |_| seen.store(true, Ordering::SeqCst));
    assert!(matches!(unit.commit(header).await, Err(StoreError::Database(_))));
    assert!(!opened.load(Ordering::SeqCst), "opened although its event could not be written");
    assert_eq!(harness.number("SELECT count(*) FROM patients").await, 1);
}

async fn an_event_that_cannot_be_sealed_releases_nothing(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let patient = harness.patient(tenant).await;
    let user = harness.user(tenant, "patient", &[], Some(patient)).await;
    let caller = harness.caller(tenant, Audience::Portal, user);
    let mut unit = harness.store.begin(&caller).await.unwrap();
    let permit = unit.permit::<Read, Record>(Target::OwnRecord).await.unwrap();
    let header = unit.sample_header(permit).await.unwrap();
    harness.clock.advance(time::Duration::seconds(61));
    assert!(matches!(unit.commit(header).await, Err(StoreError::Keys(_))));
    assert_eq!(harness.events(tenant).await, [""; 0]);
}

async fn a_key_service_that_refuses_stops_everything_before_it_begins(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let patient = harness.patient(tenant).await;
    let user = harness.user(tenant, "patient", &[], Some(patient)).await;
    harness.clock.advance(time::Duration::seconds(61));
    for behavior in [Behavior::Denied, Behavior::Away, Behavior::Throttled] {
        harness.keys.behave(behavior);
        let caller = harness.caller(tenant, Audience::Portal, user);
        assert!(matches!(harness.store.begin(&caller).await, Err(StoreError::Keys(_))), "{behavior:?}");
        let visitor = harness.visitor(tenant, Audience::Portal);
        assert!(
            matches!(harness.store.begin_visit(&visitor).await, Err(StoreError::Keys(_))),
            "{behavior:?}"
        );
    }
    assert_eq!(harness.events(tenant).await, [""; 0]);
    harness.keys.behave(Behavior::Healthy);
    let caller = harness.caller(tenant, Audience::Portal, user);
    harness.store.begin(&caller).await.unwrap().commit(()).await.unwrap();
}

async fn a_unit_that_is_dropped_leaves_nothing(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let visitor = harness.visitor(tenant, Audience::Portal);
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    let id = visit.environment().uuid();
    insert_patient(&mut visit.core, id).await.unwrap();
    visit.note(EventDraft::success(ActionCode::AccountRead));
    drop(visit);
    // The next unit of the same store waits for the connection that the dropped one gave back.
    harness.store.begin_visit(&visitor).await.unwrap().commit(()).await.unwrap();
    assert_eq!(harness.number("SELECT count(*) FROM patients").await, 0);
    assert_eq!(harness.events(tenant).await, [""; 0]);
}

async fn pending_values_and_permits_belong_to_their_unit(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let other = harness.clinic("riverside").await;
    let patient = harness.patient(tenant).await;
    let user = harness.user(tenant, "patient", &[], Some(patient)).await;
    let stranger = harness.user(other, "staff", &["admin"], None).await;
    let caller = harness.caller(tenant, Audience::Portal, user);
    let stranger = harness.caller(other, Audience::Console, stranger);

    let mut unit = harness.store.begin(&caller).await.unwrap();
    let permit = unit.permit::<Read, Record>(Target::OwnRecord).await.unwrap();
    let header = unit.sample_header(permit).await.unwrap();
    let again = unit.permit::<Read, Record>(Target::OwnRecord).await.unwrap();
    unit.commit(()).await.unwrap();

    let mut unit = harness.store.begin(&stranger).await.unwrap();
    assert!(matches!(unit.sample_header(again).await, Err(StoreError::ForeignPermit)));
    unit.note(EventDraft::success(ActionCode::AccountRead));
    assert!(matches!(unit.commit(Some(vec![header])).await, Err(StoreError::ForeignPending)));
    assert_eq!(harness.events(other).await, [""; 0]);
}

async fn nothing_sealed_shows_in_a_dump(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let patient = harness.patient(tenant).await;
    let user = harness.user(tenant, "patient", &[], Some(patient)).await;
    let caller = harness.caller(tenant, Audience::Portal, user);
    let (unit, permit) = {
        let unit = harness.store.begin(&caller).await.unwrap();
        unit.require::<Read, Record>(Target::OwnRecord).await.unwrap()
    };
    drop(permit);
    unit.commit(()).await.unwrap();
    let dump = harness.dump().await;
    assert!(dump.contains("record.read") && dump.contains("lakeside"));
    for canary in [HEADER, "Canária", "Canary-Agent", "203.0.113.77"] {
        for spelling in spellings(canary) {
            assert!(!dump.contains(&spelling), "{canary}");
        }
    }
}

async fn cursors_belong_to_tenant_user_and_query(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let other = harness.clinic("riverside").await;
    let mine = harness.user(tenant, "staff", &["clinician"], None).await;
    let hers = harness.user(tenant, "staff", &["clinician"], None).await;
    let theirs = harness.user(other, "staff", &["clinician"], None).await;
    let query = || CursorQuery::new("results").with(b"laboratory");

    let caller = harness.caller(tenant, Audience::Console, mine);
    let unit = harness.store.begin(&caller).await.unwrap();
    let cursor = unit.cursor(&query(), b"1700000000").unwrap();
    assert_eq!(unit.position(&query(), &cursor).unwrap(), b"1700000000");
    for wrong in [
        CursorQuery::new("results"),
        CursorQuery::new("result").with(b"slaboratory"),
        CursorQuery::new("panel"),
    ] {
        assert!(matches!(unit.position(&wrong, &cursor), Err(StoreError::Cursor)));
    }
    let mut changed = cursor.clone().into_bytes();
    let middle = changed.len() / 2;
    changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
    for text in ["", "x", "%%%", &"A".repeat(5000), std::str::from_utf8(&changed).unwrap()] {
        assert!(matches!(unit.position(&query(), text), Err(StoreError::Cursor)), "{text}");
    }
    drop(unit);
    for (tenant, user) in [(tenant, hers), (other, theirs)] {
        let caller = harness.caller(tenant, Audience::Console, user);
        let unit = harness.store.begin(&caller).await.unwrap();
        assert!(matches!(unit.position(&query(), &cursor), Err(StoreError::Cursor)));
    }
}

async fn sealed_details_open_only_beside_their_own_event(harness: Harness) {
    use cloister_audit::{Actor, CANONICAL_VERSION, ClearPart, Log, Moment, Outcome, SealedPart};
    use cloister_vault::{KeyCache, KeyOwner, KeyRing};

    let tenant = harness.clinic("lakeside").await;
    let visitor = harness.visitor(tenant, Audience::Portal);
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    visit.note(EventDraft::failed(ActionCode::SignInPassword, "wrong_password"));
    visit.commit(()).await.unwrap();

    let wrapped = harness.platform.wrapped_keys(KeyOwner::TenantLog(tenant)).await.unwrap();
    let cache = KeyCache::new(harness.keys.clone(), harness.environment.clone(), 10);
    let ring = KeyRing::unlock(&cache, &wrapped).await.unwrap();
    let visit = harness.store.begin_visit(&visitor).await.unwrap();
    let row = visit.core.row("SELECT * FROM events WHERE tenant_id = $1", vec![]).await.unwrap().unwrap();
    assert_eq!(row.get::<i64>("canonical_version").unwrap(), i64::from(CANONICAL_VERSION));
    let mut clear = ClearPart {
        id: cloister_kernel::EventId::from_uuid(row.get("id").unwrap()),
        log: Log::Tenant(tenant),
        at: Moment::from_microseconds(row.get("at").unwrap()),
        actor: Actor::from_row(&row.get::<String>("actor_kind").unwrap(), row.get("actor_id").unwrap())
            .unwrap(),
        action: row.word("action").unwrap(),
        resource_type: None,
        resource_id: None,
        patient_id: None,
        outcome: row.word("outcome").unwrap(),
        relation: None,
        reason: Some("wrong_password".into()),
        session_id: None,
        request_id: cloister_kernel::RequestId::from_uuid(row.get("request_id").unwrap()),
    };
    let sealed = row.sealed("details_sealed").unwrap();
    let place = |clear: &ClearPart| {
        crate::events::place(KeyOwner::TenantLog(tenant), clear.id.uuid()).with(clear.canonical())
    };
    let details = SealedPart::decode(&ring.open(&place(&clear), &sealed).unwrap()).unwrap();
    assert_eq!(details.user_agent.unwrap().expose(), "Canary-Agent/1.0");
    clear.outcome = Outcome::Success;
    assert!(ring.open(&place(&clear), &sealed).is_err());
}
