//! Who may do what: every operation against every scope, nobody, and tokens that do not hold; and the event each
//! leaves.

use std::collections::BTreeSet;

use cloister_tenancy::scope::Scope;
use serde_json::Value;

use crate::fixture::{App, baa, host_site, network, new_tenant, owner};

/// One operation: what to call, what its token needs, what a caller who has it is answered, the event's action.
struct Row {
    operation: &'static str,
    method: &'static str,
    path: &'static str,
    body: fn(&str) -> Option<Value>,
    scope: Option<Scope>,
    status: u16,
    event: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        operation: "create_tenant",
        method: "POST",
        path: "/v1/tenants",
        body: |slug| Some(new_tenant(slug)),
        scope: Some(Scope::TenantsWrite),
        status: 201,
        event: "tenant.created success",
    },
    Row {
        operation: "list_tenants",
        method: "GET",
        path: "/v1/tenants?limit=2&status=draft",
        body: |_| None,
        scope: Some(Scope::TenantsRead),
        status: 200,
        event: "tenant.list success",
    },
    Row {
        operation: "read_tenant",
        method: "GET",
        path: "/v1/tenants/{tenant}",
        body: |_| None,
        scope: Some(Scope::TenantsRead),
        status: 200,
        event: "tenant.read success",
    },
    Row {
        operation: "record_baa",
        method: "PUT",
        path: "/v1/tenants/{tenant}/baa",
        body: |_| Some(baa()),
        scope: Some(Scope::BaaWrite),
        status: 200,
        event: "tenant.baa_recorded success",
    },
    Row {
        operation: "activate_tenant",
        method: "POST",
        path: "/v1/tenants/{tenant}/activate",
        body: |_| None,
        scope: Some(Scope::TenantsActivate),
        status: 409,
        event: "tenant.activated refused tenant.not_ready",
    },
    Row {
        operation: "invite_owner",
        method: "POST",
        path: "/v1/tenants/{tenant}/owner-invitation",
        body: |_| Some(owner()),
        scope: Some(Scope::OwnersInvite),
        status: 202,
        event: "tenant.owner_invited success",
    },
    Row {
        operation: "list_networks",
        method: "GET",
        path: "/v1/tenants/{tenant}/networks",
        body: |_| None,
        scope: Some(Scope::TenantsRead),
        status: 200,
        event: "tenant.network_list success",
    },
    Row {
        operation: "raise_network",
        method: "PUT",
        path: "/v1/tenants/{tenant}/networks/2001:db8:1::/48",
        body: |_| Some(network()),
        scope: Some(Scope::NetworksWrite),
        status: 200,
        event: "tenant.network_raised success",
    },
    Row {
        operation: "lower_network",
        method: "DELETE",
        path: "/v1/tenants/{tenant}/networks/203.0.113.0/24",
        body: |_| None,
        scope: Some(Scope::NetworksWrite),
        status: 404,
        event: "tenant.network_lowered refused network.not_found",
    },
    Row {
        operation: "list_hosts",
        method: "GET",
        path: "/v1/tenants/{tenant}/hosts",
        body: |_| None,
        scope: Some(Scope::TenantsRead),
        status: 200,
        event: "tenant.host_list success",
    },
    Row {
        operation: "map_host",
        method: "PUT",
        path: "/v1/tenants/{tenant}/hosts/portal.lakeside-clinic.example",
        body: |_| Some(host_site()),
        scope: Some(Scope::HostsWrite),
        status: 200,
        event: "tenant.host_mapped success",
    },
    Row {
        operation: "make_host_primary",
        method: "PUT",
        path: "/v1/tenants/{tenant}/hosts/portal.lakeside-clinic.example/primary",
        body: |_| None,
        scope: Some(Scope::HostsWrite),
        status: 404,
        event: "tenant.host_made_primary refused host.not_found",
    },
    Row {
        operation: "remove_host",
        method: "DELETE",
        path: "/v1/tenants/{tenant}/hosts/portal.lakeside-clinic.example",
        body: |_| None,
        scope: Some(Scope::HostsWrite),
        status: 404,
        event: "tenant.host_removed refused host.not_found",
    },
    Row {
        operation: "list_own_tokens",
        method: "GET",
        path: "/v1/tokens",
        body: |_| None,
        scope: None,
        status: 200,
        event: "operator.token_list success",
    },
    Row {
        operation: "revoke_own_token",
        method: "DELETE",
        path: "/v1/tokens/{token}",
        body: |_| None,
        scope: None,
        status: 404,
        event: "operator.token_revoked refused token.not_found",
    },
];

