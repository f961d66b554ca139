//! Signing in: what holds, what is refused, and that refusals tell nothing.

use cloister_testkit::app::{Call, PASSWORD, PatientFile, TestApp, WireAnswer};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use crate::matrix::clinic_with_patient;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_people_behind_one_address_sign_in_within_a_minute_and_the_eleventh_anonymous_call_is_refused()
{
    let app = TestApp::start().await;
    let mut clinic = app.clinic("lakeside").await;
    let record = clinic.record_client(&app).await;
    record.push(&PatientFile::practitioners(&["P1"])).await;
    let mut clinician = clinic.staff(&app, "doctor@lakeside.example", "clinician", Some("P1")).await;
    let mut people = Vec::new();
    for number in 0..40 {
        let file = PatientFile::ordinary(number, "P1");
        record.push(&file.bundle()).await;
        people.push(clinic.patient(&app, &mut clinician, &file).await);
        app.pass(Duration::seconds(10));
    }
    app.pass(Duration::minutes(10));

    // One source for all, such as a hospital's network; the clock stands still.
    let source = app.new_source();
    let now = app.environment.now();
    let walks = people.iter_mut().map(|person| {
        let portal = clinic.portal.clone();
        let address = app.address;
        async move {
            let mut browser =
                cloister_platform::demo::browser::Browser::from_source(&portal, address, Some(source))
                    .unwrap();
            let code = person.authenticator.code(now).unwrap();
            let signed_in = browser.sign_in(&person.email, PASSWORD, &code).await;
            let session = signed_in.unwrap_or_else(|error| panic!("{}: {error}", person.email));
            assert_eq!(session["state"], "signed_in");
            let record = browser.get("/api/v1/record").await.unwrap().ok("record").unwrap();
            assert_eq!(record["patient_id"], person.patient.unwrap().to_string());
        }
    });
    join_all(walks).await;
    assert_eq!(app.environment.now(), now, "all of it happened within the minute");

    let wire = cloister_testkit::app::Wire::new(app.address, source);
    let anonymous = Call::new(Method::GET, &clinic.portal, "/api/v1/clinic");
    let mut statuses = Vec::new();
    for _ in 0..11 {
        statuses.push(wire.send(&anonymous).await);
    }
    let codes: Vec<u16> = statuses.iter().map(|answer| answer.status).collect();
    assert_eq!(codes[..10], [200; 10]);
    assert_eq!((codes[10], statuses[10].code().as_str()), (429, "rate.limited"));
    assert!(
        statuses[10].header("retry-after").parse::<u32>().is_ok_and(|seconds| (1..=60).contains(&seconds))
    );
    assert_eq!(app.wire().send(&anonymous).await.status, 200, "another source is counted for itself");
    app.pass(Duration::seconds(61));
    assert_eq!(wire.send(&anonymous).await.status, 200);
}

/// A fresh browser that offers an email and a password.
async fn offer(
    app: &TestApp,
    origin: &str,
    email: &str,
    password: &str,
) -> (cloister_platform::demo::browser::Browser, WireAnswer) {
    let mut browser = app.browser(origin);
    browser.open("/sign-in").await.unwrap();
    browser.look_at_session().await.unwrap();
    let call = Call::new(Method::POST, origin, "/api/v1/sign-in/password")
        .as_page_of(&browser)
        .json(&json!({ "email": email, "password": password }));
    let answer = app.wire().send(&call).await;
    (browser, answer)
}

