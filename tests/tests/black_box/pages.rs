//! The pages of the two sites and their assets: who gets a flow, what browsers may keep, what no page covers.

use cloister_testkit::app::{Call, TestApp, WireAnswer};
use reqwest::Method;
use sha2::{Digest, Sha256};
use time::Duration;

use crate::matrix::clinic_with_patient;

async fn get(app: &TestApp, origin: &str, path: &str) -> WireAnswer {
    app.wire().send(&Call::new(Method::GET, origin, path)).await
}

fn opens_flow(answer: &WireAnswer) -> bool {
    let cookies = answer.headers.get_all("set-cookie");
    cookies.iter().any(|cookie| cookie.to_str().is_ok_and(|text| text.starts_with("__Host-cloister-flow=")))
}

/// The paths of the files that a page asks for.
fn assets_of(page: &WireAnswer) -> Vec<String> {
    let text = page.text();
    text.split('"').filter(|part| part.starts_with("/assets/")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_never_kept_its_assets_are_for_good_and_neither_covers_the_other() {
    let app = TestApp::start().await;
    let clinic = app.clinic("lakeside").await;
    for origin in [&clinic.portal, &clinic.console] {
        for path in
            ["/", "/sign-in", "/activate", "/results", "/results/018f3c1e-7b1a-7cc0-9d3e-2f1a5b6c7d8e"]
        {
            let page = get(&app, origin, path).await;
            if page.code() == "page.missing" {
                eprintln!("NOT RUN: the web pages are not built");
                return;
            }
            assert_eq!(page.status, 200, "{path}");
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
            assert_eq!(page.header("cache-control"), "private, no-store", "{path}");
            assert!(opens_flow(&page), "{path}");
        }
        let assets = assets_of(&get(&app, origin, "/").await);
        assert!(assets.len() >= 2, "{assets:?}");
        for path in &assets {
            for (accepts, expected) in
                [("br, gzip", "br"), ("gzip", "gzip"), ("br;q=0", ""), ("identity", "")]
            {
                let call = Call::new(Method::GET, origin, path).with("accept-encoding", accepts);
                let asset = app.wire().send(&call).await;
                assert_eq!(
                    (asset.status, asset.header("content-encoding")),
                    (200, expected),
                    "{path} {accepts}"
                );
                assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
                assert_eq!(asset.header("vary"), "accept-encoding", "{path}");
                assert!(!opens_flow(&asset), "{path}");
            }
            let hidden = get(&app, origin, &format!("{path}.br")).await;
            assert_eq!((hidden.status, hidden.code().as_str()), (404, "route.not_found"), "{path}");
        }
        for path in [
            "/assets/none.js",
            "/assets",
            "/assets/",
            "/assets/deeper/still",
            "/assets/..%2findex.html",
            "/assets/../index.html",
            "/index.html",
            "/favicon.ico",
            "/.env",
            "/api/v1/nothing",
            "/api",
            "/fhir/R4",
            "/oauth/nothing",
        ] {
            let answer = get(&app, origin, path).await;
            assert!(matches!(answer.status, 404 | 405), "{path} {}", answer.status);
            assert!(answer.header("content-type").contains("json"), "{path}");
            assert_eq!(answer.header("cache-control"), "private, no-store", "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_goes_on_with_its_flow_and_a_person_needs_none() {
    let app = TestApp::start().await;
    let (clinic, patient) = clinic_with_patient(&app).await;
    let first = get(&app, &clinic.portal, "/sign-in").await;
    if first.code() == "page.missing" {
        eprintln!("NOT RUN: the web pages are not built");
        return;
    }
    let cookie = first.header("set-cookie").split(';').next().unwrap().to_owned();
    let visit = async |path: &str, cookie: &str| {
        let call = Call::new(Method::GET, &clinic.portal, path).with("cookie", cookie);
        app.wire().send(&call).await
    };
    assert!(!opens_flow(&visit("/sign-in", &cookie).await), "a reload keeps the flow");
    assert!(!opens_flow(&visit("/", &cookie).await), "and so does another page");
    assert!(opens_flow(&visit("/activate", &cookie).await), "an activation is not a sign-in");
    app.pass(Duration::minutes(11));
    assert!(opens_flow(&visit("/sign-in", &cookie).await), "an ended flow gives way to a new one");

    let mut patient = patient;
    patient.sign_in(&app).await;
    let page = app.wire().send(&patient.call(Method::GET, "/results")).await;
    assert_eq!((page.status, opens_flow(&page)), (200, false), "a person has a session");
    // A session of the portal is nothing at the console.
    let there = Call::new(Method::GET, &clinic.console, "/panel").with("cookie", &cookie);
    assert!(opens_flow(&app.wire().send(&there).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_behind_one_address_are_counted_and_assets_are_not() {
    let app = TestApp::start().await;
    let clinic = app.clinic("lakeside").await;
    let wire = app.wire();
    let page = Call::new(Method::GET, &clinic.portal, "/sign-in");
    for visit in 0..60 {
        assert_ne!(wire.send(&page).await.status, 429, "visit {visit}");
    }
    let refused = wire.send(&page).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate.limited"));
    assert!(!refused.header("retry-after").is_empty());
    let asset = Call::new(Method::GET, &clinic.portal, "/assets/none.js");
    assert_eq!(wire.send(&asset).await.status, 404);
    assert_eq!(wire.send(&Call::new(Method::GET, &clinic.portal, "/healthz")).await.status, 200);
    app.pass(Duration::seconds(61));
    assert_ne!(wire.send(&page).await.status, 429);
}

/// The number that the waiting page's task asks for.
fn work(task: &WireAnswer) -> String {
    let text = task.text();
    let of = |name: &str| {
        text.split_once(&format!("data-{name}=\"")).unwrap().1.split('"').next().unwrap().to_owned()
    };
    let (challenge, bits): (String, u32) = (of("challenge"), of("bits").parse().unwrap());
    let front = |number: &String| {
        let digest = Sha256::digest(format!("{challenge}:{number}"));
        u32::from_be_bytes(digest[..4].try_into().unwrap()).leading_zeros()
    };
    (0_u64..).map(|number| number.to_string()).find(|number| front(number) >= bits).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_sixty_pages_a_minute_a_browser_works_for_its_sign_in() {
    let app = TestApp::start().await;
    let (clinic, other) = (app.clinic("lakeside").await, app.clinic("riverside").await);
    let wire = app.wire();
    let visit =
        |origin: &str| Call::new(Method::GET, origin, "/sign-in").with("accept", "text/html, */*;q=0.8");
    let with = |proof: &str| visit(&clinic.portal).with("cookie", &format!("__Host-cloister-proof={proof}"));
    for _ in 0..60 {
        let page = wire.send(&visit(&clinic.portal)).await;
        if page.code() == "page.missing" {
            eprintln!("NOT RUN: the web pages are not built");
            return;
        }
        assert!(opens_flow(&page));
    }
    let task = wire.send(&visit(&clinic.portal)).await;
    assert_eq!((task.status, task.header("content-type")), (429, "text/html; charset=utf-8"));
    assert!(!opens_flow(&task) && task.text().contains("data-tried=\"no\""), "{}", task.text());
    assert!(task.header("content-security-policy").contains("script-src 'self'"));

    let number = work(&task);
    let page = wire.send(&with(&number)).await;
    assert_eq!((page.status, opens_flow(&page)), (200, true), "whoever worked signs in");
    let again = wire.send(&with(&number)).await;
    assert_eq!((again.status, opens_flow(&again)), (429, false), "a proof counts once");
    assert!(again.text().contains("data-tried=\"yes\""));
    for wrong in ["0", "", "x", "00", "99999999999999999999"] {
        let answer = wire.send(&with(wrong)).await;
        assert_eq!((answer.status, opens_flow(&answer)), (429, false), "{wrong:?}");
    }

    // Another clinic's challenge is another one, and so is one of some minutes ago.
    let there = visit(&other.portal);
    for _ in 0..60 {
        wire.send(&there).await;
    }
    let theirs = work(&wire.send(&there).await);
    assert_eq!(wire.send(&with(&theirs)).await.status, 429);
    app.pass(Duration::minutes(6));
    for _ in 0..60 {
        wire.send(&visit(&clinic.portal)).await;
    }
    let old = work(&task);
    assert_eq!(wire.send(&with(&old)).await.status, 429);
    let fresh = work(&wire.send(&visit(&clinic.portal)).await);
    app.pass(Duration::seconds(50));
    for _ in 0..60 {
        wire.send(&visit(&clinic.portal)).await;
    }
    assert!(opens_flow(&wire.send(&with(&fresh)).await), "a proof of the minute before counts");
}
