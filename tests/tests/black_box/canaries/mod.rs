//! Values that must stay sealed, planted in every place that takes them and looked for in every place that keeps or
//! shows something: logs, metrics, Redis, mails, links, refusals, the database and its files.

mod planting;
mod refusals;
mod search;

use cloister_edge::Measurements;
use cloister_platform::demo::browser::token_in;
use cloister_testkit::app::{Clinic, KeptLog, PASSWORD, PatientFile, Person, RecordClient, Size, TestApp};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use planting::{bundle, file, plant_cookies, plant_file, plant_person, practitioner, sign_in_with_headers};
use search::{Planted, files_of, readable};

const INVITED: &str = "waiting.planted@staff.example";

/// A clinic in which every value is planted, and what it gave away on the way.
struct Story {
    clinic: Clinic,
    clinician: Person,
    patient: Person,
    /// Answers to record systems.
    answers: Vec<(&'static str, Value)>,
    /// The token in the link of an invitation that waits.
    invitation: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_value_of_a_sealed_field_stands_in_logs_metrics_redis_mails_links_or_the_database() {
    let log = KeptLog::start();
    let measurements = Measurements::start().unwrap();
    let app = TestApp::start().await;
    let mut planted = Planted::default();
    plant_file(&mut planted);
    let mut story = Story::tell(&app, &mut planted).await;
    sign_in_with_headers(&app, &story.clinic, &mut story.patient, &mut planted).await;
    app.pass(Duration::minutes(1));
    story.clinician_reads().await;
    let cursor = story.patient_reads().await;
    story.patient.step_up(&app).await;
    plant_cookies(&mut planted, "the patient after stepping up", &story.patient);
    story.patient_uses_a_recovery_code(&app).await;
    app.work().await;

    // Links: what record systems and pages are given to follow.
    for (place, answer) in &story.answers {
        planted.absent_from(place, &answer.to_string());
    }
    planted.absent_from("a cursor", &format!("{cursor}\n{}", readable(&cursor)));
    mails_hold_no_more_than_their_link(&app, &planted);
    // From here on links' tokens count as well: nothing else may hold them.
    planted.add("token of a link", &story.invitation);
    nothing_is_kept_in_clear(&app, &planted).await;

    // Logs and metrics name no patient either.
    planted.add("the patient's id", &story.patient.patient.unwrap().to_string());
    planted.add("the patient's account", &story.patient.id.to_string());
    let logged = log.text();
    assert!(logged.contains("/api/v1/record/results"), "requests are logged by their routes");
    planted.absent_from("the log", &logged);
    let measured = measurements.render();
    assert!(measured.contains("http_requests_total"), "{measured}");
    planted.absent_from("the metrics", &measured);
}

impl Story {
    /// From the clinic's opening to a patient with results, a quarantined bundle and an invitation that waits.
    async fn tell(app: &TestApp, planted: &mut Planted) -> Self {
        let mut clinic = app.clinic("canaryclinic").await;
        planted.add("name of the contact", "Connie Contact");
        planted.add("email of the contact", "contact@canaryclinic.example");
        planted.add("name of the owner", "Olive Owner");
        planted.add("operator's name", "Test Operator");
        planted.add("operator's email", "operator@cloister.example");
        planted.add("operator's token", &app.operator_token);
        plant_person(planted, "the owner", &clinic.owner);
        let record = clinic.record_client(app).await;
        plant_cookies(planted, "the owner after stepping up", &clinic.owner);
        plant_tokens(&record, planted).await;

        let file = file();
        let mut answers = vec![
            ("a bundle's answer", record.push(&practitioner()).await),
            ("a bundle's answer", record.push(&bundle(&file)).await),
            ("a repeated bundle's answer", record.push(&bundle(&file)).await),
        ];
        let mut clinician =
            clinic.staff(app, "kestrel@canaryclinic.example", "clinician", Some("Kestrel-88")).await;
        planted.add("name of staff", "Staff kestrel@");
        plant_person(planted, "the clinician", &clinician);
        let patient = clinic.patient(app, &mut clinician, &file).await;
        plant_person(planted, "the patient", &patient);

        let clash = PatientFile {
            birth_date: "1931-03-04".to_owned(),
            family: "Thistlewood".to_owned(),
            results: Vec::new(),
            ..file
        };
        answers.push(("a quarantined bundle's answer", record.push(&clash.bundle()).await));
        let waiting = clinician.browser.get("/api/v1/quarantine").await.unwrap().ok("quarantine").unwrap();
        assert_eq!(waiting["items"].as_array().map(Vec::len), Some(1), "{waiting}");
        let invitation = plant_invitation(app, &mut clinic, planted).await;
        Self { clinic, clinician, patient, answers, invitation }
    }

    async fn clinician_reads(&mut self) {
        let chart = format!("/api/v1/patients/{}", self.patient.patient.unwrap());
        for path in [
            chart.clone(),
            format!("{chart}/results"),
            format!("{chart}/invitations"),
            "/api/v1/panel".to_owned(),
        ] {
            self.clinician.browser.get(&path).await.unwrap().ok("a clinician's page").unwrap();
        }
    }

    /// The patient reads what was planted; gives the cursor between the two pages.
    async fn patient_reads(&mut self) -> String {
        let browser = &mut self.patient.browser;
        let first = browser.get("/api/v1/record/results?limit=1").await.unwrap().ok("results").unwrap();
        assert!(first.to_string().contains("planted value Halcyon"), "{first}");
        let cursor = first["next_cursor"].as_str().unwrap().to_owned();
        let next = browser.get(&format!("/api/v1/record/results?limit=1&cursor={cursor}")).await.unwrap();
        let next = next.ok("the next page").unwrap();
        assert!(next.to_string().contains("8173.46"), "{next}");
        cursor
    }

    async fn patient_uses_a_recovery_code(&self, app: &TestApp) {
        app.pass(Duration::minutes(20));
        let mut browser = app.browser(&self.clinic.portal);
        browser.open("/sign-in").await.unwrap();
        let offered = json!({ "email": self.patient.email, "password": PASSWORD });
        browser.post("/api/v1/sign-in/password", &offered).await.unwrap().ok("the password").unwrap();
        let code = json!({ "code": self.patient.recovery_codes[0] });
        browser.post("/api/v1/sign-in/recovery-code", &code).await.unwrap().ok("a code").unwrap();
        browser.call(Method::DELETE, "/api/v1/session", None).await.unwrap();
    }
}

async fn plant_tokens(record: &RecordClient, planted: &mut Planted) {
    let assertion = record.system.assertion(&record.id).unwrap();
    let given = record.system.ask_for_token(&assertion, "system/*.cruds").await.unwrap();
    planted.add("assertion", &assertion);
    planted.add("access token", given.body["access_token"].as_str().unwrap());
}

/// An invitation that waits, to an address that must stay sealed; gives the token of its link.
async fn plant_invitation(app: &TestApp, clinic: &mut Clinic, planted: &mut Planted) -> String {
    let request = json!({ "email": INVITED, "display_name": "Wilhelmina Waiting", "roles": ["admin"] });
    clinic.owner.step_up(app).await;
    let invited = clinic.owner.browser.post("/api/v1/staff-invitations", &request).await.unwrap();
    let code = invited.ok("inviting staff").unwrap()["clinic_code"].as_str().unwrap().to_owned();
    planted.add("invited email", INVITED);
    planted.add("invited name", "Wilhelmina Waiting");
    planted.add("clinic code", &code);
    app.work().await;
    token_in(&app.mail.newest_to(INVITED).unwrap().text).unwrap().to_owned()
}

/// Mails go to the address, with the link, and for a clinic's contact with the owner's code.
fn mails_hold_no_more_than_their_link(app: &TestApp, planted: &Planted) {
    let mails = app.mail.all();
    assert!(mails.len() >= 5, "{}", mails.len());
    for mail in mails {
        let words: Vec<&str> = mail.text.lines().filter(|line| !line.contains("/activate#token=")).collect();
        planted.absent_from("a mail", &format!("{}\n{}", mail.subject, words.join("\n")));
        for link in mail.text.split_whitespace().filter(|word| word.contains("://")) {
            let (before, _) = link.split_once('#').unwrap_or((link, ""));
            planted.absent_from("a link before its fragment", before);
            assert!(!before.contains('?'), "{link}");
        }
    }
}

async fn nothing_is_kept_in_clear(app: &TestApp, planted: &Planted) {
    let kept = app.database.dump().await;
    assert!(kept.len() > 100, "{}", kept.len());
    for (table, row) in kept {
        planted.absent_from(&format!("table {table}"), &row);
    }
    match files_of(app) {
        Some(files) => planted.absent_from("the database's files", &files),
        None => assert_eq!(app.size, Size::Production),
    }
    let redis = app.redis_dump();
    assert_eq!(redis.is_empty(), app.size == Size::Embedded);
    for entry in redis {
        planted.absent_from("Redis", &entry);
    }
}
