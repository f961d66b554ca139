//! The record system, which pushes in all the time, and the clinician, who invites whom it brought.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use cloister_bench::world::observation;
use cloister_platform::demo::record_system::RecordSystem;
use cloister_testkit::app::PatientFile;
use serde_json::json;

use crate::{
    asking::{Asker, Call, SESSION_COOKIE, Shared, lock},
    draws::Draws,
    people::{Person, Session, canary},
};

/// Patients that nobody has invited yet, by the id of their first resource.
pub(crate) type Uninvited = Arc<Mutex<VecDeque<String>>>;

/// How many may wait; the clinician invites fewer than come.
const WAITING: usize = 20;
/// Access tokens are good for five minutes.
const TOKEN_LIFE: Duration = Duration::from_secs(120);

/// The file of a patient whose every value says whose it is.
pub(crate) fn file(number: usize) -> PatientFile {
    let mut file = PatientFile::ordinary(number, "P1");
    file.family = canary(number);
    for result in &mut file.results {
        result.name = format!("Glucose of {}", canary(number));
    }
    file
}

/// An access token that was acknowledged; it lives in Redis, as sessions do.
struct Token {
    bearer: String,
    since: Instant,
    losses: u64,
}

/// A token that counts no more.
struct Gone;

/// A record system at one replica.
pub(crate) struct Pusher {
    pub(crate) number: usize,
    pub(crate) system: Arc<RecordSystem>,
    pub(crate) client: String,
    /// A patient who is there.
    pub(crate) record_number: String,
    pub(crate) uninvited: Uninvited,
}

impl Pusher {
    pub(crate) async fn push_on(self, shared: Arc<Shared>, seed: u64) {
        let mut asker = Asker::new(&shared, self.number, format!("record system {}", self.number));
        let mut draws = Draws::of(seed, 2_000 + self.number as u64);
        let mut token: Option<Token> = None;
        let mut pushed = 0;
        while shared.goes_on() {
            tokio::time::sleep(Duration::from_millis(40 + draws.below(80))).await;
            token = token.filter(|held| held.since.elapsed() < TOKEN_LIFE);
            let Some(held) = &token else {
                token = self.token(&mut asker).await;
                continue;
            };
            pushed += 1;
            // Two record systems must not tell of the same thing.
            let number = self.number as u64 + 2 * pushed;
            let refused = if draws.below(10) < 7 {
                let body = observation(&self.record_number, number);
                self.push(&mut asker, "ingest", held, body).await.is_err()
            } else {
                let number = usize::try_from(10_000 + number).unwrap_or_default();
                let body = file(number).bundle().to_string().into_bytes();
                let patient = self.push(&mut asker, "ingest bundle", held, body).await;
                let mut waiting = lock(&self.uninvited);
                if let Ok(Some(patient)) = &patient
                    && waiting.len() < WAITING
                {
                    waiting.push_back(patient.clone());
                }
                patient.is_err()
            };
            if refused {
                token = None;
            }
        }
    }

    async fn token(&self, asker: &mut Asker) -> Option<Token> {
        let losses = asker.shared.redis_losses();
        let assertion = self.system.assertion(&self.client).ok()?;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            .append_pair("client_assertion", &assertion)
            .append_pair("scope", "system/*.cruds")
            .finish();
        let site = asker.shared.portal.clone();
        let body = Some(("application/x-www-form-urlencoded", form.into_bytes()));
        let call = Call { method: "POST", body, ..Call::get(&site, "/oauth/token") };
        let answer = asker.ask("token", &call, &[200]).await?;
        asker.told("token", &answer, json!({}));
        let bearer = answer.json()["access_token"].as_str()?.to_owned();
        Some(Token { bearer, since: Instant::now(), losses })
    }

    /// Pushes a bundle; the id of the first resource it made. An error when the token counts no more.
    async fn push(
        &self,
        asker: &mut Asker,
        what: &'static str,
        token: &Token,
        body: Vec<u8>,
    ) -> Result<Option<String>, Gone> {
        let site = asker.shared.portal.clone();
        let body = Some(("application/fhir+json", body));
        let call = Call { method: "POST", bearer: Some(&token.bearer), body, ..Call::get(&site, "/fhir/R4") };
        let Some(answer) = asker.ask(what, &call, &[200, 401]).await else { return Ok(None) };
        if answer.status == 401 {
            asker.is_gone(token.losses, what);
            return Err(Gone);
        }
        let made = answer.json();
        let locations =
            made["entry"].as_array().into_iter().flatten().map(|entry| &entry["response"]["location"]);
        let ids: Vec<String> =
            locations.filter_map(|location| Some(location.as_str()?.split('/').nth(1)?.to_owned())).collect();
        asker.told(what, &answer, json!({ "resources": ids }));
        Ok(ids.into_iter().next())
    }
}

/// A clinician who invites patients.
pub(crate) struct Inviter {
    pub(crate) person: Person,
    pub(crate) invited: Arc<Mutex<Vec<String>>>,
    /// Patients' ids, found for the resources that were pushed.
    pub(crate) patients: Uninvited,
}

impl Inviter {
    pub(crate) async fn invite_on(self, shared: Arc<Shared>) {
        let mut asker = Asker::new(&shared, 0, "clinician");
        let mut session: Option<Session> = None;
        while shared.goes_on() {
            tokio::time::sleep(Duration::from_millis(700)).await;
            asker.move_to(1 - asker.replica);
            let Some(signed_in) = &session else {
                session = asker.sign_in(&self.person).await;
                continue;
            };
            let patient = lock(&self.patients).pop_front();
            let Some(patient) = patient else { continue };
            if !self.invite(&mut asker, signed_in, &patient).await {
                session = None;
            }
        }
    }

    /// Invites; whether the session still counts.
    async fn invite(&self, asker: &mut Asker, session: &Session, patient: &str) -> bool {
        let email = format!("p-{patient}@mail.example");
        let path = format!("/api/v1/patients/{patient}/invitations");
        let call = Call {
            method: "POST",
            cookie: Some((SESSION_COOKIE, &session.cookie)),
            csrf: Some(&session.csrf),
            body: Some(("application/json", json!({ "email": email }).to_string().into_bytes())),
            ..Call::get(&self.person.site, &path)
        };
        let Some(answer) = asker.ask("invite", &call, &[200, 201, 401]).await else { return true };
        if answer.status == 401 {
            asker.session_is_gone(session, "invite");
            return false;
        }
        asker.told("invite", &answer, json!({ "invitation": answer.json()["id"] }));
        lock(&self.invited).push(email);
        true
    }
}
