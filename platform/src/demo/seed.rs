//! Makes the demonstration's two clinics the way real ones are made: by an operator, an owner, staff, patients and a
//! record system, each through the calls that they would use.

use std::{net::SocketAddr, time::Duration};

use cloister_fhir::demonstration::{
    DemoClinic, DemoPatient, generate, patients, practitioner_system, practitioners, record_system,
    resource_system,
};
use cloister_kernel::{CLINIC_CODE_LENGTH, Environment, canonical_spoken_code};
use cloister_notify::MailDirectory;
use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    DemoError,
    admin::OperatorApi,
    browser::{ActivationProof, Authenticator, Browser, text, token_in},
    people::{PASSWORD, Person, SeededClinic},
    record_system::RecordSystem,
};

/// What a demonstration clinic is called and looks like.
struct ClinicPlan {
    slug: &'static str,
    name: &'static str,
    time_zone: &'static str,
    locale: &'static str,
    brand: &'static str,
    owner: &'static str,
    owner_email: &'static str,
    contact: &'static str,
    contact_email: &'static str,
}

const CLINICS: [ClinicPlan; 2] = [
    ClinicPlan {
        slug: "lakeside",
        name: "Lakeside Family Clinic",
        time_zone: "America/New_York",
        locale: "en",
        brand: "#0b5c6b",
        owner: "Helen Park",
        owner_email: "helen.park@lakeside.example",
        contact: "Omar Haddad",
        contact_email: "contact@lakeside.example",
    },
    ClinicPlan {
        slug: "riverside",
        name: "Clínica Riverside",
        time_zone: "America/Los_Angeles",
        locale: "es",
        brand: "#6b2f5c",
        owner: "Rosa Delgado",
        owner_email: "rosa.delgado@riverside.example",
        contact: "Ken Ito",
        contact_email: "contact@riverside.example",
    },
];

/// The same bundles at every start from nothing on the same day.
const SEED: u64 = 20_260_301;
/// How many patients of a clinic get an account.
const PATIENTS_WITH_ACCOUNTS: usize = 2;
/// How long the worker may take to do what is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

/// Where the seeding happens.
pub(super) struct Seeding {
    pub(super) port: u16,
    pub(super) address: SocketAddr,
    pub(super) operators: OperatorApi,
    pub(super) outbox: MailDirectory,
    pub(super) environment: Environment,
}

/// Somebody who just activated an account and is signed in.
struct SignedIn {
    browser: Browser,
    authenticator: Authenticator,
    person: Person,
}

impl Seeding {
    /// Makes both clinics and tells how far it is.
    ///
    /// # Errors
    /// Whatever a call was refused with.
    pub(super) async fn run(&self, tell: impl Fn(&str)) -> Result<Vec<SeededClinic>, DemoError> {
        let mut clinics = Vec::new();
        for plan in &CLINICS {
            clinics.push(self.clinic(plan, &tell).await?);
        }
        Ok(clinics)
    }

    async fn clinic(&self, plan: &ClinicPlan, tell: &impl Fn(&str)) -> Result<SeededClinic, DemoError> {
        tell(&format!("{}: keys, hosts and agreement", plan.name));
        let portal = format!("http://{}.localhost:{}", plan.slug, self.port);
        let console = format!("http://{}-staff.localhost:{}", plan.slug, self.port);
        let tenant = self.create_tenant(plan).await?;

        tell(&format!("{}: the owner takes over", plan.name));
        let mut owner = self.activate_owner(plan, &tenant, &console).await?;
        self.wait_for_owner(&tenant).await?;
        self.operators
            .call(Method::POST, &format!("/v1/tenants/{tenant}/activate"), None, None)
            .await?
            .ok("activating the clinic")?;

        tell(&format!("{}: staff", plan.name));
        let code = owner.authenticator.code(self.now()).ok_or(DemoError::Unexpected("no fresh code"))?;
        owner.browser.step_up(&code).await?;
        let demo = DemoClinic { slug: plan.slug.to_owned(), name: plan.name.to_owned() };
        let mut clinicians = self.activate_clinicians(&demo, &mut owner.browser, &console).await?;

        let bundles = self.ingest(&demo, &mut owner.browser, &portal, plan, tell).await?;

        tell(&format!("{}: patients", plan.name));
        let now = self.now();
        let mut activated = Vec::new();
        for patient in patients(SEED, &demo, now).iter().filter(|patient| can_sign_in(patient, now)) {
            let Some(clinician) = clinicians.get_mut(patient.practitioner) else { continue };
            activated.push(self.activate_patient(&demo, patient, &mut clinician.browser, &portal).await?);
            if activated.len() == PATIENTS_WITH_ACCOUNTS {
                break;
            }
        }
        let people = activated
            .into_iter()
            .chain(clinicians.into_iter().map(|clinician| clinician.person))
            .chain([owner.person])
            .collect();
        Ok(SeededClinic {
            slug: plan.slug.to_owned(),
            name: plan.name.to_owned(),
            portal_origin: portal,
            console_origin: console,
            bundles,
            people,
        })
    }

