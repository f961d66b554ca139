//! People who sign in, read, and sign out.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use cloister_bench::world::PASSWORD;
use cloister_platform::demo::browser::Authenticator;
use serde_json::{Value, json};

use crate::{
    asking::{Asker, Call, FLOW_COOKIE, SESSION_COOKIE, Shared, Site, lock},
    draws::Draws,
    rules::Rule,
};

/// What stands in every value of a patient, and of no other's.
pub(crate) fn canary(number: usize) -> String {
    format!("Canary-{number:06}")
}

/// Canaries of others in an answer to the one who has this one; and whether it has its own.
pub(crate) fn canaries_in(body: &[u8], own: &str) -> (bool, Vec<String>) {
    let text = String::from_utf8_lossy(body);
    let found = text.match_indices("Canary-").map(|(at, _)| text[at..].chars().take(own.len()).collect());
    let (mine, others): (Vec<String>, Vec<String>) = found.partition(|canary: &String| canary == own);
    (!mine.is_empty(), others)
}

/// Holds an answer to the one who has this canary: theirs is in it, and nobody else's.
pub(crate) fn hold_to_own(asker: &Asker, what: &str, own: &str, status: u16, body: &[u8]) {
    let (has_own, others) = canaries_in(body, own);
    if !others.is_empty() || (status == 200 && !has_own) {
        asker.report(Rule::NotCrossed, format!("{what} of {own} told {others:?}"));
    }
}

/// Somebody who can sign in.
pub(crate) struct Person {
    pub(crate) site: Site,
    pub(crate) email: String,
    pub(crate) authenticator: Mutex<Authenticator>,
}

/// A session that was acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
    /// How often Redis had lost everything by then.
    pub(crate) losses: u64,
}

impl Asker {
    /// Signs in, as the page does it. Nothing when any step was not answered as it should be.
    pub(crate) async fn sign_in(&mut self, person: &Person) -> Option<Session> {
        let losses = self.shared.redis_losses();
        let page = self.ask("page", &Call::get(&person.site, "/sign-in"), &[200]).await?;
        let flow = page.cookie(FLOW_COOKIE)?.to_owned();
        let look = Call { cookie: Some((FLOW_COOKIE, &flow)), ..Call::get(&person.site, "/api/v1/session") };
        let looked = self.ask("look", &look, &[200]).await?.json();
        let csrf = looked["csrf_token"].as_str()?.to_owned();
        let offer = json!({ "email": person.email, "password": PASSWORD });
        let offered =
            self.step(&person.site, "/api/v1/sign-in/password", &flow, &csrf, &offer, "password").await?;
        let flow = offered.cookie(FLOW_COOKIE).unwrap_or(&flow).to_owned();
        // Drawn at last: codes are few, and a step that fails before must not cost one.
        let now = self.shared.environment.now();
        let code = lock(&person.authenticator).code(now);
        let Some(code) = code else {
            tokio::time::sleep(Duration::from_millis(500)).await;
            return None;
        };
        let code = json!({ "code": code });
        let opened = self.step(&person.site, "/api/v1/sign-in/totp", &flow, &csrf, &code, "sign in").await?;
        self.told("sign in", &opened, json!({}));
        let cookie = opened.cookie(SESSION_COOKIE)?.to_owned();
        let look =
            Call { cookie: Some((SESSION_COOKIE, &cookie)), ..Call::get(&person.site, "/api/v1/session") };
        let looked = self.ask("look", &look, &[200]).await?.json();
        let csrf = looked["csrf_token"].as_str()?.to_owned();
        Some(Session { cookie, csrf, losses })
    }

