//! Sessions of two clinics at once against a model of them: whatever people do in whatever order, both stores answer as
//! the model does. `CLOISTER_MODEL_CASES` asks for more orders than the usual ones, and for others each time.

use std::{collections::BTreeSet, rc::Rc};

use cloister_ephemeral::{
    Activity, Elevation, EndedSession, MOST_SESSIONS, NewSession, SessionEnd, SessionLimits, SessionRecord,
    Token, Touched,
};
use cloister_kernel::{Audience, Environment, SessionId, TenantId, UserId};
use proptest::{prelude::*, strategy::Union, test_runner::RngSeed};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use time::{Duration, OffsetDateTime};
use tokio::runtime::Runtime;

use crate::support::{Bench, private_benches};

const IDLE: i64 = 15 * 60;
const AGE: i64 = 8 * 3600;

/// Somebody of the four: two clinics, and the same two people at each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Somebody {
    clinic: usize,
    person: usize,
}

/// What a session of the model came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    /// Somebody ended it.
    Ended,
    /// It gave way, at this second; nobody was told yet.
    GaveWay(i64),
    /// It ended by itself and that was told.
    Told,
}

#[derive(Debug, Clone)]
struct Session {
    whose: Somebody,
    opened: i64,
    seen: i64,
    fate: Fate,
}

impl Session {
    fn runs_out(&self) -> i64 {
        (self.seen + IDLE).min(self.opened + AGE)
    }

    fn is_live(&self, now: i64) -> bool {
        self.fate == Fate::Open && now < self.runs_out()
    }

    /// When and why it ended by itself, as long as nobody was told.
    fn untold(&self, now: i64) -> Option<(i64, SessionEnd)> {
        let ran_out = self.runs_out();
        let by_age = ran_out == self.opened + AGE;
        match self.fate {
            Fate::GaveWay(at) => Some((at, SessionEnd::GaveWay)),
            Fate::Open if now >= ran_out && by_age => Some((ran_out, SessionEnd::Age)),
            Fate::Open if now >= ran_out => Some((ran_out, SessionEnd::Idle)),
            _ => None,
        }
    }
}

/// The model: seconds since the test began, and every session that ever was.
#[derive(Debug, Clone, Default)]
struct Model {
    now: i64,
    sessions: Vec<Session>,
}

/// What somebody does. Sessions are named by their place; a place that does not exist means the nearest below.
#[derive(Debug, Clone)]
enum Act {
    Open { whose: Somebody, times: usize },
    Touch { session: usize, at_its_clinic: bool, extends: bool },
    StepUp(usize),
    End(usize),
    EndOthers(usize),
    EndAll(Somebody),
    Wait(i64),
    Tell,
}

impl ReferenceStateMachine for Model {
    type State = Model;
    type Transition = Act;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model::default()).boxed()
    }

    fn transitions(state: &Model) -> BoxedStrategy<Act> {
        let somebody = || (0..2_usize, 0..2_usize).prop_map(|(clinic, person)| Somebody { clinic, person });
        // Mostly the first, so that sometimes one has more sessions than anybody may.
        let opening = prop_oneof![4 => Just(Somebody { clinic: 0, person: 0 }), 3 => somebody()];
        let mut steps: Vec<(u32, BoxedStrategy<Act>)> = vec![
            (6, (opening, 1..6_usize).prop_map(|(whose, times)| Act::Open { whose, times }).boxed()),
            (4, prop_oneof![3 => 1..300_i64, 1 => 300..1800_i64].prop_map(Act::Wait).boxed()),
            (1, somebody().prop_map(Act::EndAll).boxed()),
            (2, Just(Act::Tell).boxed()),
        ];
        if !state.sessions.is_empty() {
            let one = 0..state.sessions.len();
            let touch = (one.clone(), prop::bool::weighted(0.9), any::<bool>())
                .prop_map(|(session, at_its_clinic, extends)| Act::Touch { session, at_its_clinic, extends });
            steps.push((10, touch.boxed()));
            steps.push((3, one.clone().prop_map(Act::StepUp).boxed()));
            steps.push((2, one.clone().prop_map(Act::End).boxed()));
            steps.push((1, one.prop_map(Act::EndOthers).boxed()));
        }
        Union::new_weighted(steps).boxed()
    }

    fn preconditions(state: &Model, step: &Act) -> bool {
        match step {
            Act::Touch { session, .. }
            | Act::StepUp(session)
            | Act::End(session)
            | Act::EndOthers(session) => *session < state.sessions.len(),
            Act::Open { .. } | Act::EndAll(_) | Act::Wait(_) | Act::Tell => true,
        }
    }

    fn apply(mut state: Model, step: &Act) -> Model {
        let now = state.now;
        match step {
            Act::Wait(seconds) => state.now += seconds,
            Act::Open { whose, times } => (0..*times).for_each(|_| state.open(*whose)),
            Act::Touch { session, at_its_clinic: true, extends: true } | Act::StepUp(session) => {
                let session = &mut state.sessions[*session];
                if session.is_live(now) {
                    session.seen = now;
                }
            }
            Act::Touch { .. } => {}
            Act::End(session) => state.end(|place, _| place == *session),
            Act::EndOthers(keep) => {
                let whose = state.sessions[*keep].whose;
                state.end(|place, session| place != *keep && session.whose == whose);
            }
            Act::EndAll(whose) => state.end(|_, session| session.whose == *whose),
            Act::Tell => {
                for session in &mut state.sessions {
                    if session.untold(now).is_some() {
                        session.fate = Fate::Told;
                    }
                }
            }
        }
        state
    }
}