    fn now(&self) -> OffsetDateTime {
        self.environment.now()
    }

    async fn create_tenant(&self, plan: &ClinicPlan) -> Result<String, DemoError> {
        let request = json!({
            "slug": plan.slug, "name": plan.name, "region": "us-east-1", "time_zone": plan.time_zone,
            "default_locale": plan.locale, "contact": { "name": plan.contact, "email": plan.contact_email },
            "colors": { "brand": plan.brand, "on_brand": "#ffffff" },
        });
        let key = format!("demo-{}", plan.slug);
        let created = self.operators.call(Method::POST, "/v1/tenants", Some(&request), Some(&key)).await?;
        let tenant = text(&created.ok("creating the clinic")?, "id")?;
        let today = self.now().date();
        let in_a_year = today + time::Duration::days(365);
        let agreement = json!({
            "signed_on": today.to_string(), "expires_on": in_a_year.to_string(),
            "counterparty": plan.contact, "document_reference": format!("BAA-{}-1", plan.slug),
        });
        let path = format!("/v1/tenants/{tenant}/baa");
        self.operators
            .call(Method::PUT, &path, Some(&agreement), None)
            .await?
            .ok("recording the agreement")?;
        Ok(tenant)
    }

    async fn activate_owner(
        &self,
        plan: &ClinicPlan,
        tenant: &str,
        console: &str,
    ) -> Result<SignedIn, DemoError> {
        let request = json!({ "email": plan.owner_email, "display_name": plan.owner });
        let path = format!("/v1/tenants/{tenant}/owner-invitation");
        self.operators.call(Method::POST, &path, Some(&request), None).await?.ok("inviting the owner")?;
        let code_mail = self.newest_mail_to(plan.contact_email).await?;
        let code = code_in(&code_mail).ok_or(DemoError::Unexpected("the mail holds no code"))?;
        let proof = Proof { email: plan.owner_email, code: &code, birth_date: None };
        self.activate(console, proof, "admin", plan.owner).await
    }

    async fn activate_clinicians(
        &self,
        clinic: &DemoClinic,
        owner: &mut Browser,
        console: &str,
    ) -> Result<Vec<SignedIn>, DemoError> {
        let mut clinicians = Vec::new();
        for practitioner in practitioners(clinic) {
            let name = format!("{} {}", practitioner.given, practitioner.family);
            let email = address(&practitioner.given, &practitioner.family, &clinic.slug);
            let identifier = format!("{}|{}", practitioner_system(&clinic.slug), practitioner.identifier);
            let request = json!({
                "email": email, "display_name": name, "roles": ["clinician"],
                "practitioner_identifier": identifier,
            });
            let invited =
                owner.post("/api/v1/staff-invitations", &request).await?.ok("inviting a clinician")?;
            let code = text(&invited, "clinic_code")?;
            let proof = Proof { email: &email, code: &code, birth_date: None };
            clinicians.push(self.activate(console, proof, "clinician", &name).await?);
        }
        Ok(clinicians)
    }

    async fn ingest(
        &self,
        clinic: &DemoClinic,
        owner: &mut Browser,
        portal: &str,
        plan: &ClinicPlan,
        tell: &impl Fn(&str),
    ) -> Result<usize, DemoError> {
        let record = RecordSystem::new(portal, self.address, self.environment.clone())?;
        let slug = &clinic.slug;
        let registration = json!({
            "name": "Demonstration record system", "jwks": record.jwks()?,
            "identifier_systems": [record_system(slug), practitioner_system(slug), resource_system(slug)],
        });
        let registered = owner
            .post("/api/v1/machine-clients", &registration)
            .await?
            .ok("registering the record system")?;
        let client = text(&registered, "id")?;
        let bundles = generate(SEED, clinic, self.now());
        let token = record.access_token(&client, "system/*.cruds").await?;
        for (position, bundle) in bundles.iter().enumerate() {
            tell(&format!("{}: record {} of {}", plan.name, position + 1, bundles.len()));
            record.push(&token, bundle).await?.ok("sending a bundle")?;
        }
        Ok(bundles.len())
    }

    async fn activate_patient(
        &self,
        clinic: &DemoClinic,
        patient: &DemoPatient,
        clinician: &mut Browser,
        portal: &str,
    ) -> Result<Person, DemoError> {
        let id = find_on_panel(clinician, patient).await?;
        let email = address(&patient.given, &patient.family, "mail");
        let path = format!("/api/v1/patients/{id}/invitations");
        let invited = clinician.post(&path, &json!({ "email": email })).await?.ok("inviting a patient")?;
        let code = text(&invited, "clinic_code")?;
        let birth_date = patient.birth_date.to_string();
        let name = format!("{} {}", patient.given, patient.family);
        let proof = Proof { email: &email, code: &code, birth_date: Some(&birth_date) };
        tracing::debug!(clinic = clinic.slug, "a patient activates");
        Ok(self.activate(portal, proof, "patient", &name).await?.person)
    }

