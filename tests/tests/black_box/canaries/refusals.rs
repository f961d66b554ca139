//! Values that no field takes: no refusal, no log line and no metric repeats them.

use cloister_edge::Measurements;
use cloister_testkit::app::{ADMIN_ORIGIN, Call, KeptLog, SYSTEMS, TestApp, transaction};
use cloister_tests::World;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use super::search::{Planted, whole};
use crate::{
    bad_bodies::Sources,
    matrix::{Aim, Who, call, ready, rows},
};

const CANARY: &str = "CANARY-7f3a-Nightjar";

/// Values that no field takes, each with the canary in it.
fn unfit() -> Vec<Value> {
    vec![
        json!(CANARY),
        json!(format!("{CANARY}\u{0}\u{202e}")),
        json!(CANARY.repeat(2000)),
        json!([CANARY]),
        json!({ "a": CANARY }),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_refusal_repeats_what_it_was_given_and_no_log_line_either() {
    let log = KeptLog::start();
    let measurements = Measurements::start().unwrap();
    let mut world = World::make().await;
    let mut planted = Planted::default();
    planted.add("the canary", CANARY);
    let aim = Aim {
        ann: world.ann_patient(),
        dora: world.dora,
        result: world.result,
        invitation: Uuid::nil(),
        staff_invitation: Uuid::nil(),
        machine_client: Uuid::nil(),
        quarantine: Uuid::nil(),
        session: Uuid::nil(),
        member: world.off_panel.id,
        number: 1,
    };
    let mut refused = 0;
    let mut sources = Sources::of(&world.app);
    let mut repeated = Vec::new();
    for row in rows().into_iter().filter(|row| !row.ends_session) {
        let who = [Who::Admin, Who::Clinician, Who::Ann].into_iter().find(|who| row.allowed.contains(who));
        let who = who.unwrap_or(Who::Ann);
        ready(&mut world, who, row.steps_up).await;
        let (path, body) = (row.aim)(&aim);
        let mut tries = vec![
            call(
                &world,
                who,
                row.operation,
                &format!("{path}?unknown={CANARY}&limit={CANARY}&cursor={CANARY}"),
                body.as_ref(),
            ),
            call(&world, who, row.operation, &format!("{path}/{CANARY}"), body.as_ref()),
            call(&world, who, row.operation, &path, body.as_ref())
                .with("cookie", &format!("__Host-session={CANARY}; x={CANARY}")),
            call(&world, who, row.operation, &path, body.as_ref())
                .with("authorization", &format!("Bearer {CANARY}")),
            call(&world, who, row.operation, &path, None).bytes(&format!("text/{CANARY}"), CANARY.into()),
            call(&world, who, row.operation, &path, None)
                .bytes("application/json", format!("{{\"email\":\"{CANARY}").into_bytes()),
        ];
        for segment in path.split('/').filter(|segment| Uuid::parse_str(segment).is_ok()) {
            tries.push(call(&world, who, row.operation, &path.replace(segment, CANARY), body.as_ref()));
        }
        for name in ["origin", "sec-fetch-site", "x-csrf-token", "host"] {
            let value = if name == "origin" { format!("http://{CANARY}.example") } else { CANARY.to_owned() };
            tries.push(call(&world, who, row.operation, &path, body.as_ref()).with(name, &value));
        }
        for field in body.iter().flat_map(|body| body.as_object().unwrap().keys()) {
            for value in unfit() {
                let mut body = body.clone().unwrap();
                body[field] = value;
                tries.push(call(&world, who, row.operation, &path, Some(&body)));
            }
        }
        for attempt in tries {
            world.app.pass(Duration::milliseconds(1100));
            let mut attempt = attempt;
            for name in
                ["user-agent", "referer", "x-request-id", "traceparent", "accept-language", "x-forwarded-for"]
            {
                attempt = attempt.with(name, CANARY);
            }
            let answer = sources.send(&attempt).await;
            assert!(answer.status < 500, "{} {}: {}", attempt.method, attempt.path, answer.text());
            if answer.status >= 400 {
                refused += 1;
                if !planted.found_in(&whole(&answer)).is_empty() {
                    repeated.push(format!("{attempt:?}: {}", whole(&answer)));
                }
            }
        }
    }
    assert!(refused > 300, "{refused}");
    assert!(repeated.is_empty(), "{}", repeated.join("\n\n"));
    machine_routes_repeat_nothing(&world, &planted).await;
    operators_routes_repeat_nothing(&world.app, &planted).await;
    world.app.work().await;
    planted.absent_from("the log", &log.text());
    planted.absent_from("the metrics", &measurements.render());
}

async fn machine_routes_repeat_nothing(world: &World, planted: &Planted) {
    let app = &world.app;
    let patient = json!({
        "resourceType": "Patient", "identifier": [{ "system": SYSTEMS[0], "value": "MRN-00077" }],
        "name": [{ "family": "F", "given": ["G"] }], "birthDate": "1970-01-01",
    });
    let with = |change: &dyn Fn(&mut Value)| {
        let mut bundle =
            transaction(vec![("urn:uuid:5f2f7cbe-3f07-4a1c-8f51-0cb1a0d7a299".to_owned(), patient.clone())]);
        change(&mut bundle);
        bundle
    };
    type Change = Box<dyn Fn(&mut Value) + Send + Sync>;
    let changes: Vec<Change> = vec![
        Box::new(|bundle| bundle["type"] = json!(CANARY)),
        Box::new(|bundle| bundle["resourceType"] = json!(CANARY)),
        Box::new(|bundle| bundle["entry"] = json!(CANARY)),
        Box::new(|bundle| bundle["entry"][0]["request"]["method"] = json!(CANARY)),
        Box::new(|bundle| bundle["entry"][0]["request"]["url"] = json!(format!("Patient/{CANARY}?{CANARY}"))),
        Box::new(|bundle| bundle["entry"][0]["request"]["ifNoneExist"] = json!(CANARY)),
        Box::new(|bundle| bundle["entry"][0]["resource"]["resourceType"] = json!(CANARY)),
        Box::new(|bundle| bundle["entry"][0]["resource"]["birthDate"] = json!(CANARY)),
        Box::new(|bundle| bundle["entry"][0]["resource"]["gender"] = json!(CANARY)),
        Box::new(|bundle| bundle["entry"][0]["resource"]["name"] = json!(CANARY)),
        Box::new(|bundle| {
            bundle["entry"][0]["resource"]["identifier"] = json!([{ "system": CANARY, "value": CANARY }])
        }),
        Box::new(|bundle| bundle["entry"][0]["resource"]["identifier"][0]["value"] = json!({ "x": CANARY })),
        Box::new(|bundle| {
            bundle["entry"][0]["request"]["url"] = json!("Observation");
            bundle["entry"][0]["resource"] = json!({
                "resourceType": "Observation", "status": CANARY, "subject": { "reference": format!("Patient/{CANARY}") },
                "identifier": [{ "system": SYSTEMS[2], "value": CANARY }],
                "code": { "text": CANARY }, "valueQuantity": { "value": CANARY },
                "effectiveDateTime": CANARY,
            });
        }),
    ];
    let token = world.record.token().await;
    for (index, change) in changes.iter().enumerate() {
        app.pass(Duration::seconds(1));
        let body = with(change.as_ref());
        let answer = world.record.system.push(&token, &body).await.unwrap();
        assert!(answer.status.as_u16() < 500, "{body}: {}", answer.body);
        // A code that FHIR binds to nothing that is shown may be kept; what was refused must not come back.
        if answer.status.as_u16() >= 400 {
            planted
                .absent_from(&format!("the refusal of change {index} of a bundle"), &answer.body.to_string());
        }
    }
    for text in [
        format!("{{\"resourceType\":\"{CANARY}"),
        format!("{{\"a\":\"{CANARY}\",\"a\":\"{CANARY}\"}}"),
        CANARY.to_owned(),
    ] {
        let answer = world.record.system.push_bytes(&token, text.clone().into_bytes()).await.unwrap();
        assert!(answer.status.is_client_error(), "{text}: {}", answer.body);
        planted.absent_from("the refusal of a broken bundle", &answer.body.to_string());
    }
    let bearer = format!("Bearer {token}");
    for path in [
        format!("/fhir/R4/Patient/{CANARY}"),
        format!("/fhir/R4/{CANARY}/1"),
        format!("/fhir/R4/Patient?name={CANARY}"),
    ] {
        app.pass(Duration::seconds(1));
        let read = Call::new(Method::GET, &world.here.portal, &path).with("authorization", &bearer);
        let answer = app.wire().send(&read).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.text());
        planted.absent_from(&path.replace(CANARY, "*"), &whole(&answer));
    }
    let scope_asked = world.record.system.assertion(&world.record.id).unwrap();
    let assertions = [
        ("client_credentials", scope_asked.as_str(), CANARY),
        (CANARY, "a.b.c", "system/*.cruds"),
        ("client_credentials", CANARY, "system/*.cruds"),
    ];
    for (grant, assertion, scope) in assertions {
        let form = format!(
            "grant_type={grant}&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
             &client_assertion={assertion}&scope={scope}&{CANARY}={CANARY}"
        );
        let ask = Call::new(Method::POST, &world.here.portal, "/oauth/token")
            .bytes("application/x-www-form-urlencoded", form.into_bytes());
        let answer = app.wire().send(&ask).await;
        assert!((400..500).contains(&answer.status), "{grant}: {}", answer.text());
        planted.absent_from("/oauth/token", &whole(&answer));
    }
}

async fn operators_routes_repeat_nothing(app: &TestApp, planted: &Planted) {
    let bearer = format!("Bearer {}", app.operator_token);
    let valid = json!({
        "slug": "newclinic", "name": "New Clinic", "region": "us-east-1", "time_zone": "America/New_York",
        "default_locale": "en", "contact": { "name": "Connie", "email": "connie@new.example" },
    });
    let mut tries = vec![
        Call::new(Method::GET, ADMIN_ORIGIN, &format!("/v1/tenants/{CANARY}")).with("authorization", &bearer),
        Call::new(Method::GET, ADMIN_ORIGIN, &format!("/v1/tenants?cursor={CANARY}&limit={CANARY}"))
            .with("authorization", &bearer),
        Call::new(Method::GET, ADMIN_ORIGIN, "/v1/tenants")
            .with("authorization", &format!("Bearer {CANARY}")),
        Call::new(Method::GET, ADMIN_ORIGIN, "/v1/tenants").with("cookie", CANARY),
    ];
    for field in valid.as_object().unwrap().keys().filter(|field| *field != "name") {
        for value in unfit() {
            let mut body = valid.clone();
            body[field] = value;
            let ask = Call::new(Method::POST, ADMIN_ORIGIN, "/v1/tenants").with("authorization", &bearer);
            tries.push(ask.with("idempotency-key", &format!("{CANARY}-{}", tries.len())).json(&body));
        }
    }
    for attempt in tries {
        app.pass(Duration::seconds(1));
        let answer = app.admin_wire().send(&attempt).await;
        assert!((400..500).contains(&answer.status), "{attempt:?}: {} {}", answer.status, answer.text());
        planted.absent_from("the operators' API", &whole(&answer));
    }
}
