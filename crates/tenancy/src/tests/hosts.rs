use std::time::Duration;

use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{Audience, CanonicalHost, Failure, FailureKind, MOST_HOSTS, TenantId};
use cloister_store::{HostRow, StoreError};

use super::{
    fixture::{World, lakeside},
    on_both_databases,
};
use crate::{OperatorCall, TenancyError, call::Author, new_tenant::NewTenantRequest};

on_both_databases! {
    a_host_is_mapped_listed_and_removed_for_one_tenant
    mapping_again_changes_nothing_or_the_site
    a_host_is_one_tenants_and_another_is_not_told_whose
    each_site_has_one_primary_host_and_it_stays
    the_database_takes_no_second_primary_host_of_a_site
    no_tenant_has_more_than_ten
    two_who_map_at_once_do_not_pass_the_bound_together
    the_platforms_hosts_are_neither_mapped_nor_removed
    wrong_requests_name_the_field_and_map_nothing
    every_call_leaves_its_event_and_each_needs_its_scope
}

const HOST: &str = "portal.lakeside-clinic.example";

fn own() -> CanonicalHost {
    CanonicalHost::parse(HOST).unwrap()
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

/// A host as `host site`, and a star where it is primary.
fn line(row: &HostRow) -> String {
    format!("{} {}{}", row.host, row.audience.as_str(), if row.is_primary { " *" } else { "" })
}

async fn listed(world: &World, call: &OperatorCall, tenant: TenantId) -> Vec<String> {
    world.platform.list_hosts(call, tenant).await.unwrap().iter().map(line).collect()
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, TenancyError>) -> (&'static str, FailureKind) {
    let error = outcome.unwrap_err();
    (error.code(), error.kind())
}

async fn a_host_is_mapped_listed_and_removed_for_one_tenant(world: World) {
    let (call, lakeside, riverside) = two(&world).await;
    let made = ["lakeside-staff.clinics.example console *", "lakeside.clinics.example portal *"];
    assert_eq!(listed(&world, &call, lakeside).await, made);
    let row = world.platform.map_host(&call, lakeside, "Portal.Lakeside-Clinic.example.", "portal").await;
    assert_eq!(line(&row.unwrap()), "portal.lakeside-clinic.example portal");
    world.platform.map_host(&call, lakeside, "staff.lakeside-clinic.example", "console").await.unwrap();
    assert_eq!(
        listed(&world, &call, lakeside).await,
        [made[0], made[1], "portal.lakeside-clinic.example portal", "staff.lakeside-clinic.example console"]
    );
    assert_eq!(listed(&world, &call, riverside).await.len(), 2);
    let shown = world.platform.store.find_host(&own()).await.unwrap().unwrap();
    assert_eq!((shown.tenant, line(&shown).as_str()), (lakeside, "portal.lakeside-clinic.example portal"));

    let absent = ("host.not_found", FailureKind::NotFound);
    assert_eq!(refusal(world.platform.remove_host(&call, riverside, HOST).await), absent);
    world.platform.remove_host(&call, lakeside, "PORTAL.lakeside-clinic.example").await.unwrap();
    assert_eq!(world.platform.store.find_host(&own()).await.unwrap(), None);
    assert_eq!(refusal(world.platform.remove_host(&call, lakeside, HOST).await), absent);
    assert_eq!(listed(&world, &call, lakeside).await.len(), 3);
    world.platform.map_host(&call, riverside, HOST, "portal").await.unwrap();
}

async fn mapping_again_changes_nothing_or_the_site(world: World) {
    let (call, lakeside, _) = two(&world).await;
    let first = world.platform.map_host(&call, lakeside, HOST, "portal").await.unwrap();
    let made_at = format!("SELECT CAST(created_at AS TEXT) FROM hosts WHERE host = '{HOST}'");
    let before = world.texts(&made_at).await;
    assert_eq!(world.platform.map_host(&call, lakeside, HOST, "portal").await.unwrap(), first);
    assert_eq!(world.texts(&made_at).await, before);
    let moved = world.platform.map_host(&call, lakeside, HOST, "console").await.unwrap();
    assert_eq!(line(&moved), "portal.lakeside-clinic.example console");
    assert_eq!(listed(&world, &call, lakeside).await[2..], ["portal.lakeside-clinic.example console"]);

    world.platform.make_host_primary(&call, lakeside, HOST).await.unwrap();
    let again = world.platform.map_host(&call, lakeside, HOST, "console").await.unwrap();
    assert!(again.is_primary, "what is mapped again stays primary");
    let refused = refusal(world.platform.map_host(&call, lakeside, HOST, "portal").await);
    assert_eq!(refused, ("host.primary", FailureKind::Conflict), "its site would have no primary host");
    assert_eq!(listed(&world, &call, lakeside).await[2..], ["portal.lakeside-clinic.example console *"]);
}

async fn a_host_is_one_tenants_and_another_is_not_told_whose(world: World) {
    let (call, lakeside, riverside) = two(&world).await;
    world.platform.map_host(&call, lakeside, HOST, "portal").await.unwrap();
    for site in ["portal", "console"] {
        let error = world.platform.map_host(&call, riverside, HOST, site).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), ("host.taken", FailureKind::Conflict));
        assert_eq!((error.to_string().as_str(), error.details()), ("The host is taken.", [].as_slice()));
    }
    let refused = refusal(world.platform.make_host_primary(&call, riverside, HOST).await);
    assert_eq!(refused.0, "host.not_found");
    assert_eq!(listed(&world, &call, riverside).await.len(), 2);
    assert_eq!(listed(&world, &call, lakeside).await[2..], ["portal.lakeside-clinic.example portal"]);
}

