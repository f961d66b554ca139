//! Data keys of two owners against a model of them: whatever is issued, opened, rotated, cut off, purged and waited for in
//! whatever order, the cache asks the key service exactly when it must, a cut-off holds in time, and a value opens under the
//! very version that sealed it. `CLOISTER_MODEL_CASES` asks for more orders than the usual ones, and for others each time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{rc::Rc, sync::Arc};

use cloister_kernel::{Environment, ManualClock, SystemRandomness, TenantId};
use cloister_vault::{
    FRESH_FOR, KeyCache, KeyIssuer, KeyOwner, KeyRing, KeyState, KeyVersion, KmsKeyId, Place, Purpose,
    SealedValue, USABLE_FOR, VaultError, WrappedKey,
    testing::{Behavior, FakeKeyService},
};
use proptest::{prelude::*, strategy::Union, test_runner::RngSeed};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use time::{Duration, macros::datetime};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// One owner of the model: the versions issued, each with the second at which it was opened into the cache.
#[derive(Debug, Clone, Default)]
struct Owner {
    opened: Vec<Option<i64>>,
    disabled: bool,
    destroyed: bool,
    /// Rings that were unlocked: the second of their oldest key, and how many versions they hold.
    rings: Vec<(i64, usize)>,
    /// Values that were sealed: the number of the version.
    sealed: Vec<usize>,
}

/// The model: seconds since the test began.
#[derive(Debug, Clone, Default)]
struct Model {
    now: i64,
    away: bool,
    asked: u64,
    owners: [Owner; 2],
}

#[derive(Debug, Clone)]
enum Act {
    Wait(i64),
    Issue(usize),
    Open { owner: usize, version: usize },
    Unlock(usize),
    Seal { owner: usize, ring: usize },
    OpenValue { owner: usize, ring: usize, value: usize, at_home: bool },
    Purge(usize),
    PurgeAll,
    Disable(usize),
    Enable(usize),
    Destroy(usize),
    Away(bool),
}

/// What a ring says of a value.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Value,
    Stale,
    NoKey,
    Tampered,
    WrongOwner,
}

impl ReferenceStateMachine for Model {
    type State = Model;
    type Transition = Act;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model::default()).boxed()
    }

    fn transitions(state: &Model) -> BoxedStrategy<Act> {
        let owner = || 0..2_usize;
        let wait = prop_oneof![4 => 1..15_i64, 2 => 15..45_i64, 1 => 45..200_i64];
        let mut steps: Vec<(u32, BoxedStrategy<Act>)> = vec![
            (6, wait.prop_map(Act::Wait).boxed()),
            (3, owner().prop_map(Act::Issue).boxed()),
            (2, owner().prop_map(Act::Purge).boxed()),
            (1, Just(Act::PurgeAll).boxed()),
            (2, owner().prop_map(Act::Disable).boxed()),
            (4, owner().prop_map(Act::Enable).boxed()),
            (1, any::<bool>().prop_map(Act::Away).boxed()),
        ];
        if state.away {
            steps.push((6, Just(Act::Away(false)).boxed()));
        }
        for (owner, keys) in state.owners.iter().enumerate().filter(|(_, keys)| !keys.opened.is_empty()) {
            let version = 0..keys.opened.len();
            steps.push((8, version.prop_map(move |version| Act::Open { owner, version }).boxed()));
            steps.push((5, Just(Act::Unlock(owner)).boxed()));
            if keys.opened.len() > 3 {
                steps.push((1, Just(Act::Destroy(owner)).boxed()));
            }
            if keys.rings.is_empty() {
                continue;
            }
            let ring = 0..keys.rings.len();
            steps.push((6, ring.clone().prop_map(move |ring| Act::Seal { owner, ring }).boxed()));
            if !keys.sealed.is_empty() {
                let which = (ring, 0..keys.sealed.len(), prop::bool::weighted(0.8));
                let open = which.prop_map(move |(ring, value, at_home)| Act::OpenValue {
                    owner,
                    ring,
                    value,
                    at_home,
                });
                steps.push((8, open.boxed()));
            }
        }
        Union::new_weighted(steps).boxed()
    }

    fn preconditions(state: &Model, step: &Act) -> bool {
        match *step {
            Act::Open { owner, version } => version < state.owners[owner].opened.len(),
            Act::Unlock(owner) => !state.owners[owner].opened.is_empty(),
            Act::Seal { owner, ring } => ring < state.owners[owner].rings.len(),
            Act::OpenValue { owner, ring, value, .. } => {
                ring < state.owners[owner].rings.len() && value < state.owners[owner].sealed.len()
            }
            _ => true,
        }
    }

    fn apply(mut state: Model, step: &Act) -> Model {
        match *step {
            Act::Wait(seconds) => state.now += seconds,
            Act::Issue(owner) => {
                if state.serves(owner) {
                    state.owners[owner].opened.push(None);
                }
            }
            Act::Open { owner, version } => drop(state.open(owner, version)),
            Act::Unlock(owner) => {
                let versions = state.owners[owner].opened.len();
                let opened: Vec<Option<i64>> =
                    (0..versions).map(|version| state.open(owner, version)).collect();
                if let Some(oldest) = opened.into_iter().collect::<Option<Vec<i64>>>() {
                    let oldest = oldest.into_iter().min().unwrap();
                    state.owners[owner].rings.push((oldest, versions));
                }
            }
            Act::Seal { owner, ring } => {
                let (oldest, versions) = state.owners[owner].rings[ring];
                if state.usable(oldest) {
                    state.owners[owner].sealed.push(versions - 1);
                }
            }
            Act::OpenValue { .. } => {}
            Act::Purge(owner) => state.owners[owner].opened.iter_mut().for_each(|opened| *opened = None),
            Act::PurgeAll => {
                for owner in &mut state.owners {
                    owner.opened.iter_mut().for_each(|opened| *opened = None);
                }
            }
            Act::Disable(owner) => state.owners[owner].disabled = true,
            Act::Enable(owner) => state.owners[owner].disabled = false,
            Act::Destroy(owner) => state.owners[owner].destroyed = true,
            Act::Away(away) => state.away = away,
        }
        state
    }
}

