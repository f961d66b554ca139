//! Every operation with a body, given every body that it must not take: a 4xx problem that names the field, nothing
//! written, and never a 5xx.

use std::io::Read;

use cloister_testkit::app::{ADMIN_ORIGIN, Call, TestApp, Wire, WireAnswer};
use cloister_tests::{World, test_data};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::matrix::{Aim, Row, Who, call, ready, rows};

/// Who may call an operation, so that its body is really looked at.
fn entitled(row: &Row) -> Who {
    [Who::Admin, Who::Clinician, Who::Ann]
        .into_iter()
        .find(|who| row.allowed.contains(who))
        .unwrap_or(Who::Ann)
}

fn is_flow(row: &Row) -> bool {
    row.operation.contains("/sign-in/") || row.operation.contains("/activation/")
}

/// Calls by whoever may make them, each with a body of the test's choice.
pub(crate) struct Tries {
    pub(crate) world: World,
    pub(crate) aim: Aim,
    pub(crate) sources: Sources,
    flow: Option<cloister_platform::demo::browser::Browser>,
    used: u32,
}

/// Senders in turn: no source calls so often that it is refused for that.
pub(crate) struct Sources {
    wires: Vec<Wire>,
    next: usize,
}

impl Sources {
    pub(crate) fn of(app: &TestApp) -> Self {
        Self { wires: std::iter::repeat_with(|| app.wire()).take(16).collect(), next: 0 }
    }

    pub(crate) async fn send(&mut self, call: &Call) -> WireAnswer {
        self.next = (self.next + 1) % self.wires.len();
        self.wires[self.next].send(call).await
    }
}

impl Tries {
    pub(crate) async fn start() -> Self {
        let world = World::make().await;
        let nothing = Uuid::nil();
        let aim = Aim {
            ann: world.ann_patient(),
            dora: world.dora,
            result: world.result,
            invitation: nothing,
            staff_invitation: nothing,
            machine_client: nothing,
            quarantine: nothing,
            session: nothing,
            member: world.off_panel.id,
            number: 1,
        };
        let sources = Sources::of(&world.app);
        Self { world, aim, sources, flow: None, used: 0 }
    }

    pub(crate) async fn ready(&mut self, row: &Row) {
        if is_flow(row) {
            self.flow = None;
        } else {
            ready(&mut self.world, entitled(row), row.steps_up).await;
        }
    }

    /// The operation with these bytes, by whoever may call it.
    pub(crate) async fn send(&mut self, row: &Row, bytes: Vec<u8>, content_type: &str) -> WireAnswer {
        let call = self.call(row).await;
        self.sources.send(&call.bytes(content_type, bytes)).await
    }

    /// The operation without a body, by whoever may call it.
    pub(crate) async fn call(&mut self, row: &Row) -> Call {
        // Slower than every limit: what is refused here is refused for its body.
        self.world.app.pass(Duration::milliseconds(1100));
        self.used += 1;
        if row.steps_up && self.used.is_multiple_of(200) {
            self.ready(row).await;
        }
        let (path, _) = (row.aim)(&self.aim);
        if is_flow(row) {
            if self.flow.is_none() || self.used.is_multiple_of(8) {
                let mut browser = self.world.app.browser(&self.world.here.portal);
                browser
                    .open(if path.contains("activation") { "/activate" } else { "/sign-in" })
                    .await
                    .unwrap();
                browser.look_at_session().await.unwrap();
                self.flow = Some(browser);
            }
            Call::new(Method::POST, &self.world.here.portal, &path).as_page_of(self.flow.as_ref().unwrap())
        } else {
            call(&self.world, entitled(row), row.operation, &path, None)
        }
    }
}

