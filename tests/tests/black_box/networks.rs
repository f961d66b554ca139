//! A clinic's network raised by operators, as the people behind it meet it.

use cloister_testkit::app::{Call, TestApp, Wire};
use reqwest::Method;
use serde_json::json;
use time::Duration;

use crate::operators::operate;

/// Longer than an entry of the host table is believed.
pub(crate) const UNTIL_BELIEVED: std::time::Duration = std::time::Duration::from_millis(3_300);

/// How many calls in a row are let through, up to `most`.
async fn let_through(wire: &Wire, origin: &str, path: &str, most: usize) -> usize {
    let call = Call::new(Method::GET, origin, path);
    for number in 0..most {
        let answer = wire.send(&call).await;
        if answer.status == 429 {
            return number;
        }
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    most
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_pass_from_a_clinics_raised_network_up_to_its_limit_and_while_it_lasts() {
    let app = TestApp::start().await;
    let (lakeside, riverside) = (app.clinic("lakeside").await, app.clinic("riverside").await);
    let (source, other) = (app.new_source(), app.new_source());
    let (hospital, outside) = (Wire::new(app.address, source), Wire::new(app.address, other));
    let anonymous = |wire, origin| async move { let_through(wire, origin, "/api/v1/clinic", 40).await };
    assert_eq!(anonymous(&hospital, &lakeside.portal).await, 10);

    let id = lakeside.id;
    let (list, one) =
        (format!("/v1/tenants/{id}/networks"), format!("/v1/tenants/{id}/networks/{source}/32"));
    let until = (app.environment.now() + Duration::HOUR).replace_nanosecond(0).unwrap();
    let limits = |anonymous: u32| {
        json!({
            "anonymous_per_minute": anonymous, "sign_in_pages_per_minute": 65, "reason": "One address for all",
            "expires_at": until.format(&time::format_description::well_known::Rfc3339).unwrap(),
        })
    };
    let (refused, events) = operate(&app, Method::PUT, &one, Some(&limits(101))).await;
    assert_eq!(
        (refused.status, refused.json()["errors"][0]["field"].as_str()),
        (422, Some("anonymous_per_minute"))
    );
    assert_eq!(events, ["tenant.network_raised refused request.invalid"]);
    let (raised, events) = operate(&app, Method::PUT, &one, Some(&limits(25))).await;
    assert_eq!((raised.status, &raised.json()["network"]), (200, &json!(format!("{source}/32"))));
    assert_eq!(events, ["tenant.network_raised success"]);
    let (again, _) = operate(&app, Method::PUT, &one, Some(&limits(25))).await;
    assert_eq!((again.status, &again.json()["expires_at"]), (200, &raised.json()["expires_at"]));
    let (listed, events) = operate(&app, Method::GET, &list, None).await;
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed.json()["items"][0]["reason"], "One address for all");
    assert_eq!(events, ["tenant.network_list success"]);

    tokio::time::sleep(UNTIL_BELIEVED).await;
    app.pass(Duration::seconds(61));
    assert_eq!(anonymous(&hospital, &lakeside.portal).await, 25, "from the raised network");
    assert_eq!(anonymous(&outside, &lakeside.portal).await, 10, "from outside");
    assert_eq!(anonymous(&hospital, &riverside.portal).await, 10, "at another clinic");
    assert_eq!(let_through(&hospital, &lakeside.console, "/sign-in", 80).await, 65);
    assert_eq!(let_through(&outside, &lakeside.console, "/sign-in", 80).await, 60);

    app.pass(Duration::HOUR);
    assert_eq!(anonymous(&hospital, &lakeside.portal).await, 10, "after its time");
    let (listed, _) = operate(&app, Method::GET, &list, None).await;
    assert_eq!(listed.json()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_is_lowered_may_do_what_every_other_may_within_seconds() {
    let app = TestApp::start().await;
    let clinic = app.clinic("lakeside").await;
    let source = app.new_source();
    let wire = Wire::new(app.address, source);
    let one = format!("/v1/tenants/{}/networks/{source}/32", clinic.id);
    let body = json!({ "anonymous_per_minute": 25, "sign_in_pages_per_minute": 60, "reason": "One address" });
    assert_eq!(operate(&app, Method::PUT, &one, Some(&body)).await.0.status, 200);
    tokio::time::sleep(UNTIL_BELIEVED).await;
    assert_eq!(let_through(&wire, &clinic.portal, "/api/v1/clinic", 40).await, 25);
    let (lowered, events) = operate(&app, Method::DELETE, &one, None).await;
    assert_eq!((lowered.status, events), (204, vec!["tenant.network_lowered success".to_owned()]));
    let (absent, events) = operate(&app, Method::DELETE, &one, None).await;
    assert_eq!((absent.status, absent.code().as_str()), (404, "network.not_found"));
    assert_eq!(events, ["tenant.network_lowered refused network.not_found"]);
    tokio::time::sleep(UNTIL_BELIEVED).await;
    app.pass(Duration::seconds(61));
    assert_eq!(let_through(&wire, &clinic.portal, "/api/v1/clinic", 40).await, 10);
}
