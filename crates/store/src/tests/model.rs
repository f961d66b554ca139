//! Two clinics at once against a model of them: units of both are open side by side, read, write, are refused, abandoned,
//! fail or commit, and sometimes no event can be written. After every step each clinic holds the patients and the events
//! that the model says, and whatever was released has its event. `CLOISTER_MODEL_CASES` asks for more orders than the usual
//! ones, and for others each time.

use std::{cell::OnceCell, collections::BTreeMap, rc::Rc};

use cloister_access::{Caller, action::Read, resource::Record};
use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{Audience, PatientId, Phi, TenantId, UserId};
use proptest::{prelude::*, strategy::Union, test_runner::RngSeed};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::{Harness, Kind};
use crate::{Pending, StoreError, Target, UnitOfWork, core::Core};
use cloister_vault::Purpose;

/// Patients of each clinic when an order begins.
const PATIENTS: usize = 2;
const READ: &str = "record.read success";
const REFUSED: &str = "record.read refused";
const WRITTEN: &str = "account.read success";
const FAILED: &str = "record.read failed";

/// Who a unit belongs to. The chart of the clinic's first patient is the one that may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Patient,
    OnPanel,
    OffPanel,
}

/// Whose chart is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Own(usize),
    OtherClinics(usize),
    Nobodys,
}

#[derive(Debug, Clone)]
struct Open {
    clinic: usize,
    who: Who,
    reads: usize,
    written: usize,
    /// How many patients stood when the unit began: it may not see fewer of its clinic.
    stood: usize,
}

/// The model: the units that are open, at most `MOST`, and what each clinic holds.
#[derive(Debug, Clone, Default)]
struct Model<const MOST: usize> {
    open: BTreeMap<usize, Open>,
    patients: [usize; 2],
    events: [Vec<&'static str>; 2],
    no_events: bool,
}

#[derive(Debug, Clone)]
enum Act {
    Begin { slot: usize, clinic: usize, who: Who },
    Read { slot: usize, whose: Whose },
    Write(usize),
    Look(usize),
    Commit(usize),
    Abandon(usize),
    Fail(usize),
    LoseEvents,
    RegainEvents,
}

fn may_read(who: Who, whose: Whose) -> bool {
    who != Who::OffPanel && whose == Whose::Own(0)
}

impl<const MOST: usize> ReferenceStateMachine for Model<MOST> {
    type State = Self;
    type Transition = Act;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self { patients: [PATIENTS; 2], ..Self::default() }).boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Act> {
        let who = prop_oneof![Just(Who::Patient), Just(Who::OnPanel), Just(Who::OffPanel)];
        let whose = || {
            prop_oneof![
                6 => Just(Whose::Own(0)),
                1 => Just(Whose::Own(1)),
                2 => (0..PATIENTS).prop_map(Whose::OtherClinics),
                1 => Just(Whose::Nobodys),
            ]
        };
        let mut steps: Vec<(u32, BoxedStrategy<Act>)> = Vec::new();
        if state.open.len() < MOST {
            let slot = (0..MOST).find(|slot| !state.open.contains_key(slot)).unwrap_or_default();
            let begin = (0..2_usize, who).prop_map(move |(clinic, who)| Act::Begin { slot, clinic, who });
            steps.push((4, begin.boxed()));
        }
        if state.open.is_empty() {
            steps.push((1, Just(if state.no_events { Act::RegainEvents } else { Act::LoseEvents }).boxed()));
        } else {
            let open: Vec<usize> = state.open.keys().copied().collect();
            let slot = || prop::sample::select(open.clone());
            steps.push((6, (slot(), whose()).prop_map(|(slot, whose)| Act::Read { slot, whose }).boxed()));
            steps.push((3, slot().prop_map(Act::Write).boxed()));
            steps.push((2, slot().prop_map(Act::Look).boxed()));
            steps.push((4, slot().prop_map(Act::Commit).boxed()));
            steps.push((1, slot().prop_map(Act::Abandon).boxed()));
            steps.push((1, slot().prop_map(Act::Fail).boxed()));
        }
        Union::new_weighted(steps).boxed()
    }

