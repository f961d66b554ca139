//! Every operation with everybody who may try it: who gets an answer, what the others are told, which events it leaves.
//!
//! The table in `matrix.rs` says who is allowed; an operation of `openapi.json` without a row fails the test. The exact
//! answers and events stand in `coverage.txt`, reviewed by hand: `CLOISTER_UPDATE=1` writes it anew.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use cloister_platform::demo::browser::{Answer, Authenticator, Browser, token_in};
use cloister_testkit::app::{Call, PASSWORD, PatientFile, WireAnswer};
use cloister_tests::{World, documented};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::matrix::{Aim, EVERYBODY, MACHINE_OPERATIONS, Row, Who, call, ready, rows};

/// Operations that leave no event although they answer: they show what everybody may know. This list may only shrink.
const WITHOUT_EVENT: [&str; 1] = ["GET /api/v1/clinic"];
/// Operations that answer whoever looks.
const FOR_ANYBODY: [&str; 2] = ["GET /api/v1/clinic", "GET /api/v1/session"];

/// What somebody may know of without being allowed this: an admin lists the invitations of every patient of the clinic
/// and so may be told that making and revoking them is for clinicians. This list may only shrink.
const KNOWN: [(Who, &str); 2] = [
    (Who::Admin, "POST /api/v1/patients/{patient_id}/invitations"),
    (Who::Admin, "DELETE /api/v1/invitations/{id}"),
];

/// Operations of the document that the table leaves out. This list may only shrink.
const EXEMPT: [&str; 0] = [];

#[test]
fn every_operation_has_a_row_and_every_row_is_an_operation() {
    let document: Value = serde_json::from_str(&cloister_platform::api::specification()).unwrap();
    let documented = documented(&document);
    let machine = MACHINE_OPERATIONS.map(str::to_owned);
    let known: BTreeSet<String> = rows()
        .iter()
        .map(|row| row.operation.to_owned())
        .chain(machine.iter().cloned())
        .chain(EXEMPT.map(str::to_owned))
        .collect();
    let without: Vec<_> = documented.difference(&known).collect();
    assert!(without.is_empty(), "operations without a row: {without:#?}");
    let gone: Vec<_> = known.difference(&documented).filter(|name| !machine.contains(name)).collect();
    assert!(gone.is_empty(), "rows without an operation: {gone:#?}");
}

/// What stands in the world for the paths and bodies of one round.
async fn aim(world: &mut World, number: usize) -> Aim {
    ready(world, Who::Admin, true).await;
    ready(world, Who::Clinician, false).await;
    let created = |answer: Result<Answer, _>, what| {
        let answer: Answer = answer.unwrap();
        let body = answer.ok(what).unwrap();
        Uuid::parse_str(body["id"].as_str().unwrap()).unwrap()
    };
    let dora = world.dora;
    let path = format!("/api/v1/patients/{dora}/invitations");
    let email = json!({ "email": format!("aim{number}@mail.example") });
    let invitation = created(world.clinician.browser.post(&path, &email).await, "inviting");
    let staff = json!({
        "email": format!("aim{number}@staff.example"), "display_name": "Aim", "roles": ["billing"]
    });
    let staff =
        created(world.here.owner.browser.post("/api/v1/staff-invitations", &staff).await, "inviting staff");
    let machine_client = world.here.record_client(&world.app).await.id;
    let sessions = world.ann.browser.get("/api/v1/sessions").await.unwrap().ok("sessions").unwrap();
    let other = sessions["items"].as_array().unwrap().iter().find(|item| item["current"] == json!(false));
    let session = other.map_or_else(Uuid::nil, |item| Uuid::parse_str(item["id"].as_str().unwrap()).unwrap());
    let waiting = world.clinician.browser.get("/api/v1/quarantine").await.unwrap().ok("quarantine").unwrap();
    let quarantine =
        waiting["items"][0]["id"].as_str().map_or_else(Uuid::nil, |id| Uuid::parse_str(id).unwrap());
    Aim {
        ann: world.ann_patient(),
        dora,
        result: world.result,
        invitation,
        staff_invitation: staff,
        machine_client: Uuid::parse_str(&machine_client).unwrap(),
        quarantine,
        session,
        member: world.off_panel.id,
        number,
    }
}