impl Model {
    fn open(&mut self, whose: Somebody) {
        let live = self.live(whose);
        if live.len() >= MOST_SESSIONS {
            self.sessions[live[0]].fate = Fate::GaveWay(self.now);
        }
        self.sessions.push(Session { whose, opened: self.now, seen: self.now, fate: Fate::Open });
    }

    fn live(&self, whose: Somebody) -> Vec<usize> {
        let sessions = self.sessions.iter().enumerate();
        let live = sessions.filter(|(_, session)| session.whose == whose && session.is_live(self.now));
        live.map(|(place, _)| place).collect()
    }

    fn end(&mut self, which: impl Fn(usize, &Session) -> bool) {
        let now = self.now;
        for (place, session) in self.sessions.iter_mut().enumerate() {
            if which(place, session) && session.is_live(now) {
                session.fate = Fate::Ended;
            }
        }
    }
}

/// A real store beside the model.
struct Real {
    bench: Rc<Bench>,
    runtime: Rc<Runtime>,
    clinics: [TenantId; 2],
    people: [UserId; 2],
    began: OffsetDateTime,
    /// The model as it was before the step under way.
    before: Model,
    sessions: Vec<(Token, SessionRecord)>,
    replaced: Vec<(usize, Token)>,
}

thread_local! {
    /// One Redis for all orders: each has clinics of its own.
    static PARTS: (Rc<Runtime>, Vec<Rc<Bench>>) = (
        Rc::new(Runtime::new().unwrap()),
        private_benches().into_iter().map(Rc::new).collect(),
    );
}

impl Real {
    fn new(bench: Rc<Bench>, runtime: Rc<Runtime>) -> Self {
        let id = || Environment::system().id();
        let began = bench.now();
        Self {
            bench,
            runtime,
            clinics: [Environment::system().id(), Environment::system().id()],
            people: [id(), id()],
            began,
            before: Model::default(),
            sessions: Vec::new(),
            replaced: Vec::new(),
        }
    }

    fn whose(&self, whose: Somebody) -> (TenantId, UserId) {
        (self.clinics[whose.clinic], self.people[whose.person])
    }

    fn second(&self, moment: OffsetDateTime) -> i64 {
        (moment - self.began).whole_seconds()
    }

    fn touch(&self, place: usize, token: &Token, at_its_clinic: bool, extends: bool) -> Touched {
        let own = self.before.sessions[place].whose.clinic;
        let clinic = self.clinics[if at_its_clinic { own } else { 1 - own }];
        let activity = if extends { Activity::Extends } else { Activity::Observes };
        let hash = token.hash();
        self.runtime.block_on(self.bench.store.touch_session(clinic, &hash, activity, None)).unwrap()
    }

    fn take(&mut self, step: &Act, after: &Model) {
        let (bench, runtime) = (Rc::clone(&self.bench), Rc::clone(&self.runtime));
        let store = &bench.store;
        let before = &self.before;
        let now = before.now;
        match *step {
            Act::Wait(seconds) => bench.clock.advance(Duration::seconds(seconds)),
            Act::Open { whose, times } => {
                let (tenant, user) = self.whose(whose);
                for _ in 0..times {
                    // Ids tell which is older, to the millisecond.
                    bench.clock.advance(Duration::milliseconds(1));
                    let opened = runtime.block_on(store.create_session(new_session(tenant, user)));
                    self.sessions.push(opened.unwrap());
                }
            }
            Act::Touch { session, at_its_clinic, extends } => {
                let touched = self.touch(session, &self.sessions[session].0, at_its_clinic, extends);
                self.compare(session, at_its_clinic, &touched, after);
            }
            Act::StepUp(session) => {
                let elevation = Elevation { assurance: "stepped_up".to_owned(), step_up_until: None };
                let (token, record) = &self.sessions[session];
                let made = runtime.block_on(store.rotate_session(&token.hash(), record, elevation)).unwrap();
                assert_eq!(made.is_some(), before.sessions[session].is_live(now));
                if let Some(made) = made {
                    let old = std::mem::replace(&mut self.sessions[session], made);
                    self.replaced.push((session, old.0));
                }
            }
            Act::End(session) => {
                let (tenant, user) = self.whose(before.sessions[session].whose);
                let id = self.sessions[session].1.id;
                let ended = runtime.block_on(store.revoke_session(tenant, user, id)).unwrap();
                assert_eq!(ended, before.sessions[session].is_live(now));
            }
            Act::EndOthers(keep) => {
                let whose = before.sessions[keep].whose;
                let (tenant, user) = self.whose(whose);
                let id = self.sessions[keep].1.id;
                let ended = runtime.block_on(store.revoke_other_sessions(tenant, user, id)).unwrap();
                assert_eq!(ended, before.live(whose).iter().filter(|place| **place != keep).count() as u64);
            }
            Act::EndAll(whose) => {
                let (tenant, user) = self.whose(whose);
                let ended = runtime.block_on(store.revoke_all_sessions(tenant, user)).unwrap();
                assert_eq!(ended, before.live(whose).len() as u64);
            }
            Act::Tell => self.told(),
        }
    }