async fn each_site_has_one_primary_host_and_it_stays(world: World) {
    let (call, lakeside, riverside) = two(&world).await;
    world.platform.map_host(&call, lakeside, HOST, "portal").await.unwrap();
    let row = world.platform.make_host_primary(&call, lakeside, HOST).await.unwrap();
    assert_eq!(line(&row), "portal.lakeside-clinic.example portal *");
    let portal_is_own = [
        "lakeside-staff.clinics.example console *",
        "lakeside.clinics.example portal",
        "portal.lakeside-clinic.example portal *",
    ];
    assert_eq!(listed(&world, &call, lakeside).await, portal_is_own);
    assert_eq!(listed(&world, &call, riverside).await[1], "riverside.clinics.example portal *");
    let tenant = world.platform.read_tenant(&call, lakeside).await.unwrap();
    assert_eq!(tenant.portal_host.unwrap().as_str(), HOST);

    let primary = ("host.primary", FailureKind::Conflict);
    assert_eq!(refusal(world.platform.remove_host(&call, lakeside, HOST).await), primary);
    world.platform.make_host_primary(&call, lakeside, HOST).await.unwrap();
    assert_eq!(listed(&world, &call, lakeside).await, portal_is_own);
    world.platform.make_host_primary(&call, lakeside, "lakeside.clinics.example").await.unwrap();
    world.platform.remove_host(&call, lakeside, HOST).await.unwrap();
    assert_eq!(
        listed(&world, &call, lakeside).await,
        ["lakeside-staff.clinics.example console *", "lakeside.clinics.example portal *"]
    );
    let refused = refusal(world.platform.make_host_primary(&call, lakeside, HOST).await);
    assert_eq!(refused, ("host.not_found", FailureKind::NotFound));
}

async fn the_database_takes_no_second_primary_host_of_a_site(world: World) {
    let (call, lakeside, riverside) = two(&world).await;
    let before = listed(&world, &call, lakeside).await;
    for audience in [Audience::Portal, Audience::Console] {
        let mut unit = world.platform.begin(Author::Operator(&call)).await.unwrap();
        let second = HostRow { host: own(), tenant: lakeside, audience, is_primary: true };
        let refused = unit.insert_host(&second).await.unwrap_err();
        assert!(matches!(refused, StoreError::Conflict), "{refused}");
        drop(unit);
    }
    assert_eq!(listed(&world, &call, lakeside).await, before);
    assert_eq!(listed(&world, &call, riverside).await[1], "riverside.clinics.example portal *");
}

async fn no_tenant_has_more_than_ten(world: World) {
    let (call, lakeside, riverside) = two(&world).await;
    let name = |number: usize| format!("portal{number}.lakeside-clinic.example");
    for number in 2..MOST_HOSTS {
        world.platform.map_host(&call, lakeside, &name(number), "portal").await.unwrap();
    }
    let full = ("host.too_many", FailureKind::Conflict);
    assert_eq!(refusal(world.platform.map_host(&call, lakeside, &name(99), "portal").await), full);
    world.platform.map_host(&call, lakeside, &name(2), "console").await.unwrap();
    world.platform.map_host(&call, riverside, &name(99), "portal").await.unwrap();
    world.platform.remove_host(&call, lakeside, &name(3)).await.unwrap();
    world.platform.map_host(&call, lakeside, &name(3), "portal").await.unwrap();
    assert_eq!(refusal(world.platform.map_host(&call, lakeside, &name(98), "portal").await), full);
    assert_eq!(listed(&world, &call, lakeside).await.len(), MOST_HOSTS);
}