    fn preconditions(state: &Self, step: &Act) -> bool {
        match step {
            Act::Begin { slot, .. } => *slot < MOST && !state.open.contains_key(slot),
            Act::Read { slot, .. } => state.open.contains_key(slot),
            Act::Write(slot) | Act::Look(slot) | Act::Commit(slot) | Act::Abandon(slot) | Act::Fail(slot) => {
                state.open.contains_key(slot)
            }
            Act::LoseEvents => state.open.is_empty() && !state.no_events,
            Act::RegainEvents => state.open.is_empty() && state.no_events,
        }
    }

    fn apply(mut state: Self, step: &Act) -> Self {
        match *step {
            Act::Begin { slot, clinic, who } => {
                let stood = state.patients[clinic];
                state.open.insert(slot, Open { clinic, who, reads: 0, written: 0, stood });
            }
            Act::Read { slot, whose } => {
                let unit = state.open.get_mut(&slot).unwrap();
                if may_read(unit.who, whose) {
                    unit.reads += 1;
                } else {
                    state.ends_with(slot, REFUSED);
                }
            }
            Act::Write(slot) => state.open.get_mut(&slot).unwrap().written += 1,
            Act::Look(_) => {}
            Act::Commit(slot) => {
                let unit = state.open.remove(&slot).unwrap();
                if !state.no_events || unit.reads + unit.written == 0 {
                    state.patients[unit.clinic] += unit.written;
                    let events = &mut state.events[unit.clinic];
                    events.extend(std::iter::repeat_n(READ, unit.reads));
                    events.extend(std::iter::repeat_n(WRITTEN, unit.written));
                }
            }
            Act::Abandon(slot) => drop(state.open.remove(&slot)),
            Act::Fail(slot) => state.ends_with(slot, FAILED),
            Act::LoseEvents => state.no_events = true,
            Act::RegainEvents => state.no_events = false,
        }
        state
    }
}

impl<const MOST: usize> Model<MOST> {
    /// The unit leaves this event alone, where it can be written.
    fn ends_with(&mut self, slot: usize, event: &'static str) {
        let unit = self.open.remove(&slot).unwrap();
        if !self.no_events {
            self.events[unit.clinic].push(event);
        }
    }
}

struct Clinic {
    tenant: TenantId,
    patients: Vec<PatientId>,
    people: [UserId; 3],
}

/// A unit under way with what it has read.
struct Under {
    unit: UnitOfWork<'static>,
    read: Vec<Pending<Phi<String>>>,
}

/// A real store beside the model.
struct Real<const MOST: usize> {
    harness: Rc<Harness>,
    runtime: Rc<Runtime>,
    clinics: Vec<Clinic>,
    open: BTreeMap<usize, Under>,
    before: Model<MOST>,
}

/// What stands in a chart: made of its patient's id, so that another's shows.
fn header_of(patient: Uuid) -> String {
    format!("Header of {patient}")
}

async fn write_patient(core: &mut Core, id: Uuid) -> Result<(), StoreError> {
    let text = header_of(id);
    let sealed = |column| core.seal(Purpose::Phi, "patients", column, id, text.as_bytes());
    let (demographics, header) = (sealed("demographics_sealed")?, sealed("header_sealed")?);
    let sql = "INSERT INTO patients (tenant_id, id, status, demographics_sealed, header_sealed, content_hash, \
               created_at, updated_at) VALUES ($1, $2, 'active', $3, $4, $5, 0, 0)";
    core.execute(sql, vec![id.into(), demographics.into(), header.into(), vec![7u8; 32].into()]).await?;
    Ok(())
}

async fn clinic(harness: &Harness) -> Clinic {
    let slug = format!("model-{}", harness.environment.uuid().simple());
    let tenant = harness.clinic(&slug).await;
    let mut patients = Vec::new();
    for _ in 0..PATIENTS {
        let visitor = harness.visitor(tenant, Audience::Portal);
        let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
        let patient: PatientId = harness.environment.id();
        write_patient(&mut visit.core, patient.uuid()).await.unwrap();
        visit.commit(()).await.unwrap();
        patients.push(patient);
    }
    let of_patient = harness.user(tenant, "patient", &["patient"], Some(patients[0])).await;
    let on_panel = harness.user(tenant, "staff", &["clinician"], None).await;
    let off_panel = harness.user(tenant, "staff", &["clinician"], None).await;
    harness.assign(tenant, on_panel, patients[0]).await;
    Clinic { tenant, patients, people: [of_patient, on_panel, off_panel] }
}

