//! Rate limits as the design counts them.

use cloister_edge::csrf_token;
use cloister_kernel::Audience;

use crate::support::{App, Setup};

const NOTE: &str = r#"{"text":"hi"}"#;

#[tokio::test]
async fn the_eleventh_anonymous_call_in_a_minute_is_refused() {
    let app = App::start().await;
    for call in 0..10 {
        let path = ["GET /api/v1/session", "GET /api/v1/me", "POST /oauth/token"][call % 3];
        assert_ne!(app.ask(path, &[], "").await.status, 429, "{call}");
    }
    let answer = app.ask("GET /api/v1/session", &[], "").await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "rate.limited"));
    assert_eq!(answer.header("retry-after"), Some("60"));
    let (token, _) = app.signed_in(Audience::Portal).await;
    let cookie = format!("__Host-cloister={}", token.expose());
    assert_eq!(
        app.ask("GET /api/v1/me", &[("Cookie", &cookie)], "").await.status,
        200,
        "the signed-in are not hit"
    );
    for _ in 0..20 {
        assert_eq!(app.ask("GET /healthz", &[], "").await.status, 200);
    }
    app.clock.advance(time::Duration::minutes(1));
    assert_eq!(app.ask("GET /api/v1/session", &[], "").await.status, 200);
}

#[tokio::test]
async fn forty_people_behind_one_address_sign_in_within_a_minute() {
    let app = App::start().await;
    for person in 0..40 {
        let page = app.ask("GET /sign-in", &[], "").await;
        assert_eq!(page.status, 200, "{person}");
        let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let token = cloister_ephemeral::Token::parse(cookie.split('=').nth(1).unwrap()).unwrap();
        let flow = app.ephemeral.flow(app.tenant, &token.hash()).await.unwrap().unwrap();
        let csrf = csrf_token(&flow.csrf_secret);
        assert_eq!(app.ask("GET /api/v1/session", &[("Cookie", &cookie)], "").await.status, 200, "{person}");
        for _ in 0..2 {
            let answer = app.page_call("POST /api/v1/sign-in/password", &cookie, &csrf, NOTE).await;
            assert_eq!(answer.status, 200, "{person}");
        }
    }
    for _ in 40..60 {
        assert_eq!(app.ask("GET /sign-in", &[], "").await.status, 200);
    }
    assert_eq!(app.ask("GET /sign-in", &[], "").await.status, 429);
}

#[tokio::test]
async fn a_flow_has_ten_calls_and_a_user_a_hundred_a_minute() {
    let app = App::start().await;
    let (token, csrf) = app.in_flow().await;
    let cookie = format!("__Host-cloister-flow={}", token.expose());
    for call in 0..10 {
        let answer = app.page_call("POST /api/v1/sign-in/password", &cookie, &csrf, NOTE).await;
        assert_eq!(answer.status, 200, "{call}");
    }
    let answer = app.page_call("POST /api/v1/sign-in/password", &cookie, &csrf, NOTE).await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "flow.spent"));

    let (token, _) = app.signed_in(Audience::Portal).await;
    let cookie = format!("__Host-cloister={}", token.expose());
    for call in 0..100 {
        let answer = app.ask("GET /api/v1/me", &[("Cookie", &cookie)], "").await;
        assert_eq!(answer.status, 200, "{call}");
    }
    let answer = app.ask("GET /api/v1/me", &[("Cookie", &cookie)], "").await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "rate.limited"));
}

#[tokio::test]
async fn a_spoofed_address_does_not_widen_the_limit_and_zero_is_not_off() {
    let mut setup = Setup::default();
    setup.edge.limits.anonymous.calls = 0;
    let app = App::with(setup).await;
    assert_eq!(app.ask("GET /api/v1/session", &[], "").await.status, 200);
    for call in 0..3 {
        let address = format!("203.0.113.{call}");
        let answer = app.ask("GET /api/v1/session", &[("X-Forwarded-For", &address)], "").await;
        assert_eq!(answer.status, 429, "{address}");
    }
}

#[tokio::test]
async fn without_the_store_everything_is_503_and_nothing_open() {
    let app = App::with(Setup { redis_away: true, ..Setup::default() }).await;
    let cookie = format!("__Host-cloister={}", "ab".repeat(32));
    for (start, headers) in [
        ("GET /api/v1/me", vec![("Cookie", cookie.as_str())]),
        ("GET /api/v1/me", vec![]),
        ("GET /api/v1/session", vec![]),
        ("POST /oauth/token", vec![]),
        ("POST /fhir/R4", vec![("Authorization", "Bearer abc")]),
        ("GET /sign-in", vec![]),
    ] {
        let answer = app.ask(start, &headers, "").await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "service.unavailable"), "{start}");
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
}
