use cloister_kernel::{Failure, MOST_RAISED_NETWORKS, TenantId};
use time::Duration;

use super::{
    fixture::{World, lakeside},
    on_both_databases,
};
use crate::{NetworkRequest, OperatorCall, new_tenant::NewTenantRequest};

on_both_databases! {
    a_network_is_raised_listed_and_lowered_for_one_tenant
    raising_again_replaces_what_was_said
    a_network_ends_at_its_time_and_makes_room
    no_tenant_has_more_than_twenty
    wrong_requests_name_the_field_and_raise_nothing
    every_call_leaves_its_event_and_each_needs_its_scope
}

const NETWORK: &str = "203.0.113.0/24";

fn request() -> NetworkRequest {
    NetworkRequest {
        anonymous_per_minute: 40,
        sign_in_pages_per_minute: 200,
        reason: "The whole hospital sits behind one address (Ana Lee, 2026-06-15)".into(),
        expires_at: None,
    }
}

async fn two(world: &World) -> (OperatorCall, TenantId, TenantId) {
    let call = world.root().await;
    let mut made = Vec::new();
    for slug in ["lakeside", "riverside"] {
        let new = NewTenantRequest { slug: slug.into(), ..lakeside() };
        made.push(world.platform.create_tenant(&call, Some(slug), new).await.unwrap().row.id);
    }
    (call, made[0], made[1])
}

/// What is listed, as `network anonymous sign_in_pages`.
async fn listed(world: &World, call: &OperatorCall, tenant: TenantId) -> Vec<String> {
    let rows = world.platform.list_networks(call, tenant).await.unwrap();
    let line = |row: &cloister_store::NetworkRow| {
        let raised = row.raised;
        format!("{} {} {}", raised.network, raised.limits.anonymous, raised.limits.sign_in_pages)
    };
    rows.iter().map(line).collect()
}

async fn a_network_is_raised_listed_and_lowered_for_one_tenant(world: World) {
    let (call, lakeside, riverside) = two(&world).await;
    let row = world.platform.raise_network(&call, lakeside, NETWORK, request()).await.unwrap();
    assert_eq!(row.raised_by, call.operator());
    world.platform.raise_network(&call, lakeside, "2001:DB8:1:0::/48", request()).await.unwrap();
    assert_eq!(listed(&world, &call, lakeside).await, ["2001:db8:1::/48 40 200", "203.0.113.0/24 40 200"]);
    assert_eq!(listed(&world, &call, riverside).await, [] as [&str; 0]);
    let shown = world.platform.store.raised_networks(lakeside).await.unwrap();
    assert_eq!(shown.last(), Some(&row.raised), "serve reads the same");
    assert_eq!(world.platform.store.raised_networks(riverside).await.unwrap(), []);
    let rows = world.platform.list_networks(&call, lakeside).await.unwrap();
    assert_eq!(rows[1].reason.expose(), &request().reason);
    let clear = "SELECT count(*) FROM raised_networks WHERE length(reason_sealed) < 80";
    assert_eq!(world.count(clear).await, 0, "the reason is sealed");

    let error = world.platform.lower_network(&call, riverside, NETWORK).await.unwrap_err();
    assert_eq!(error.code(), "network.not_found");
    world.platform.lower_network(&call, lakeside, NETWORK).await.unwrap();
    assert_eq!(listed(&world, &call, lakeside).await, ["2001:db8:1::/48 40 200"]);
    let error = world.platform.lower_network(&call, lakeside, NETWORK).await.unwrap_err();
    assert_eq!(error.code(), "network.not_found");
}

async fn raising_again_replaces_what_was_said(world: World) {
    let (call, lakeside, _) = two(&world).await;
    let first = world.platform.raise_network(&call, lakeside, NETWORK, request()).await.unwrap();
    let other = world.operator("oscar@platform.example", &["networks:write"]).await;
    let more = NetworkRequest { anonymous_per_minute: 100, reason: "More".into(), ..request() };
    let second = world.platform.raise_network(&other, lakeside, NETWORK, more).await.unwrap();
    assert_eq!(second.id, first.id);
    let rows = world.platform.list_networks(&call, lakeside).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].raised.limits.anonymous, rows[0].reason.expose().as_str()), (100, "More"));
    assert_eq!(rows[0].raised_by, other.operator());
}