    fn compare(&self, place: usize, at_its_clinic: bool, touched: &Touched, after: &Model) {
        let expected = &self.before.sessions[place];
        let (live, untold) = (expected.is_live(self.before.now), expected.untold(self.before.now));
        match touched {
            Touched::Active(record, _) => {
                assert!(at_its_clinic && live, "a dead session is live");
                assert_eq!(self.second(record.last_seen_at), after.sessions[place].seen);
                assert_eq!(record.id, self.sessions[place].1.id);
            }
            Touched::Ended(ended) => {
                assert!(at_its_clinic && !live, "a live session has ended");
                assert_eq!(Some((self.second(ended.ended_at), ended.reason)), untold);
            }
            Touched::Absent => assert!(!at_its_clinic || (!live && untold.is_none()), "a session is lost"),
            Touched::Limited(..) => panic!("no limit was given"),
        }
    }

    /// Every end is told that was not told before, and no other.
    fn told(&self) {
        let mut told: Vec<EndedSession> = Vec::new();
        while let Some(ended) = self.runtime.block_on(self.bench.store.claim_ended(5)).unwrap() {
            self.runtime.block_on(self.bench.store.forget_ended(&ended)).unwrap();
            told.extend(ended.sessions);
        }
        let clinics = self.clinics;
        let told: BTreeSet<(SessionId, i64)> = told
            .iter()
            .filter(|ended| clinics.contains(&ended.tenant))
            .map(|ended| (ended.id, self.second(ended.ended_at)))
            .collect();
        let sessions = self.before.sessions.iter().zip(&self.sessions);
        let expected = sessions.filter_map(|(session, (_, record))| {
            session.untold(self.before.now).map(|(at, _)| (record.id, at))
        });
        assert_eq!(told, expected.collect(), "what ended by itself is told once");
    }

    /// Each person's list is what is live, and no replaced token is worth anything.
    fn holds(&self, model: &Model) {
        for whose in (0..4).map(|number| Somebody { clinic: number / 2, person: number % 2 }) {
            let (tenant, user) = self.whose(whose);
            let listed = self.runtime.block_on(self.bench.store.sessions_of(tenant, user)).unwrap();
            let listed: BTreeSet<SessionId> = listed.iter().map(|record| record.id).collect();
            let expected = model.live(whose).into_iter().map(|place| self.sessions[place].1.id).collect();
            assert_eq!(listed, expected, "{whose:?}");
        }
        if let Some((place, token)) = self.replaced.last() {
            assert_eq!(self.touch(*place, token, true, false), Touched::Absent, "a replaced token");
        }
    }
}

fn new_session(tenant: TenantId, user: UserId) -> NewSession {
    NewSession {
        tenant,
        audience: Audience::Portal,
        user,
        assurance: "two_factor".to_owned(),
        epoch: 0,
        limits: SessionLimits::default(),
        sealed_client: None,
        step_up_until: None,
        last_sign_in_at: None,
    }
}

struct BothStores;

impl StateMachineTest for BothStores {
    type SystemUnderTest = Vec<Real>;
    type Reference = Model;

    fn init_test(_: &Model) -> Vec<Real> {
        PARTS.with(|(runtime, benches)| {
            benches.iter().map(|bench| Real::new(Rc::clone(bench), Rc::clone(runtime))).collect()
        })
    }

    fn apply(mut stores: Vec<Real>, after: &Model, step: Act) -> Vec<Real> {
        for real in &mut stores {
            real.take(&step, after);
            real.before = after.clone();
        }
        stores
    }

    fn check_invariants(stores: &Vec<Real>, model: &Model) {
        for real in stores {
            real.holds(model);
        }
    }
}

fn cases() -> ProptestConfig {
    let asked = std::env::var("CLOISTER_MODEL_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(40),
        rng_seed: if asked.is_some() { RngSeed::Random } else { RngSeed::Fixed(20_260_301) },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

prop_state_machine! {
    #![proptest_config(cases())]

    #[test]
    fn both_stores_keep_sessions_as_the_model_does(sequential 1..90 => BothStores);
}