#[test]
fn every_operation_of_the_document_has_a_row_with_its_scope() {
    let document = cloister_tenant_admin::api::document();
    let mut documented = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            let scope = operation["security"][0]["operator_token"][0].as_str().map(str::to_owned);
            documented.insert((id, scope));
        }
    }
    let rows: BTreeSet<_> = ROWS
        .iter()
        .map(|row| (row.operation.to_owned(), row.scope.map(|scope| scope.as_str().to_owned())))
        .collect();
    assert_eq!(documented, rows);
    let table: BTreeSet<_> =
        cloister_tenant_admin::api::OPERATIONS.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(table, rows.into_iter().map(|(id, _)| id).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scope_opens_its_own_operations_and_each_call_leaves_one_event() {
    let app = App::start().await;
    let root = app.root().await;
    let stranger =
        app.platform.authenticate(Some(&root), app.facts.clone()).await.unwrap().token().to_string();
    for scope in Scope::ALL {
        let token = app.token("nora@platform.example", &[scope]).await;
        for (index, row) in ROWS.iter().enumerate() {
            let slug = format!("subject-{}-{}", slug_of(scope), LETTERS[index]);
            let tenant = app.tenant(&root, &slug).await;
            let path = row.path.replace("{tenant}", &tenant).replace("{token}", &stranger);
            let events = app.count("platform_events").await;
            let body = (row.body)(&format!("made-{}-{index}", slug_of(scope)));
            let answer = app.call(row.method, &path, &token, body).await;
            let case = format!("{} with {}: {}", row.operation, scope.as_str(), answer.text);
            let expected = if row.scope.is_none_or(|needed| needed == scope) {
                assert_eq!(answer.status, row.status, "{case}");
                format!("operator {}", row.event)
            } else {
                assert_eq!(
                    (answer.status.as_u16(), answer.code().as_str()),
                    (403, "operator.scope_missing"),
                    "{case}"
                );
                let action = row.event.split(' ').next().unwrap();
                format!("operator {action} refused operator.scope_missing")
            };
            assert_eq!(app.events(events).await, [expected], "{case}");
        }
    }
}

/// Slugs that end so look like no other.
const LETTERS: [char; 15] = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'k', 'm', 'n', 'o', 'p', 'r', 't'];

