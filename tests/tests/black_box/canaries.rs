//! Values that must stay sealed, planted in every place that takes them and looked for in every place that keeps or
//! shows something: logs, metrics, Redis, mails, links, refusals, the database and its files.

use std::collections::{BTreeSet, HashMap};

use cloister_edge::Measurements;
use cloister_testkit::app::{
    ADMIN_ORIGIN, Call, Clinic, KeptLog, Observed, PASSWORD, PatientFile, Person, SYSTEMS, Size, TestApp,
    WireAnswer, transaction,
};
use cloister_tests::World;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::{
    bad_bodies::Sources,
    matrix::{Aim, Who, call, ready, rows},
};

const AGENT: &str = "Planted-Agent/7.3 (Quillfeather OS)";
const WRONG_PASSWORD: &str = "planted wrong password Vexillology 9";
const UNKNOWN_EMAIL: &str = "unknown.planted@mail.example";

/// How much of a spelling is looked up at once.
const HEAD: usize = 6;

/// Spellings by their first bytes, each with the place of what it spells.
type Spellings = HashMap<[u8; HEAD], Vec<(usize, Vec<u8>)>>;

/// What was planted, each value in every spelling in which it could be kept by mistake.
#[derive(Default)]
struct Planted {
    names: Vec<String>,
    /// Found in any case.
    folded: Spellings,
    /// Found as they are.
    exact: Spellings,
}

const PLAIN: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The characters that these bytes have in base64 whatever stands around them, when `before` bytes stand before them.
fn base64(bytes: &[u8], before: usize, alphabet: &[u8; 64]) -> String {
    let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).collect();
    let bits: Vec<u8> = padded.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let sixes = bits.chunks_exact(6).map(|six| six.iter().fold(0, |sum, bit| sum << 1 | usize::from(*bit)));
    sixes.map(|six| char::from(alphabet[six])).skip((before * 8).div_ceil(6)).collect()
}