/// A problem document under a 4xx status.
pub(crate) fn is_refusal(answer: &WireAnswer, context: &str) {
    assert!((400..500).contains(&answer.status), "{context}: {} {}", answer.status, answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json", "{context}");
    let problem = answer.json();
    for member in ["type", "title", "status", "code", "request_id"] {
        assert!(!problem[member].is_null(), "{context}: {member} in {problem}");
    }
}

/// The rows of operations that take a body.
pub(crate) fn with_body() -> Vec<Row> {
    let aim = Aim {
        ann: Uuid::nil(),
        dora: Uuid::nil(),
        result: Uuid::nil(),
        invitation: Uuid::nil(),
        staff_invitation: Uuid::nil(),
        machine_client: Uuid::nil(),
        quarantine: Uuid::nil(),
        session: Uuid::nil(),
        member: Uuid::nil(),
        number: 0,
    };
    rows().into_iter().filter(|row| (row.aim)(&aim).1.is_some()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_missing_and_wrong_fields_are_named_and_nothing_is_written() {
    let mut tries = Tries::start().await;
    for row in with_body() {
        tries.ready(&row).await;
        let before = tries.world.app.database.row_counts().await;
        let valid = (row.aim)(&tries.aim).1.unwrap();
        let fields: Vec<String> = valid.as_object().unwrap().keys().cloned().collect();
        let mut bodies: Vec<(Value, Option<String>)> = Vec::new();
        let mut unknown = valid.clone();
        unknown["tenant_id"] = json!("0193c0de-0000-7000-8000-000000000000");
        bodies.push((unknown, Some("tenant_id".to_owned())));
        for field in &fields {
            let named = Some(field.clone());
            let mut missing = valid.clone();
            missing.as_object_mut().unwrap().remove(field);
            bodies.push((missing, named.clone()));
            for wrong in
                [json!(null), json!(true), json!(7), json!({ "a": 1 }), json!([["x"]]), json!(1.5e300)]
            {
                let fits = valid[field].is_object() && wrong.is_object();
                if !fits {
                    let mut body = valid.clone();
                    body[field] = wrong;
                    bodies.push((body, named.clone()));
                }
            }
        }
        for (body, field) in bodies {
            let context = format!("{} {body}", row.operation);
            let answer = tries.send(&row, body.to_string().into_bytes(), "application/json").await;
            is_refusal(&answer, &context);
            if let Some(field) = field {
                let errors = answer.json()["errors"].to_string();
                assert!(errors.contains(&field), "{context}: {field} is not named in {}", answer.text());
            }
        }
        let text = valid.to_string();
        let twice = format!("{},{}", &text[..text.len() - 1], &text[1..]);
        for (bytes, content_type) in [
            (Vec::new(), "application/json"),
            (b"null".to_vec(), "application/json"),
            (b"[]".to_vec(), "application/json"),
            (b"\"text\"".to_vec(), "application/json"),
            (text.clone().into_bytes(), "text/plain"),
            (text.clone().into_bytes(), "application/x-www-form-urlencoded"),
            (text.clone().into_bytes(), "multipart/form-data; boundary=x"),
            ([text.as_bytes(), b"{}"].concat(), "application/json"),
            ([b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat(), "application/json"),
            (text.replace('"', "\u{201c}").into_bytes(), "application/json"),
            (vec![b'['; 100_000], "application/json"),
            (b"{\"a\":\"\xff\xfe\"}".to_vec(), "application/json"),
        ] {
            let context = format!("{} {content_type} {:?}", row.operation, &bytes[..bytes.len().min(60)]);
            if fields.is_empty() && bytes.is_empty() {
                continue;
            }
            is_refusal(&tries.send(&row, bytes, content_type).await, &context);
        }
        if !fields.is_empty() {
            let answer = tries.send(&row, twice.into_bytes(), "application/json").await;
            is_refusal(&answer, &format!("{} with every member twice", row.operation));
        }
        assert_eq!(tries.world.app.database.row_counts().await, before, "{} wrote something", row.operation);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_text_that_breaks_parsers_is_taken_for_a_body_of_any_operation() {
    let Some(file) = test_data("badinput/jsontestsuite.tar.gz") else { return };
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(std::fs::File::open(file).unwrap()));
    let mut texts = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        if name.ends_with(".json") {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            texts.push((name, bytes));
        }
    }
    assert!(texts.len() > 300);
    texts.sort();
    let mut tries = Tries::start().await;
    let before = tries.world.app.database.row_counts().await;
    let rows = with_body();
    let token = tries.world.record.token().await;
    let mut last = tries.world.app.environment.now();
    let mut token = token;
    for (position, row) in rows.iter().enumerate() {
        tries.ready(row).await;
        // Each operation gets every text that no parser may take, and its share of the others.
        for (index, (name, bytes)) in texts.iter().enumerate() {
            let malformed = name.contains("/n_");
            if !malformed && index % rows.len() != position {
                continue;
            }
            // An object without members is what `totp` takes.
            if row.operation.ends_with("/activation/totp") && name.contains("/y_") {
                continue;
            }
            let answer = tries.send(row, bytes.clone(), "application/json").await;
            is_refusal(&answer, &format!("{} {name}", row.operation));
        }
    }
    for (name, bytes) in &texts {
        tries.world.app.pass(Duration::milliseconds(300));
        if tries.world.app.environment.now() - last > Duration::minutes(4) {
            last = tries.world.app.environment.now();
            token = tries.world.record.token().await;
        }
        let answer = tries.world.record.system.push_bytes(&token, bytes.clone()).await.unwrap();
        if answer.status.as_u16() == 401 {
            token = tries.world.record.token().await;
            last = tries.world.app.environment.now();
        }
        assert!(answer.status.is_client_error(), "/fhir/R4 {name}: {} {}", answer.status, answer.body);
        assert_eq!(answer.body["resourceType"], "OperationOutcome", "{name}");
    }
    let after = tries.world.app.database.row_counts().await;
    assert_eq!(after, before, "nothing was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn naughty_strings_are_refused_or_kept_as_they_are_and_never_break_anything() {
    let Some(file) = test_data("badinput/blns.json") else { return };
    let strings: Vec<String> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert!(strings.len() > 500);
    let mut tries = Tries::start().await;
    for (position, row) in with_body().iter().enumerate() {
        tries.ready(row).await;
        let valid = (row.aim)(&tries.aim).1.unwrap();
        let texts: Vec<String> = valid
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| value.is_string())
            .map(|(name, _)| name.clone())
            .collect();
        for (place, field) in texts.iter().enumerate() {
            // Every string meets every operation's fields in turn; all of them meet all operations together.
            let share = strings.iter().enumerate().filter(|(index, _)| index % 3 == (position + place) % 3);
            for (_, text) in share {
                let mut body = valid.clone();
                body[field] = json!(text);
                let answer = tries.send(row, body.to_string().into_bytes(), "application/json").await;
                let context = format!("{} {field} = {text:?}", row.operation);
                assert!(answer.status < 500, "{context}: {} {}", answer.status, answer.text());
                if answer.status >= 400 {
                    is_refusal(&answer, &context);
                }
            }
        }
    }
    // What was kept is shown as it is.
    ready(&mut tries.world, Who::Admin, false).await;
    let listed = tries.world.here.owner.browser.get("/api/v1/staff-invitations").await.unwrap();
    let listed = listed.ok("staff invitations").unwrap();
    let names: Vec<&str> =
        listed["items"].as_array().unwrap().iter().filter_map(|item| item["display_name"].as_str()).collect();
    let markup = names.iter().find(|name| name.contains("<script>"));
    if let Some(markup) = markup {
        assert!(strings.iter().any(|text| text.trim() == markup.trim()), "{markup}");
    }
    let paths = [
        "/api/v1/patients/{}",
        "/api/v1/record/results/{}",
        "/api/v1/invitations/{}",
        "/fhir/R4/Patient/{}",
        "/{}",
        "/api/v1/record/results?cursor={}",
        "/api/v1/record/results?limit={}",
        "/api/v1/record/results?{}=1",
    ];
    // Each string stands in a path or a name and in a query.
    for (index, text) in
        strings.iter().enumerate().flat_map(|(index, text)| [(index % 5, text), (5 + index % 3, text)])
    {
        tries.world.app.pass(Duration::seconds(1));
        let encoded: String = text.bytes().take(2000).map(|byte| format!("%{byte:02X}")).collect();
        let path = paths[index].replace("{}", &encoded);
        let call = tries.world.ann.call(Method::GET, &path);
        let answer = tries.sources.send(&call).await;
        assert!(
            answer.status < 500 || answer.code() == "page.missing",
            "{path}: {} {}",
            answer.status,
            answer.text()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_bodies_are_judged_as_strictly() {
    let app = cloister_testkit::app::TestApp::start().await;
    let bearer = format!("Bearer {}", app.operator_token);
    let valid = json!({
        "slug": "newclinic", "name": "New Clinic", "region": "us-east-1", "time_zone": "America/New_York",
        "default_locale": "en", "contact": { "name": "Connie", "email": "connie@new.example" },
    });
    let before = app.database.row_counts().await;
    let mut number = 0;
    let mut bodies: Vec<(Value, &str)> = Vec::new();
    let change = |field: &str, value: Value| {
        let mut body = valid.clone();
        body[field] = value;
        body
    };
    for (field, values) in [
        (
            "slug",
            vec![
                json!(""),
                json!("-a"),
                json!("a-staff"),
                json!("admin"),
                json!("UPPER"),
                json!("a b"),
                json!("xn--a"),
                json!("a".repeat(64)),
                json!(7),
            ],
        ),
        ("name", vec![json!(""), json!("a\nb"), json!("x".repeat(10_000)), json!([])]),
        ("region", vec![json!("mars-north-1"), json!("")]),
        ("time_zone", vec![json!("Mars/Olympus"), json!("../../etc/passwd")]),
        ("default_locale", vec![json!("tlh"), json!(null)]),
        ("contact", vec![json!({}), json!("x"), json!({ "name": "C", "email": "no address" })]),
        ("unknown", vec![json!(1)]),
        (
            "colors",
            vec![
                json!({ "brand": "red", "on_brand": "#ffffff" }),
                json!({ "brand": "#ffffff", "on_brand": "#fffffe" }),
            ],
        ),
    ] {
        bodies.extend(values.into_iter().map(|value| (change(field, value), field)));
    }
    for (body, field) in bodies {
        app.pass(Duration::seconds(1));
        number += 1;
        let call = Call::new(Method::POST, ADMIN_ORIGIN, "/v1/tenants")
            .with("authorization", &bearer)
            .with("idempotency-key", &number.to_string())
            .json(&body);
        let answer = app.admin_wire().send(&call).await;
        is_refusal(&answer, &body.to_string());
        assert!(answer.json()["errors"].to_string().contains(field), "{field} in {}", answer.text());
    }
    assert_eq!(app.database.row_counts().await, before, "nothing was written");
}
