//! Cookies, CSRF, CORS and the credentials that each route class takes.

use cloister_edge::csrf_token;
use cloister_kernel::Audience;

use crate::support::{App, ORIGIN};

const NOTE: &str = r#"{"text":"hi"}"#;

#[tokio::test]
async fn a_mutating_cookie_route_needs_every_proof() {
    let app = App::start().await;
    let (token, session) = app.signed_in(Audience::Portal).await;
    let (_, other) = app.signed_in(Audience::Portal).await;
    let cookie = format!("__Host-cloister={}", token.expose());
    let (csrf, foreign) = (csrf_token(&session.csrf_secret), csrf_token(&other.csrf_secret));
    let own = (Some(ORIGIN), Some("same-origin"), Some(csrf.as_str()));
    let cases = [
        (200, own),
        (403, (None, own.1, own.2)),
        (403, (Some("null"), own.1, own.2)),
        (403, (Some("https://riverside.example.org"), own.1, own.2)),
        (403, (Some("https://lakeside-staff.example.org"), own.1, own.2)),
        (403, (Some("http://lakeside.example.org"), own.1, own.2)),
        (403, (own.0, None, own.2)),
        (403, (own.0, Some("same-site"), own.2)),
        (403, (own.0, Some("cross-site"), own.2)),
        (403, (own.0, own.1, None)),
        (403, (own.0, own.1, Some(foreign.as_str()))),
    ];
    for (status, (origin, site, given)) in cases {
        let mut headers = vec![("Cookie", cookie.as_str()), ("Content-Type", "application/json")];
        headers.extend(origin.map(|value| ("Origin", value)));
        headers.extend(site.map(|value| ("Sec-Fetch-Site", value)));
        headers.extend(given.map(|value| ("X-CSRF-Token", value)));
        let answer = app.ask("POST /api/v1/me", &headers, NOTE).await;
        assert_eq!(answer.status, status, "{origin:?} {site:?} {given:?} {answer:?}");
        if status == 403 {
            assert_eq!(answer.code(), "csrf.refused");
        }
    }
    assert_eq!(app.ask("GET /api/v1/me", &[("Cookie", &cookie)], "").await.status, 200, "reads need none");
}

#[tokio::test]
async fn shadowed_cookies_refuse_the_request() {
    let app = App::start().await;
    let (token, _) = app.signed_in(Audience::Portal).await;
    let good = format!("__Host-cloister={}", token.expose());
    assert_eq!(app.ask("GET /api/v1/me", &[("Cookie", &format!("a=b; {good}; c=d"))], "").await.status, 200);
    for bad in [
        format!("{good}; {good}"),
        format!("__Host-cloister =x; {good}"),
        format!("a=b;  {good}"),
        format!("__host-cloister=x; {good}"),
    ] {
        assert_eq!(
            app.ask("GET /api/v1/me", &[("Cookie", &bad)], "").await.code(),
            "cookie.ambiguous",
            "{bad}"
        );
    }
    let two = [("Cookie", good.as_str()), ("Cookie", good.as_str())];
    assert_eq!(app.ask("GET /api/v1/me", &two, "").await.code(), "cookie.ambiguous");
}

#[tokio::test]
async fn a_session_is_of_its_site_and_ends() {
    let app = App::start().await;
    let (token, _) = app.signed_in(Audience::Portal).await;
    let cookie = format!("__Host-cloister={}", token.expose());
    assert_eq!(app.ask("GET /api/v1/me", &[("Cookie", &cookie)], "").await.status, 200);
    let console = [("Cookie", cookie.as_str()), ("Host", "lakeside-staff.example.org")];
    assert_eq!(app.ask("GET /api/v1/me", &console, "").await.code(), "session.required");
    let operators = [("Cookie", cookie.as_str()), ("Host", "admin.example.org")];
    assert_eq!(app.ask("GET /api/v1/me", &operators, "").await.code(), "route.not_found");
    app.clock.advance(time::Duration::minutes(15));
    let answer = app.ask("GET /api/v1/me", &[("Cookie", &cookie)], "").await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Cookie")));
}