impl<const MOST: usize> Real<MOST> {
    fn start(kind: Kind) -> Self {
        thread_local! {
            /// One database for all orders of a test: each has clinics of its own.
            static PARTS: OnceCell<(Rc<Runtime>, Rc<Harness>)> = const { OnceCell::new() };
        }
        let (runtime, harness) = PARTS.with(|parts| {
            parts
                .get_or_init(|| {
                    let runtime = Runtime::new().unwrap();
                    let harness = runtime.block_on(Harness::start(kind));
                    (Rc::new(runtime), Rc::new(harness))
                })
                .clone()
        });
        let clinics = runtime.block_on(async { vec![clinic(&harness).await, clinic(&harness).await] });
        let before = Model { patients: [PATIENTS; 2], ..Model::default() };
        let real = Self { harness, runtime, clinics, open: BTreeMap::new(), before };
        // The order before this one may have ended without.
        real.runtime.block_on(real.events_can_be_written(true));
        real
    }

    async fn events_can_be_written(&self, can: bool) {
        let sql = match (self.harness.kind, can) {
            (Kind::Postgres, false) => "REVOKE INSERT ON events FROM cloister_serve",
            (Kind::Postgres, true) => "GRANT INSERT ON events TO cloister_serve",
            (Kind::Sqlite, false) => {
                "CREATE TRIGGER no_events BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no events'); END"
            }
            (Kind::Sqlite, true) => "DROP TRIGGER IF EXISTS no_events",
        };
        self.harness.execute(sql).await.unwrap();
    }

    /// Somebody of a clinic. Callers live as long as the test, so that units of several can be open.
    fn caller(&self, clinic: usize, who: Who) -> &'static Caller {
        let (audience, place) = match who {
            Who::Patient => (Audience::Portal, 0),
            Who::OnPanel => (Audience::Console, 1),
            Who::OffPanel => (Audience::Console, 2),
        };
        let Clinic { tenant, people, .. } = &self.clinics[clinic];
        Box::leak(Box::new(self.harness.caller(*tenant, audience, people[place])))
    }

    fn target(&self, clinic: usize, whose: Whose) -> Target {
        Target::Patient(match whose {
            Whose::Own(place) => self.clinics[clinic].patients[place],
            Whose::OtherClinics(place) => self.clinics[1 - clinic].patients[place],
            Whose::Nobodys => self.harness.environment.id(),
        })
    }

    async fn take(&mut self, step: &Act) {
        match *step {
            Act::Begin { slot, clinic, who } => {
                let unit = self.harness.store.begin(self.caller(clinic, who)).await.unwrap();
                self.open.insert(slot, Under { unit, read: Vec::new() });
            }
            Act::Read { slot, whose } => self.read(slot, whose).await,
            Act::Write(slot) => {
                let unit = &mut self.open.get_mut(&slot).unwrap().unit;
                let id = unit.environment().uuid();
                write_patient(&mut unit.core, id).await.unwrap();
                unit.note(EventDraft::success(ActionCode::AccountRead));
            }
            Act::Look(slot) => self.look(slot).await,
            Act::Commit(slot) => self.commit(slot).await,
            Act::Abandon(slot) => drop(self.open.remove(&slot)),
            Act::Fail(slot) => {
                let unit = self.open.remove(&slot).unwrap().unit;
                let written = unit.fail(EventDraft::success(ActionCode::RecordRead)).await;
                assert_eq!(written.is_ok(), !self.before.no_events, "{written:?}");
            }
            Act::LoseEvents => self.events_can_be_written(false).await,
            Act::RegainEvents => self.events_can_be_written(true).await,
        }
    }

    async fn read(&mut self, slot: usize, whose: Whose) {
        let Open { clinic, who, .. } = self.before.open[&slot];
        let target = self.target(clinic, whose);
        let under = self.open.get_mut(&slot).unwrap();
        match under.unit.permit::<Read, Record>(target).await {
            Ok(permit) => {
                assert!(may_read(who, whose), "{who:?} was let at {whose:?}");
                let pending = under.unit.sample_header(permit).await.unwrap();
                under.read.push(pending);
            }
            Err(refusal) => {
                assert!(!may_read(who, whose), "{who:?} was kept from {whose:?}: {refusal:?}");
                let answered = self.open.remove(&slot).unwrap().unit.refuse(refusal).await;
                assert_eq!(matches!(answered, StoreError::Denied(_)), !self.before.no_events, "{answered:?}");
            }
        }
    }

    /// A unit sees its own clinic's patients and its own new ones, and never one of the other clinic.
    async fn look(&mut self, slot: usize) {
        let Open { clinic, written, stood, .. } = self.before.open[&slot];
        let unit = &self.open[&slot].unit;
        let own = "SELECT COUNT(*) AS found FROM patients WHERE tenant_id = $1";
        let found: i64 = unit.core.row(own, Vec::new()).await.unwrap().unwrap().get("found").unwrap();
        let found = usize::try_from(found).unwrap();
        let most = self.before.patients[clinic] + written;
        assert!((stood + written..=most).contains(&found), "{found} of {stood} to {most}");
        if self.harness.kind == Kind::Postgres {
            // The second wall alone: the statement forgets to say which clinic.
            let all = "SELECT COUNT(*) AS found FROM patients WHERE $1::uuid IS NOT NULL";
            let seen: i64 = unit.core.row(all, Vec::new()).await.unwrap().unwrap().get("found").unwrap();
            assert_eq!(usize::try_from(seen).unwrap(), found, "a row of another clinic shows");
        }
    }

    async fn commit(&mut self, slot: usize) {
        let Open { clinic, reads, written, .. } = self.before.open[&slot];
        let Under { unit, read } = self.open.remove(&slot).unwrap();
        let released = unit.commit(read).await;
        if self.before.no_events && reads + written > 0 {
            assert!(matches!(released, Err(StoreError::Database(_))), "released without an event");
            return;
        }
        let expected = header_of(self.clinics[clinic].patients[0].uuid());
        let released = released.unwrap();
        assert_eq!(released.len(), reads);
        assert!(released.iter().all(|header| *header.expose() == expected));
    }

    /// Each clinic holds what the model says.
    async fn holds(&self, model: &Model<MOST>) {
        for (clinic, (patients, events)) in self.clinics.iter().zip(model.patients.iter().zip(&model.events))
        {
            let mut written: Vec<String> = self.harness.events(clinic.tenant).await;
            for line in &mut written {
                *line = line.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ");
            }
            let mut expected = events.clone();
            written.sort();
            expected.sort_unstable();
            assert_eq!(written, expected);
            let id = match self.harness.kind {
                Kind::Postgres => format!("'{}'", clinic.tenant.uuid()),
                Kind::Sqlite => format!("x'{}'", clinic.tenant.uuid().simple()),
            };
            let sql = format!("SELECT count(*) FROM patients WHERE tenant_id = {id}");
            assert_eq!(self.harness.number(&sql).await, i64::try_from(*patients).unwrap());
        }
    }
}

