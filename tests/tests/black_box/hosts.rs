//! The host table as requests meet it.

use cloister_testkit::app::{Call, TestApp};
use reqwest::Method;
use std::time::Duration;

const UNKNOWN: &str =
    "SELECT count(*) FROM platform_events WHERE action = 'host.unknown' AND outcome = 'refused'";

async fn status_at(app: &TestApp, origin: &str, host: &str) -> u16 {
    let call = Call::new(Method::GET, origin, "/api/v1/clinic").with("host", host);
    app.wire().send(&call).await.status
}

/// Waits until there are so many events of unknown hosts, and a moment longer for one too many.
async fn unknown_hosts(app: &TestApp, expected: i64) -> i64 {
    for _ in 0..100 {
        if app.database.number(UNKNOWN).await >= expected {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    app.database.number(UNKNOWN).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_host_leaves_an_event_and_a_flood_of_them_no_flood_of_events() {
    let app = TestApp::start().await;
    let clinic = app.clinic("lakeside").await;
    for _ in 0..3 {
        assert_eq!(status_at(&app, &clinic.portal, "nobody.localhost").await, 421);
    }
    assert_eq!(unknown_hosts(&app, 1).await, 1, "one host in a few seconds is one event");
    for number in 0..100 {
        assert_eq!(status_at(&app, &clinic.portal, &format!("nobody-{number}.localhost")).await, 421);
    }
    assert_eq!(unknown_hosts(&app, 60).await, 60, "sixty a minute");
    app.pass(time::Duration::seconds(61));
    assert_eq!(status_at(&app, &clinic.portal, "nobody-again.localhost").await, 421);
    assert_eq!(unknown_hosts(&app, 61).await, 61);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_clinics_host_is_known_within_seconds() {
    let app = TestApp::start().await;
    let lakeside = app.clinic("lakeside").await;
    assert_eq!(status_at(&app, &lakeside.portal, "riverside.localhost").await, 421);
    app.clinic("riverside").await;
    let mut known = false;
    for _ in 0..40 {
        known = status_at(&app, &lakeside.portal, "riverside.localhost").await == 200;
        if known {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.pass(time::Duration::seconds(7));
    }
    assert!(known, "a host is found at most four seconds after it was registered");
}