async fn two_who_map_at_once_do_not_pass_the_bound_together(world: World) {
    let (call, lakeside, _) = two(&world).await;
    let name = |number: usize| format!("portal{number}.lakeside-clinic.example");
    for number in 3..MOST_HOSTS {
        world.platform.map_host(&call, lakeside, &name(number), "portal").await.unwrap();
    }
    let mut first = world.platform.begin(Author::Operator(&call)).await.unwrap();
    assert_eq!(first.hosts_to_change(lakeside).await.unwrap().len(), MOST_HOSTS - 1);
    let host = CanonicalHost::parse(&name(1)).unwrap();
    let last = HostRow { host, tenant: lakeside, audience: Audience::Portal, is_primary: false };
    first.insert_host(&last).await.unwrap();
    let second = name(2);
    let mut second = std::pin::pin!(world.platform.map_host(&call, lakeside, &second, "portal"));
    // Time enough to count and map, were the first one not waited for.
    let early = tokio::time::timeout(Duration::from_millis(700), &mut second).await;
    assert!(early.is_err(), "{early:?}");
    first.note(EventDraft::success(ActionCode::TenantHostMapped).on("tenant", Some(lakeside.uuid())));
    first.commit().await.unwrap();
    assert_eq!(refusal(second.await), ("host.too_many", FailureKind::Conflict));
    assert_eq!(listed(&world, &call, lakeside).await.len(), MOST_HOSTS);
}

async fn the_platforms_hosts_are_neither_mapped_nor_removed(world: World) {
    let (call, lakeside, riverside) = two(&world).await;
    world.platform.map_host(&call, lakeside, HOST, "portal").await.unwrap();
    world.platform.make_host_primary(&call, lakeside, HOST).await.unwrap();
    for host in [
        "clinics.example",
        "Clinics.Example.",
        "lakeside.clinics.example",
        "lakeside-staff.clinics.example",
        "riverside.clinics.example",
        "nobody.clinics.example",
        "deep.nobody.clinics.example",
    ] {
        for tenant in [lakeside, riverside] {
            let mapped = world.platform.map_host(&call, tenant, host, "portal").await.map(drop);
            let removed = world.platform.remove_host(&call, tenant, host).await;
            for error in [mapped.unwrap_err(), removed.unwrap_err()] {
                let found: Vec<_> =
                    error.details().iter().map(|one| (one.field.as_str(), one.code)).collect();
                assert_eq!(found, [("host", "host.reserved")], "{host}");
            }
        }
    }
    assert_eq!(world.count("SELECT count(*) FROM hosts").await, 5);
    for host in ["my-clinics.example", "clinics.example.org", "clinics.examples"] {
        world.platform.map_host(&call, riverside, host, "portal").await.unwrap();
    }
}

async fn wrong_requests_name_the_field_and_map_nothing(world: World) {
    let (call, lakeside, _) = two(&world).await;
    let long = format!("{}.example", "x".repeat(64));
    for (host, code) in [
        ("", "host.length"),
        (".", "host.length"),
        ("portal..example", "host.length"),
        (long.as_str(), "host.length"),
        ("portal_1.clinic.example", "host.character"),
        ("*.clinic.example", "host.character"),
        ("-portal.clinic.example", "host.character"),
        ("https://portal.clinic.example", "host.port"),
        ("portal.clinic.example/", "host.character"),
        ("portál.clinic.example", "host.character"),
        ("portal clinic.example", "host.character"),
        ("portal.clinic.example:443", "host.port"),
        ("portal.clinic.example:0", "host.port"),
        ("203.0.113.7", "host.address"),
        ("2001:db8::7", "host.address"),
        ("[2001:db8::7]", "host.address"),
        ("0x7f.0x1", "host.address"),
        ("1.2.3", "host.address"),
        ("portal", "host.labels"),
        ("portal.", "host.labels"),
    ] {
        let found = |error: TenancyError| {
            let one = |error: &cloister_kernel::FieldError| (error.field.clone(), error.code);
            error.details().iter().map(one).collect::<Vec<_>>()
        };
        let mapped = world.platform.map_host(&call, lakeside, host, "portal").await.unwrap_err();
        assert_eq!(found(mapped), [("host".to_owned(), code)], "{host}");
        let removed = world.platform.remove_host(&call, lakeside, host).await.unwrap_err();
        assert_eq!(found(removed), [("host".to_owned(), code)], "{host}");
    }
    for site in ["", "Portal", "staff", "portal "] {
        let error = world.platform.map_host(&call, lakeside, HOST, site).await.unwrap_err();
        let details = error.details();
        assert_eq!((details[0].field.as_str(), details[0].code, details.len()), ("site", "site.unknown", 1));
    }
    let error = world.platform.map_host(&call, lakeside, "portal", "staff").await.unwrap_err();
    assert_eq!(error.details().len(), 2, "all that is wrong at once");
    let error = world.platform.make_host_primary(&call, lakeside, "a_b").await.unwrap_err();
    assert_eq!((error.details()[0].field.as_str(), error.details()[0].code), ("host", "host.character"));
    assert_eq!(world.count("SELECT count(*) FROM hosts").await, 4);
}

