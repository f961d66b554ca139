//! Sign-ins and activations, taken as far as the step that is tried.

use cloister_platform::demo::browser::{Browser, token_in};
use cloister_testkit::app::{PASSWORD, Person, TestApp};
use cloister_tests::World;
use serde_json::{Value, json};
use time::Duration;

use crate::{
    aims::Known,
    document::Operation,
    people::{People, Who},
};

/// Calls that a flow takes: ten, less those that led to the step.
const CALLS: u8 = 6;
/// Staff whose accounts may be locked.
const SPARE: usize = 6;
/// As long as an account may be locked at most.
const UNLOCKED: Duration = Duration::minutes(31);

/// A page open at a step, and what the step wants to be told.
pub(crate) struct Open {
    pub(crate) browser: Browser,
    pub(crate) right: Value,
    pub(crate) left: u8,
}

/// Those who sign in.
pub(crate) struct Visitors {
    spare: Vec<Person>,
    next: usize,
}

impl Visitors {
    pub(crate) async fn gather(people: &mut People) -> Self {
        let World { app, here, .. } = &mut people.world;
        let mut spare = Vec::new();
        for number in 0..SPARE {
            spare.push(here.staff(app, &format!("spare{number}@hillside.example"), "support", None).await);
        }
        Self { spare, next: 0 }
    }

    /// A page at the operation's step; where nobody got there, one that was just opened.
    pub(crate) async fn open(
        &mut self,
        operation: &Operation,
        people: &mut People,
        known: &mut Known,
        there: bool,
    ) -> Open {
        let activation = operation.template.contains("/activation/");
        if there {
            let open = match operation.id.as_str() {
                id if activation => activate(id, people, known).await,
                "sign_in_password" => None,
                id => self.offer_password(id, people).await,
            };
            if let Some(open) = open {
                return open;
            }
        }
        let site = &people.world.here;
        let browser =
            page(people.app(), &site.console, if activation { "/activate" } else { "/sign-in" }).await;
        let right = match operation.id.as_str() {
            "sign_in_password" => {
                self.next += 1;
                json!({ "email": self.spare[self.next % SPARE].email, "password": PASSWORD })
            }
            "activate_identity" => json!({ "token": "x".repeat(43), "clinic_code": "AAAA-AAAA" }),
            "activate_password" => json!({ "password": PASSWORD }),
            "activate_totp" => json!({}),
            _ => json!({ "code": "000000" }),
        };
        Open { browser, right, left: CALLS }
    }

    async fn offer_password(&mut self, id: &str, people: &mut People) -> Option<Open> {
        for _ in 0..SPARE {
            self.next += 1;
            let app = people.app();
            let person = &mut self.spare[self.next % SPARE];
            let mut browser = page(app, person.browser.origin(), "/sign-in").await;
            let offer = json!({ "email": person.email, "password": PASSWORD });
            let offered = browser.post("/api/v1/sign-in/password", &offer).await.expect("an answer");
            if !offered.status.is_success() {
                continue;
            }
            let code = match id {
                "sign_in_recovery_code" => {
                    person.recovery_codes.pop().unwrap_or_else(|| "AAAA-AAAA".to_owned())
                }
                _ => person.code(app),
            };
            return Some(Open { browser, right: json!({ "code": code }), left: CALLS });
        }
        // Wrong codes locked them all.
        people.app().pass(UNLOCKED);
        None
    }
}

async fn page(app: &TestApp, origin: &str, path: &str) -> Browser {
    let mut browser = app.browser(origin);
    let opened = browser.open(path).await.expect("an answer");
    assert!(opened.is_success(), "{path}: {opened}: were the web pages built?");
    browser.look_at_session().await.expect("a session");
    browser
}

/// An activation of a new member of staff, up to the step.
async fn activate(id: &str, people: &mut People, known: &mut Known) -> Option<Open> {
    people.ready(Who::Admin).await;
    let email = format!("begun{}@staff.example", known.next());
    let request = json!({ "email": email, "display_name": "Begun", "roles": ["support"] });
    let World { app, here, .. } = &mut people.world;
    let invited = here.owner.browser.post("/api/v1/staff-invitations", &request).await.ok()?;
    let code = invited.body["clinic_code"].as_str()?.to_owned();
    app.work().await;
    let mail = app.mail.newest_to(&email)?;
    let mut browser = page(app, &here.console, "/activate").await;
    let identity = json!({ "token": token_in(&mail.text)?, "clinic_code": code });
    let open = |browser, right| Some(Open { browser, right, left: CALLS });
    if id == "activate_identity" {
        return open(browser, identity);
    }
    browser.post("/api/v1/activation/identity", &identity).await.ok()?.ok("identity").ok()?;
    let password = json!({ "password": PASSWORD });
    if id == "activate_password" {
        return open(browser, password);
    }
    browser.post("/api/v1/activation/password", &password).await.ok()?.ok("password").ok()?;
    if id == "activate_totp" {
        return open(browser, json!({}));
    }
    let enrolled = browser.post("/api/v1/activation/totp", &json!({})).await.ok()?.ok("totp").ok()?;
    let mut app_on_phone =
        cloister_platform::demo::browser::Authenticator::new(enrolled["secret"].as_str()?).ok()?;
    let code = app_on_phone.code(app.environment.now())?;
    open(browser, json!({ "code": code }))
}
