//! Every operation called wrongly: a problem document that names what is wrong, nothing written but the event.

use serde_json::{Value, json};

use crate::fixture::{Answer, App, HOST, baa, host_site, network, new_tenant, owner};

fn is_problem(answer: &Answer, case: &str) {
    assert!(answer.status.is_client_error(), "{case}: {} {}", answer.status, answer.text);
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{case}");
    let body = answer.json();
    assert_eq!(body["status"], answer.status.as_u16(), "{case}");
    for member in ["type", "title", "code", "request_id"] {
        assert!(
            body[member].as_str().is_some_and(|text| !text.is_empty()),
            "{case}: {member} in {}",
            answer.text
        );
    }
    assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{case}");
    assert!(!answer.text.contains("canary"), "{case} repeats a value: {}", answer.text);
}

/// Bodies that are wrong whatever the operation: the text, its content type, the status.
fn wrong_bodies(good: &Value) -> Vec<(&'static str, String, &'static str, u16)> {
    const JSON: &str = "application/json";
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body.to_string()
    };
    let texts = good.as_object().unwrap().iter().filter(|(_, value)| value.is_string());
    let first = texts.map(|(name, _)| name.clone()).next().unwrap();
    let without = {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(&first);
        body.to_string()
    };
    let twice = good.to_string().replacen('{', &format!("{{\"{first}\":\"canary\","), 1);
    vec![
        ("no body", String::new(), JSON, 400),
        ("not JSON", "{canary".into(), JSON, 400),
        ("two values", format!("{good}{good}"), JSON, 400),
        ("an array", "[]".into(), JSON, 422),
        ("null", "null".into(), JSON, 422),
        ("another content type", good.to_string(), "text/plain", 415),
        ("no content type", good.to_string(), "", 415),
        ("an unknown field", with("nonsense", json!("canary")), JSON, 422),
        ("a row's column", with("tenant_id", json!("018f3c1e-7b1a-7cc0-9d3e-2f1a5b6c7d8e")), JSON, 422),
        ("a wrong type", with(&first, json!(7)), JSON, 422),
        ("a null field", with(&first, Value::Null), JSON, 422),
        ("a missing field", without, JSON, 422),
        ("a field twice", twice, JSON, 400),
        ("too deep", format!("{}1{}", "[".repeat(200), "]".repeat(200)), JSON, 400),
        ("too large", with(&first, json!("x".repeat(3 * 1024 * 1024))), JSON, 413),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_bodies_are_refused_by_every_operation_that_takes_one() {
    let app = App::start().await;
    let token = app.root().await;
    let id = app.tenant(&token, "lakeside").await;
    let written = (app.count("tenants").await, app.count("baa_records").await, app.count("jobs").await);
    for (method, path, good) in [
        ("POST", "/v1/tenants".to_owned(), new_tenant("riverside")),
        ("PUT", format!("/v1/tenants/{id}/baa"), baa()),
        ("POST", format!("/v1/tenants/{id}/owner-invitation"), owner()),
        ("PUT", format!("/v1/tenants/{id}/networks/203.0.113.0/24"), network()),
    ] {
        for (case, body, content_type, status) in wrong_bodies(&good) {
            let case = format!("{method} {path}: {case}");
            let events = app.count("platform_events").await;
            let mut request =
                app.request(method, &path).bearer_auth(&token).header("Idempotency-Key", "wrong");
            if !content_type.is_empty() {
                request = request.header("Content-Type", content_type);
            }
            let answer = app.send(request.body(body)).await;
            is_problem(&answer, &case);
            assert_eq!(answer.status.as_u16(), status, "{case}: {}", answer.text);
            let code = answer.code();
            assert_eq!(
                app.events(events).await,
                [format!("operator operator.call refused {code}")],
                "{case}"
            );
        }
    }
    assert_eq!(
        written,
        (app.count("tenants").await, app.count("baa_records").await, app.count("jobs").await)
    );
    assert_eq!(app.count("raised_networks").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_values_name_their_field() {
    let app = App::start().await;
    let token = app.root().await;
    let id = app.tenant(&token, "lakeside").await;
    let change = |base: Value, pointer: &str, value: &str| {
        let mut body = base;
        *body.pointer_mut(pointer).unwrap() = value.into();
        body
    };
    let tenant = || new_tenant("riverside");
    let (baa_path, owner_path) =
        (format!("/v1/tenants/{id}/baa"), format!("/v1/tenants/{id}/owner-invitation"));
    for (method, path, body, field) in [
        ("POST", "/v1/tenants", change(tenant(), "/slug", "www"), "slug"),
        ("POST", "/v1/tenants", change(tenant(), "/slug", "x-staff"), "slug"),
        ("POST", "/v1/tenants", change(tenant(), "/slug", "../canary"), "slug"),
        ("POST", "/v1/tenants", change(tenant(), "/name", "\u{202e}canary"), "name"),
        ("POST", "/v1/tenants", change(tenant(), "/region", "canary-1"), "region"),
        ("POST", "/v1/tenants", change(tenant(), "/time_zone", "Canary/canary"), "time_zone"),
        ("POST", "/v1/tenants", change(tenant(), "/contact/name", ""), "contact.name"),
        (
            "POST",
            "/v1/tenants",
            change(tenant(), "/contact/email", "canary\r\nBcc: x@y.example"),
            "contact.email",
        ),
        ("POST", "/v1/tenants", change(tenant(), "/default_locale", "canary"), "default_locale"),
        ("POST", "/v1/tenants", change(tenant(), "/colors/brand", "canary"), "colors.brand"),
        ("POST", "/v1/tenants", change(tenant(), "/colors/on_brand", "#0b5564"), "colors.on_brand"),
        ("PUT", &baa_path, change(baa(), "/signed_on", "canary"), "signed_on"),
        ("PUT", &baa_path, change(baa(), "/signed_on", "2098-01-01"), "signed_on"),
        ("PUT", &baa_path, change(baa(), "/expires_on", "2024-02-01"), "expires_on"),
        ("PUT", &baa_path, change(baa(), "/counterparty", " "), "counterparty"),
        ("PUT", &baa_path, change(baa(), "/document_reference", "a\u{0}canary"), "document_reference"),
        ("POST", &owner_path, change(owner(), "/email", "canary"), "email"),
        ("POST", &owner_path, change(owner(), "/email", "olive@platform.example"), "email"),
        ("POST", &owner_path, change(owner(), "/display_name", ""), "display_name"),
    ] {
        let request =
            app.request(method, path).bearer_auth(&token).header("Idempotency-Key", "wrong").json(&body);
        let answer = app.send(request).await;
        is_problem(&answer, field);
        assert_eq!(
            (answer.status.as_u16(), answer.fields()),
            (422, vec![field.to_owned()]),
            "{}",
            answer.text
        );
    }
    for key in [None, Some(""), Some("a b"), Some(&*"k".repeat(129))] {
        let mut request = app.request("POST", "/v1/tenants").bearer_auth(&token).json(&tenant());
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let answer = app.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec!["Idempotency-Key".to_owned()]));
    }
    assert_eq!(
        (app.count("tenants").await, app.count("baa_records").await, app.count("jobs").await),
        (1, 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_networks_and_limits_above_the_ceiling_name_their_field() {
    let app = App::start().await;
    let token = app.root().await;
    let id = app.tenant(&token, "lakeside").await;
    let with = |name: &str, value: Value| {
        let mut body = network();
        body[name] = value;
        body
    };
    for (path, body, field) in [
        ("203.0.113.0/24", with("anonymous_per_minute", json!(101)), "anonymous_per_minute"),
        ("203.0.113.0/24", with("anonymous_per_minute", json!(-1)), "/anonymous_per_minute"),
        ("203.0.113.0/24", with("anonymous_per_minute", json!(5_000_000_000_u64)), "/anonymous_per_minute"),
        ("203.0.113.0/24", with("anonymous_per_minute", json!("canary")), "/anonymous_per_minute"),
        ("203.0.113.0/24", with("sign_in_pages_per_minute", json!(601)), "sign_in_pages_per_minute"),
        ("203.0.113.0/24", with("sign_in_pages_per_minute", json!(60.5)), "/sign_in_pages_per_minute"),
        ("203.0.113.0/24", with("reason", json!("\u{202e}canary")), "reason"),
        ("203.0.113.0/24", with("expires_at", json!("canary")), "expires_at"),
        ("203.0.113.0/24", with("expires_at", json!("2020-01-01T00:00:00Z")), "expires_at"),
        ("canary/24", network(), "network"),
        ("203.0.113.7/24", network(), "network"),
        ("203.0.113.0%2f24/24", network(), "network"),
        ("10.0.0.0/8", network(), "network"),
        ("2001:db8::/31", network(), "network"),
        ("203.0.113.0/33", network(), "network"),
        ("203.0.113.0/256", network(), "network"),
        ("203.0.113.0/canary", network(), "network"),
    ] {
        let path = format!("/v1/tenants/{id}/networks/{path}");
        let answer = app.call("PUT", &path, &token, Some(body)).await;
        is_problem(&answer, &path);
        assert_eq!(
            (answer.status.as_u16(), answer.fields()),
            (422, vec![field.to_owned()]),
            "{}",
            answer.text
        );
    }
    let unsaid = app.call("DELETE", &format!("/v1/tenants/{id}/networks/canary/24"), &token, None).await;
    assert_eq!((unsaid.status.as_u16(), unsaid.fields()), (422, vec!["network".to_owned()]));
    for path in ["203.0.113.0", "203.0.113.0%2F24", "203.0.113.0/24/1"] {
        let path = format!("/v1/tenants/{id}/networks/{path}");
        assert_eq!(app.call("PUT", &path, &token, Some(network())).await.status, 404, "{path}");
    }
    assert_eq!(app.count("raised_networks").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_hosts_and_sites_name_their_field() {
    let app = App::start().await;
    let token = app.root().await;
    let id = app.tenant(&token, "lakeside").await;
    let more = json!({ "site": "portal", "primary": true });
    for (host, body, field) in [
        ("portal.canary.example", json!({ "site": "canary" }), "site"),
        ("portal.canary.example", json!({ "site": 7 }), "/site"),
        ("portal.canary.example", json!({}), "/site"),
        ("portal.canary.example", more, "/primary"),
        ("canary", host_site(), "host"),
        ("*.canary.example", host_site(), "host"),
        ("canary.clinics.example", host_site(), "host"),
        ("portal.canary.example%2Fx", host_site(), "host"),
        ("portal.canary.example:443", host_site(), "host"),
        ("203.0.113.7", host_site(), "host"),
        ("%5B::1%5D", host_site(), "host"),
    ] {
        let path = format!("/v1/tenants/{id}/hosts/{host}");
        let answer = app.call("PUT", &path, &token, Some(body)).await;
        is_problem(&answer, host);
        assert_eq!(
            (answer.status.as_u16(), answer.fields()),
            (422, vec![field.to_owned()]),
            "{}",
            answer.text
        );
    }
    for host in ["canary", "lakeside.clinics.example"] {
        let answer = app.call("DELETE", &format!("/v1/tenants/{id}/hosts/{host}"), &token, None).await;
        assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec!["host".to_owned()]));
    }
    let primary = app.call("PUT", &format!("/v1/tenants/{id}/hosts/a_b/primary"), &token, None).await;
    assert_eq!((primary.status.as_u16(), primary.fields()), (422, vec!["host".to_owned()]));
    assert_eq!(app.count("hosts").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_paths_parameters_methods_and_headers_are_refused() {
    let app = App::start().await;
    let token = app.root().await;
    let id = app.tenant(&token, "lakeside").await;
    let upper = id.to_uppercase();
    let unknown = "018f3c1e-7b1a-7cc0-9d3e-2f1a5b6c7d8e";
    for (method, path, status) in [
        ("GET", format!("/v1/tenants/{unknown}"), 404),
        ("GET", "/v1/tenants/canary".to_owned(), 400),
        ("GET", "/v1/tenants/..%2fcanary".to_owned(), 400),
        ("GET", format!("/v1/tenants/{id}/"), 404),
        ("GET", format!("/v1/tenants/{upper}?nonsense=canary"), 400),
        ("GET", "/v1/tenants?limit=0".to_owned(), 400),
        ("GET", "/v1/tenants?limit=101".to_owned(), 400),
        ("GET", "/v1/tenants?limit=canary".to_owned(), 400),
        ("GET", "/v1/tenants?limit=-1".to_owned(), 400),
        ("GET", "/v1/tenants?limit=1&limit=2".to_owned(), 400),
        ("GET", "/v1/tenants?nonsense=canary".to_owned(), 400),
        ("GET", "/v1/tenants?status=onboarding".to_owned(), 422),
        ("GET", "/v1/tenants?cursor=canary".to_owned(), 422),
        ("PUT", format!("/v1/tenants/{unknown}/baa"), 415),
        ("POST", format!("/v1/tenants/{unknown}/activate"), 404),
        ("POST", "/v1/tenants/canary/activate".to_owned(), 400),
        ("DELETE", "/v1/tokens/canary".to_owned(), 400),
        ("DELETE", format!("/v1/tokens/{unknown}"), 404),
        ("DELETE", format!("/v1/tenants/{id}"), 405),
        ("PATCH", "/v1/tenants".to_owned(), 405),
        ("POST", "/v1/tokens".to_owned(), 405),
        ("GET", "/v1/operators".to_owned(), 404),
        ("GET", "/V1/tenants".to_owned(), 404),
        ("GET", "/v1//tenants".to_owned(), 404),
    ] {
        let answer = app.call(method, &path, &token, None).await;
        let case = format!("{method} {path}");
        is_problem(&answer, &case);
        assert_eq!(answer.status.as_u16(), status, "{case}: {}", answer.text);
    }
    let get = || app.request("GET", "/v1/tenants").bearer_auth(&token);
    for (case, request, status) in [
        ("a cookie", get().header("Cookie", "__Host-cloister=x"), 400),
        ("two tokens", get().header("Authorization", "Bearer x"), 401),
        ("another host", get().header("Host", "lakeside.clinics.example"), 421),
        ("a forwarded host", app.request("GET", "/v1/tenants").header("X-Forwarded-Host", HOST), 401),
        ("a compressed body", get().header("Content-Encoding", "gzip"), 415),
        ("a long target", app.request("GET", &format!("/v1/tenants?cursor={}", "A".repeat(9000))), 414),
    ] {
        let events = app.count("platform_events").await;
        let answer = app.send(request).await;
        is_problem(&answer, case);
        assert_eq!(answer.status.as_u16(), status, "{case}: {}", answer.text);
        if status == 421 {
            assert_eq!(app.events(events).await, ["anonymous operator.call refused host.unknown"]);
        }
    }
    assert_eq!(app.call("GET", "/v1/tenants", &token, None).await.json()["items"][0]["status"], "draft");
}