async fn a_network_ends_at_its_time_and_makes_room(world: World) {
    let (call, lakeside, _) = two(&world).await;
    let until = NetworkRequest { expires_at: Some("2026-06-15T15:00:00.9+02:00".into()), ..request() };
    let row = world.platform.raise_network(&call, lakeside, NETWORK, until.clone()).await.unwrap();
    assert_eq!(row.raised.until, Some(time::macros::datetime!(2026-06-15 13:00 UTC)));
    assert_eq!(world.platform.store.raised_networks(lakeside).await.unwrap(), [row.raised]);
    world.clock.advance(Duration::HOUR);
    assert_eq!(listed(&world, &call, lakeside).await, [] as [&str; 0]);
    assert_eq!(world.platform.store.raised_networks(lakeside).await.unwrap(), []);
    let error = world.platform.lower_network(&call, lakeside, NETWORK).await.unwrap_err();
    assert_eq!(error.code(), "network.not_found");
    let error = world.platform.raise_network(&call, lakeside, NETWORK, until).await.unwrap_err();
    assert_eq!(error.details()[0].code, "moment.past");
    let again = world.platform.raise_network(&call, lakeside, NETWORK, request()).await.unwrap();
    assert_ne!(again.id, row.id, "what ended is gone");
    assert_eq!(world.count("SELECT count(*) FROM raised_networks").await, 1);
}

async fn no_tenant_has_more_than_twenty(world: World) {
    let (call, lakeside, riverside) = two(&world).await;
    let soon = NetworkRequest { expires_at: Some("2026-06-15T13:00:00Z".into()), ..request() };
    for number in 0..MOST_RAISED_NETWORKS {
        let network = format!("203.0.{number}.0/24");
        let asked = if number == 0 { soon.clone() } else { request() };
        world.platform.raise_network(&call, lakeside, &network, asked).await.unwrap();
    }
    let error = world.platform.raise_network(&call, lakeside, "203.0.99.0/24", request()).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), ("network.too_many", cloister_kernel::FailureKind::Conflict));
    world.platform.raise_network(&call, lakeside, "203.0.7.0/24", request()).await.unwrap();
    world.platform.raise_network(&call, riverside, "203.0.99.0/24", request()).await.unwrap();
    world.clock.advance(Duration::HOUR);
    world.platform.raise_network(&call, lakeside, "203.0.99.0/24", request()).await.unwrap();
    let error = world.platform.raise_network(&call, lakeside, "203.0.98.0/24", request()).await.unwrap_err();
    assert_eq!(error.code(), "network.too_many");
    assert_eq!(world.platform.store.raised_networks(lakeside).await.unwrap().len(), MOST_RAISED_NETWORKS);
}