impl Model {
    fn serves(&self, owner: usize) -> bool {
        !self.away && !self.owners[owner].disabled && !self.owners[owner].destroyed
    }

    fn usable(&self, oldest: i64) -> bool {
        self.now - oldest <= USABLE_FOR.whole_seconds()
    }

    /// Opens a version: from the cache while it is fresh, else from the key service. The second of its opening.
    fn open(&mut self, owner: usize, version: usize) -> Option<i64> {
        let fresh = |at: i64| self.now - at <= FRESH_FOR.whole_seconds();
        if let Some(at) = self.owners[owner].opened[version].filter(|at| fresh(*at)) {
            return Some(at);
        }
        self.asked += 1;
        let opened = self.serves(owner).then_some(self.now);
        self.owners[owner].opened[version] = opened;
        opened
    }

    fn told(&self, owner: usize, ring: usize, value: usize, at_home: bool) -> Told {
        let (oldest, versions) = self.owners[owner].rings[ring];
        match () {
            () if !self.usable(oldest) => Told::Stale,
            () if self.owners[owner].sealed[value] >= versions => Told::NoKey,
            () if !at_home => Told::Tampered,
            () => Told::Value,
        }
    }
}

#[derive(Default)]
struct Keys {
    wrapped: Vec<WrappedKey>,
    rings: Vec<KeyRing>,
    sealed: Vec<SealedValue>,
}

struct Real {
    runtime: Rc<Runtime>,
    clock: Arc<ManualClock>,
    environment: Environment,
    service: Arc<FakeKeyService>,
    cache: KeyCache,
    kms_keys: [KmsKeyId; 2],
    keys: [Keys; 2],
    /// How often a failed unlocking asked for keys that had just been refused.
    again: u64,
    before: Model,
}

fn name(owner: usize) -> KeyOwner {
    KeyOwner::Tenant(TenantId::from_uuid(Uuid::from_u128(owner as u128 + 1)))
}

fn place(owner: usize, value: usize) -> Place {
    Place::new(name(owner), "results", "value", Uuid::from_u128(value as u128))
}

