//! Clinics and their people, made by the calls that operators, owners, staff and patients make.

use cloister_kernel::TenantId;
use cloister_platform::demo::{
    browser::{ActivationProof, Authenticator, Browser, token_in},
    record_system::RecordSystem,
};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use super::{Call, PatientFile, SYSTEMS, TestApp, Wire, practitioner_reference};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery staple 71";

/// Somebody with an account and a browser in which they are signed in.
pub struct Person {
    /// The address.
    pub email: String,
    /// The TOTP secret as it was shown.
    pub secret: String,
    /// The app on the phone.
    pub authenticator: Authenticator,
    /// Recovery codes that were not used.
    pub recovery_codes: Vec<String>,
    /// The window in which they are signed in.
    pub browser: Browser,
    /// The account's id.
    pub id: Uuid,
    /// Which record is theirs, of patients.
    pub patient: Option<Uuid>,
}

/// A registered record system with its key.
pub struct RecordClient {
    /// The system.
    pub system: RecordSystem,
    /// Its id.
    pub id: String,
}

/// An active clinic.
pub struct Clinic {
    /// Its id.
    pub id: TenantId,
    /// Its slug.
    pub slug: String,
    /// The patients' portal.
    pub portal: String,
    /// The staff console.
    pub console: String,
    /// The owner, an administrator.
    pub owner: Person,
}

impl Person {
    /// A code that was not offered before; waits for the next when there is none.
    pub fn code(&mut self, app: &TestApp) -> String {
        loop {
            if let Some(code) = self.authenticator.code(app.environment.now()) {
                return code;
            }
            app.pass(Duration::seconds(30));
        }
    }

    /// A code that holds at no time near now.
    pub fn wrong_code(&self, app: &TestApp) -> String {
        let secret = cloister_identity::TotpSecret::from_base32(&self.secret).unwrap();
        let near: Vec<String> = (-3..=3)
            .filter_map(|step| secret.code_at(app.environment.now() + Duration::seconds(30 * step)))
            .collect();
        (0..).map(|number| format!("{number:06}")).find(|code| !near.contains(code)).unwrap()
    }

    /// Signs in again, in a fresh browser at the same site.
    pub async fn sign_in(&mut self, app: &TestApp) {
        let code = self.code(app);
        self.browser = app.browser(self.browser.origin());
        self.browser.sign_in(&self.email.clone(), PASSWORD, &code).await.unwrap();
    }

    /// Gives a fresh factor.
    pub async fn step_up(&mut self, app: &TestApp) {
        let code = self.code(app);
        self.browser.step_up(&code).await.unwrap();
    }

    /// A call from this person's page.
    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(method, self.browser.origin(), path).as_page_of(&self.browser)
    }
}

impl TestApp {
    /// A fresh browser at a site, from a source of its own.
    pub fn browser(&self, origin: &str) -> Browser {
        Browser::from_source(origin, self.address, Some(self.new_source())).unwrap()
    }

    /// Creates a clinic: tenant and agreement by an operator, the owner by invitation, then it is activated.
    pub async fn clinic(&self, slug: &str) -> Clinic {
        let (id, owner) = self.clinic_until_activation(slug).await;
        let path = format!("/v1/tenants/{id}/activate");
        self.operators().call(Method::POST, &path, None, None).await.unwrap().ok("activating").unwrap();
        let id = TenantId::from_uuid(id);
        let (portal, console) = self.origins(slug);
        Clinic { id, slug: slug.to_owned(), portal, console, owner }
    }

    /// The two origins of a clinic.
    pub fn origins(&self, slug: &str) -> (String, String) {
        let port = self.address.port();
        (format!("http://{slug}.localhost:{port}"), format!("http://{slug}-staff.localhost:{port}"))
    }

    /// The same, up to its activation: the id, and the owner, who has an account.
    pub async fn clinic_until_activation(&self, slug: &str) -> (Uuid, Person) {
        let operators = self.operators();
        let contact = format!("contact@{slug}.example");
        let request = json!({
            "slug": slug, "name": format!("Clinic {slug}"), "region": "us-east-1",
            "time_zone": "America/New_York", "default_locale": "en",
            "contact": { "name": "Connie Contact", "email": contact },
        });
        let created = operators.call(Method::POST, "/v1/tenants", Some(&request), Some(slug)).await.unwrap();
        let id = Uuid::parse_str(created.ok("creating").unwrap()["id"].as_str().unwrap()).unwrap();
        let today = self.environment.now().date();
        let agreement = json!({
            "signed_on": today.to_string(), "expires_on": (today + Duration::days(365)).to_string(),
            "counterparty": "Connie Contact", "document_reference": format!("BAA-{slug}"),
        });
        let path = format!("/v1/tenants/{id}/baa");
        operators.call(Method::PUT, &path, Some(&agreement), None).await.unwrap().ok("agreement").unwrap();
        let email = format!("owner@{slug}.example");
        let request = json!({ "email": email, "display_name": "Olive Owner" });
        let path = format!("/v1/tenants/{id}/owner-invitation");
        operators.call(Method::POST, &path, Some(&request), None).await.unwrap().ok("owner").unwrap();
        self.work().await;
        let code = self.mail.newest_to(&contact).expect("the contact gets the code").text;
        let code = code.split_once("this code: ").unwrap().1.split_whitespace().next().unwrap().to_owned();
        let (_, console) = self.origins(slug);
        let owner = self.activate(&console, &email, &code, None).await;
        self.work().await;
        (id, owner)
    }