async fn wrong_requests_name_the_field_and_raise_nothing(world: World) {
    let (call, lakeside, _) = two(&world).await;
    let with = |anonymous, pages| NetworkRequest {
        anonymous_per_minute: anonymous,
        sign_in_pages_per_minute: pages,
        ..request()
    };
    let until = |text: &str| NetworkRequest { expires_at: Some(text.into()), ..request() };
    let because = |text: &str| NetworkRequest { reason: text.into(), ..request() };
    for (network, request, field, code) in [
        ("203.0.113.0", request(), "network", "network.format"),
        ("203.0.113.7/24", request(), "network", "network.beyond_prefix"),
        ("203.1.0.0/8", request(), "network", "network.beyond_prefix"),
        ("10.0.0.0/8", request(), "network", "network.too_wide"),
        ("2001::/16", request(), "network", "network.too_wide"),
        ("::ffff:203.0.113.0/120", request(), "network", "network.mapped"),
        (NETWORK, with(9, 60), "anonymous_per_minute", "limit.range"),
        (NETWORK, with(101, 60), "anonymous_per_minute", "limit.range"),
        (NETWORK, with(0, 60), "anonymous_per_minute", "limit.range"),
        (NETWORK, with(u32::MAX, 60), "anonymous_per_minute", "limit.range"),
        (NETWORK, with(10, 59), "sign_in_pages_per_minute", "limit.range"),
        (NETWORK, with(10, 601), "sign_in_pages_per_minute", "limit.range"),
        (NETWORK, because(" "), "reason", "text.required"),
        (NETWORK, because("a\nb"), "reason", "text.character"),
        (NETWORK, because(&"x".repeat(201)), "reason", "text.too_long"),
        (NETWORK, until("2026-06-15"), "expires_at", "moment.format"),
        (NETWORK, until("2026-06-15T13:00:00"), "expires_at", "moment.format"),
        (NETWORK, until("tomorrow"), "expires_at", "moment.format"),
        (NETWORK, until("9999-12-31T23:59:59-23:59"), "expires_at", "moment.format"),
        (NETWORK, until("2026-06-15T11:59:59Z"), "expires_at", "moment.past"),
    ] {
        let error = world.platform.raise_network(&call, lakeside, network, request).await.unwrap_err();
        let found: Vec<_> = error.details().iter().map(|error| (error.field.as_str(), error.code)).collect();
        assert_eq!(found, [(field, code)], "{network}");
    }
    let all = NetworkRequest { expires_at: Some("x".into()), ..NetworkRequest::default() };
    let error = world.platform.raise_network(&call, lakeside, "x", all).await.unwrap_err();
    assert_eq!(error.details().len(), 5, "all that is wrong at once");
    let error = world.platform.lower_network(&call, lakeside, "x").await.unwrap_err();
    assert_eq!(error.details()[0].field, "network");
    assert_eq!(world.count("SELECT count(*) FROM raised_networks").await, 0);
    for (anonymous, pages) in [(10, 60), (100, 600)] {
        world.platform.raise_network(&call, lakeside, NETWORK, with(anonymous, pages)).await.unwrap();
    }
}

async fn every_call_leaves_its_event_and_each_needs_its_scope(world: World) {
    let (call, lakeside, _) = two(&world).await;
    let (reader, writer) = (
        world.operator("rita@platform.example", &["tenants:read"]).await,
        world.operator("walt@platform.example", &["networks:write"]).await,
    );
    let nobodys: TenantId = cloister_kernel::Environment::system().id();
    let events = world.event_count().await;
    world.platform.raise_network(&writer, lakeside, NETWORK, request()).await.unwrap();
    world.platform.list_networks(&reader, lakeside).await.unwrap();
    world.platform.lower_network(&writer, lakeside, NETWORK).await.unwrap();
    world.platform.raise_network(&reader, lakeside, NETWORK, request()).await.unwrap_err();
    world.platform.list_networks(&writer, lakeside).await.unwrap_err();
    world.platform.lower_network(&reader, lakeside, NETWORK).await.unwrap_err();
    world.platform.raise_network(&call, lakeside, "x", request()).await.unwrap_err();
    world.platform.raise_network(&call, nobodys, NETWORK, request()).await.unwrap_err();
    world.platform.list_networks(&call, nobodys).await.unwrap_err();
    world.platform.lower_network(&call, nobodys, NETWORK).await.unwrap_err();
    world.platform.lower_network(&call, lakeside, NETWORK).await.unwrap_err();
    assert_eq!(
        world.events(events).await,
        [
            "operator tenant.network_raised success",
            "operator tenant.network_list success",
            "operator tenant.network_lowered success",
            "operator tenant.network_raised refused operator.scope_missing",
            "operator tenant.network_list refused operator.scope_missing",
            "operator tenant.network_lowered refused operator.scope_missing",
            "operator tenant.network_raised refused request.invalid",
            "operator tenant.network_raised refused tenant.not_found",
            "operator tenant.network_list refused tenant.not_found",
            "operator tenant.network_lowered refused tenant.not_found",
            "operator tenant.network_lowered refused network.not_found",
        ]
    );
    let about = "SELECT count(*) FROM platform_events WHERE action LIKE 'tenant.network%' AND resource_type = 'tenant'";
    assert_eq!(world.count(about).await, 11);
}
