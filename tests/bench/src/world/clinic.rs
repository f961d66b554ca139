//! A clinic, made by the calls that operators, the owner, staff, patients and the record system make.

use std::{net::SocketAddr, sync::Arc};

use cloister_kernel::Environment;
use cloister_platform::demo::{
    admin::{OperatorApi, OperatorsServer},
    browser::{ActivationProof, Authenticator, Browser, token_in},
    record_system::RecordSystem,
};
use cloister_testkit::app::{PatientFile, SYSTEMS, practitioner_reference};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::{Programs, Services, bundles, real_bundles};
use crate::load::{Account, Chart, SignIns, request};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery staple 71";
const SESSION_COOKIE: &str = "__Host-cloister";
const OPERATOR: &str = "operator@cloister.example";
const SCOPES: [&str; 5] = ["tenants:read", "tenants:write", "tenants:activate", "baa:write", "owners:invite"];

/// A patient who is signed in and reads.
pub struct Reader {
    /// The Cookie header.
    pub cookie: String,
    /// Some of their results.
    pub results: Vec<String>,
}

/// The clinic and its people.
pub struct Clinic {
    /// The tenant.
    pub id: String,
    /// The Host header of its portal.
    pub host: String,
    /// The portal's origin.
    pub origin: String,
    /// Patients who are signed in.
    pub readers: Vec<Reader>,
    /// Patients who can sign in.
    pub accounts: Vec<Account>,
    /// The chart of a patient with a real record, where the data is there.
    pub chart: Option<Arc<Chart>>,
    /// How many results it has.
    pub chart_results: u64,
    /// The record number of the last patient.
    pub record_number: String,
    /// A clinician with everybody on the panel.
    pub clinician: Browser,
    /// The clinician's app.
    pub clinician_authenticator: Authenticator,
    /// The record system.
    pub record: RecordSystem,
    /// Its id.
    pub client: String,
    _admin: OperatorsServer,
}

struct Founding<'s> {
    services: &'s Services,
    address: SocketAddr,
    environment: Environment,
    console: String,
    portal: String,
}

impl Clinic {
    /// Founds it with so many patients who have accounts, and with those of the real data.
    pub async fn found(services: &Services, programs: &Programs, accounts: usize) -> Self {
        let file = |number| bundles::patient(number, "P1");
        Self::found_with(services, programs.address, accounts, &file, &real_bundles()).await
    }

    /// Founds it with so many patients, whose records are these.
    pub async fn found_with(
        services: &Services,
        address: SocketAddr,
        accounts: usize,
        file: &dyn Fn(usize) -> PatientFile,
        real: &[Value],
    ) -> Self {
        let port = address.port();
        let founding = Founding {
            services,
            address,
            environment: Environment::system(),
            console: format!("http://bench-staff.localhost:{port}"),
            portal: format!("http://bench.localhost:{port}"),
        };
        founding.found(accounts, file, real).await
    }

    /// An access token of the record system that holds now.
    pub async fn token(&self) -> String {
        self.record.access_token(&self.client, "system/*.cruds").await.expect("a token")
    }
}

