//! The document and the page that shows it.

use crate::fixture::App;

const CHECKED_IN: &str = include_str!("../../openapi.json");

#[test]
fn the_checked_in_document_is_not_stale() {
    let current = format!("{:#}\n", cloister_tenant_admin::api::document());
    assert!(
        CHECKED_IN == current,
        "tenant-admin/openapi.json is stale: run `cloister-admin --json openapi > tenant-admin/openapi.json`"
    );
}

#[test]
fn the_document_states_the_ceiling_and_the_number_of_networks() {
    use cloister_kernel::{MOST_RAISED_NETWORKS, SourceLimits};
    let SourceLimits { anonymous, sign_in_pages } = SourceLimits::CEILING;
    let stated = format!("{anonymous} anonymous calls and {sign_in_pages} sign-in pages a minute");
    assert!(CHECKED_IN.contains(&stated), "{stated}");
    assert!(CHECKED_IN.contains(&format!("at most {MOST_RAISED_NETWORKS} such networks")));
    let schema =
        &cloister_tenant_admin::api::document()["components"]["schemas"]["NetworkLimits"]["properties"];
    for (name, least, most) in [
        ("anonymous_per_minute", SourceLimits::USUAL.anonymous, anonymous),
        ("sign_in_pages_per_minute", SourceLimits::USUAL.sign_in_pages, sign_in_pages),
    ] {
        let described = schema[name]["description"].as_str().unwrap();
        assert!(described.contains(&format!("{least} to {most}")), "{name}: {described}");
    }
}

#[test]
fn the_document_states_the_number_of_hosts() {
    let most = cloister_kernel::MOST_HOSTS;
    assert!(CHECKED_IN.contains(&format!("at most {most} hosts, the two of the platform among them")));
    assert!(CHECKED_IN.contains(&format!("The hosts, at most {most}.")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_publishes_the_checked_in_document() {
    let app = App::start().await;
    let answer = app.send(app.request("GET", "/openapi.json")).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, CHECKED_IN));
    assert_eq!(answer.headers["content-type"], "application/json");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_every_operation_and_needs_nothing_that_its_policy_forbids() {
    let app = App::start().await;
    let page = app.send(app.request("GET", "/docs")).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("style-src 'self'") && policy.contains("script-src 'self'"), "{policy}");
    for (operation, scope) in cloister_tenant_admin::api::OPERATIONS {
        assert!(page.text.contains(&format!("id=\"{operation}\"")), "{operation}");
        assert!(scope.is_none_or(|scope| page.text.contains(scope.as_str())), "{operation}");
    }
    for forbidden in ["<script", "<style", "style=", " on", "http://", "https://", "//cdn"] {
        let tags = page.text.split('<').filter_map(|part| part.split('>').next());
        let found: Vec<&str> = tags.filter(|tag| format!("<{tag}").contains(forbidden)).collect();
        assert_eq!(found, [] as [&str; 0], "{forbidden}");
    }
    let style = app.send(app.request("GET", "/docs/style.css")).await;
    assert_eq!(
        (style.status.as_u16(), &style.headers["content-type"]),
        (200, &"text/css; charset=utf-8".parse().unwrap())
    );
    assert_eq!(app.send(app.request("GET", "/docs/other.css")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_needs_no_token() {
    let app = App::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(app.send(app.request("GET", path)).await.status, 200, "{path}");
    }
}
