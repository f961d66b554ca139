//! The breaker before a key service: fails at once while the service fails, tries it again with one call, and keeps one
//! clinic's trouble from the others.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration as RealDuration};

use cloister_kernel::{Environment, ManualClock, SystemRandomness, TenantId};
use cloister_vault::{
    Breaker, KeyCache, KeyIssuer, KeyOpener, KeyOwner, KeyRing, KeyServiceError, KeyVersion, LEFT_ALONE,
    Outage, Purpose, Refusal, VaultError, WrappedKey,
    testing::{Behavior, FakeKeyService},
};
use time::{Duration, macros::datetime};
use uuid::Uuid;

const NOT_ASKED: KeyServiceError = KeyServiceError::Unavailable(Outage::NotAsked);
const AWAY: KeyServiceError = KeyServiceError::Unavailable(Outage::Away);

struct Bench {
    clock: Arc<ManualClock>,
    environment: Environment,
    service: Arc<FakeKeyService>,
    breaker: Arc<Breaker>,
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(datetime!(2026-11-01 09:00 UTC)));
        let environment = Environment::new(clock.clone(), Arc::new(SystemRandomness));
        let service = Arc::new(FakeKeyService::new(environment.clone()));
        let breaker = Arc::new(Breaker::new(service.clone(), environment.clone()));
        Self { clock, environment, service, breaker }
    }

    /// Data keys of one clinic, under one key of the service.
    async fn keys(&self, tenant: u128, purposes: &[Purpose]) -> Vec<WrappedKey> {
        let owner = KeyOwner::Tenant(TenantId::from_uuid(Uuid::from_u128(tenant)));
        let kms_key = self.service.create_key(&owner).await.unwrap();
        let mut keys = Vec::new();
        for purpose in purposes {
            keys.push(
                self.service.issue_data_key(&kms_key, &owner, *purpose, KeyVersion::FIRST).await.unwrap(),
            );
        }
        keys
    }

    async fn key(&self, tenant: u128) -> WrappedKey {
        self.keys(tenant, &[Purpose::Phi]).await.remove(0)
    }

    async fn open(&self, key: &WrappedKey) -> Result<(), KeyServiceError> {
        self.breaker.open_data_key(key).await.map(drop)
    }

    /// Fails until the circuit of this key is open.
    async fn trip(&self, key: &WrappedKey) {
        self.service.behave(Behavior::Away);
        while self.open(key).await != Err(NOT_ASKED) {
            assert!(self.service.times_opened() < 10);
        }
    }
}

#[tokio::test]
async fn after_two_failures_nobody_asks_until_one_call_tries_again() {
    let bench = Bench::new();
    let key = bench.key(1).await;
    bench.service.behave(Behavior::Away);
    for asked in [1, 2] {
        assert_eq!(bench.open(&key).await, Err(AWAY));
        assert_eq!(bench.service.times_opened(), asked);
    }
    for _ in 0..20 {
        assert_eq!(bench.open(&key).await, Err(NOT_ASKED));
    }
    bench.clock.advance(LEFT_ALONE - Duration::milliseconds(1));
    assert_eq!(bench.open(&key).await, Err(NOT_ASKED));
    assert_eq!(bench.service.times_opened(), 2);

    bench.clock.advance(Duration::milliseconds(1));
    assert_eq!(bench.open(&key).await, Err(AWAY), "the trial failed");
    assert_eq!(bench.open(&key).await, Err(NOT_ASKED), "and the key is left alone for as long again");
    assert_eq!(bench.service.times_opened(), 3);

    bench.service.behave(Behavior::Healthy);
    bench.clock.advance(LEFT_ALONE);
    for asked in 4..8 {
        assert_eq!(bench.open(&key).await, Ok(()));
        assert_eq!(bench.service.times_opened(), asked);
    }
    bench.service.behave(Behavior::Away);
    assert_eq!(bench.open(&key).await, Err(AWAY), "earlier failures are forgotten");
    assert_eq!(bench.open(&key).await, Err(AWAY));
}

