//! Sessions: how long they live, how they end, and that an old token is nothing.

use cloister_testkit::app::{Call, Size, TestApp, WireAnswer};
use reqwest::Method;
use serde_json::json;
use time::Duration;
use uuid::Uuid;

use crate::matrix::clinic_with_patient;

async fn status(app: &TestApp, call: &Call) -> u16 {
    app.wire().send(call).await.status
}

fn cleared(answer: &WireAnswer) -> bool {
    answer.headers.get_all("set-cookie").iter().any(|line| {
        line.to_str().is_ok_and(|line| line.starts_with("__Host-cloister=;") && line.contains("Max-Age=0"))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_after_fifteen_idle_minutes_and_after_eight_hours_whatever_is_done() {
    let app = TestApp::start().await;
    let (mut clinic, mut patient) = clinic_with_patient(&app).await;
    patient.sign_in(&app).await;
    let read = patient.call(Method::GET, "/api/v1/sessions");
    app.pass(Duration::seconds(14 * 60 + 50));
    assert_eq!(status(&app, &read).await, 200);
    app.pass(Duration::seconds(14 * 60 + 50));
    assert_eq!(status(&app, &read).await, 200, "each call begins the quarter of an hour anew");
    // Looking at the session is not a sign of life: a page that asks by itself must not keep it open.
    app.pass(Duration::minutes(10));
    assert_eq!(status(&app, &patient.call(Method::GET, "/api/v1/session")).await, 200);
    app.pass(Duration::minutes(5));
    assert_eq!(status(&app, &read).await, 401);
    assert_eq!(
        app.wire().send(&patient.call(Method::GET, "/api/v1/session")).await.json()["state"],
        "anonymous"
    );

    patient.sign_in(&app).await;
    let (read, keep) = (
        patient.call(Method::GET, "/api/v1/sessions"),
        patient.call(Method::POST, "/api/v1/session/keep-alive"),
    );
    for _ in 0..47 {
        app.pass(Duration::minutes(10));
        assert_eq!(status(&app, &keep).await, 200);
    }
    app.pass(Duration::minutes(9));
    assert_eq!(status(&app, &read).await, 200, "7 h 59 min");
    app.pass(Duration::minutes(2));
    assert_eq!(status(&app, &read).await, 401, "8 h 1 min");

    // Staff see more people's records: ten minutes.
    clinic.owner.sign_in(&app).await;
    let read = clinic.owner.call(Method::GET, "/api/v1/staff");
    app.pass(Duration::seconds(9 * 60 + 50));
    assert_eq!(status(&app, &read).await, 200);
    app.pass(Duration::seconds(10 * 60 + 1));
    assert_eq!(status(&app, &read).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_factor_opens_key_actions_for_five_minutes_under_a_new_token() {
    let app = TestApp::start().await;
    let mut clinic = app.clinic("lakeside").await;
    app.pass(Duration::minutes(6));
    clinic.owner.sign_in(&app).await;
    let owner = &mut clinic.owner;
    let request =
        json!({ "email": "new@lakeside.example", "display_name": "New Person", "roles": ["clinician"] });
    let refused =
        app.wire().send(&owner.call(Method::POST, "/api/v1/staff-invitations").json(&request)).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "access.step_up_required"),
        "{}",
        refused.text()
    );

    let before = owner.call(Method::GET, "/api/v1/sessions");
    let wrong = json!({ "code": owner.wrong_code(&app) });
    let wrong = app.wire().send(&owner.call(Method::POST, "/api/v1/session/step-up").json(&wrong)).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (403, "session.step_up_refused"));
    assert_eq!(status(&app, &before).await, 200, "a wrong code does not end the session");
    owner.step_up(&app).await;
    assert_eq!(status(&app, &before).await, 401, "the token from before is nothing now");
    let invite = owner.call(Method::POST, "/api/v1/staff-invitations").json(&request);
    assert_eq!(status(&app, &invite).await, 201);
    app.pass(Duration::seconds(5 * 60 + 1));
    let again =
        json!({ "email": "next@lakeside.example", "display_name": "Next Person", "roles": ["clinician"] });
    let late = app.wire().send(&owner.call(Method::POST, "/api/v1/staff-invitations").json(&again)).await;
    assert_eq!((late.status, late.code().as_str()), (403, "access.step_up_required"));

    // Five wrong codes lock stepping up, whatever the sixth is.
    for _ in 0..5 {
        let wrong = json!({ "code": owner.wrong_code(&app) });
        app.wire().send(&owner.call(Method::POST, "/api/v1/session/step-up").json(&wrong)).await;
    }
    let code = owner.code(&app);
    let locked = owner.call(Method::POST, "/api/v1/session/step-up").json(&json!({ "code": code }));
    let locked = app.wire().send(&locked).await;
    assert_eq!((locked.status, locked.code().as_str()), (429, "sign_in.locked"), "{}", locked.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_ends_a_session_at_once_and_others_can_be_ended_from_any() {
    let app = TestApp::start().await;
    let (clinic, mut patient) = clinic_with_patient(&app).await;
    let mut windows = Vec::new();
    for _ in 0..3 {
        patient.browser = app.browser(&clinic.portal);
        patient.sign_in(&app).await;
        windows.push((
            patient.call(Method::GET, "/api/v1/sessions"),
            patient.call(Method::DELETE, "/api/v1/sessions"),
        ));
    }
    let listed = app.wire().send(&windows[2].0).await.json();
    let items = listed["items"].as_array().unwrap();
    let current: Vec<bool> = items.iter().filter_map(|item| item["current"].as_bool()).collect();
    assert_eq!(current.iter().filter(|is| **is).count(), 1, "{listed}");
    assert!(items.len() >= 3, "{listed}");
    let others: Vec<&str> = items
        .iter()
        .filter(|item| item["current"] == json!(false))
        .filter_map(|item| item["id"].as_str())
        .collect();

    // One of them, by its id, and never one that is not one's own.
    let newest_other = others.last().unwrap();
    let end = patient.call(Method::DELETE, &format!("/api/v1/sessions/{newest_other}"));
    assert_eq!(status(&app, &end).await, 204);
    assert_eq!(status(&app, &windows[1].0).await, 401);
    assert_eq!(status(&app, &windows[0].0).await, 200);
    let absent = patient.call(Method::DELETE, &format!("/api/v1/sessions/{}", Uuid::nil()));
    assert_eq!(status(&app, &absent).await, 404);
    let owners = app.wire().send(&clinic.owner.call(Method::GET, "/api/v1/sessions")).await.json();
    let owners = owners["items"][0]["id"].as_str().unwrap().to_owned();
    let foreign = patient.call(Method::DELETE, &format!("/api/v1/sessions/{owners}"));
    assert_eq!(status(&app, &foreign).await, 404);
    assert_eq!(status(&app, &clinic.owner.call(Method::GET, "/api/v1/sessions")).await, 200);

    // All others at once; this one goes on.
    assert_eq!(status(&app, &windows[2].1).await, 204);
    assert_eq!(status(&app, &windows[0].0).await, 401);
    assert_eq!(status(&app, &windows[2].0).await, 200);

    let out = app.wire().send(&patient.call(Method::DELETE, "/api/v1/session")).await;
    assert_eq!(out.status, 204);
    assert!(cleared(&out), "{:?}", out.headers);
    for part in ["\"cookies\"", "\"storage\"", "\"cache\""] {
        assert!(out.header("clear-site-data").contains(part), "{:?}", out.headers);
    }
    assert_eq!(status(&app, &windows[2].0).await, 401, "the cookie that was copied before is nothing now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_survives_from_before_the_sign_in() {
    let app = TestApp::start().await;
    let (clinic, mut patient) = clinic_with_patient(&app).await;
    let mut browser = app.browser(&clinic.portal);
    browser.open("/sign-in").await.unwrap();
    let flow = browser.cookies().get("__Host-cloister-flow").expect("the page opens a flow").clone();
    let code = patient.code(&app);
    browser.sign_in(&patient.email.clone(), cloister_testkit::app::PASSWORD, &code).await.unwrap();
    let session = browser.cookies().get("__Host-cloister").unwrap().clone();
    assert_ne!(session, flow);
    let read = Call::new(Method::GET, &clinic.portal, "/api/v1/record");
    for cookie in [
        format!("__Host-cloister={flow}"),
        format!("__Host-cloister-flow={session}"),
        format!("__Host-cloister={session}; __Host-cloister={session}"),
        format!("__Host-cloister={}", session.to_uppercase()),
    ] {
        let answer = app.wire().send(&read.clone().with("cookie", &cookie)).await;
        assert!(matches!(answer.status, 400 | 401), "{cookie}: {}", answer.status);
    }
    // A token that somebody planted is not taken over by signing in.
    let mut planted = app.browser(&clinic.portal);
    planted.open("/sign-in").await.unwrap();
    let code = patient.code(&app);
    planted.sign_in(&patient.email.clone(), cloister_testkit::app::PASSWORD, &code).await.unwrap();
    assert_ne!(planted.cookies().get("__Host-cloister"), Some(&session));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_writes_down_that_a_session_ran_out() {
    // Embedded always: a shared Redis also holds what other tests leave behind, with other clocks.
    let app = TestApp::start_with(Size::Embedded).await;
    let mut clinic = app.clinic("lakeside").await;
    clinic.owner.sign_in(&app).await;
    app.pass(Duration::minutes(11));
    app.do_chores().await;
    let events = app.database.events(clinic.id).await;
    let ended: Vec<_> = events.iter().filter(|event| event.action == "session.expired").collect();
    assert_eq!(ended.len(), 2, "the session of her activation and this one");
    for event in ended {
        assert_eq!(
            (event.line().as_str(), event.actor),
            ("session.expired success idle", Some(clinic.owner.id))
        );
    }
    assert_eq!(status(&app, &clinic.owner.call(Method::GET, "/api/v1/staff")).await, 401);
}