/// A scope as part of a slug that looks like no other.
fn slug_of(scope: Scope) -> &'static str {
    match scope {
        Scope::TenantsRead => "read",
        Scope::TenantsWrite => "write",
        Scope::TenantsActivate => "activate",
        Scope::BaaWrite => "baa",
        Scope::OwnersInvite => "owner",
        Scope::NetworksWrite => "network",
        Scope::HostsWrite => "host",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_anywhere_and_learns_nothing() {
    // One source guesses ten times a minute.
    for rows in ROWS.chunks(10) {
        let app = App::start().await;
        let root = app.root().await;
        let tenant = app.tenant(&root, "lakeside").await;
        for row in rows {
            let path = row.path.replace("{tenant}", &tenant).replace("{token}", &tenant);
            let events = app.count("platform_events").await;
            let mut request = app.request(row.method, &path).header("Idempotency-Key", "k");
            if let Some(body) = (row.body)("nobody") {
                request = request.json(&body);
            }
            let answer = app.send(request).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "operator.unauthenticated"));
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            assert_eq!(app.events(events).await, ["anonymous operator.authenticated refused token.missing"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_do_not_hold_are_answered_alike() {
    let app = App::start().await;
    let token = app.root().await;
    let call = app.platform.authenticate(Some(&token), app.facts.clone()).await.unwrap();
    app.platform.revoke_own_token(&call, call.token()).await.unwrap();
    let unknown = format!("cloister_op_{}", "0".repeat(64));
    let mut answers = Vec::new();
    for value in [
        format!("Bearer {token}"),
        format!("Bearer {unknown}"),
        "Bearer x".to_owned(),
        "Bearer ".to_owned(),
        format!("Basic {unknown}"),
        unknown.clone(),
    ] {
        let answer = app.send(app.request("GET", "/v1/tenants").header("Authorization", value)).await;
        let mut body = answer.json();
        body["request_id"] = Value::Null;
        answers.push((answer.status, body, answer.headers.get("www-authenticate").cloned()));
    }
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_operators_token_is_as_unknown_as_none() {
    let app = App::start().await;
    let (olive, oscar) = (app.root().await, app.token("oscar@platform.example", &[Scope::TenantsRead]).await);
    let listed = app.call("GET", "/v1/tokens", &oscar, None).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["current"], true);
    let id = listed["items"][0]["id"].as_str().unwrap();
    let theirs = app.call("DELETE", &format!("/v1/tokens/{id}"), &olive, None).await;
    let none = app.call("DELETE", "/v1/tokens/018f3c1e-7b1a-7cc0-9d3e-2f1a5b6c7d8e", &olive, None).await;
    assert_eq!((theirs.status.as_u16(), theirs.code()), (404, none.code()));
    assert_eq!(app.call("DELETE", &format!("/v1/tokens/{id}"), &oscar, None).await.status, 204);
    assert_eq!(app.call("GET", "/v1/tokens", &oscar, None).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_goes_from_nothing_to_open_over_http() {
    let app = App::start().await;
    let root = app.root().await;
    let id = app.tenant(&root, "lakeside").await;
    let path = format!("/v1/tenants/{id}");
    let draft = app.call("GET", &path, &root, None).await.json();
    assert_eq!(draft["portal_host"], "lakeside.clinics.example");
    assert_eq!(draft["console_host"], "lakeside-staff.clinics.example");
    assert_eq!(
        (&draft["status"], &draft["owner"], &draft["baa"]),
        (&"draft".into(), &"none".into(), &Value::Null)
    );
    assert_eq!(draft["keys"].as_array().unwrap().len(), 6);
    let refused = app.call("POST", &format!("{path}/activate"), &root, None).await;
    assert_eq!(
        (refused.status.as_u16(), refused.fields()),
        (409, vec!["baa".to_owned(), "owner".to_owned()])
    );
    assert_eq!(
        app.call("PUT", &format!("{path}/baa"), &root, Some(baa())).await.json()["baa"]["current"],
        true
    );
    let job = app.call("POST", &format!("{path}/owner-invitation"), &root, Some(owner())).await;
    assert_eq!(job.status, 202);
    assert!(!job.text.contains("owner@") && job.json().as_object().unwrap().len() == 1, "{}", job.text);
    let waiting = app.call("POST", &format!("{path}/activate"), &root, None).await;
    assert_eq!(
        (waiting.status.as_u16(), waiting.fields()),
        (409, vec!["owner".to_owned()]),
        "no account yet"
    );
    app.owner_activates().await;
    let open = app.call("POST", &format!("{path}/activate"), &root, None).await;
    assert_eq!((open.status.as_u16(), &open.json()["status"]), (200, &"active".into()));
    let again = app.call("POST", "/v1/tenants", &root, Some(new_tenant("lakeside"))).await;
    assert_eq!((again.status.as_u16(), &again.json()["id"]), (201, &Value::from(id)));
    assert_eq!(app.count("tenants").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_operator_has_so_many_calls_a_minute_and_a_flood_is_noted_once() {
    let app = App::with(5).await;
    let token = app.root().await;
    let events = app.count("platform_events").await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let answer = app.call("GET", "/v1/tokens", &token, None).await;
        if answer.status == 429 {
            assert!(answer.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
            assert_eq!(answer.code(), "rate.limited");
        }
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429, 429]);
    let events = app.events(events).await;
    assert_eq!(events[5..], ["operator operator.call refused rate.limited"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_tokens_ends_after_ten() {
    let app = App::start().await;
    app.root().await;
    let mut statuses = Vec::new();
    for index in 0..12 {
        let guess = format!("cloister_op_{index:064x}");
        statuses.push(app.call("GET", "/v1/tenants", &guess, None).await.status.as_u16());
    }
    assert_eq!(statuses, [[401; 10].as_slice(), &[429; 2]].concat());
}