    /// A step of a sign-in. The flow may be gone with Redis, and an account may be locked by steps that failed.
    async fn step(
        &mut self,
        site: &Site,
        path: &str,
        flow: &str,
        csrf: &str,
        body: &Value,
        what: &'static str,
    ) -> Option<crate::asking::Answer> {
        let call = Call {
            method: "POST",
            cookie: Some((FLOW_COOKIE, flow)),
            csrf: Some(csrf),
            body: Some(("application/json", body.to_string().into_bytes())),
            ..Call::get(site, path)
        };
        let answer = self.ask(what, &call, &[200, 401, 403, 422, 429]).await?;
        if answer.status == 200 {
            return Some(answer);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        None
    }

    /// A 401 is right only if Redis lost everything since the session was opened.
    pub(crate) fn session_is_gone(&self, session: &Session, what: &str) {
        self.is_gone(session.losses, what);
    }

    /// The same of whatever Redis holds.
    pub(crate) fn is_gone(&self, losses: u64, what: &str) {
        if self.shared.redis_losses() == losses {
            self.report(Rule::Kept, format!("{what} answered 401 to one whom nothing ended"));
        }
    }
}

/// A patient who reads all the time.
pub(crate) struct Reader {
    pub(crate) person: Person,
    pub(crate) number: usize,
    pub(crate) results: Vec<String>,
    /// A result of somebody else.
    pub(crate) foreign: String,
    pub(crate) session: Arc<Mutex<Option<Session>>>,
}

impl Reader {
    pub(crate) async fn read_on(self, shared: Arc<Shared>, seed: u64) {
        let replica = self.number % 2;
        let mut asker = Asker::new(&shared, replica, format!("reader {}", self.number));
        let mut draws = Draws::of(seed, 1_000 + self.number as u64);
        while shared.goes_on() {
            let session = lock(&self.session).clone();
            match session {
                Some(session) => self.read_once(&mut asker, &session, &mut draws).await,
                None => {
                    let opened = asker.sign_in(&self.person).await;
                    if opened.is_some() {
                        *lock(&self.session) = opened;
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(10 + draws.below(30))).await;
        }
    }

    async fn read_once(&self, asker: &mut Asker, session: &Session, draws: &mut Draws) {
        let own = canary(self.number);
        let one = &self.results[usize::try_from(draws.below(self.results.len() as u64)).unwrap_or_default()];
        let (what, path, status) = match draws.below(10) {
            0..4 => ("read", format!("/api/v1/record/results/{one}"), 200),
            4..7 => ("list", "/api/v1/record/results?limit=20".to_owned(), 200),
            7 | 8 => ("record", "/api/v1/record".to_owned(), 200),
            _ => ("refused", format!("/api/v1/record/results/{}", self.foreign), 404),
        };
        let call =
            Call { cookie: Some((SESSION_COOKIE, &session.cookie)), ..Call::get(&self.person.site, &path) };
        let Some(answer) = asker.ask(what, &call, &[status, 401]).await else { return };
        hold_to_own(asker, what, &own, answer.status, &answer.body);
        if answer.status == 401 {
            asker.session_is_gone(session, what);
            *lock(&self.session) = None;
            return;
        }
        asker.told(what, &answer, json!({}));
    }
}

/// How a session was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// By itself, which Redis alone knows.
    Alone,
    /// With all others of the account, which the database knows too: by a new revocation epoch.
    Epoch,
}

/// A session whose end was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub(crate) id: String,
    pub(crate) session: Session,
    pub(crate) site: Site,
    pub(crate) acknowledged: bool,
    pub(crate) means: Means,
    /// How often Redis had fallen back to an earlier moment when the end was asked for.
    pub(crate) restores: u64,
}

/// Somebody who signs in, looks, and signs out again, all the time; or, every other time, stays signed in until the next
/// session ends all others.
pub(crate) struct Visitor {
    pub(crate) person: Person,
    pub(crate) number: usize,
    pub(crate) endings: Arc<Mutex<Vec<Ending>>>,
}

impl Visitor {
    pub(crate) async fn come_and_go(self, shared: Arc<Shared>) {
        let mut asker = Asker::new(&shared, self.number % 2, format!("visitor {}", self.number));
        let mut left_open = None;
        while shared.goes_on() {
            if let Some(session) = asker.sign_in(&self.person).await {
                left_open = self.visit(&mut asker, session, left_open).await;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// A visit. Gives the session, with its id, where it is left open.
    async fn visit(
        &self,
        asker: &mut Asker,
        session: Session,
        left_open: Option<(Session, String)>,
    ) -> Option<(Session, String)> {
        let id = self.id_of(asker, &session).await?;
        let Some((other, other_id)) = left_open else { return Some((session, id)) };
        // Where that was not answered, this session may be over as well.
        if self.end(asker, "sign others out", &session, (other, other_id, Means::Epoch)).await {
            self.end(asker, "sign out", &session, (session.clone(), id, Means::Alone)).await;
        }
        None
    }

    async fn id_of(&self, asker: &mut Asker, session: &Session) -> Option<String> {
        let site = &self.person.site;
        let cookie = Some((SESSION_COOKIE, session.cookie.as_str()));
        let own = Call { cookie, ..Call::get(site, "/api/v1/sessions") };
        let answer = asker.ask("sessions", &own, &[200, 401]).await?;
        if answer.status == 401 {
            asker.session_is_gone(session, "sessions");
            return None;
        }
        asker.told("sessions", &answer, json!({}));
        let listed = answer.json();
        let current = listed["items"].as_array().into_iter().flatten().find(|item| item["current"] == true);
        current.and_then(|item| item["id"].as_str()).map(str::to_owned)
    }

    /// Ends a session by this one; whether that was acknowledged.
    async fn end(
        &self,
        asker: &mut Asker,
        what: &'static str,
        by: &Session,
        (session, id, means): (Session, String, Means),
    ) -> bool {
        let site = self.person.site.clone();
        let restores = asker.shared.redis_restores();
        let path = if means == Means::Epoch { "/api/v1/sessions" } else { "/api/v1/session" };
        let call = Call {
            method: "DELETE",
            cookie: Some((SESSION_COOKIE, by.cookie.as_str())),
            csrf: Some(&by.csrf),
            ..Call::get(&site, path)
        };
        let answer = asker.ask(what, &call, &[200, 204, 401]).await;
        let acknowledged = answer.as_ref().is_some_and(|answer| answer.status < 300);
        match &answer {
            Some(answer) if acknowledged => asker.told(what, answer, json!({ "session": id })),
            Some(_) => asker.session_is_gone(by, what),
            None => {}
        }
        lock(&self.endings).push(Ending { id, session, site, acknowledged, means, restores });
        acknowledged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canaries_of_others_are_told_from_ones_own() {
        let own = canary(7);
        let body = format!("{{\"a\": \"{own} x\", \"b\": \"{}\"}}", canary(12));
        assert_eq!(canaries_in(body.as_bytes(), &own), (true, vec![canary(12)]));
        assert_eq!(canaries_in(b"nothing", &own), (false, vec![]));
        assert_eq!(canaries_in(own.as_bytes(), &own), (true, vec![]));
    }
}