impl Real {
    async fn take(&mut self, step: &Act, after: &Model) {
        match *step {
            Act::Wait(seconds) => self.clock.advance(Duration::seconds(seconds)),
            Act::Issue(owner) => {
                let version = KeyVersion(u32::try_from(self.keys[owner].wrapped.len()).unwrap() + 1);
                let issued = self
                    .service
                    .issue_data_key(&self.kms_keys[owner], &name(owner), Purpose::Phi, version)
                    .await;
                assert_eq!(issued.is_ok(), self.before.serves(owner));
                self.keys[owner].wrapped.extend(issued);
            }
            Act::Open { owner, version } => {
                let opened = self.cache.open(&self.keys[owner].wrapped[version]).await;
                assert_eq!(opened.is_ok(), after.owners[owner].opened[version].is_some());
            }
            Act::Unlock(owner) => {
                // One after the other, as the model does: together, the first failure may spare the rest.
                for wrapped in &self.keys[owner].wrapped {
                    let _ = self.cache.open(wrapped).await;
                }
                let asked = self.service.times_opened();
                let ring = KeyRing::unlock(&self.cache, &self.keys[owner].wrapped).await;
                let unlocked = after.owners[owner].rings.len() > self.before.owners[owner].rings.len();
                assert_eq!(ring.is_ok(), unlocked, "{:?}", ring.as_ref().err());
                self.again += self.service.times_opened() - asked;
                assert!(
                    !unlocked || self.service.times_opened() == asked,
                    "what is fresh is not asked for again"
                );
                self.keys[owner].rings.extend(ring);
            }
            Act::Seal { owner, ring } => {
                let place = place(owner, self.keys[owner].sealed.len());
                let ring = &self.keys[owner].rings[ring];
                let sealed = ring.seal(&self.environment, Purpose::Phi, &place, b"a value");
                let expected = after.owners[owner].sealed.get(self.keys[owner].sealed.len());
                assert_eq!(sealed.is_ok(), expected.is_some());
                if let (Ok(sealed), Some(version)) = (sealed, expected) {
                    assert_eq!(sealed.key_version().0 as usize, version + 1, "the newest version seals");
                    self.keys[owner].sealed.push(sealed);
                }
            }
            Act::OpenValue { owner, ring, value, at_home } => {
                let ring = &self.keys[owner].rings[ring];
                let sealed = &self.keys[owner].sealed[value];
                let at = place(owner, if at_home { value } else { value + 1000 });
                let told = told(ring.open(&at, sealed).map(|opened| opened.to_vec()));
                assert_eq!(told, self.before.told(owner, ring_of(step), value, at_home));
                let elsewhere = ring.open(&place(1 - owner, value), sealed).map(|opened| opened.to_vec());
                let stale = told == Told::Stale;
                assert_eq!(self::told(elsewhere), if stale { Told::Stale } else { Told::WrongOwner });
            }
            Act::Purge(owner) => self.cache.purge(&name(owner)),
            Act::PurgeAll => self.cache.purge_all(),
            Act::Disable(owner) => self.service.set_state(&self.kms_keys[owner], KeyState::Disabled),
            Act::Enable(owner) => self.service.set_state(&self.kms_keys[owner], KeyState::Enabled),
            Act::Destroy(owner) => self.service.destroy(&self.kms_keys[owner]),
            Act::Away(away) => self.service.behave(if away { Behavior::Away } else { Behavior::Healthy }),
        }
    }
}

const fn ring_of(step: &Act) -> usize {
    if let Act::OpenValue { ring, .. } = step { *ring } else { 0 }
}

fn told(opened: Result<Vec<u8>, VaultError>) -> Told {
    match opened {
        Ok(value) => {
            assert_eq!(value, b"a value");
            Told::Value
        }
        Err(VaultError::Stale) => Told::Stale,
        Err(VaultError::NoKey(_)) => Told::NoKey,
        Err(VaultError::WrongOwner) => Told::WrongOwner,
        Err(error) => {
            assert_eq!(error, VaultError::Tampered);
            Told::Tampered
        }
    }
}

struct Vault;

impl StateMachineTest for Vault {
    type SystemUnderTest = Real;
    type Reference = Model;

    fn init_test(_: &Model) -> Real {
        let runtime = Rc::new(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
        let clock = Arc::new(ManualClock::at(datetime!(2026-11-01 09:00 UTC)));
        let environment = Environment::new(clock.clone(), Arc::new(SystemRandomness));
        let service = Arc::new(FakeKeyService::new(environment.clone()));
        let cache = KeyCache::new(service.clone(), environment.clone(), 100);
        let kms_key = |owner| runtime.block_on(service.create_key(&name(owner))).unwrap();
        let kms_keys = [kms_key(0), kms_key(1)];
        let keys = Default::default();
        Real {
            runtime,
            clock,
            environment,
            service,
            cache,
            kms_keys,
            keys,
            again: 0,
            before: Model::default(),
        }
    }

    fn apply(mut real: Real, after: &Model, step: Act) -> Real {
        let runtime = Rc::clone(&real.runtime);
        runtime.block_on(real.take(&step, after));
        real.before = after.clone();
        real
    }

    fn check_invariants(real: &Real, model: &Model) {
        assert_eq!(real.service.times_opened() - real.again, model.asked, "asked exactly when it must be");
    }
}

fn cases() -> ProptestConfig {
    let asked = std::env::var("CLOISTER_MODEL_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(150),
        rng_seed: if asked.is_some() { RngSeed::Random } else { RngSeed::Fixed(20_260_301) },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

prop_state_machine! {
    #![proptest_config(cases())]

    #[test]
    fn keys_are_opened_cut_off_and_rotated_as_the_model_says(sequential 1..120 => Vault);
}