#[tokio::test]
async fn while_one_call_tries_again_the_others_are_told_at_once() {
    let bench = Bench::new();
    let key = bench.key(1).await;
    bench.trip(&key).await;
    bench.clock.advance(LEFT_ALONE);
    bench.service.behave(Behavior::Slow(RealDuration::from_millis(150)));
    let before = bench.service.times_opened();
    let trial = {
        let (breaker, key) = (bench.breaker.clone(), key.clone());
        tokio::spawn(async move { breaker.open_data_key(&key).await.map(drop) })
    };
    while bench.service.times_opened() == before {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        assert_eq!(bench.open(&key).await, Err(NOT_ASKED));
    }
    trial.await.unwrap().unwrap();
    assert_eq!(bench.service.times_opened(), before + 1);
    assert_eq!(bench.open(&key).await, Ok(()));
}

#[tokio::test]
async fn a_trial_that_is_given_up_leaves_the_next_one_to_another() {
    let bench = Bench::new();
    let key = bench.key(1).await;
    bench.trip(&key).await;
    bench.clock.advance(LEFT_ALONE);
    bench.service.behave(Behavior::Slow(RealDuration::from_secs(60)));
    let given_up = tokio::time::timeout(RealDuration::from_millis(20), bench.open(&key)).await;
    assert!(given_up.is_err());
    bench.service.behave(Behavior::Healthy);
    assert_eq!(bench.open(&key).await, Ok(()));
}

#[tokio::test]
async fn another_clinics_key_is_asked_all_the_same() {
    let bench = Bench::new();
    let (one, other) = (bench.key(1).await, bench.key(2).await);
    bench.trip(&one).await;
    bench.service.behave(Behavior::Healthy);
    assert_eq!(bench.open(&one).await, Err(NOT_ASKED));
    assert_eq!(bench.open(&other).await, Ok(()));
}

#[tokio::test]
async fn refusals_are_answers() {
    let bench = Bench::new();
    let key = bench.key(1).await;
    bench.service.behave(Behavior::Denied);
    for asked in 1..6 {
        assert_eq!(bench.open(&key).await, Err(KeyServiceError::Refused(Refusal::Denied)));
        assert_eq!(bench.service.times_opened(), asked);
    }
    bench.trip(&key).await;
    bench.clock.advance(LEFT_ALONE);
    bench.service.behave(Behavior::Denied);
    for _ in 0..3 {
        assert_eq!(bench.open(&key).await, Err(KeyServiceError::Refused(Refusal::Denied)));
    }
}

#[tokio::test]
async fn calls_that_fail_together_count_as_one_failure() {
    let bench = Bench::new();
    let keys = bench.keys(1, &[Purpose::Phi, Purpose::Pii, Purpose::Index, Purpose::Credentials]).await;
    bench.service.behave(Behavior::TimesOut(RealDuration::from_millis(30)));
    let cache = KeyCache::new(bench.breaker.clone(), bench.environment.clone(), 100);
    let timed_out = VaultError::KeyService(KeyServiceError::Unavailable(Outage::TimedOut));
    assert_eq!(KeyRing::unlock(&cache, &keys).await.err(), Some(timed_out));
    tokio::time::sleep(RealDuration::from_millis(60)).await;
    bench.service.behave(Behavior::Healthy);
    assert!(KeyRing::unlock(&cache, &keys).await.is_ok(), "one blip opens no circuit");
}

#[tokio::test]
async fn a_service_that_hangs_holds_requests_up_twice_and_no_more() {
    let bench = Bench::new();
    let key = bench.key(1).await;
    bench.service.behave(Behavior::TimesOut(RealDuration::from_millis(200)));
    let cache = KeyCache::new(bench.breaker.clone(), bench.environment.clone(), 100);
    let began = std::time::Instant::now();
    for _ in 0..100 {
        assert!(cache.open(&key).await.is_err());
    }
    assert_eq!(bench.service.times_opened(), 2);
    assert!(began.elapsed() < RealDuration::from_secs(4), "a hundred waited for {:?}", began.elapsed());
}