impl Founding<'_> {
    async fn found(self, accounts: usize, file: &dyn Fn(usize) -> PatientFile, real: &[Value]) -> Clinic {
        let (admin, operators) = self.operators().await;
        let id = self.tenant(&operators).await;
        let (mut owner, mut authenticator) = self.owner(&operators, &id).await;
        activate(&operators, &id).await;
        let code = authenticator.code(self.environment.now()).expect("a fresh code");
        owner.step_up(&code).await.expect("stepping up");
        let (record, client) = self.record_system(&mut owner).await;
        let token = record.access_token(&client, "system/*.cruds").await.expect("a token");
        push(&record, &token, &PatientFile::practitioners(&["P1"])).await;
        let (clinician, clinician_authenticator, clinician_id) = self.clinician(&mut owner).await;

        let mut clinic = Clinic {
            id,
            host: self.portal.trim_start_matches("http://").to_owned(),
            origin: self.portal.clone(),
            readers: Vec::new(),
            accounts: Vec::new(),
            chart: None,
            chart_results: 0,
            record_number: String::new(),
            clinician,
            clinician_authenticator,
            record,
            client,
            _admin: admin,
        };
        for number in 0..accounts {
            let file = file(number);
            let answer = push(&clinic.record, &token, &file.bundle()).await;
            let patient = self.patient_of(&answer);
            let (browser, authenticator) =
                self.patient(&mut clinic.clinician, &patient, number, &file.birth_date).await;
            clinic.add_reader(browser, authenticator, &file, number).await;
        }
        for bundle in real {
            let answer = push(&clinic.record, &token, bundle).await;
            if birth_date(bundle) == Some("1972-07-30") {
                let patient = self.patient_of(&answer);
                let path = format!("/api/v1/patients/{patient}/panel-members/{clinician_id}");
                owner.call(Method::PUT, &path, None).await.unwrap().ok("assigning a patient").unwrap();
                let (mut browser, _) =
                    self.patient(&mut clinic.clinician, &patient, accounts, "1972-07-30").await;
                let record = browser.get("/api/v1/record").await.unwrap().ok("the record").unwrap();
                clinic.chart_results = record["counts"]["results"].as_u64().expect("a count");
                clinic.chart = Some(Arc::new(Chart { host: clinic.host.clone(), cookie: cookie(&browser) }));
            }
        }
        clinic
    }

    async fn operators(&self) -> (OperatorsServer, OperatorApi) {
        let (program, address, origin, log) = Programs::admin(self.services);
        program
            .run(&["operator", "create", "--name", "Operator", "--email", OPERATOR])
            .await
            .expect("an operator");
        let mut arguments = vec!["token", "issue", "--operator", OPERATOR, "--ttl", "12h"];
        for scope in SCOPES {
            arguments.extend(["--scope", scope]);
        }
        let issued = program.run(&arguments).await.expect("a token");
        let token = issued["token"].as_str().expect("a token").to_owned();
        let server = program.serve(&log).expect("cloister-admin serve");
        for _ in 0..600 {
            if cloister_testkit::accepts_connections(address.port()) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        (server, OperatorApi::new(&origin, address, token).expect("a client"))
    }

    async fn tenant(&self, operators: &OperatorApi) -> String {
        let id = create_tenant(operators, "bench").await;
        let today = self.environment.now().date();
        let agreement = json!({
            "signed_on": today.to_string(), "expires_on": (today + Duration::days(365)).to_string(),
            "counterparty": "Connie Contact", "document_reference": "BAA-bench",
        });
        let path = format!("/v1/tenants/{id}/baa");
        operators.call(Method::PUT, &path, Some(&agreement), None).await.unwrap().ok("agreement").unwrap();
        id
    }

    async fn owner(&self, operators: &OperatorApi, id: &str) -> (Browser, Authenticator) {
        let request = json!({ "email": "owner@bench.example", "display_name": "Olive Owner" });
        let path = format!("/v1/tenants/{id}/owner-invitation");
        operators.call(Method::POST, &path, Some(&request), None).await.unwrap().ok("owner").unwrap();
        let mail =
            self.services.mailbox.wait_for_recipient("contact@bench.example").await.expect("a mail").text();
        let (_, code) = mail.split_once("this code: ").expect("a code");
        let code = code.split_whitespace().next().expect("a code").to_owned();
        self.activate(&self.console, "owner@bench.example", &code, None).await
    }

    async fn record_system(&self, owner: &mut Browser) -> (RecordSystem, String) {
        let record =
            RecordSystem::new(&self.portal, self.address, self.environment.clone()).expect("a client");
        let mut systems: Vec<&str> = SYSTEMS.to_vec();
        systems.push("https://github.com/synthetichealth/synthea");
        let request =
            json!({ "name": "Record system", "jwks": record.jwks().unwrap(), "identifier_systems": systems });
        let registered =
            owner.post("/api/v1/machine-clients", &request).await.unwrap().ok("registering").unwrap();
        (record, registered["id"].as_str().expect("an id").to_owned())
    }

    async fn clinician(&self, owner: &mut Browser) -> (Browser, Authenticator, String) {
        let email = "doctor@bench.example";
        let request = json!({
            "email": email, "display_name": "Doctor", "roles": ["clinician"],
            "practitioner_identifier": practitioner_reference("P1"),
        });
        let invited =
            owner.post("/api/v1/staff-invitations", &request).await.unwrap().ok("inviting").unwrap();
        let code = invited["clinic_code"].as_str().expect("a code").to_owned();
        let (mut browser, authenticator) = self.activate(&self.console, email, &code, None).await;
        let session = browser.look_at_session().await.expect("a session");
        (browser, authenticator, session["user"]["id"].as_str().expect("an id").to_owned())
    }

    async fn patient(
        &self,
        clinician: &mut Browser,
        patient: &str,
        number: usize,
        birth_date: &str,
    ) -> (Browser, Authenticator) {
        let email = email_of(number);
        let path = format!("/api/v1/patients/{patient}/invitations");
        let invited =
            clinician.post(&path, &json!({ "email": email })).await.unwrap().ok("inviting").unwrap();
        let code = invited["clinic_code"].as_str().expect("a code").to_owned();
        self.activate(&self.portal, &email, &code, Some(birth_date)).await
    }

    async fn activate(
        &self,
        origin: &str,
        email: &str,
        code: &str,
        birth_date: Option<&str>,
    ) -> (Browser, Authenticator) {
        let wanted = |mail: &cloister_testkit::Mail| {
            mail.to.iter().any(|to| to == email) && token_in(&mail.text()).is_some()
        };
        let limit = std::time::Duration::from_secs(20);
        let mail = self.services.mailbox.wait_for(limit, wanted).await.expect("a mail with a link").text();
        let mut browser = Browser::new(origin, self.address).expect("a client");
        let proof =
            ActivationProof { token: token_in(&mail).expect("a link"), clinic_code: code, birth_date };
        let activated = browser.activate(&proof, PASSWORD, self.environment.now()).await;
        let (authenticator, ..) = activated.expect("activating");
        (browser, authenticator)
    }

    /// Which patient the first resource of an answered bundle made or is of.
    fn patient_of(&self, answer: &Value) -> String {
        let location = answer["entry"][0]["response"]["location"].as_str().expect("a location");
        let id = location.split('/').nth(1).expect("Type/id");
        let sql = format!("SELECT patient_id FROM resources WHERE id = '{id}'");
        self.services.database.execute(&sql).expect("the patient").trim().to_owned()
    }
}

