//! Who calls: the people and machines of a small world of two clinics, kept signed in.

use std::collections::BTreeSet;

use cloister_platform::demo::DemoError;
use cloister_tenancy::{CallFacts, TokenRequest, scope::Scope};
use cloister_testkit::app::{ADMIN_ORIGIN, Call, PASSWORD, Person, TestApp, Wire};
use cloister_tests::World;
use reqwest::Method;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{document::Operation, judge::Forbidden};

/// A caller. What is tried belongs to the clinic `here`, and to Ann.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Anonymous,
    /// The patient whose chart is tried.
    Ann,
    /// Another patient of the clinic.
    Ben,
    /// A patient of the other clinic.
    Cora,
    /// Ann is on this clinician's panel.
    Clinician,
    /// And not on this one's.
    OffPanel,
    Admin,
    ClinicianThere,
    AdminThere,
    Record,
    RecordThere,
    /// Whoever has a page open that begins a sign-in or an activation.
    Visitor,
    Operator,
}

pub(crate) const SIGNED_IN: [Who; 8] = [
    Who::Ann,
    Who::Ben,
    Who::Cora,
    Who::Clinician,
    Who::OffPanel,
    Who::Admin,
    Who::ClinicianThere,
    Who::AdminThere,
];

/// A fresh factor counts for five minutes.
const STEP_UP: Duration = Duration::minutes(4);

/// Everybody, with what they hold.
pub(crate) struct People {
    pub(crate) world: World,
    pub(crate) wire: Wire,
    pub(crate) operators: Wire,
    operator_token: String,
    stale: BTreeSet<Who>,
    stepped_up: Option<OffsetDateTime>,
    tokens: [Option<String>; 2],
    ids: [Vec<String>; 2],
    names: [Vec<String>; 2],
    secrets: Vec<String>,
}

impl People {
    pub(crate) async fn gather() -> Self {
        let world = World::make_in(TestApp::start_raised().await).await;
        let app = &world.app;
        let (wire, operators) = (app.wire(), app.admin_wire());
        let of = |people: &[&Person]| -> Vec<String> {
            let ids = people.iter().map(|person| person.id.to_string());
            let emails = people.iter().map(|person| person.email.clone());
            let patients = people.iter().filter_map(|person| person.patient).map(|id| id.to_string());
            ids.chain(emails).chain(patients).collect()
        };
        let mut here = of(&[&world.ann, &world.ben, &world.clinician, &world.off_panel, &world.here.owner]);
        here.extend([world.result.to_string(), world.record.id.clone()]);
        here.extend(world.ann_resources.iter().map(|(_, id)| id.clone()));
        let mut there = of(&[&world.cora, &world.clinician_there, &world.there.owner]);
        there.push(world.record_there.id.clone());
        let everybody = [
            &world.ann,
            &world.ben,
            &world.cora,
            &world.clinician,
            &world.off_panel,
            &world.clinician_there,
            &world.here.owner,
            &world.there.owner,
        ];
        let own = everybody.iter().flat_map(|person| person.recovery_codes.iter().chain([&person.secret]));
        let secrets = own.cloned().chain([PASSWORD.to_owned(), app.operator_token.clone()]).collect();
        let names = [["Family1", "Family2"].map(String::from).to_vec(), vec!["Family4".to_owned()]];
        let operator_token = app.operator_token.clone();
        Self {
            world,
            wire,
            operators,
            operator_token,
            stale: BTreeSet::new(),
            stepped_up: None,
            tokens: [None, None],
            ids: [here, there],
            names,
            secrets,
        }
    }

    pub(crate) fn app(&self) -> &TestApp {
        &self.world.app
    }

    /// Ids that exist in either clinic, without those that others call by and that a right call could take away.
    pub(crate) fn ids(&self) -> Vec<Uuid> {
        let world = &self.world;
        let needed = [&world.record.id, &world.record_there.id].map(|id| Uuid::parse_str(id).ok());
        let needed = [needed[0], needed[1], Some(world.clinician.id), Some(world.clinician_there.id)];
        let ids = self.ids.iter().flatten().filter_map(|id| Uuid::parse_str(id).ok());
        let clinics = [world.here.id.uuid(), world.there.id.uuid()];
        ids.chain(clinics).filter(|id| !needed.contains(&Some(*id))).collect()
    }

    pub(crate) fn person(&self, who: Who) -> Option<&Person> {
        let world = &self.world;
        match who {
            Who::Ann => Some(&world.ann),
            Who::Ben => Some(&world.ben),
            Who::Cora => Some(&world.cora),
            Who::Clinician => Some(&world.clinician),
            Who::OffPanel => Some(&world.off_panel),
            Who::Admin => Some(&world.here.owner),
            Who::ClinicianThere => Some(&world.clinician_there),
            Who::AdminThere => Some(&world.there.owner),
            Who::Anonymous | Who::Record | Who::RecordThere | Who::Visitor | Who::Operator => None,
        }
    }