/// Units of both clinics side by side, on PostgreSQL.
struct SideBySide;
/// One unit after the other, on SQLite, which takes one writer at a time.
struct OneByOne;

macro_rules! beside_the_model {
    ($name:ident, $most:literal, $kind:expr) => {
        impl StateMachineTest for $name {
            type SystemUnderTest = Real<$most>;
            type Reference = Model<$most>;

            fn init_test(_: &Model<$most>) -> Real<$most> {
                Real::start($kind)
            }

            fn apply(mut real: Real<$most>, after: &Model<$most>, step: Act) -> Real<$most> {
                let runtime = Rc::clone(&real.runtime);
                runtime.block_on(async {
                    real.take(&step).await;
                    real.before = after.clone();
                    // SQLite holds other connections back while a unit has written.
                    if real.harness.kind == Kind::Postgres || real.open.is_empty() {
                        real.holds(after).await;
                    }
                });
                real
            }

            fn teardown(real: Real<$most>, _: Model<$most>) {
                let Real { runtime, open, .. } = real;
                let _inside = runtime.enter();
                drop(open);
            }
        }
    };
}

beside_the_model!(SideBySide, 4, Kind::Postgres);
beside_the_model!(OneByOne, 1, Kind::Sqlite);

fn cases(usual: u32) -> ProptestConfig {
    let asked = std::env::var("CLOISTER_MODEL_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(usual),
        rng_seed: if asked.is_some() { RngSeed::Random } else { RngSeed::Fixed(20_260_301) },
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    }
}

prop_state_machine! {
    #![proptest_config(cases(10))]

    #[test]
    fn units_of_two_clinics_side_by_side_keep_to_the_model(sequential 1..60 => SideBySide);
}

prop_state_machine! {
    #![proptest_config(cases(10))]

    #[test]
    fn units_one_by_one_keep_to_the_model(sequential 1..60 => OneByOne);
}