fn seen(answer: &WireAnswer) -> (u16, String, String) {
    (answer.status, answer.comparable(), answer.header("retry-after").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_locked_after_five_failures_and_unknown_ones_alike() {
    let app = TestApp::start().await;
    let (clinic, mut patient) = clinic_with_patient(&app).await;
    let known = patient.email.clone();
    let mut told = Vec::new();
    for email in [known.as_str(), "nobody@mail.example"] {
        let mut answers = Vec::new();
        for _ in 0..6 {
            answers.push(seen(&offer(&app, &clinic.portal, email, "not the password at all").await.1));
        }
        assert_eq!(answers[0].0, 401, "{answers:?}");
        assert_eq!(answers[5].0, 429, "{answers:?}");
        assert!(answers[5].1.contains("sign_in.locked"), "{answers:?}");
        told.push(answers);
    }
    assert_eq!(told[0], told[1], "an account that does not exist answers as one that does");
    let (_, right) = offer(&app, &clinic.portal, &known, PASSWORD).await;
    assert_eq!(
        (right.status, right.code().as_str()),
        (429, "sign_in.locked"),
        "the right password does not open a lock"
    );
    app.pass(Duration::minutes(29));
    assert_eq!(offer(&app, &clinic.portal, &known, PASSWORD).await.1.status, 429);
    app.pass(Duration::minutes(2));
    patient.sign_in(&app).await;

    let reasons: Vec<String> = app
        .database
        .events(clinic.id)
        .await
        .into_iter()
        .filter(|event| event.action == "sign_in.password" && event.outcome != "success")
        .map(|event| event.line())
        .collect();
    for reason in ["failed wrong_password", "failed unknown_account", "refused locked"] {
        assert!(reasons.iter().any(|line| line.ends_with(reason)), "{reason} in {reasons:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_holds_once_and_is_needed_every_time() {
    let app = TestApp::start().await;
    let (clinic, mut patient) = clinic_with_patient(&app).await;
    let email = patient.email.clone();
    app.pass(Duration::minutes(5));

    // The password alone opens nothing.
    let (half, answer) = offer(&app, &clinic.portal, &email, PASSWORD).await;
    assert_eq!((answer.status, &answer.json()["step"]), (200, &json!("totp")), "{}", answer.text());
    let read = Call::new(Method::GET, &clinic.portal, "/api/v1/record").as_page_of(&half);
    assert_eq!(app.wire().send(&read).await.status, 401);

    // The same code from two windows at once: one of them gets in.
    let (one, _) = offer(&app, &clinic.portal, &email, PASSWORD).await;
    let (other, _) = offer(&app, &clinic.portal, &email, PASSWORD).await;
    let code = patient.code(&app);
    let with_code = |browser: &cloister_platform::demo::browser::Browser, code: &str| {
        Call::new(Method::POST, &clinic.portal, "/api/v1/sign-in/totp")
            .as_page_of(browser)
            .json(&json!({ "code": code }))
    };
    let (one, other) = (with_code(&one, &code), with_code(&other, &code));
    let (wire, second_wire) = (app.wire(), app.wire());
    let (one, other) = tokio::join!(wire.send(&one), second_wire.send(&other));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401], "{} {}", one.text(), other.text());

    // Replayed later, and wrong: refused alike.
    let replayed = app.wire().send(&with_code(&half, &code)).await;
    let (third, _) = offer(&app, &clinic.portal, &email, PASSWORD).await;
    let wrong = app.wire().send(&with_code(&third, &patient.wrong_code(&app))).await;
    assert_eq!((replayed.status, replayed.comparable()), (wrong.status, wrong.comparable()));
    assert_eq!((wrong.status, wrong.code().as_str()), (401, "sign_in.refused"));

    // A recovery code stands in for the app, once.
    let recovery = patient.recovery_codes[0].clone();
    let with_recovery = |browser: &cloister_platform::demo::browser::Browser| {
        Call::new(Method::POST, &clinic.portal, "/api/v1/sign-in/recovery-code")
            .as_page_of(browser)
            .json(&json!({ "code": recovery }))
    };
    let first = app.wire().send(&with_recovery(&third)).await;
    assert_eq!((first.status, &first.json()["state"]), (200, &json!("signed_in")), "{}", first.text());
    let (fourth, _) = offer(&app, &clinic.portal, &email, PASSWORD).await;
    let again = app.wire().send(&with_recovery(&fourth)).await;
    assert_eq!((again.status, again.code().as_str()), (401, "sign_in.refused"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_belong_to_one_site_of_one_clinic() {
    let app = TestApp::start().await;
    let (clinic, mut patient) = clinic_with_patient(&app).await;
    let other = app.clinic("riverside").await;
    let wrong_places = [&clinic.console, &other.portal, &other.console];
    for origin in wrong_places {
        let (_, answer) = offer(&app, origin, &patient.email, PASSWORD).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "sign_in.refused"), "{origin}");
    }
    let owner = &clinic.owner.email;
    let (_, answer) = offer(&app, &clinic.portal, owner, PASSWORD).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "sign_in.refused"), "staff at the portal");

    // A live session is nothing at any other host.
    patient.sign_in(&app).await;
    let read = patient.call(Method::GET, "/api/v1/sessions");
    assert_eq!(app.wire().send(&read).await.status, 200);
    for origin in wrong_places {
        let elsewhere = Call { origin: origin.clone(), ..read.clone() };
        assert_eq!(app.wire().send(&elsewhere).await.status, 401, "{origin}");
    }
    let owners = clinic.owner.call(Method::GET, "/api/v1/sessions");
    for origin in [&clinic.portal, &other.console] {
        let elsewhere = Call { origin: origin.clone(), ..owners.clone() };
        assert_eq!(app.wire().send(&elsewhere).await.status, 401, "{origin}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_opens_to_its_holder_alone_and_answers_alike_to_all_others() {
    let app = TestApp::start().await;
    let mut clinic = app.clinic("lakeside").await;
    let record = clinic.record_client(&app).await;
    record.push(&PatientFile::practitioners(&["P1"])).await;
    let file = PatientFile::ordinary(7, "P1");
    record.push(&file.bundle()).await;
    let mut clinician = clinic.staff(&app, "doctor@lakeside.example", "clinician", Some("P1")).await;
    let id = cloister_testkit::app::find_on_panel(&mut clinician, &file.family).await;
    let path = format!("/api/v1/patients/{id}/invitations");
    let invited = clinician.browser.post(&path, &json!({ "email": "new@mail.example" })).await.unwrap();
    let code = invited.ok("inviting").unwrap()["clinic_code"].as_str().unwrap().to_owned();
    app.work().await;
    let mail = app.mail.newest_to("new@mail.example").unwrap();
    assert!(
        !mail.text.contains(&code) && !mail.subject.contains(&code),
        "the code goes another way than the link"
    );
    let token = cloister_platform::demo::browser::token_in(&mail.text).unwrap().to_owned();

    let prove = async |origin: &str, body: &Value| {
        let mut browser = app.browser(origin);
        browser.open("/activate").await.unwrap();
        browser.look_at_session().await.unwrap();
        let call =
            Call::new(Method::POST, origin, "/api/v1/activation/identity").as_page_of(&browser).json(body);
        app.wire().send(&call).await
    };
    let right = json!({ "token": token, "clinic_code": code, "birth_date": file.birth_date });
    let change = |field: &str, value: &str| {
        let mut body = right.clone();
        body[field] = json!(value);
        body
    };
    let mut no_date = right.clone();
    no_date.as_object_mut().unwrap().remove("birth_date");
    let mut answers = Vec::new();
    for body in [
        change("token", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        change("birth_date", "1901-01-01"),
        change("clinic_code", "AAAA-AAAA"),
        no_date,
    ] {
        let answer = prove(&clinic.portal, &body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "activation.refused"),
            "{body} {}",
            answer.text()
        );
        answers.push(answer.comparable());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(prove(&clinic.console, &right).await.status, 401, "a patient's invitation at the console");

    // Three of five tries on this invitation are spent: two more lock it for the right answer too.
    for _ in 0..3 {
        prove(&clinic.portal, &change("birth_date", "1901-01-01")).await;
    }
    let locked = prove(&clinic.portal, &right).await;
    assert_eq!(
        (locked.status, locked.comparable()),
        (401, answers[0].clone()),
        "locked and wrong answer alike"
    );
    let listed = clinician.browser.get(&path).await.unwrap().ok("invitations").unwrap();
    assert_eq!(listed["items"][0]["status"], "locked", "{listed}");
}
