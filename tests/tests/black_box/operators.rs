//! Every operation of the operators' API with every token that does not hold for it, and the event that each leaves.

use std::collections::BTreeSet;

use cloister_tenancy::{CallFacts, TokenRequest};
use cloister_testkit::app::{ADMIN_ORIGIN, Call, TestApp, WireAnswer};
use cloister_tests::documented;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

struct Row {
    operation: &'static str,
    /// The scope that it needs; none when any token will do.
    scope: Option<&'static str>,
    /// Path and body for a tenant and a token.
    aim: fn(Uuid, Uuid) -> (String, Option<Value>),
    /// What success leaves.
    events: &'static [&'static str],
    status: u16,
}

fn new_tenant(slug: &str) -> Value {
    json!({
        "slug": slug, "name": "New Clinic", "region": "us-east-1", "time_zone": "America/New_York",
        "default_locale": "en", "contact": { "name": "Connie", "email": "connie@new.example" },
    })
}

fn table() -> Vec<Row> {
    let row = |operation, scope, status, events, aim| Row { operation, scope, aim, events, status };
    vec![
        row("GET /v1/tenants", Some("tenants:read"), 200, &["tenant.list success"] as &[_], |_, _| {
            ("/v1/tenants".into(), None)
        }),
        row("POST /v1/tenants", Some("tenants:write"), 201, &["tenant.created success"], |_, _| {
            ("/v1/tenants".into(), Some(new_tenant("newclinic")))
        }),
        row(
            "GET /v1/tenants/{tenant_id}",
            Some("tenants:read"),
            200,
            &["tenant.read success"],
            |tenant, _| (format!("/v1/tenants/{tenant}"), None),
        ),
        row(
            "POST /v1/tenants/{tenant_id}/activate",
            Some("tenants:activate"),
            409,
            &["tenant.activated refused tenant.not_ready"],
            |tenant, _| (format!("/v1/tenants/{tenant}/activate"), None),
        ),
        row(
            "PUT /v1/tenants/{tenant_id}/baa",
            Some("baa:write"),
            200,
            &["tenant.baa_recorded success"],
            |tenant, _| {
                let body = json!({
                    "signed_on": "2026-01-01", "expires_on": "2027-01-01", "counterparty": "Connie",
                    "document_reference": "BAA-2"
                });
                (format!("/v1/tenants/{tenant}/baa"), Some(body))
            },
        ),
        row(
            "POST /v1/tenants/{tenant_id}/owner-invitation",
            Some("owners:invite"),
            202,
            &["tenant.owner_invited success"],
            |tenant, _| {
                let body = json!({ "email": "owner@fresh.example", "display_name": "Owner" });
                (format!("/v1/tenants/{tenant}/owner-invitation"), Some(body))
            },
        ),
        row(
            "PUT /v1/tenants/{tenant_id}/networks/{address}/{prefix_length}",
            Some("networks:write"),
            200,
            &["tenant.network_raised success"],
            |tenant, _| {
                let body = json!({
                    "anonymous_per_minute": 40, "sign_in_pages_per_minute": 200, "reason": "One address for all"
                });
                (format!("/v1/tenants/{tenant}/networks/203.0.113.0/24"), Some(body))
            },
        ),
        row(
            "GET /v1/tenants/{tenant_id}/networks",
            Some("tenants:read"),
            200,
            &["tenant.network_list success"],
            |tenant, _| (format!("/v1/tenants/{tenant}/networks"), None),
        ),
        row(
            "DELETE /v1/tenants/{tenant_id}/networks/{address}/{prefix_length}",
            Some("networks:write"),
            204,
            &["tenant.network_lowered success"],
            |tenant, _| (format!("/v1/tenants/{tenant}/networks/203.0.113.0/24"), None),
        ),
        row(
            "PUT /v1/tenants/{tenant_id}/hosts/{host}",
            Some("hosts:write"),
            200,
            &["tenant.host_mapped success"],
            |tenant, _| {
                let body = json!({ "site": "portal" });
                (format!("/v1/tenants/{tenant}/hosts/portal.fresh-clinic.example"), Some(body))
            },
        ),
        row(
            "GET /v1/tenants/{tenant_id}/hosts",
            Some("tenants:read"),
            200,
            &["tenant.host_list success"],
            |tenant, _| (format!("/v1/tenants/{tenant}/hosts"), None),
        ),
        row(
            "PUT /v1/tenants/{tenant_id}/hosts/{host}/primary",
            Some("hosts:write"),
            200,
            &["tenant.host_made_primary success"],
            |tenant, _| (format!("/v1/tenants/{tenant}/hosts/freshclinic.localhost/primary"), None),
        ),
        row(
            "DELETE /v1/tenants/{tenant_id}/hosts/{host}",
            Some("hosts:write"),
            204,
            &["tenant.host_removed success"],
            |tenant, _| (format!("/v1/tenants/{tenant}/hosts/portal.fresh-clinic.example"), None),
        ),
        row("GET /v1/tokens", None, 200, &["operator.token_list success"], |_, _| {
            ("/v1/tokens".into(), None)
        }),
        row("DELETE /v1/tokens/{token_id}", None, 204, &["operator.token_revoked success"], |_, token| {
            (format!("/v1/tokens/{token}"), None)
        }),
    ]
}

async fn token(app: &TestApp, operator: &str, scopes: &[&str], life: u64) -> (String, Uuid) {
    let facts = CallFacts { request: app.environment.id(), source: None, user_agent: None };
    let request = TokenRequest {
        operator: operator.to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        life: Some(life),
    };
    let issued = app.tenancy.issue_token(&facts, request).await.unwrap();
    (issued.token.reveal().to_owned(), issued.row.id)
}