#[tokio::test]
async fn each_class_refuses_the_others_credentials() {
    let app = App::start().await;
    let (token, session) = app.signed_in(Audience::Portal).await;
    let cookie = format!("__Host-cloister={}", token.expose());
    let csrf = csrf_token(&session.csrf_secret);
    let bearer = ("Authorization", "Bearer abc");
    let mixed = async |start: &str, headers: &[(&str, &str)]| app.ask(start, headers, "x").await.code();
    assert_eq!(mixed("GET /api/v1/me", &[("Cookie", &cookie), bearer]).await, "credentials.mixed");
    assert_eq!(mixed("GET /api/v1/session", &[bearer]).await, "credentials.mixed");
    assert_eq!(mixed("POST /api/v1/sign-in/password", &[bearer]).await, "credentials.mixed");
    assert_eq!(mixed("POST /oauth/token", &[bearer]).await, "credentials.mixed");
    assert_eq!(mixed("POST /oauth/token", &[("Cookie", &cookie)]).await, "credentials.mixed");
    assert_eq!(mixed("POST /fhir/R4", &[("Cookie", &cookie), bearer]).await, "credentials.mixed");
    assert_eq!(
        mixed("POST /fhir/R4", &[("Cookie", "__Host-cloister=garbage"), bearer]).await,
        "credentials.mixed"
    );
    assert_eq!(mixed("POST /hook", &[("Cookie", &cookie), ("X-Signature", "x")]).await, "credentials.mixed");

    assert_eq!(app.ask("POST /fhir/R4", &[bearer], "{}").await.json(), "3 2");
    assert_eq!(app.ask("POST /hook", &[("X-Signature", "x")], "x").await.json(), 1);
    assert_eq!(mixed("POST /hook", &[("X-Signature", "y")]).await, "webhook.refused");
    for authorization in ["Basic abc", "Bearer", "Bearer ", "Bearer a b", "bearer\u{7f}"] {
        let answer = app.ask("POST /fhir/R4", &[("Authorization", authorization)], "{}").await;
        assert!(matches!(answer.status, 400 | 401), "{authorization} {answer:?}");
    }
    let none = app.ask("POST /fhir/R4", &[], "{}").await;
    assert_eq!((none.status, none.header("www-authenticate")), (401, Some("Bearer")));
    let twice = app.ask("POST /fhir/R4", &[bearer, bearer], "{}").await;
    assert_eq!(twice.status, 401);
    let answer = app.page_call("POST /api/v1/me", &cookie, &csrf, NOTE).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn the_sign_in_page_opens_a_flow_that_binds_its_calls() {
    let app = App::start().await;
    let page = app.ask("GET /sign-in", &[], "").await;
    let set = page.header("set-cookie").unwrap();
    assert!(set.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600"), "{set}");
    let cookie = set.split(';').next().unwrap().to_owned();
    assert_eq!(app.ask("GET /api/v1/session", &[("Cookie", &cookie)], "").await.json(), "flow password");
    let token = cloister_ephemeral::Token::parse(cookie.split('=').nth(1).unwrap()).unwrap();
    let flow = app.ephemeral.flow(app.tenant, &token.hash()).await.unwrap().unwrap();
    let csrf = csrf_token(&flow.csrf_secret);
    let call = "POST /api/v1/sign-in/password";
    assert_eq!(app.page_call(call, &cookie, &csrf, NOTE).await.json(), "password");
    assert_eq!(app.page_call(call, &cookie, "x", NOTE).await.code(), "csrf.refused");
    assert_eq!(app.page_call(call, "a=b", &csrf, NOTE).await.code(), "flow.required");
}

#[tokio::test]
async fn only_registered_apps_get_cors_and_only_on_fhir_and_token() {
    let app = App::start().await;
    let registered = "https://app.example.net";
    let preflight = |origin| [("Origin", origin), ("Access-Control-Request-Method", "POST")];
    for path in ["/fhir/R4", "/oauth/token"] {
        let answer = app.ask(&format!("OPTIONS {path}"), &preflight(registered), "").await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(registered));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(answer.header("vary"), Some("Origin"));
        let answer = app.ask(&format!("OPTIONS {path}"), &preflight("https://evil.example"), "").await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (405, None), "{path}");
    }
    for path in ["/api/v1/me", "/fhirx", "/oauth/token/x"] {
        let answer = app.ask(&format!("OPTIONS {path}"), &preflight(registered), "").await;
        assert!(answer.status >= 400 && answer.header("access-control-allow-origin").is_none(), "{path}");
    }
    let failed = app.ask("POST /fhir/R4", &[("Origin", registered)], "{}").await;
    assert_eq!((failed.status, failed.header("access-control-allow-origin")), (401, Some(registered)));
    assert_eq!(failed.header("cross-origin-resource-policy"), Some("cross-origin"));
}