    /// Activates an account from the newest mail to the address.
    pub async fn activate(
        &self,
        origin: &str,
        email: &str,
        clinic_code: &str,
        birth_date: Option<&str>,
    ) -> Person {
        let mail = self.mail.newest_to(email).unwrap_or_else(|| panic!("no mail to {email}"));
        let token = token_in(&mail.text).expect("the mail holds a link");
        let mut browser = self.browser(origin);
        let proof = ActivationProof { token, clinic_code, birth_date };
        let (authenticator, secret, recovery_codes) =
            browser.activate(&proof, PASSWORD, self.environment.now()).await.unwrap();
        let session = browser.look_at_session().await.unwrap();
        let id = Uuid::parse_str(session["user"]["id"].as_str().unwrap()).unwrap();
        let email = email.to_owned();
        Person { email, secret, authenticator, recovery_codes, browser, id, patient: None }
    }
}

impl Clinic {
    /// Invites somebody to the console and activates their account.
    pub async fn staff(
        &mut self,
        app: &TestApp,
        email: &str,
        role: &str,
        practitioner: Option<&str>,
    ) -> Person {
        self.owner.step_up(app).await;
        let mut request =
            json!({ "email": email, "display_name": format!("Staff {email}"), "roles": [role] });
        if let Some(number) = practitioner {
            request["practitioner_identifier"] = json!(practitioner_reference(number));
        }
        let invited = self.owner.browser.post("/api/v1/staff-invitations", &request).await.unwrap();
        let code = invited.ok("inviting staff").unwrap()["clinic_code"].as_str().unwrap().to_owned();
        app.work().await;
        app.activate(&self.console, email, &code, None).await
    }

    /// Registers a record system under [`SYSTEMS`].
    pub async fn record_client(&mut self, app: &TestApp) -> RecordClient {
        self.record_client_with(app, &SYSTEMS).await
    }

    /// Registers a record system under these identifier systems.
    pub async fn record_client_with(&mut self, app: &TestApp, systems: &[&str]) -> RecordClient {
        self.owner.step_up(app).await;
        let system = RecordSystem::new(&self.portal, app.address, app.environment.clone()).unwrap();
        let request =
            json!({ "name": "Record system", "jwks": system.jwks().unwrap(), "identifier_systems": systems });
        let registered = self.owner.browser.post("/api/v1/machine-clients", &request).await.unwrap();
        let id = registered.ok("registering").unwrap()["id"].as_str().unwrap().to_owned();
        RecordClient { system, id }
    }

    /// Has a clinician invite a patient who is on the panel, and activates the patient's account.
    pub async fn patient(&self, app: &TestApp, clinician: &mut Person, file: &PatientFile) -> Person {
        let patient = find_on_panel(clinician, &file.family).await;
        let email = format!("{}@mail.example", file.record_number.to_lowercase());
        let path = format!("/api/v1/patients/{patient}/invitations");
        let invited = clinician.browser.post(&path, &json!({ "email": email })).await.unwrap();
        let code = invited.ok("inviting a patient").unwrap()["clinic_code"].as_str().unwrap().to_owned();
        app.work().await;
        let person = app.activate(&self.portal, &email, &code, Some(&file.birth_date)).await;
        Person { patient: Some(patient), ..person }
    }
}

/// The id of the patient with this family name on somebody's panel.
pub async fn find_on_panel(clinician: &mut Person, family: &str) -> Uuid {
    let page = clinician.browser.get("/api/v1/panel?limit=100").await.unwrap().ok("the panel").unwrap();
    let items = page["items"].as_array().unwrap();
    let ends = |item: &&Value| item["name"].as_str().is_some_and(|name| name.ends_with(family));
    let found = items.iter().find(ends).unwrap_or_else(|| panic!("{family} is not on the panel: {items:?}"));
    Uuid::parse_str(found["patient_id"].as_str().unwrap()).unwrap()
}

impl RecordClient {
    /// An access token that holds now.
    pub async fn token(&self) -> String {
        self.system.access_token(&self.id, "system/*.cruds").await.unwrap()
    }

    /// Pushes a bundle that must be taken in; gives the answer.
    pub async fn push(&self, bundle: &Value) -> Value {
        let token = self.token().await;
        let answer = self.system.push(&token, bundle).await.unwrap();
        assert!(answer.status.is_success(), "{}: {:#}", answer.status, answer.body);
        answer.body
    }

    /// A call to FHIR under a token.
    pub fn call(
        &self,
        app: &TestApp,
        clinic: &Clinic,
        method: Method,
        path: &str,
        token: &str,
    ) -> (Wire, Call) {
        let call = Call::new(method, &clinic.portal, path).with("authorization", &format!("Bearer {token}"));
        (app.wire(), call)
    }
}
