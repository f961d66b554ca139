//! Each rule is seen to report what breaks it, and to say nothing of what does not. `StaysUp` is tried where programs are
//! kept up, in `cluster.rs`.

mod scene;

use std::{
    io::Write,
    process::{Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    asking::{Call, SESSION_COOKIE},
    back::Return,
    check::Checks,
    people::{Ending, Means, Session, canary, hold_to_own},
    rules::Rule,
};
use scene::{Remains, Visit, answer};

const REQUEST: &str = "00000000-0000-4000-8000-000000000001";
const THING: &str = "00000000-0000-4000-8000-000000000002";
const SESSION: &str = "00000000-0000-4000-8000-000000000003";

fn page(body: &str) -> Option<String> {
    Some(answer(200, "application/json", REQUEST, body))
}

fn signed_out() -> Option<String> {
    Some(answer(401, "application/problem+json", REQUEST, "{}"))
}

/// What the checks report of a journal with one answer beside this database.
async fn checked(remains: &Remains, told: serde_json::Value) -> Vec<Rule> {
    let visit = Visit::answered(page("{}")).await;
    visit.hears(told).await;
    Checks::default().after_round(remains.evidence(), &visit.shared, &Mutex::default()).await;
    visit.broken()
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_is_broken_by_what_was_acknowledged_and_is_not_there() {
    for (told, table) in
        [(json!({ "resources": [THING] }), "resources"), (json!({ "invitation": THING }), "invitations")]
    {
        let remains = Remains::found().await;
        remains.database.execute(&format!("INSERT INTO events VALUES ('{REQUEST}')")).unwrap();
        assert_eq!(checked(&remains, told.clone()).await, [Rule::Stored], "{table}");
        remains.database.execute(&format!("INSERT INTO {table} VALUES ('{THING}')")).unwrap();
        assert_eq!(checked(&remains, told).await, [], "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn audited_is_broken_by_an_answer_without_an_event() {
    let remains = Remains::found().await;
    assert_eq!(checked(&remains, json!({})).await, [Rule::Audited]);
    remains.database.execute(&format!("INSERT INTO events VALUES ('{REQUEST}')")).unwrap();
    assert_eq!(checked(&remains, json!({})).await, []);
}

fn ending(visit: &Visit, acknowledged: bool, means: Means) -> Ending {
    Ending {
        id: SESSION.to_owned(),
        session: Session {
            cookie: "a".to_owned(),
            csrf: "b".to_owned(),
            losses: visit.shared.redis_losses(),
        },
        site: visit.shared.portal.clone(),
        acknowledged,
        means,
        restores: visit.shared.redis_restores(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn end_noted_is_broken_by_a_session_that_ended_unheard_and_has_no_event() {
    let remains = Remains::found().await;
    let found = async |event: Option<&str>, answer: Option<String>| {
        remains.database.execute("TRUNCATE events").unwrap();
        if let Some(action) = event {
            let event = format!("INSERT INTO events VALUES (NULL, '{SESSION}', '{action}')");
            remains.database.execute(&event).unwrap();
        }
        let visit = Visit::answered(answer).await;
        let mut checks = Checks::default();
        let endings = Mutex::new(vec![ending(&visit, false, Means::Alone)]);
        checks.after_round(remains.evidence(), &visit.shared, &endings).await;
        checks.at_the_end(remains.evidence(), &visit.shared, &[], Duration::ZERO).await;
        visit.broken()
    };
    assert_eq!(found(None, signed_out()).await, [Rule::EndNoted]);
    assert_eq!(found(Some("session.listed"), signed_out()).await, [Rule::EndNoted]);
    assert_eq!(found(Some("session.ended"), signed_out()).await, []);
    assert_eq!(found(None, page("{}")).await, [], "it has not ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn stays_ended_is_broken_by_a_session_that_lives_after_its_acknowledged_end() {
    let remains = Remains::found().await;
    let found = async |means, falls_back: bool, answer: Option<String>| {
        let visit = Visit::answered(answer).await;
        let endings = Mutex::new(vec![ending(&visit, true, means)]);
        if falls_back {
            visit.shared.redis_falls_back();
        }
        let mut checks = Checks::default();
        checks.after_round(remains.evidence(), &visit.shared, &endings).await;
        (visit.broken(), checks.revived)
    };
    for means in [Means::Alone, Means::Epoch] {
        assert_eq!(found(means, false, page("{}")).await, (vec![Rule::StaysEnded], 0), "{means:?}");
        assert_eq!(found(means, true, signed_out()).await, (vec![], 0), "{means:?}");
    }
    assert_eq!(found(Means::Epoch, true, page("{}")).await, (vec![Rule::StaysEnded], 0));
    assert_eq!(found(Means::Alone, true, page("{}")).await, (vec![], 1), "known, and counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_is_broken_by_a_session_that_nothing_ended() {
    let visit = Visit::answered(signed_out()).await;
    let session = ending(&visit, false, Means::Alone).session;
    visit.asker().session_is_gone(&session, "read");
    assert_eq!(visit.broken(), [Rule::Kept]);
    let visit = Visit::answered(signed_out()).await;
    visit.shared.redis_is_lost();
    visit.asker().session_is_gone(&session, "read");
    assert_eq!(visit.broken(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_open_transaction_is_broken_by_one_that_is_left_and_by_one_begun_inside_another() {
    let remains = Remains::with_a_log().await;
    let visit = Visit::answered(None).await;
    let mut checks = Checks::allowing(Duration::from_secs(2));
    let mut look = async || {
        let before = visit.broken().len();
        checks.after_round(remains.evidence(), &visit.shared, &Mutex::default()).await;
        visit.broken().split_off(before)
    };
    assert_eq!(look().await, []);
    remains.database.execute("BEGIN; BEGIN; COMMIT").unwrap();
    assert_eq!(look().await, [Rule::NoOpenTransaction]);
    assert_eq!(look().await, [], "it is told once");
    let mut client = Command::new("psql");
    client.args(["-X", "-q", "-d", remains.database.url()]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut client = client.spawn().unwrap();
    client.stdin.as_mut().unwrap().write_all(b"BEGIN;\nSELECT 1;\n").unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(look().await, [], "a transaction under way is none that is left");
    tokio::time::sleep(Duration::from_millis(2000)).await;
    assert_eq!(look().await, [Rule::NoOpenTransaction]);
    client.kill().unwrap();
    client.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn not_crossed_is_broken_by_a_value_of_somebody_else_and_by_a_page_without_ones_own() {
    for (body, broken) in [
        (canary(1), vec![]),
        (canary(2), vec![Rule::NotCrossed]),
        (format!("{} {}", canary(1), canary(2)), vec![Rule::NotCrossed]),
        ("{}".to_owned(), vec![Rule::NotCrossed]),
    ] {
        let visit = Visit::answered(page(&body)).await;
        let mut asker = visit.asker();
        let answer = asker.ask("read", &Call::get(&visit.shared.portal, "/"), &[200]).await.unwrap();
        hold_to_own(&asker, "read", &canary(1), answer.status, &answer.body);
        assert_eq!(visit.broken(), broken, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_is_broken_by_a_server_error_by_a_bare_503_and_by_silence() {
    let problem = |status| Some(answer(status, "application/problem+json", REQUEST, "{}"));
    for (given, broken) in [
        (page("{}"), vec![]),
        (problem(503), vec![]),
        (problem(500), vec![Rule::Clear]),
        (Some(answer(503, "text/plain", REQUEST, "")), vec![Rule::Clear]),
        (signed_out(), vec![Rule::Clear]),
        (None, vec![Rule::Clear]),
    ] {
        let visit = Visit::answered(given.clone()).await;
        let mut asker = visit.asker();
        asker.patience = Duration::from_millis(300);
        let call = Call { cookie: Some((SESSION_COOKIE, "a")), ..Call::get(&visit.shared.portal, "/") };
        asker.ask("read", &call, &[200]).await;
        assert_eq!(visit.broken(), broken, "{given:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn back_is_broken_once_by_what_does_not_work_in_time() {
    let within = Duration::from_secs(10);
    let since = Instant::now().checked_sub(Duration::from_secs(11)).unwrap();
    let visit = Visit::answered(None).await;
    let beat = |what, replica, at| visit.shared.pulse.beat(replica, what, at);
    for replica in 0..2 {
        beat("ingest", replica, Instant::now());
    }
    beat("password", 0, Instant::now());
    // What was asked before the cause was gone does not count.
    beat("read", 1, since.checked_sub(Duration::from_secs(1)).unwrap());
    let mut in_time = Return::within(within, Instant::now());
    assert!(!in_time.is_done(&visit.shared));
    assert_eq!(visit.broken(), []);
    let mut late = Return::within(within, since);
    for _ in 0..3 {
        assert!(!late.is_done(&visit.shared));
    }
    assert_eq!(visit.broken(), [Rule::Back]);
    beat("list", 1, Instant::now());
    assert!(Return::within(within, since).is_done(&visit.shared));
    assert_eq!(visit.broken(), [Rule::Back]);
}

#[tokio::test(flavor = "multi_thread")]
async fn delivered_is_broken_by_an_invitation_without_a_mail() {
    let remains = Remains::found().await;
    let invited = ["a@mail.example".to_owned(), "b@mail.example".to_owned()];
    let found = async || {
        let visit = Visit::answered(None).await;
        let patience = Duration::ZERO;
        Checks::default().at_the_end(remains.evidence(), &visit.shared, &invited, patience).await;
        visit.broken()
    };
    assert_eq!(found().await, [Rule::Delivered; 2]);
    remains.receives_a_mail_to(&invited[0]).await;
    assert_eq!(found().await, [Rule::Delivered]);
    remains.receives_a_mail_to(&invited[1]).await;
    assert_eq!(found().await, []);
}