    /// The same, to change.
    pub(crate) fn with_app(&mut self, who: Who) -> Option<(&TestApp, &mut Person)> {
        let World { app, here, there, clinician, off_panel, clinician_there, ann, ben, cora, .. } =
            &mut self.world;
        let person = match who {
            Who::Ann => ann,
            Who::Ben => ben,
            Who::Cora => cora,
            Who::Clinician => clinician,
            Who::OffPanel => off_panel,
            Who::Admin => &mut here.owner,
            Who::ClinicianThere => clinician_there,
            Who::AdminThere => &mut there.owner,
            Who::Anonymous | Who::Record | Who::RecordThere | Who::Visitor | Who::Operator => return None,
        };
        Some((app, person))
    }

    /// Makes sure that the caller holds what it calls with.
    pub(crate) async fn ready(&mut self, who: Who) {
        match who {
            Who::Record | Who::RecordThere => {
                let place = usize::from(who == Who::RecordThere);
                if self.tokens[place].is_none() {
                    let record = if place == 0 { &self.world.record } else { &self.world.record_there };
                    self.tokens[place] = Some(record.token().await);
                }
            }
            _ => {
                let stale = self.stale.remove(&who);
                let now = self.app().environment.now();
                let due = who == Who::Admin && self.stepped_up.is_none_or(|at| now - at > STEP_UP);
                if let Some((app, person)) = self.with_app(who) {
                    if stale {
                        person.sign_in(app).await;
                    }
                    if due || (stale && who == Who::Admin) {
                        let code = person.code(app);
                        // Somebody else may have sent this person's cookie, and ended the session with it.
                        match person.browser.step_up(&code).await {
                            Err(DemoError::Answer { status: 401, .. }) => {
                                person.sign_in(app).await;
                                person.step_up(app).await;
                            }
                            stepped_up => stepped_up.expect("a fresh factor"),
                        }
                        self.stepped_up = Some(self.app().environment.now());
                    }
                }
            }
        }
    }

    /// What the caller holds counts no more.
    pub(crate) async fn lost(&mut self, who: Who) {
        match who {
            Who::Record => self.tokens[0] = None,
            Who::RecordThere => self.tokens[1] = None,
            Who::Operator => self.operator_token = self.new_operator_token().await.1,
            _ => drop(self.stale.insert(who)),
        }
    }

    /// A token of the operator with every scope, and its id.
    pub(crate) async fn new_operator_token(&self) -> (String, String) {
        let app = self.app();
        let facts = CallFacts { request: app.environment.id(), source: None, user_agent: None };
        let request = TokenRequest {
            operator: "operator@cloister.example".to_owned(),
            scopes: Scope::ALL.map(|scope| scope.as_str().to_owned()).to_vec(),
            life: Some(12 * 3600),
        };
        let issued = app.tenancy.issue_token(&facts, request).await.expect("a token");
        (issued.row.id.to_string(), issued.token.reveal().to_owned())
    }

    /// A call with the caller's credentials.
    pub(crate) fn call(&self, who: Who, operation: &Operation, target: &str) -> Call {
        let method: Method = operation.method.clone();
        let world = &self.world;
        let bearer = |origin: &str, token: &str| {
            Call::new(method.clone(), origin, target).with("authorization", &format!("Bearer {token}"))
        };
        if let Some(person) = self.person(who) {
            return person.call(method, target);
        }
        let token = |place: usize| self.tokens[place].clone().unwrap_or_default();
        match who {
            Who::Record => bearer(&world.here.portal, &token(0)),
            Who::RecordThere => bearer(&world.there.portal, &token(1)),
            Who::Operator => bearer(ADMIN_ORIGIN, &self.operator_token),
            _ => {
                let portal = &world.here.portal;
                Call::new(method, portal, target).with("origin", portal).with("sec-fetch-site", "same-origin")
            }
        }
    }

    /// What an answer to the caller at this origin must not tell.
    pub(crate) fn forbidden(&self, who: Who, origin: &str) -> Forbidden {
        let world = &self.world;
        let mut others = Vec::new();
        if origin == ADMIN_ORIGIN {
            others.extend(self.names.iter().flatten().cloned());
        } else {
            let here = origin == world.here.portal || origin == world.here.console;
            let other = usize::from(here);
            others.extend(self.ids[other].iter().chain(&self.names[other]).cloned());
            match who {
                Who::Ann => others.extend(self.names[0][1..].iter().cloned()),
                Who::Ben => others.push(self.names[0][0].clone()),
                Who::Anonymous | Who::Visitor | Who::Admin => others.extend(self.names[0].iter().cloned()),
                _ => {}
            }
        }
        Forbidden { secrets: self.secrets.clone(), others }
    }
}