/// The bytes behind a text in one of the alphabets; none when it has other characters.
fn decoded(text: &str, alphabet: &[u8], width: u32) -> Option<Vec<u8>> {
    let places: Option<Vec<usize>> =
        text.bytes().map(|byte| alphabet.iter().position(|known| *known == byte)).collect();
    let bits: Vec<u8> = places?
        .into_iter()
        .flat_map(|place| (0..width).rev().map(move |bit| u8::from(place >> bit & 1 == 1)))
        .collect();
    Some(bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Planted {
    fn add(&mut self, what: &str, value: &str) {
        assert!(value.len() > HEAD, "{what} is too short to be looked for: {value}");
        let place = self.names.len();
        self.names.push(what.to_owned());
        let mut spell = |spelling: String, fold: bool| {
            let (spellings, spelling) =
                if fold { (&mut self.folded, spelling.to_lowercase()) } else { (&mut self.exact, spelling) };
            let head = *spelling.as_bytes().first_chunk().unwrap();
            spellings.entry(head).or_default().push((place, spelling.into_bytes()));
        };
        spell(value.to_owned(), true);
        spell(hexadecimal(value.as_bytes()), true);
        spell(value.replace('@', "%40").replace(' ', "%20"), true);
        spell(value.replace(' ', "+"), true);
        for before in 0..3 {
            for alphabet in [PLAIN, URL_SAFE] {
                spell(base64(value.as_bytes(), before, alphabet), false);
            }
        }
        // What tokens and secrets are when their text is taken apart.
        for (alphabet, width) in [(URL_SAFE.as_slice(), 6), (BASE32.as_slice(), 5)] {
            if let Some(bytes) = decoded(value, alphabet, width).filter(|bytes| bytes.len() >= 10) {
                spell(hexadecimal(&bytes), true);
                spell(base64(&bytes, 0, PLAIN), false);
            }
        }
    }

    /// What of it stands in a text.
    fn found_in(&self, text: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for (spellings, text) in
            [(&self.folded, text.to_lowercase().as_bytes()), (&self.exact, text.as_bytes())]
        {
            for start in 0..text.len().saturating_sub(HEAD - 1) {
                let head: &[u8; HEAD] = text[start..].first_chunk().unwrap();
                for (place, spelling) in spellings.get(head).into_iter().flatten() {
                    if text[start..].starts_with(spelling) {
                        found.insert(self.names[*place].as_str());
                    }
                }
            }
        }
        found
    }

    #[track_caller]
    fn absent_from(&self, place: &str, text: &str) {
        let found = self.found_in(text);
        if let Some(what) = found.first() {
            let line = text.lines().find(|line| self.found_in(line).contains(what)).unwrap_or_default();
            let line: String = line.chars().take(2000).collect();
            panic!("{found:?} in {place}: {line}");
        }
    }
}

/// A patient whose every value is known and stands nowhere else.
fn file() -> PatientFile {
    let observed = |number: &str, members: Value| Observed {
        number: format!("Order-Wintermute-{number}"),
        code: "98877-6".to_owned(),
        name: "Planted Xylotide assay".to_owned(),
        members,
        at: format!("2026-03-0{number}T08:00:00Z"),
    };
    let quantity = json!({
        "valueQuantity": { "value": 8173.46, "unit": "mg/dL" },
        "referenceRange": [{ "low": { "value": 6021.77, "unit": "mg/dL" }, "text": "planted range Marzipan" }],
        "note": [{ "text": "planted remark Obsidian" }],
    });
    PatientFile {
        record_number: "CNR-774411-Quux".to_owned(),
        given: "Zephyrine".to_owned(),
        family: "Quackenbush".to_owned(),
        birth_date: "1937-11-23".to_owned(),
        care_team: vec!["Kestrel-88".to_owned()],
        results: vec![
            observed("1", quantity),
            observed("2", json!({ "valueString": "planted value Halcyon" })),
        ],
    }
}

/// Plants the file with everything that a patient's resource can say beside it.
fn bundle(file: &PatientFile) -> Value {
    let mut resources = file.resources();
    let patient = &mut resources[0].1;
    patient["telecom"] = json!([
        { "system": "phone", "value": "+1-555-0142-8891" }, { "system": "email", "value": "zephyrine@planted.example" }
    ]);
    patient["address"] =
        json!([{ "line": ["17 Planted Lane"], "city": "Plantedville", "postalCode": "99501-7741" }]);
    patient["contact"] = json!([{ "name": { "family": "Plantedkin" } }]);
    transaction(resources)
}

fn practitioner() -> Value {
    let resource = json!({
        "resourceType": "Practitioner", "active": true,
        "identifier": [{ "system": SYSTEMS[1], "value": "Kestrel-88" }],
        "name": [{ "family": "Doctor Plantagenet", "given": ["Ignatia"] }],
    });
    transaction(vec![("urn:uuid:5f2f7cbe-3f07-4a1c-8f51-0cb1a0d7a201".to_owned(), resource)])
}

fn plant_file(planted: &mut Planted) {
    for (what, value) in [
        ("record number", "CNR-774411-Quux"),
        ("given name", "Zephyrine"),
        ("family name", "Quackenbush"),
        ("birth date", "1937-11-23"),
        ("practitioner number", "Kestrel-88"),
        ("practitioner name", "Plantagenet"),
        ("order number", "Order-Wintermute"),
        ("name of a test", "Xylotide"),
        ("value", "8173.46"),
        ("limit of a range", "6021.77"),
        ("text of a range", "Marzipan"),
        ("remark", "Obsidian"),
        ("value in words", "planted value Halcyon"),
        ("phone number", "555-0142-8891"),
        ("email in the record", "zephyrine@planted.example"),
        ("address", "Planted Lane"),
        ("city", "Plantedville"),
        ("postal code", "99501-7741"),
        ("contact", "Plantedkin"),
        ("name in quarantine", "Thistlewood"),
        ("birth date in quarantine", "1931-03-04"),
        ("password", PASSWORD),
        ("wrong password", WRONG_PASSWORD),
        ("unknown email", UNKNOWN_EMAIL),
        ("user agent", "Quillfeather OS"),
        ("referrer", "planted-referrer"),
        ("forwarded address", "203.0.113.77"),
    ] {
        planted.add(what, value);
    }
}

fn plant_person(planted: &mut Planted, who: &str, person: &Person) {
    planted.add(&format!("email of {who}"), &person.email);
    planted.add(&format!("TOTP secret of {who}"), &person.secret);
    for code in &person.recovery_codes {
        planted.add(&format!("recovery code of {who}"), code);
    }
    plant_cookies(planted, who, person);
}

fn plant_cookies(planted: &mut Planted, who: &str, person: &Person) {
    for (name, value) in person.browser.cookies() {
        planted.add(&format!("{name} of {who}"), value);
    }
    if let Some(token) = person.browser.csrf_token() {
        planted.add(&format!("CSRF token of {who}"), token);
    }
}

/// Signs somebody in by requests that carry a user agent and other headers that name a person.
async fn sign_in_with_headers(app: &TestApp, clinic: &Clinic, person: &mut Person, planted: &mut Planted) {
    let mut browser = app.browser(&clinic.portal);
    browser.open("/sign-in").await.unwrap();
    browser.look_at_session().await.unwrap();
    for (name, value) in browser.cookies() {
        planted.add(&format!("flow {name}"), value);
    }
    let offer = |path: &str, body: Value| {
        Call::new(Method::POST, &clinic.portal, path)
            .as_page_of(&browser)
            .with("user-agent", AGENT)
            .with("referer", "https://planted-referrer.example/Quackenbush")
            .with("x-forwarded-for", "203.0.113.77")
            .with("forwarded", "for=203.0.113.77")
            .json(&body)
    };
    let wire = app.wire();
    let path = "/api/v1/sign-in/password";
    for (email, password) in [(person.email.as_str(), WRONG_PASSWORD), (UNKNOWN_EMAIL, PASSWORD)] {
        let refused = wire.send(&offer(path, json!({ "email": email, "password": password }))).await;
        assert_eq!(refused.status, 401, "{}", refused.text());
        planted.absent_from("a refused password", &whole(&refused));
    }
    let accepted = wire.send(&offer(path, json!({ "email": person.email, "password": PASSWORD }))).await;
    assert_eq!(accepted.status, 200, "{}", accepted.text());
    let code = person.code(app);
    let opened = wire.send(&offer("/api/v1/sign-in/totp", json!({ "code": code }))).await;
    assert_eq!(opened.status, 200, "{}", opened.text());
    for cookie in opened.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().unwrap();
        let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
        if !value.is_empty() {
            planted.add(&format!("{name} of a session with headers"), value);
        }
    }
    let listed = person.browser.get("/api/v1/sessions").await.unwrap();
    listed.ok("sessions").unwrap();
}

fn whole(answer: &WireAnswer) -> String {
    let headers: Vec<String> =
        answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    format!("{}\n{}", headers.join("\n"), answer.text())
}

/// What stands in the database's files, byte for byte: rows that were deleted too.
fn files_of(app: &TestApp) -> Option<String> {
    let url = app.database.url_for("serve");
    let file = url.strip_prefix("sqlite://")?.split('?').next()?.to_owned();
    let folder = std::path::Path::new(&file).parent()?;
    let all = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    Some(all.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_value_of_a_sealed_field_stands_in_logs_metrics_redis_mails_links_or_the_database() {
    let log = KeptLog::start();
    let measurements = Measurements::start().unwrap();
    let app = TestApp::start().await;
    let mut planted = Planted::default();
    plant_file(&mut planted);
    let mut clinic = app.clinic("canaryclinic").await;
    planted.add("name of the contact", "Connie Contact");
    planted.add("email of the contact", "contact@canaryclinic.example");
    planted.add("name of the owner", "Olive Owner");
    planted.add("operator's name", "Test Operator");
    planted.add("operator's email", "operator@cloister.example");
    planted.add("operator's token", &app.operator_token);
    plant_person(&mut planted, "the owner", &clinic.owner);

    let record = clinic.record_client(&app).await;
    plant_cookies(&mut planted, "the owner after stepping up", &clinic.owner);
    let assertion = record.system.assertion(&record.id).unwrap();
    let given = record.system.ask_for_token(&assertion, "system/*.cruds").await.unwrap();
    let token = given.body["access_token"].as_str().unwrap().to_owned();
    planted.add("assertion", &assertion);
    planted.add("access token", &token);
    let file = file();
    let taken_practitioner = record.push(&practitioner()).await;
    let taken = record.push(&bundle(&file)).await;
    let again = record.push(&bundle(&file)).await;

    let mut clinician =
        clinic.staff(&app, "kestrel@canaryclinic.example", "clinician", Some("Kestrel-88")).await;
    planted.add("name of staff", "Staff kestrel@");
    plant_person(&mut planted, "the clinician", &clinician);
    let mut patient = clinic.patient(&app, &mut clinician, &file).await;
    plant_person(&mut planted, "the patient", &patient);

    let clash = PatientFile {
        birth_date: "1931-03-04".to_owned(),
        family: "Thistlewood".to_owned(),
        results: Vec::new(),
        ..file.clone()
    };
    let clashed = record.push(&clash.bundle()).await;
    let waiting = clinician.browser.get("/api/v1/quarantine").await.unwrap().ok("quarantine").unwrap();
    assert_eq!(waiting["items"].as_array().map(Vec::len), Some(1), "{waiting}");

    // Invitations that wait, to addresses that must stay sealed, and their codes.
    let invited = json!({ "email": "waiting.planted@staff.example", "display_name": "Wilhelmina Waiting", "roles": ["admin"] });
    clinic.owner.step_up(&app).await;
    let invited = clinic.owner.browser.post("/api/v1/staff-invitations", &invited).await.unwrap();
    let staff_code = invited.ok("inviting staff").unwrap()["clinic_code"].as_str().unwrap().to_owned();
    planted.add("invited email", "waiting.planted@staff.example");
    planted.add("invited name", "Wilhelmina Waiting");
    planted.add("clinic code", &staff_code);
    app.work().await;
    let mail = app.mail.newest_to("waiting.planted@staff.example").unwrap();
    let invitation = cloister_platform::demo::browser::token_in(&mail.text).unwrap().to_owned();

    sign_in_with_headers(&app, &clinic, &mut patient, &mut planted).await;
    app.pass(Duration::minutes(1));
    let chart = format!("/api/v1/patients/{}", patient.patient.unwrap());
    for path in [
        chart.clone(),
        format!("{chart}/results"),
        format!("{chart}/invitations"),
        "/api/v1/panel".to_owned(),
    ] {
        clinician.browser.get(&path).await.unwrap().ok("a clinician's page").unwrap();
    }
    let results = patient.browser.get("/api/v1/record/results?limit=1").await.unwrap().ok("results").unwrap();
    assert!(
        results.to_string().contains("planted value Halcyon"),
        "the patient reads what was planted: {results}"
    );
    let cursor = results["next_cursor"].as_str().unwrap();
    let page = patient.browser.get(&format!("/api/v1/record/results?limit=1&cursor={cursor}")).await.unwrap();
    let page = page.ok("the next page").unwrap();
    assert!(page.to_string().contains("8173.46"), "{page}");
    patient.step_up(&app).await;
    plant_cookies(&mut planted, "the patient after stepping up", &patient);
    let used = patient.recovery_codes[0].clone();
    app.pass(Duration::minutes(20));
    let mut browser = app.browser(&clinic.portal);
    browser.open("/sign-in").await.unwrap();
    let offered = json!({ "email": patient.email, "password": PASSWORD });
    browser.post("/api/v1/sign-in/password", &offered).await.unwrap().ok("the password").unwrap();
    browser
        .post("/api/v1/sign-in/recovery-code", &json!({ "code": used }))
        .await
        .unwrap()
        .ok("a code")
        .unwrap();
    browser.call(Method::DELETE, "/api/v1/session", None).await.unwrap();
    app.work().await;

    // Links: what record systems and pages are given to follow.
    for (place, answer) in [
        ("a bundle's answer", &taken),
        ("a bundle's answer", &taken_practitioner),
        ("a repeated bundle's answer", &again),
        ("a quarantined bundle's answer", &clashed),
    ] {
        planted.absent_from(place, &answer.to_string());
    }
    let readable = decoded(cursor, URL_SAFE, 6).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    planted.absent_from("a cursor", &format!("{cursor}\n{}", readable.unwrap_or_default()));

    // Mails: to the address, with the link, and for a clinic's contact with the owner's code.
    let mails = app.mail.all();
    assert!(mails.len() >= 5, "{}", mails.len());
    for mail in mails {
        let words = mail
            .text
            .lines()
            .filter(|line| !line.contains("/activate#token="))
            .collect::<Vec<_>>()
            .join("\n");
        planted.absent_from("a mail", &format!("{}\n{words}", mail.subject));
        for link in mail.text.split_whitespace().filter(|word| word.contains("://")) {
            let (before, _) = link.split_once('#').unwrap_or((link, ""));
            planted.absent_from("a link before its fragment", before);
            assert!(!before.contains('?'), "{link}");
        }
    }

    // From here on links' tokens count as well: nothing else may hold them.
    planted.add("token of a link", &invitation);
    let kept = app.database.dump().await;
    assert!(kept.len() > 100, "{}", kept.len());
    for (table, row) in kept {
        planted.absent_from(&format!("table {table}"), &row);
    }
    match files_of(&app) {
        Some(files) => planted.absent_from("the database's files", &files),
        None => assert_eq!(app.size, Size::Production),
    }
    let redis = app.redis_dump();
    assert_eq!(redis.is_empty(), app.size == Size::Embedded);
    for entry in redis {
        planted.absent_from("Redis", &entry);
    }

    // Logs and metrics name no patient either.
    planted.add("the patient's id", &patient.patient.unwrap().to_string());
    planted.add("the patient's account", &patient.id.to_string());
    let logged = log.text();
    assert!(logged.contains("/api/v1/record/results"), "requests are logged by their routes");
    planted.absent_from("the log", &logged);
    let measured = measurements.render();
    assert!(measured.contains("http_requests_total"), "{measured}");
    planted.absent_from("the metrics", &measured);
}

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

#[test]
fn values_are_found_in_every_spelling() {
    let mut planted = Planted::default();
    planted.add("name", "Quackenbush");
    planted.add("secret", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    for text in [
        "x quackenbush y".to_owned(),
        hexadecimal(b"..Quackenbush..").to_uppercase(),
        base64(b"Dear Quackenbush, ", 0, PLAIN),
        base64(b"Dr Quackenbush, ", 0, URL_SAFE),
        base64(b"Mr. Quackenbush, ", 0, PLAIN),
    ] {
        assert_eq!(planted.found_in(&text), BTreeSet::from(["name"]), "{text}");
    }
    assert_eq!(planted.found_in(&hexadecimal(b"12345678901234567890")), BTreeSet::from(["secret"]));
    assert!(planted.found_in("Quacken bush").is_empty());
}
