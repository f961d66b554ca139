use cloister_kernel::Failure;
use time::Duration;

use super::{fixture::World, on_both_databases};
use crate::{OperatorCall, TokenRequest, token::OperatorToken};

on_both_databases! {
    an_operator_is_a_named_person_sealed_in_the_database
    a_token_holds_for_its_life_and_every_other_gets_one_answer
    tokens_are_listed_and_revoked
    a_disabled_operator_is_out_at_once
    wrong_requests_name_the_field
    platform_keys_are_made_once
}

fn request(operator: &str) -> TokenRequest {
    TokenRequest { operator: operator.into(), scopes: vec!["tenants:read".into()], life: None }
}

async fn an_operator_is_a_named_person_sealed_in_the_database(world: World) {
    let events = world.event_count().await;
    world.platform.create_operator(&world.facts, "Olive Ops", "Olive@Platform.example").await.unwrap();
    let error =
        world.platform.create_operator(&world.facts, "Other", "olive@platform.example").await.unwrap_err();
    assert_eq!(error.code(), "operator.exists");
    let listed = world.platform.list_operators(&world.facts).await.unwrap();
    assert_eq!(listed[0].name.expose(), "Olive Ops");
    assert_eq!(listed[0].email.expose(), "olive@platform.example");
    assert_eq!(
        world.events(events).await,
        [
            "command_line operator.created success",
            "command_line operator.created refused operator.exists",
            "command_line operator.list success",
        ]
    );
    assert_eq!(world.count("SELECT count(*) FROM operators WHERE length(email_sealed) > 40").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM platform_events WHERE details_sealed IS NULL").await, 0);
}

async fn a_token_holds_for_its_life_and_every_other_gets_one_answer(world: World) {
    let call = world.root().await;
    assert!(call.allows(crate::scope::Scope::BaaWrite));
    let issued = world.platform.issue_token(&world.facts, request("olive@platform.example")).await.unwrap();
    let text = issued.token.reveal().to_owned();
    let stored = world.texts("SELECT scopes FROM operator_tokens").await.concat();
    assert!(!stored.contains(&text));
    let authenticate = |token: Option<String>| {
        let (platform, facts) = (world.platform.clone(), world.facts.clone());
        async move { platform.authenticate(token.as_deref(), facts).await }
    };
    let held: OperatorCall = authenticate(Some(text.clone())).await.unwrap();
    assert_eq!(held.operator(), call.operator());

    let events = world.event_count().await;
    let unknown = OperatorToken::draw(&cloister_kernel::Environment::system()).reveal().to_owned();
    let revoked = world.platform.issue_token(&world.facts, request("olive@platform.example")).await.unwrap();
    world.platform.revoke_token(&world.facts, revoked.row.id).await.unwrap();
    let mut answers = Vec::new();
    let cases = [None, Some("x".to_owned()), Some(unknown), Some(revoked.token.reveal().to_owned())];
    for token in cases {
        answers.push(authenticate(token).await.unwrap_err());
    }
    world.clock.advance(Duration::hours(1));
    answers.push(authenticate(Some(text)).await.unwrap_err());
    for error in &answers {
        assert_eq!((error.code(), error.to_string()), ("operator.unauthenticated", answers[0].to_string()));
        assert_eq!(error.kind(), cloister_kernel::FailureKind::Unauthenticated);
    }
    let refused: Vec<String> =
        world.events(events).await.into_iter().filter(|event| event.contains("authenticated")).collect();
    let expected = ["missing", "malformed", "unknown", "revoked", "expired"];
    assert_eq!(refused, expected.map(|why| format!("anonymous operator.authenticated refused token.{why}")));
}

async fn tokens_are_listed_and_revoked(world: World) {
    let olive = world.root().await;
    let oscar = world.operator("oscar@platform.example", &["tenants:read"]).await;
    let platform = &world.platform;
    assert_eq!(platform.list_own_tokens(&olive).await.unwrap().len(), 1);
    assert_eq!(platform.list_tokens(&world.facts, None).await.unwrap().len(), 2);
    let of = platform.list_tokens(&world.facts, Some("oscar@platform.example")).await.unwrap();
    assert_eq!(of.iter().map(|row| row.id).collect::<Vec<_>>(), [oscar.token()]);

    let events = world.event_count().await;
    let error = platform.revoke_own_token(&olive, oscar.token()).await.unwrap_err();
    assert_eq!(error.code(), "token.not_found", "another operator's token is as unknown as none");
    platform.revoke_own_token(&olive, olive.token()).await.unwrap();
    platform.revoke_own_token(&olive, olive.token()).await.unwrap_err();
    assert_eq!(
        world.events(events).await,
        [
            "operator operator.token_revoked refused token.not_found",
            "operator operator.token_revoked success",
            "operator operator.token_revoked refused token.not_found",
        ]
    );
}

async fn a_disabled_operator_is_out_at_once(world: World) {
    world.root().await;
    let issued = world.platform.issue_token(&world.facts, request("olive@platform.example")).await.unwrap();
    world.platform.disable_operator(&world.facts, "olive@platform.example").await.unwrap();
    world.tamper("UPDATE operator_tokens SET revoked_at = NULL").await;
    let token = Some(issued.token.reveal());
    let error = world.platform.authenticate(token, world.facts.clone()).await.unwrap_err();
    assert_eq!(error.code(), "operator.unauthenticated");
    for error in [
        world.platform.disable_operator(&world.facts, "olive@platform.example").await.unwrap_err(),
        world.platform.issue_token(&world.facts, request("olive@platform.example")).await.unwrap_err(),
    ] {
        assert_eq!(error.code(), "operator.not_found");
    }
}

async fn wrong_requests_name_the_field(world: World) {
    world.root().await;
    let fields = |error: crate::TenancyError| -> Vec<String> {
        error.details().iter().map(|detail| detail.field.clone()).collect()
    };
    let error = world.platform.create_operator(&world.facts, " ", "nobody").await.unwrap_err();
    assert_eq!(fields(error), ["name", "email"]);
    let wrong = TokenRequest {
        operator: "olive@platform.example".into(),
        scopes: vec!["tenants:read".into(), "approve:all".into()],
        life: Some(12 * 3600 + 1),
    };
    assert_eq!(
        fields(world.platform.issue_token(&world.facts, wrong).await.unwrap_err()),
        ["scopes/1", "ttl"]
    );
    let error =
        world.platform.issue_token(&world.facts, request("nobody@platform.example")).await.unwrap_err();
    assert_eq!(error.code(), "operator.not_found");
    assert_eq!(world.count("SELECT count(*) FROM operator_tokens").await, 1);
}

async fn platform_keys_are_made_once(world: World) {
    let events = world.event_count().await;
    assert!(!world.platform.ensure_keys(&world.facts).await.unwrap());
    assert_eq!(world.event_count().await, events);
    let keys = world.texts("SELECT owner || ' ' || purpose FROM wrapped_keys ORDER BY owner, purpose").await;
    assert_eq!(keys, ["platform index", "platform pii", "platform-log log"]);
    let first = world.texts("SELECT actor_kind || ' ' || action FROM platform_events ORDER BY id").await;
    assert_eq!(first, ["command_line platform.keys_created"]);
}
