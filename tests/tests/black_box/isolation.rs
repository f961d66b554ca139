//! The same chart, tried by every route by everybody who must not see it: record systems, operators, other clinics.
//! What people with a session are told stands in `authorization.rs`.

use cloister_testkit::app::{ADMIN_ORIGIN, Call, PatientFile, WireAnswer};
use cloister_tests::World;
use reqwest::Method;
use serde_json::json;
use time::Duration;
use uuid::Uuid;

use crate::matrix::{Aim, rows};

async fn events(world: &World, answer: &WireAnswer) -> Vec<String> {
    world.app.database.events_of(answer.request_id()).await.iter().map(|event| event.line()).collect()
}

/// What names Ann or anything of her chart must not be in an answer to somebody else.
fn tells_nothing(world: &World, answer: &WireAnswer, context: &str) {
    let text = answer.text();
    for secret in [&world.ann_file.family, &world.ann_file.birth_date, &world.ann_file.record_number] {
        assert!(!text.contains(secret.as_str()), "{context}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_system_reads_its_own_clinic_and_every_other_token_reads_nothing() {
    let world = World::make().await;
    let app = &world.app;
    let own = world.record.token().await;
    let foreign = world.record_there.token().await;
    let nothing = Uuid::parse_str("0193c0de-0000-7000-8000-000000000000").unwrap();
    assert_eq!(world.ann_resources.len(), 5);
    for (kind, id) in &world.ann_resources {
        app.pass(Duration::seconds(2));
        let path = format!("/fhir/R4/{kind}/{id}");
        let read = |origin: &str, path: &str, token: &str| {
            Call::new(Method::GET, origin, path).with("authorization", &format!("Bearer {token}"))
        };
        let answer = app.wire().send(&read(&world.here.portal, &path, &own)).await;
        assert_eq!((answer.status, &answer.json()["resourceType"]), (200, &json!(kind)), "{}", answer.text());
        assert_eq!(answer.header("content-type"), "application/fhir+json");
        assert_eq!(events(&world, &answer).await, ["resource.read success"]);

        // The other clinic's token at this host, and at its own host: the resource is as good as absent.
        let refused = app.wire().send(&read(&world.here.portal, &path, &foreign)).await;
        assert_eq!(refused.status, 401, "{}", refused.text());
        tells_nothing(&world, &refused, &path);
        let elsewhere = app.wire().send(&read(&world.there.portal, &path, &foreign)).await;
        let absent = format!("/fhir/R4/{kind}/{nothing}");
        let absent = app.wire().send(&read(&world.there.portal, &absent, &foreign)).await;
        assert_eq!(
            (elsewhere.status, elsewhere.comparable()),
            (404, absent.comparable()),
            "{}",
            elsewhere.text()
        );
        assert_eq!(events(&world, &elsewhere).await, events(&world, &absent).await);
        assert!(!events(&world, &elsewhere).await.is_empty(), "a try leaves an event");

        // No token, a broken one, an operator's, and a person's cookie.
        let bare = Call::new(Method::GET, &world.here.portal, &path);
        for (call, status) in [
            (bare.clone(), 401),
            (read(&world.here.portal, &path, "garbage"), 401),
            (read(&world.here.portal, &path, &app.operator_token), 401),
            (read(&world.here.portal, &path, &own[..own.len() - 2]), 401),
            (world.ann.call(Method::GET, &path), 400),
        ] {
            let refused = app.wire().send(&call).await;
            assert_eq!(refused.status, status, "{call:?} {}", refused.text());
            assert_eq!(refused.json()["resourceType"], "OperationOutcome", "{}", refused.text());
            tells_nothing(&world, &refused, &path);
        }
        let wrong_type = if kind == "Patient" { "Observation" } else { "Patient" };
        let answer =
            app.wire().send(&read(&world.here.portal, &format!("/fhir/R4/{wrong_type}/{id}"), &own)).await;
        assert_eq!(answer.status, 404);
    }
    // A token is for what its scope says and for five minutes.
    app.pass(Duration::seconds(301));
    let (kind, id) = &world.ann_resources[0];
    let late = Call::new(Method::GET, &world.here.portal, &format!("/fhir/R4/{kind}/{id}"))
        .with("authorization", &format!("Bearer {own}"));
    assert_eq!(app.wire().send(&late).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_gets_one_token_of_its_own_clinic_while_its_client_is_registered() {
    let world = World::make().await;
    let app = &world.app;
    let (here, there) = (&world.record, &world.record_there);
    let discovery = Call::new(Method::GET, &world.here.portal, "/.well-known/smart-configuration");
    let discovered = app.wire().send(&discovery).await;
    assert_eq!(discovered.json()["token_endpoint"], format!("{}/oauth/token", world.here.portal));

    let assertion = here.system.assertion(&here.id).unwrap();
    let first = here.system.ask_for_token(&assertion, "system/*.cruds").await.unwrap();
    assert_eq!((first.status.as_u16(), &first.body["token_type"]), (200, &json!("bearer")), "{}", first.body);
    assert!(first.body["expires_in"].as_u64().is_some_and(|seconds| seconds <= 300), "{}", first.body);
    for (assertion, scope, why) in [
        (assertion.clone(), "system/*.cruds", "replayed"),
        (here.system.assertion(&there.id).unwrap(), "system/*.cruds", "another clinic's client"),
        (there.system.assertion(&here.id).unwrap(), "system/*.cruds", "another key and audience"),
        (here.system.assertion(&Uuid::nil().to_string()).unwrap(), "system/*.cruds", "unknown client"),
        ("a.b.c".to_owned(), "system/*.cruds", "no assertion"),
    ] {
        let refused = here.system.ask_for_token(&assertion, scope).await.unwrap();
        assert!(matches!(refused.status.as_u16(), 400 | 401), "{why}: {}", refused.body);
        assert_eq!(refused.body["error"], "invalid_client", "{why}: {}", refused.body);
    }
    let scope =
        here.system.ask_for_token(&here.system.assertion(&here.id).unwrap(), "user/*.cruds").await.unwrap();
    assert_eq!(
        (scope.status.as_u16(), &scope.body["error"]),
        (400, &json!("invalid_scope")),
        "{}",
        scope.body
    );

    let lines: Vec<String> = app
        .database
        .events(world.here.id)
        .await
        .iter()
        .filter(|event| event.action == "machine_client.token" && event.outcome != "success")
        .map(|event| event.line())
        .collect();
    assert!(lines.len() >= 5, "each refusal leaves an event: {lines:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_record_system_is_refused_at_once() {
    let mut world = World::make().await;
    let token = world.record.token().await;
    let owner = &mut world.here.owner;
    owner.step_up(&world.app).await;
    let path = format!("/api/v1/machine-clients/{}", world.record.id);
    let removed = world.app.wire().send(&owner.call(Method::DELETE, &path)).await;
    assert_eq!(removed.status, 204, "{}", removed.text());
    let pushed = world.record.system.push(&token, &PatientFile::ordinary(8, "P1").bundle()).await.unwrap();
    assert_eq!(pushed.status.as_u16(), 401, "{}", pushed.body);
    let assertion = world.record.system.assertion(&world.record.id).unwrap();
    let refused = world.record.system.ask_for_token(&assertion, "system/*.cruds").await.unwrap();
    assert_eq!(refused.body["error"], "invalid_client", "{}", refused.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_reaches_no_chart_by_any_route() {
    let world = World::make().await;
    let app = &world.app;
    let ann = world.ann_patient();
    let nothing = Uuid::nil();
    let aim = Aim {
        ann,
        dora: world.dora,
        result: world.result,
        invitation: nothing,
        staff_invitation: nothing,
        machine_client: nothing,
        quarantine: nothing,
        session: nothing,
        member: world.off_panel.id,
        number: 1,
    };
    let bearer = format!("Bearer {}", app.operator_token);
    for row in rows() {
        app.pass(Duration::seconds(1));
        let (path, body) = (row.aim)(&aim);
        let method: Method = row.operation.split_once(' ').unwrap().0.parse().unwrap();
        for origin in [&world.here.portal, &world.here.console] {
            let mut call = Call::new(method.clone(), origin, &path).with("authorization", &bearer);
            if let Some(body) = &body {
                call = call.json(body);
            }
            let answer = app.wire().send(&call).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (400, "credentials.mixed"),
                "{}",
                row.operation
            );
            assert_eq!(events(&world, &answer).await, ["call.refused refused credentials.mixed"]);
            tells_nothing(&world, &answer, row.operation);
        }
        // The same paths at the operators' API do not exist.
        let call = Call::new(method, ADMIN_ORIGIN, &path).with("authorization", &bearer);
        let answer = app.admin_wire().send(&call).await;
        assert_eq!(answer.status, 404, "{}: {}", row.operation, answer.text());
        assert_eq!(events(&world, &answer).await, ["operator.call refused route.not_found"]);
    }
    let path = format!("/v1/tenants/{}/patients/{ann}", world.here.id);
    let answer = app
        .admin_wire()
        .send(&Call::new(Method::GET, ADMIN_ORIGIN, &path).with("authorization", &bearer))
        .await;
    assert_eq!(answer.status, 404);
}