/// A call of an operator and the events that it left.
pub(crate) async fn operate(
    app: &TestApp,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> (WireAnswer, Vec<String>) {
    let call = Call::new(method, ADMIN_ORIGIN, path)
        .with("authorization", &format!("Bearer {}", app.operator_token));
    let call = match body {
        Some(body) => call.json(body),
        None => call,
    };
    let answer = app.admin_wire().send(&call).await;
    let events = app.database.events_of(answer.request_id()).await;
    (answer, events.iter().map(|event| event.line()).collect())
}

#[test]
fn every_operation_of_the_operators_has_a_row() {
    let documented = documented(&cloister_tenant_admin::api::document());
    let known: BTreeSet<String> = table().iter().map(|row| row.operation.to_owned()).collect();
    assert_eq!(documented, known);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_operation_needs_a_live_token_of_its_scope_and_leaves_its_event() {
    let app = TestApp::start().await;
    let email = "operator@cloister.example";
    let facts = CallFacts { request: app.environment.id(), source: None, user_agent: None };
    app.tenancy.create_operator(&facts, "Left Long Ago", "left@cloister.example").await.unwrap();
    let all = cloister_tenancy::scope::Scope::ALL.map(cloister_tenancy::scope::Scope::as_str);
    let (disabled, _) = token(&app, "left@cloister.example", &all, 3600).await;
    app.tenancy.disable_operator(&facts, "left@cloister.example").await.unwrap();
    let (expired, _) = token(&app, email, &all, 300).await;
    let (revoked, revoked_id) = token(&app, email, &all, 3600).await;
    app.tenancy.revoke_token(&facts, revoked_id).await.unwrap();
    app.pass(Duration::seconds(301));

    let clinic = app.clinic("lakeside").await;
    let created = app
        .operators()
        .call(Method::POST, "/v1/tenants", Some(&new_tenant("freshclinic")), Some("fresh"))
        .await
        .unwrap()
        .ok("creating")
        .unwrap();
    let fresh = Uuid::parse_str(created["id"].as_str().unwrap()).unwrap();
    for row in table() {
        let (own, own_id) = token(&app, email, &all, 3600).await;
        let others: Vec<&str> = all.into_iter().filter(|scope| Some(*scope) != row.scope).collect();
        let (unscoped, _) = token(&app, email, &others, 3600).await;
        let (_, spare) = token(&app, email, &["tenants:read"], 3600).await;
        let target = if row.operation.starts_with("DELETE") { spare } else { own_id };
        let (path, body) = (row.aim)(fresh, target);
        let method: Method = row.operation.split_once(' ').unwrap().0.parse().unwrap();
        let bare = match &body {
            Some(body) => {
                Call::new(method, ADMIN_ORIGIN, &path).json(body).with("idempotency-key", &own_id.to_string())
            }
            None => Call::new(method, ADMIN_ORIGIN, &path),
        };
        let with = |token: &str| bare.clone().with("authorization", &format!("Bearer {token}"));
        let mut refusals = vec![
            ("nobody", bare.clone(), 401),
            ("garbage", with("garbage"), 401),
            ("expired", with(&expired), 401),
            ("revoked", with(&revoked), 401),
            ("disabled operator", with(&disabled), 401),
            ("basic", bare.clone().with("authorization", "Basic YTpi"), 401),
            ("a person's cookie", clinic_cookie(&bare, &clinic.owner.browser), 400),
        ];
        if row.scope.is_some() {
            refusals.push(("another scope", with(&unscoped), 403));
        }
        for (who, call, status) in refusals {
            app.pass(Duration::seconds(1));
            let answer = app.admin_wire().send(&call).await;
            assert_eq!(answer.status, status, "{} as {who}: {}", row.operation, answer.text());
            let events: Vec<String> =
                app.database.events_of(answer.request_id()).await.iter().map(|event| event.line()).collect();
            assert_eq!(events.len(), 1, "{} as {who}: {events:?}", row.operation);
            assert!(events[0].contains(" refused "), "{} as {who}: {events:?}", row.operation);
        }
        let answer = app.admin_wire().send(&with(&own)).await;
        assert_eq!(answer.status, row.status, "{}: {}", row.operation, answer.text());
        let events: Vec<String> =
            app.database.events_of(answer.request_id()).await.iter().map(|event| event.line()).collect();
        for expected in row.events {
            assert!(events.iter().any(|event| event == expected), "{}: {events:?}", row.operation);
        }
        assert!(!events.is_empty(), "{} leaves an event", row.operation);
        if row.status == 409 {
            assert_eq!(answer.code(), "tenant.not_ready");
            let missing = answer.json()["errors"].to_string();
            assert!(missing.contains("\"baa\"") && missing.contains("\"owner\""), "{missing}");
        }
    }
    let (own, _) = token(&app, email, &all, 3600).await;
    let call = |path: String| {
        Call::new(Method::GET, ADMIN_ORIGIN, &path).with("authorization", &format!("Bearer {own}"))
    };
    assert_eq!(app.admin_wire().send(&call(format!("/v1/tenants/{}", Uuid::nil()))).await.status, 404);
}

fn clinic_cookie(bare: &Call, browser: &cloister_platform::demo::browser::Browser) -> Call {
    let session = browser.cookies().get("__Host-cloister").unwrap();
    bare.clone().with("cookie", &format!("__Host-cloister={session}"))
}