    async fn activate(
        &self,
        origin: &str,
        proof: Proof<'_>,
        role: &str,
        name: &str,
    ) -> Result<SignedIn, DemoError> {
        let mail = self.newest_link_to(proof.email).await?;
        let token = token_in(&mail).ok_or(DemoError::Unexpected("the mail holds no link"))?;
        let mut browser = Browser::new(origin, self.address)?;
        let activation = ActivationProof { token, clinic_code: proof.code, birth_date: proof.birth_date };
        let (authenticator, totp_secret, _) = browser.activate(&activation, PASSWORD, self.now()).await?;
        let person = Person {
            role: role.to_owned(),
            name: name.to_owned(),
            email: proof.email.to_owned(),
            totp_secret,
        };
        Ok(SignedIn { browser, authenticator, person })
    }

    /// A clinic opens once the worker has told the operators' side that its owner's account is active.
    async fn wait_for_owner(&self, tenant: &str) -> Result<(), DemoError> {
        for _ in 0..LONGEST_WAIT.as_millis() / PAUSE.as_millis() {
            let path = format!("/v1/tenants/{tenant}");
            let shown =
                self.operators.call(Method::GET, &path, None, None).await?.ok("reading the clinic")?;
            if shown["owner"] == "active" {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(DemoError::Unexpected("the owner's account was not told of"))
    }

    async fn newest_mail_to(&self, address: &str) -> Result<String, DemoError> {
        self.wait_for_mail(address, |_| true).await
    }

    async fn newest_link_to(&self, address: &str) -> Result<String, DemoError> {
        self.wait_for_mail(address, |mail| token_in(mail).is_some()).await
    }

    async fn wait_for_mail(&self, address: &str, fits: fn(&str) -> bool) -> Result<String, DemoError> {
        for _ in 0..LONGEST_WAIT.as_millis() / PAUSE.as_millis() {
            let mails = self.outbox.newest_first().await?;
            if let Some((_, mail)) =
                mails.into_iter().find(|(_, mail)| mail.to == address && fits(&mail.text))
            {
                return Ok(mail.text);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(DemoError::Unexpected("an expected mail did not come"))
    }
}

/// The first word of a mail that is a clinic code.
fn code_in(mail: &str) -> Option<String> {
    mail.split_whitespace()
        .filter(|word| word.contains('-'))
        .find_map(|word| canonical_spoken_code(word, CLINIC_CODE_LENGTH))
}

struct Proof<'p> {
    email: &'p str,
    code: &'p str,
    birth_date: Option<&'p str>,
}

/// Grown up and alive: others are seen by their clinician only, until proxies exist.
fn can_sign_in(patient: &DemoPatient, now: OffsetDateTime) -> bool {
    let grown_up = now.date() - time::Duration::days(18 * 366);
    patient.died_on.is_none() && patient.birth_date < grown_up
}

/// The patient's id on the clinician's panel, found by name and birth date as a person would.
async fn find_on_panel(clinician: &mut Browser, patient: &DemoPatient) -> Result<String, DemoError> {
    let birth_date = patient.birth_date.to_string();
    let mut path = "/api/v1/panel?limit=100".to_owned();
    loop {
        let page = clinician.get(&path).await?.ok("listing the panel")?;
        let mut items = page["items"].as_array().into_iter().flatten();
        let found = items.find(|item| {
            item["birth_date"] == Value::String(birth_date.clone())
                && item["name"].as_str().is_some_and(|name| name.contains(&patient.family))
        });
        if let Some(item) = found {
            return text(item, "patient_id");
        }
        let Some(cursor) = page["next_cursor"].as_str() else {
            return Err(DemoError::Unexpected("a patient is missing from the panel"));
        };
        path = format!("/api/v1/panel?limit=100&cursor={cursor}");
    }
}

/// An address made of a name: letters outside ASCII are written as the nearest ones, or left out.
fn address(given: &str, family: &str, domain: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let plain = |name: &str| -> String {
        let first = name.split([' ', '-']).next().unwrap_or(name);
        first
            .replace(['ø', 'Ø'], "o")
            .nfd()
            .filter(char::is_ascii_alphabetic)
            .collect::<String>()
            .to_ascii_lowercase()
    };
    let (given, family) = (plain(given), plain(family));
    let local = match (given.is_empty(), family.is_empty()) {
        (false, false) => format!("{given}.{family}"),
        (false, true) => given,
        (true, false) => family,
        (true, true) => "someone".to_owned(),
    };
    format!("{local}@{domain}.example")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_among_other_words() {
        let mail = "The owner was invited by e-mail and needs this code: K7MW-Q3XD\n\nPlease do not reply: nobody reads";
        assert_eq!(code_in(mail).as_deref(), Some("K7MWQ3XD"));
    }

    #[test]
    fn addresses_are_ascii_whatever_the_name() {
        assert_eq!(address("Ana María", "García Ibáñez", "mail"), "ana.garcia@mail.example");
        assert_eq!(address("小明", "王", "mail"), "someone@mail.example");
        assert_eq!(address("Zoë", "Müller-Weiß", "mail"), "zoe.muller@mail.example");
    }
}
