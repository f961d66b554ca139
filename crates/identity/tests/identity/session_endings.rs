//! Sessions that run out leave exactly one event each.

use cloister_audit::ActionCode;
use cloister_identity::OpenedSession;
use cloister_kernel::Failure;
use cloister_store::SessionEnding;
use time::Duration;

use crate::{Harness, Kind, clinic::Clinic, on_both};

on_both! {
    each_session_that_runs_out_leaves_one_event_whoever_comes_back,
    an_ending_that_was_written_and_not_forgotten_stands_there_once,
    what_a_sweeper_could_not_write_is_written_later,
    a_clinic_that_was_closed_meanwhile_still_has_the_ends_in_its_log,
    a_session_that_gives_way_to_a_newer_one_is_revoked_in_the_log,
    a_session_that_was_signed_out_does_not_run_out,
}

const IDLE: &str = "session.expired success idle";
const AGE: &str = "session.expired success age";

/// What the worker does again and again.
async fn sweep(clinic: &Clinic<'_>) {
    while clinic.identity.note_ended_sessions().await.unwrap() {}
}

async fn each_session_that_runs_out_leaves_one_event_whoever_comes_back(harness: Harness) {
    let clinic = Clinic::with_own_redis(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let (comes_back, never, all_day) =
        (clinic.sign_in(&person).await, clinic.sign_in(&person).await, clinic.sign_in(&person).await);
    sweep(&clinic).await;
    assert_eq!(clinic.events(IDLE).await, 0);
    let mut minutes = 0;
    while clinic.touch(&all_day).await.is_some() {
        harness.clock.advance(Duration::minutes(7));
        minutes += 7;
        sweep(&clinic).await;
        if minutes == 14 {
            assert_eq!(clinic.events(IDLE).await, 3, "with the session of the activation");
            assert!(clinic.touch(&comes_back).await.is_none());
            clinic.sign_in(&person).await;
        }
        assert!(minutes < 600);
    }
    sweep(&clinic).await;
    assert_eq!((clinic.events(IDLE).await, clinic.events(AGE).await), (4, 1));
    let told = harness
        .texts(
            "SELECT actor_kind || ' ' || resource_type || ' ' || CASE WHEN resource_id = session_id THEN 'same' \
             ELSE 'other' END FROM events WHERE action = 'session.expired'",
        )
        .await;
    assert_eq!(told, ["user session same"; 5]);
    for (opened, ended_at) in [
        (&comes_back, comes_back.session.last_seen_at + comes_back.session.idle),
        (&never, never.session.last_seen_at + never.session.idle),
        (&all_day, all_day.session.absolute_expires_at),
    ] {
        let found = events_of(&clinic, opened).await;
        assert_eq!(found, [(ended_at.unix_timestamp_nanos() / 1_000_000) as i64]);
    }
    harness.clock.advance(Duration::hours(1));
    sweep(&clinic).await;
    assert_eq!((clinic.events(IDLE).await, clinic.events(AGE).await), (4, 1));
}

/// When the ends of this session stand in the log, in milliseconds.
async fn events_of(clinic: &Clinic<'_>, opened: &OpenedSession) -> Vec<i64> {
    let sql = format!(
        "SELECT CAST(at / 1000 AS TEXT) FROM events WHERE action = 'session.expired' AND session_id = {} \
         AND actor_id = {}",
        clinic.literal(opened.session.id.uuid()),
        clinic.literal(opened.session.user.uuid())
    );
    clinic.harness.texts(&sql).await.iter().map(|at| at.parse().unwrap()).collect()
}

async fn an_ending_that_was_written_and_not_forgotten_stands_there_once(harness: Harness) {
    let clinic = Clinic::with_own_redis(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    harness.clock.advance(Duration::minutes(30));
    // A sweeper that died after its events and before it forgot the session.
    let claimed = clinic.ephemeral.claim_ended(10).await.unwrap().unwrap();
    let ended = &claimed.sessions[0];
    assert_eq!(ended.id, person.session.session.id);
    let ending = SessionEnding {
        session: ended.id,
        user: ended.user,
        at: ended.ended_at,
        action: ActionCode::SessionExpired,
        reason: "idle",
    };
    harness.store.note_session_endings(clinic.tenant, &[ending]).await.unwrap();
    sweep(&clinic).await;
    harness.clock.advance(Duration::minutes(1));
    sweep(&clinic).await;
    assert!(clinic.ephemeral.claim_ended(10).await.unwrap().is_none());
    assert_eq!(clinic.events(IDLE).await, 1);
}

async fn what_a_sweeper_could_not_write_is_written_later(harness: Harness) {
    let clinic = Clinic::with_own_redis(&harness).await;
    clinic.clinician("noor@example.org").await;
    harness.clock.advance(Duration::minutes(30));
    harness.execute("ALTER TABLE events RENAME TO events_away").await.unwrap();
    let error = clinic.identity.note_ended_sessions().await.unwrap_err();
    assert_eq!(error.code(), "store.refused");
    harness.execute("ALTER TABLE events_away RENAME TO events").await.unwrap();
    sweep(&clinic).await;
    assert_eq!(clinic.events(IDLE).await, 0, "leased");
    harness.clock.advance(Duration::minutes(1));
    sweep(&clinic).await;
    assert_eq!(clinic.events(IDLE).await, 1);
}

async fn a_clinic_that_was_closed_meanwhile_still_has_the_ends_in_its_log(harness: Harness) {
    let clinic = Clinic::with_own_redis(&harness).await;
    clinic.clinician("noor@example.org").await;
    harness.execute("UPDATE tenants SET status = 'suspended', kill_switch = TRUE").await.unwrap();
    harness.clock.advance(Duration::minutes(30));
    sweep(&clinic).await;
    assert_eq!(clinic.events(IDLE).await, 1);
}

async fn a_session_that_gives_way_to_a_newer_one_is_revoked_in_the_log(harness: Harness) {
    let clinic = Clinic::with_own_redis(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let mut opened = Vec::new();
    for _ in 0..cloister_ephemeral::MOST_SESSIONS {
        clinic.touch(&person.session).await;
        for session in &opened {
            clinic.touch(session).await;
        }
        opened.push(clinic.sign_in(&person).await);
    }
    assert!(clinic.touch(&person.session).await.is_none());
    sweep(&clinic).await;
    assert_eq!(clinic.events("session.revoked success too_many_sessions").await, 1);
    assert_eq!(clinic.events(IDLE).await, 0);
}

async fn a_session_that_was_signed_out_does_not_run_out(harness: Harness) {
    let clinic = Clinic::with_own_redis(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let caller = clinic.caller(&person.session).await;
    clinic.identity.sign_out(&caller).await.unwrap();
    // A second request that was under way beside the first.
    clinic.identity.sign_out(&caller).await.unwrap();
    harness.clock.advance(Duration::minutes(30));
    sweep(&clinic).await;
    assert_eq!((clinic.events("session.ended success").await, clinic.events(IDLE).await), (1, 0));
}