/// The same aim at things that do not exist.
fn absent(aim: &Aim) -> Aim {
    let nothing = || Uuid::parse_str("0193c0de-0000-7000-8000-000000000000").unwrap();
    Aim {
        ann: nothing(),
        dora: nothing(),
        result: nothing(),
        invitation: nothing(),
        staff_invitation: nothing(),
        machine_client: nothing(),
        quarantine: nothing(),
        session: nothing(),
        member: nothing(),
        number: aim.number,
    }
}

async fn line(world: &World, who: &str, answer: &WireAnswer) -> (String, Vec<String>) {
    let events: Vec<String> =
        world.app.database.events_of(answer.request_id()).await.iter().map(|event| event.line()).collect();
    let code = if answer.status < 400 { String::new() } else { answer.code() };
    let text = format!("  {who:<16} {} {code:<28} {}", answer.status, events.join(", "));
    (text.trim_end().to_owned(), events)
}

async fn tried(world: &mut World, row: &Row, who: Who, aim: &Aim) -> String {
    let (path, body) = (row.aim)(aim);
    let answer = world.app.wire().send(&call(world, who, row.operation, &path, body.as_ref())).await;
    let context = format!("{} as {who:?}: {} {}", row.operation, answer.status, answer.text());
    let allowed = row.allowed.contains(&who);
    if allowed {
        assert!((200..300).contains(&answer.status), "must be answered: {context}");
    } else {
        assert!(matches!(answer.status, 401 | 403 | 404), "must be refused: {context}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{context}");
    }
    let (text, events) = line(world, &format!("{who:?}"), &answer).await;
    let nothing_to_tell = WITHOUT_EVENT.contains(&row.operation) || who == Who::Anonymous;
    if !(allowed && nothing_to_tell) {
        assert!(!events.is_empty(), "leaves no event: {context}");
    }
    if allowed {
        assert!(events.iter().all(|event| !event.contains(" refused")), "{context}: {events:?}");
    } else {
        assert!(events.iter().all(|event| !event.contains(" success")), "{context}: {events:?}");
    }
    let (absent_path, absent_body) = (row.aim)(&absent(aim));
    if !allowed && absent_path != path && !KNOWN.contains(&(who, row.operation)) {
        let nothing =
            world.app.wire().send(&call(world, who, row.operation, &absent_path, absent_body.as_ref())).await;
        assert_eq!(
            (nothing.status, nothing.comparable()),
            (answer.status, answer.comparable()),
            "what is not yours answers as what is not there: {context}"
        );
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_operation_answers_whom_it_should_and_leaves_exactly_its_events() {
    let mut world = World::make().await;
    let mut found = String::new();
    for (number, row) in rows().iter().enumerate() {
        world.app.pass(Duration::seconds(61));
        ready(&mut world, Who::Ann, false).await;
        world.ann.browser = world.app.browser(&world.here.portal);
        ready(&mut world, Who::Ann, false).await;
        contradict(&mut world, number).await;
        let aim = aim(&mut world, number).await;
        let _ = writeln!(found, "{}", row.operation);
        for who in EVERYBODY {
            ready(&mut world, who, row.steps_up && row.allowed.contains(&who)).await;
            let text = tried(&mut world, row, who, &aim).await;
            let _ = writeln!(found, "{text}");
        }
    }
    flows(&mut world, &mut found).await;
    record_systems(&mut world, &mut found).await;
    suspended(&mut world, &mut found).await;
    compare(&found);
}

/// A bundle that says something else of Ann than her record does: it waits for a decision.
async fn contradict(world: &mut World, number: usize) {
    let file = PatientFile {
        birth_date: format!("1950-01-{:02}", 1 + number % 28),
        results: Vec::new(),
        ..world.ann_file.clone()
    };
    world.record.push(&file.bundle()).await;
}

/// The steps of an activation and of sign-ins, each wrong and then right.
async fn flows(world: &mut World, found: &mut String) {
    ready(world, Who::Clinician, false).await;
    let path = format!("/api/v1/patients/{}/invitations", world.dora);
    let invited =
        world.clinician.browser.post(&path, &json!({ "email": "dora@mail.example" })).await.unwrap();
    let clinic_code = invited.ok("inviting").unwrap()["clinic_code"].clone();
    world.app.work().await;
    let mail = world.app.mail.newest_to("dora@mail.example").unwrap();
    let token = token_in(&mail.text).unwrap().to_owned();
    let mut browser = world.app.browser(&world.here.portal);
    browser.open("/activate").await.unwrap();
    browser.look_at_session().await.unwrap();
    let identity = |date: &str| json!({ "token": token, "clinic_code": clinic_code, "birth_date": date });
    let born = PatientFile::ordinary(3, "P1").birth_date;
    let enrolment = [
        ("identity", identity("1901-01-01")),
        ("identity", identity(&born)),
        ("password", json!({ "password": "short" })),
        ("password", json!({ "password": PASSWORD })),
        ("totp/confirm", json!({ "code": "000000" })),
        ("totp", json!({})),
    ];
    let _ = writeln!(found, "FLOWS");
    let mut secret = String::new();
    for (step, body) in enrolment {
        let answer = step_of(world, &browser, &format!("/api/v1/activation/{step}"), &body, found).await;
        if step == "totp" {
            secret = answer.json()["secret"].as_str().unwrap().to_owned();
        }
    }
    let mut phone = Authenticator::new(&secret).unwrap();
    let code = phone.code(world.app.environment.now()).unwrap();
    let confirm = "/api/v1/activation/totp/confirm";
    step_of(world, &browser, confirm, &json!({ "code": "abcdef" }), found).await;
    let done = step_of(world, &browser, confirm, &json!({ "code": code }), found).await;
    let recovery = done.json()["recovery_codes"][0].clone();

    let (email, now) = ("dora@mail.example", world.app.environment.now());
    for (second, code) in [("totp", json!(phone.code(now).unwrap())), ("recovery-code", recovery)] {
        let mut browser = world.app.browser(&world.here.portal);
        browser.open("/sign-in").await.unwrap();
        browser.look_at_session().await.unwrap();
        let second = format!("/api/v1/sign-in/{second}");
        for (path, body) in [
            ("/api/v1/sign-in/password", json!({ "email": email, "password": "not the password" })),
            ("/api/v1/sign-in/password", json!({ "email": "nobody@mail.example", "password": PASSWORD })),
            ("/api/v1/sign-in/password", json!({ "email": email, "password": PASSWORD })),
            (second.as_str(), json!({ "code": "WRONG-CODE" })),
            (second.as_str(), json!({ "code": code })),
        ] {
            step_of(world, &browser, path, &body, found).await;
        }
    }
}

async fn step_of(
    world: &World,
    browser: &Browser,
    path: &str,
    body: &Value,
    found: &mut String,
) -> WireAnswer {
    let call = Call::new(Method::POST, browser.origin(), path).as_page_of(browser).json(body);
    let answer = world.app.wire().send(&call).await;
    let _ = writeln!(found, "POST {path}");
    let _ = writeln!(found, "{}", line(world, "in the flow", &answer).await.0);
    answer
}

/// Record systems' operations: with the clinic's token, another clinic's, and none.
async fn record_systems(world: &mut World, found: &mut String) {
    world.app.pass(Duration::seconds(61));
    let (own, foreign) = (world.record.token().await, world.record_there.token().await);
    let (kind, id) = world.ann_resources[0].clone();
    let read = Call::new(Method::GET, &world.here.portal, &format!("/fhir/R4/{kind}/{id}"));
    let absent = Call::new(Method::GET, &world.here.portal, &format!("/fhir/R4/{kind}/{}", Uuid::nil()));
    let bundle = PatientFile::ordinary(77, "P1").bundle().to_string().into_bytes();
    let push = Call::new(Method::POST, &world.here.portal, "/fhir/R4");
    let ask = Call::new(Method::POST, &world.here.portal, "/oauth/token");
    let form = |assertion: &str| {
        format!(
            "grant_type=client_credentials&scope=system/*.cruds&client_assertion={assertion}&client_assertion_type=\
             urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        )
    };
    let form_type = "application/x-www-form-urlencoded";
    let assertion = world.record.system.assertion(&world.record.id).unwrap();
    let discovery = Call::new(Method::GET, &world.here.portal, "/.well-known/smart-configuration");
    let metadata = Call::new(Method::GET, &world.here.portal, "/fhir/R4/metadata");
    let with = |call: &Call, token: &str| call.clone().with("authorization", &format!("Bearer {token}"));
    let fhir = "application/fhir+json";
    let _ = writeln!(found, "RECORD SYSTEMS");
    for (operation, who, call) in [
        ("GET /.well-known/smart-configuration", "Anonymous", discovery),
        ("GET /fhir/R4/metadata", "Anonymous", metadata),
        ("POST /oauth/token", "own", ask.clone().bytes(form_type, form(&assertion).into_bytes())),
        ("POST /oauth/token", "replayed", ask.clone().bytes(form_type, form(&assertion).into_bytes())),
        ("POST /oauth/token", "garbage", ask.clone().bytes(form_type, form("a.b.c").into_bytes())),
        ("POST /fhir/R4", "own", with(&push, &own).bytes(fhir, bundle.clone())),
        ("POST /fhir/R4", "own, unreadable", with(&push, &own).bytes(fhir, b"{}".to_vec())),
        ("POST /fhir/R4", "other clinic", with(&push, &foreign).bytes(fhir, bundle.clone())),
        ("POST /fhir/R4", "Anonymous", push.bytes(fhir, bundle)),
        ("GET /fhir/R4/{type}/{id}", "own", with(&read, &own)),
        ("GET /fhir/R4/{type}/{id}", "own, absent", with(&absent, &own)),
        ("GET /fhir/R4/{type}/{id}", "other clinic", with(&read, &foreign)),
        ("GET /fhir/R4/{type}/{id}", "Anonymous", read),
    ] {
        let answer = world.app.wire().send(&call).await;
        let _ = writeln!(found, "{operation}");
        let _ = writeln!(found, "{}", line(world, who, &answer).await.0);
    }
}

/// People whose clinic or account is stopped while they are signed in: nothing answers but what everybody may know.
async fn suspended(world: &mut World, found: &mut String) {
    let database = &world.app.database;
    let there = database.uuid(world.there.id.uuid());
    let otto = database.uuid(world.off_panel.id);
    for who in EVERYBODY {
        ready(world, who, false).await;
    }
    let database = &world.app.database;
    database.execute(&format!("UPDATE tenants SET status = 'suspended' WHERE id = {there}")).await;
    database.execute(&format!("UPDATE users SET status = 'suspended' WHERE id = {otto}")).await;
    world.app.platform.hosts().forget();
    let aim = absent(&Aim {
        ann: Uuid::nil(),
        dora: Uuid::nil(),
        result: Uuid::nil(),
        invitation: Uuid::nil(),
        staff_invitation: Uuid::nil(),
        machine_client: Uuid::nil(),
        quarantine: Uuid::nil(),
        session: Uuid::nil(),
        member: Uuid::nil(),
        number: 999,
    });
    let stopped =
        [(Who::Cora, "suspended"), (Who::AdminThere, "suspended admin"), (Who::OffPanel, "disabled account")];
    let _ = writeln!(found, "STOPPED");
    for row in rows().iter().filter(|row| !FOR_ANYBODY.contains(&row.operation)) {
        world.app.pass(Duration::seconds(20));
        let _ = writeln!(found, "{}", row.operation);
        for (who, name) in stopped {
            let (path, body) = (row.aim)(&aim);
            let answer = world.app.wire().send(&call(world, who, row.operation, &path, body.as_ref())).await;
            let signs_out = row.operation == "DELETE /api/v1/session";
            let expected = if signs_out { answer.status == 204 } else { (400..500).contains(&answer.status) };
            assert!(expected, "{} as {name}: {} {}", row.operation, answer.status, answer.text());
            let (text, _) = line(world, name, &answer).await;
            let _ = writeln!(found, "{text}");
        }
    }
}

fn compare(found: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/black_box/coverage.txt");
    if std::env::var_os("CLOISTER_UPDATE").is_some() {
        std::fs::write(&file, found).unwrap();
    }
    let reviewed = std::fs::read_to_string(&file).unwrap();
    let (reviewed_lines, found_lines): (Vec<_>, Vec<_>) =
        (reviewed.lines().collect(), found.lines().collect());
    for (number, (reviewed, found)) in reviewed_lines.iter().zip(&found_lines).enumerate() {
        assert_eq!(reviewed, found, "line {} of coverage.txt", number + 1);
    }
    assert_eq!(reviewed_lines.len(), found_lines.len(), "coverage.txt has lines too few or too many");
}
