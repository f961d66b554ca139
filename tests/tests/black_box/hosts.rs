//! The host table as requests meet it.

use cloister_testkit::app::{Call, TestApp};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

use crate::{networks::UNTIL_BELIEVED, operators::operate};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_a_clinic_brings_is_its_site_until_it_is_removed() {
    let app = TestApp::start().await;
    let (mut lakeside, riverside) = (app.clinic("lakeside").await, app.clinic("riverside").await);
    let hosts = |id| format!("/v1/tenants/{id}/hosts");
    let (portal, console) = ("portal.lakeside-clinic.example", "staff.lakeside-clinic.example");
    let one = |id, host: &str| format!("{}/{host}", hosts(id));
    assert_eq!(status_at(&app, &lakeside.portal, portal).await, 421);

    for (host, site) in [(portal, "portal"), (console, "console")] {
        let body = json!({ "site": site });
        let (mapped, events) = operate(&app, Method::PUT, &one(lakeside.id, host), Some(&body)).await;
        assert_eq!(mapped.json(), json!({ "host": host, "site": site, "primary": false }));
        assert_eq!((mapped.status, events), (200, vec!["tenant.host_mapped success".to_owned()]));
    }
    let body = json!({ "site": "portal" });
    let (taken, events) = operate(&app, Method::PUT, &one(riverside.id, portal), Some(&body)).await;
    assert_eq!((taken.status, taken.code().as_str()), (409, "host.taken"));
    assert!(!taken.text().contains(&lakeside.id.to_string()) && !taken.text().contains("lakeside"));
    assert_eq!(events, ["tenant.host_mapped refused host.taken"]);

    tokio::time::sleep(UNTIL_BELIEVED).await;
    let shown = |origin: String, host: &'static str| {
        let call = Call::new(Method::GET, &origin, "/api/v1/clinic").with("host", host);
        let wire = app.wire();
        async move { wire.send(&call).await }
    };
    let (own, usual) = (shown(lakeside.portal.clone(), portal).await, app.wire());
    let usual = usual.send(&Call::new(Method::GET, &lakeside.portal, "/api/v1/clinic")).await;
    assert_eq!((own.status, own.json()), (200, usual.json()), "the clinic's portal");
    assert_eq!(own.json()["name"], "Clinic lakeside");

    // Who signs in there has a session of that host, beside the one at the platform's.
    let own_console = format!("http://{console}:{}", app.address.port());
    let mut first = std::mem::replace(&mut lakeside.owner.browser, app.browser(&own_console));
    lakeside.owner.sign_in(&app).await;
    let primary = format!("{}/primary", one(lakeside.id, console));
    let (made, events) = operate(&app, Method::PUT, &primary, None).await;
    assert_eq!((made.status, &made.json()["primary"]), (200, &json!(true)));
    assert_eq!(events, ["tenant.host_made_primary success"]);
    lakeside.owner.step_up(&app).await;
    let invited = json!({ "email": "nora@staff.example", "display_name": "Nora", "roles": ["admin"] });
    let invited = lakeside.owner.browser.post("/api/v1/staff-invitations", &invited).await.unwrap();
    invited.ok("inviting staff").unwrap();
    app.work().await;
    let mail = app.mail.newest_to("nora@staff.example").unwrap().text;
    assert!(mail.contains(&format!("{own_console}/activate#")), "{mail}");

    let (kept, events) = operate(&app, Method::DELETE, &one(lakeside.id, console), None).await;
    assert_eq!((kept.status, kept.code().as_str()), (409, "host.primary"));
    assert_eq!(events, ["tenant.host_removed refused host.primary"]);
    let primary = format!("{}/primary", one(lakeside.id, "lakeside-staff.localhost"));
    assert_eq!(operate(&app, Method::PUT, &primary, None).await.0.status, 200);
    for host in [portal, console] {
        let (removed, events) = operate(&app, Method::DELETE, &one(lakeside.id, host), None).await;
        assert_eq!((removed.status, events), (204, vec!["tenant.host_removed success".to_owned()]));
    }
    let (listed, events) = operate(&app, Method::GET, &hosts(lakeside.id), None).await;
    assert_eq!(
        listed.json()["items"],
        json!([
            { "host": "lakeside-staff.localhost", "site": "console", "primary": true },
            { "host": "lakeside.localhost", "site": "portal", "primary": true },
        ])
    );
    assert_eq!(events, ["tenant.host_list success"]);
    tokio::time::sleep(UNTIL_BELIEVED).await;
    assert_eq!(shown(lakeside.portal.clone(), portal).await.status, 421);
    let gone = lakeside.owner.call(Method::GET, "/api/v1/session");
    assert_eq!(app.wire().send(&gone).await.status, 421, "nor to a session that was opened there");
    assert_eq!(first.look_at_session().await.unwrap()["user"]["id"], json!(lakeside.owner.id));
}