async fn every_call_leaves_its_event_and_each_needs_its_scope(world: World) {
    let (call, lakeside, riverside) = two(&world).await;
    let (reader, writer) = (
        world.operator("rita@platform.example", &["tenants:read", "networks:write"]).await,
        world.operator("walt@platform.example", &["hosts:write"]).await,
    );
    let nobodys: TenantId = cloister_kernel::Environment::system().id();
    let platform = &world.platform;
    let events = world.event_count().await;
    platform.map_host(&writer, lakeside, HOST, "portal").await.unwrap();
    platform.list_hosts(&reader, lakeside).await.unwrap();
    platform.make_host_primary(&writer, lakeside, HOST).await.unwrap();
    platform.remove_host(&writer, lakeside, HOST).await.unwrap_err();
    platform.make_host_primary(&writer, lakeside, "lakeside.clinics.example").await.unwrap();
    platform.map_host(&writer, riverside, HOST, "portal").await.unwrap_err();
    platform.remove_host(&writer, lakeside, HOST).await.unwrap();
    platform.map_host(&reader, lakeside, HOST, "portal").await.unwrap_err();
    platform.list_hosts(&writer, lakeside).await.unwrap_err();
    platform.make_host_primary(&reader, lakeside, "lakeside.clinics.example").await.unwrap_err();
    platform.remove_host(&reader, lakeside, HOST).await.unwrap_err();
    platform.map_host(&call, lakeside, "x", "portal").await.unwrap_err();
    platform.map_host(&call, nobodys, HOST, "portal").await.unwrap_err();
    platform.list_hosts(&call, nobodys).await.unwrap_err();
    platform.make_host_primary(&call, nobodys, HOST).await.unwrap_err();
    platform.remove_host(&call, nobodys, HOST).await.unwrap_err();
    platform.remove_host(&call, lakeside, HOST).await.unwrap_err();
    platform.remove_host(&call, lakeside, "lakeside.clinics.example").await.unwrap_err();
    assert_eq!(
        world.events(events).await,
        [
            "operator tenant.host_mapped success",
            "operator tenant.host_list success",
            "operator tenant.host_made_primary success",
            "operator tenant.host_removed refused host.primary",
            "operator tenant.host_made_primary success",
            "operator tenant.host_mapped refused host.taken",
            "operator tenant.host_removed success",
            "operator tenant.host_mapped refused operator.scope_missing",
            "operator tenant.host_list refused operator.scope_missing",
            "operator tenant.host_made_primary refused operator.scope_missing",
            "operator tenant.host_removed refused operator.scope_missing",
            "operator tenant.host_mapped refused request.invalid",
            "operator tenant.host_mapped refused tenant.not_found",
            "operator tenant.host_list refused tenant.not_found",
            "operator tenant.host_made_primary refused tenant.not_found",
            "operator tenant.host_removed refused tenant.not_found",
            "operator tenant.host_removed refused host.not_found",
            "operator tenant.host_removed refused request.invalid",
        ]
    );
    let about =
        "SELECT count(*) FROM platform_events WHERE action LIKE 'tenant.host%' AND resource_type = 'tenant'";
    assert_eq!(world.count(about).await, 18);
    assert_eq!(world.count("SELECT count(*) FROM hosts").await, 4);
}
