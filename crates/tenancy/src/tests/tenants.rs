use cloister_kernel::Failure;

use super::{
    fixture::{World, lakeside},
    on_both_databases,
};
use crate::{ListRequest, new_tenant::NewTenantRequest};

on_both_databases! {
    lists_page_through_in_order_and_filter_by_status
    cursors_belong_to_one_operator_and_one_filter
    wrong_list_requests_name_the_field
}

const SLUGS: [&str; 5] = ["lakeside", "riverside", "hilltop", "meadow", "harbor"];

async fn five(world: &World) -> crate::OperatorCall {
    let call = world.root().await;
    for slug in SLUGS {
        let request = NewTenantRequest { slug: slug.into(), ..lakeside() };
        world.platform.create_tenant(&call, Some(slug), request).await.unwrap();
        world.clock.advance(time::Duration::MILLISECOND);
    }
    call
}

async fn lists_page_through_in_order_and_filter_by_status(world: World) {
    let call = five(&world).await;
    let events = world.event_count().await;
    let mut request = ListRequest { limit: Some(2), ..ListRequest::default() };
    let mut seen = Vec::new();
    loop {
        let page = world.platform.list_tenants(&call, request.clone()).await.unwrap();
        seen.extend(page.items.iter().map(|row| row.slug.clone()));
        match page.next_cursor {
            Some(cursor) => request.cursor = Some(cursor),
            None => break,
        }
    }
    assert_eq!(seen, SLUGS);
    assert_eq!(world.events(events).await, ["operator tenant.list success"; 3]);

    world.tamper("UPDATE tenants SET status = 'active' WHERE slug IN ('hilltop', 'harbor')").await;
    let of = |status: &str| ListRequest { status: Some(status.into()), ..ListRequest::default() };
    for (status, expected) in [("active", 2), ("draft", 3), ("suspended", 0)] {
        let page = world.platform.list_tenants(&call, of(status)).await.unwrap();
        assert_eq!((page.items.len(), page.next_cursor), (expected, None), "{status}");
    }
    let exact = ListRequest { limit: Some(5), ..ListRequest::default() };
    assert!(world.platform.list_tenants(&call, exact).await.unwrap().next_cursor.is_none());
}

async fn cursors_belong_to_one_operator_and_one_filter(world: World) {
    let call = five(&world).await;
    let other = world.operator("oscar@platform.example", &["tenants:read"]).await;
    let request = ListRequest { limit: Some(2), ..ListRequest::default() };
    let cursor = world.platform.list_tenants(&call, request).await.unwrap().next_cursor.unwrap();
    let with = |cursor: &str, status: Option<&str>| ListRequest {
        cursor: Some(cursor.into()),
        status: status.map(str::to_owned),
        limit: None,
    };
    assert_eq!(world.platform.list_tenants(&call, with(&cursor, None)).await.unwrap().items.len(), 3);
    let mut flipped = cursor.clone().into_bytes();
    flipped[50] = if flipped[50] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    for (call, request) in [
        (&other, with(&cursor, None)),
        (&call, with(&cursor, Some("draft"))),
        (&call, with(&flipped, None)),
        (&call, with("", None)),
        (&call, with("nonsense!", None)),
        (&call, with(&"A".repeat(10_000), None)),
    ] {
        assert_eq!(world.platform.list_tenants(call, request).await.unwrap_err().code(), "cursor.invalid");
    }
}

async fn wrong_list_requests_name_the_field(world: World) {
    let call = world.root().await;
    for limit in [0, 101, u32::MAX] {
        let request = ListRequest { limit: Some(limit), ..ListRequest::default() };
        let error = world.platform.list_tenants(&call, request).await.unwrap_err();
        assert_eq!(error.details()[0].field, "limit");
    }
    for status in ["", "onboarding", "ACTIVE", "deleted"] {
        let request = ListRequest { status: Some(status.into()), ..ListRequest::default() };
        let error = world.platform.list_tenants(&call, request).await.unwrap_err();
        assert_eq!(error.details()[0].code, "status.unknown", "{status}");
    }
}