impl Clinic {
    async fn add_reader(
        &mut self,
        mut browser: Browser,
        authenticator: Authenticator,
        file: &PatientFile,
        number: usize,
    ) {
        // A few readers are enough, and their sessions stay awake because they read.
        if number < 20 {
            let page = browser.get("/api/v1/record/results?limit=10").await.unwrap().ok("results").unwrap();
            let items = page["items"].as_array().expect("items").iter();
            let results = items.map(|item| item["id"].as_str().expect("an id").to_owned()).collect();
            self.readers.push(Reader { cookie: cookie(&browser), results });
        }
        self.record_number = file.record_number.clone();
        self.accounts.push(Account { email: email_of(number), authenticator: authenticator.into() });
    }

    /// Sign-ins of everybody who has an account.
    pub fn sign_ins(&mut self) -> SignIns {
        SignIns {
            host: self.host.clone(),
            origin: self.origin.clone(),
            password: PASSWORD,
            accounts: std::mem::take(&mut self.accounts),
            environment: Environment::system(),
        }
    }

    /// Requests of every reader for a path.
    pub fn gets(&self, path: impl Fn(&Reader, usize) -> String) -> Vec<Vec<u8>> {
        let all = (0..10).flat_map(|turn| self.readers.iter().map(move |reader| (reader, turn)));
        all.map(|(reader, turn)| get(&self.host, &reader.cookie, &path(reader, turn))).collect()
    }
}

/// A GET from a signed-in page.
fn get(host: &str, cookie: &str, path: &str) -> Vec<u8> {
    request("GET", path, &[("host", host), ("cookie", cookie), ("sec-fetch-site", "same-origin")], b"")
}

fn cookie(browser: &Browser) -> String {
    format!("{SESSION_COOKIE}={}", browser.cookies().get(SESSION_COOKIE).expect("a session"))
}

fn email_of(number: usize) -> String {
    format!("patient-{number}@mail.example")
}

fn birth_date(bundle: &Value) -> Option<&str> {
    let patient =
        bundle["entry"].as_array()?.iter().find(|entry| entry["resource"]["resourceType"] == "Patient")?;
    patient["resource"]["birthDate"].as_str()
}

/// Creates a clinic that is not active yet; its id.
async fn create_tenant(operators: &OperatorApi, slug: &str) -> String {
    let request = json!({
        "slug": slug, "name": format!("Clinic {slug}"), "region": "us-east-1", "time_zone": "America/New_York",
        "default_locale": "en", "contact": { "name": "Connie Contact", "email": format!("contact@{slug}.example") },
    });
    let created = operators.call(Method::POST, "/v1/tenants", Some(&request), Some(slug)).await.unwrap();
    created.ok("creating a clinic").unwrap()["id"].as_str().expect("an id").to_owned()
}

async fn activate(operators: &OperatorApi, id: &str) {
    let path = format!("/v1/tenants/{id}/activate");
    // The worker has to learn of the owner first.
    for _ in 0..100 {
        let answer = operators.call(Method::POST, &path, None, None).await.unwrap();
        if answer.status.is_success() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the clinic cannot be activated");
}

async fn push(record: &RecordSystem, token: &str, bundle: &Value) -> Value {
    record.push(token, bundle).await.unwrap().ok("pushing a bundle").unwrap()
}
