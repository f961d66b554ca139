//! The clinic's staff as colleagues see them.

use cloister_testkit::app::TestApp;
use serde_json::{Value, json};
use time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_holds_everybody_once_in_the_order_they_joined_with_all_their_roles() {
    let app = TestApp::start().await;
    let mut clinic = app.clinic("lakeside").await;
    app.pass(Duration::seconds(1));
    clinic.staff(&app, "doctor@lakeside.example", "clinician", None).await;
    app.pass(Duration::seconds(1));
    clinic.owner.step_up(&app).await;
    let request = json!({ "email": "desk@lakeside.example", "display_name": "Billie Holt",
        "roles": ["support", "billing"] });
    let invited = clinic.owner.browser.post("/api/v1/staff-invitations", &request).await.unwrap();
    let code = invited.ok("inviting staff").unwrap()["clinic_code"].as_str().unwrap().to_owned();
    app.work().await;
    app.activate(&clinic.console, "desk@lakeside.example", &code, None).await;
    let listed = clinic.owner.browser.get("/api/v1/staff").await.unwrap().ok("the staff").unwrap();
    let shown: Vec<Value> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| json!([member["display_name"], member["roles"], member["status"]]))
        .collect();
    let expected = [
        json!(["Olive Owner", ["admin"], "active"]),
        json!(["Staff doctor@lakeside.example", ["clinician"], "active"]),
        json!(["Billie Holt", ["billing", "support"], "active"]),
    ];
    assert_eq!(shown, expected);
}
