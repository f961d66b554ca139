//! The key cache: asked once, fresh for 40 seconds, purged at once, and never wrong for long.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration as RealDuration};

use cloister_kernel::{Environment, Failure, FailureKind, ManualClock, SystemRandomness, TenantId};
use cloister_vault::{
    KeyCache, KeyIssuer, KeyOpener, KeyOwner, KeyRing, KeyServiceError, KeyState, KeyUsage, KeyVersion,
    Outage, Place, PlatformKeyOpener, Purpose, Refusal, VaultError, WrappedKey,
    testing::{Behavior, FakeKeyService},
};
use time::{Duration, macros::datetime};
use uuid::Uuid;

struct Bench {
    clock: Arc<ManualClock>,
    environment: Environment,
    service: Arc<FakeKeyService>,
    cache: KeyCache,
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(datetime!(2026-11-01 09:00 UTC)));
        let environment = Environment::new(clock.clone(), Arc::new(SystemRandomness));
        let service = Arc::new(FakeKeyService::new(environment.clone()));
        let cache = KeyCache::new(service.clone(), environment.clone(), 100);
        Self { clock, environment, service, cache }
    }

    async fn key(&self, owner: KeyOwner, purpose: Purpose) -> WrappedKey {
        let kms_key = self.service.create_key(&owner).await.unwrap();
        self.service.issue_data_key(&kms_key, &owner, purpose, KeyVersion::FIRST).await.unwrap()
    }
}

fn tenant(number: u128) -> KeyOwner {
    KeyOwner::Tenant(TenantId::from_uuid(Uuid::from_u128(number)))
}

const REFUSED: VaultError = VaultError::KeyService(KeyServiceError::Refused(Refusal::Disabled));

#[tokio::test]
async fn a_hundred_at_once_are_one_call_even_when_the_service_is_slow() {
    let bench = Bench::new();
    let wrapped = Arc::new(bench.key(tenant(1), Purpose::Phi).await);
    bench.service.behave(Behavior::Slow(RealDuration::from_millis(200)));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (cache, wrapped) = (bench.cache.clone(), wrapped.clone());
            tokio::spawn(async move { cache.open(&wrapped).await.map(|_| ()) })
        })
        .collect();
    // Callers that go away, the first among them, do not make the others ask again.
    tokio::time::sleep(RealDuration::from_millis(50)).await;
    for task in tasks.iter().take(10) {
        task.abort();
    }
    for task in tasks.into_iter().skip(10) {
        task.await.unwrap().unwrap();
    }
    assert_eq!(bench.service.times_opened(), 1);
}

#[tokio::test]
async fn a_hundred_at_once_share_one_failure_and_the_next_call_asks_again() {
    let bench = Bench::new();
    let wrapped = Arc::new(bench.key(tenant(1), Purpose::Phi).await);
    bench.service.behave(Behavior::TimesOut(RealDuration::from_millis(100)));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (cache, wrapped) = (bench.cache.clone(), wrapped.clone());
            tokio::spawn(async move { cache.open(&wrapped).await.err() })
        })
        .collect();
    for task in tasks {
        let error = task.await.unwrap().unwrap();
        assert_eq!(error, VaultError::KeyService(KeyServiceError::Unavailable(Outage::TimedOut)));
    }
    assert_eq!(bench.service.times_opened(), 1);
    bench.service.behave(Behavior::Healthy);
    assert!(bench.cache.open(&wrapped).await.is_ok(), "a failure is not kept");
    assert_eq!(bench.service.times_opened(), 2);
}

#[tokio::test]
async fn a_key_is_fresh_for_forty_seconds_by_the_environments_clock() {
    let bench = Bench::new();
    let wrapped = bench.key(tenant(1), Purpose::Phi).await;
    let first = bench.cache.open(&wrapped).await.unwrap();
    bench.clock.advance(Duration::seconds(40));
    assert!(Arc::ptr_eq(&first, &bench.cache.open(&wrapped).await.unwrap()));
    assert_eq!(bench.service.times_opened(), 1);
    bench.clock.advance(Duration::milliseconds(1));
    assert!(!Arc::ptr_eq(&first, &bench.cache.open(&wrapped).await.unwrap()));
    assert_eq!(bench.service.times_opened(), 2);
    bench.clock.advance(Duration::seconds(-30));
    bench.cache.open(&wrapped).await.unwrap();
    assert_eq!(bench.service.times_opened(), 3, "a clock that went back is not trusted");
}

#[tokio::test]
async fn a_cut_off_holds_within_sixty_seconds_also_for_a_ring_that_is_held() {
    let bench = Bench::new();
    let wrapped = bench.key(tenant(1), Purpose::Phi).await;
    let ring = KeyRing::unlock(&bench.cache, std::slice::from_ref(&wrapped)).await.unwrap();
    let place = Place::new(tenant(1), "results", "value", Uuid::from_u128(1));
    let sealed = ring.seal(&bench.environment, Purpose::Phi, &place, b"7.1").unwrap();
    bench.service.set_state(&wrapped.kms_key, KeyState::Disabled);

    bench.clock.advance(Duration::seconds(41));
    assert_eq!(bench.cache.open(&wrapped).await.err(), Some(REFUSED));
    assert!(ring.open(&place, &sealed).is_ok(), "a unit of work under way may finish");
    bench.clock.advance(Duration::seconds(20));
    assert_eq!(ring.open(&place, &sealed).err(), Some(VaultError::Stale));
    assert_eq!(ring.seal(&bench.environment, Purpose::Phi, &place, b"").err(), Some(VaultError::Stale));
    assert_eq!(REFUSED.kind(), FailureKind::Unavailable);
    assert_eq!(VaultError::Stale.kind(), FailureKind::Unavailable);

    bench.service.set_state(&wrapped.kms_key, KeyState::Enabled);
    let ring = KeyRing::unlock(&bench.cache, &[wrapped]).await.unwrap();
    assert_eq!(ring.open(&place, &sealed).unwrap().as_slice(), b"7.1");
}

#[tokio::test]
async fn a_purge_holds_at_once_and_for_its_owner_only() {
    let bench = Bench::new();
    let (one, two) = (bench.key(tenant(1), Purpose::Phi).await, bench.key(tenant(2), Purpose::Phi).await);
    for wrapped in [&one, &two] {
        bench.cache.open(wrapped).await.unwrap();
        bench.service.set_state(&wrapped.kms_key, KeyState::Disabled);
    }
    bench.cache.purge(&tenant(1));
    assert_eq!(bench.cache.open(&one).await.err(), Some(REFUSED));
    assert!(bench.cache.open(&two).await.is_ok());
    bench.cache.purge_all();
    assert_eq!(bench.cache.open(&two).await.err(), Some(REFUSED));
    bench.service.set_state(&one.kms_key, KeyState::Enabled);
    assert!(bench.cache.open(&one).await.is_ok(), "a purge does not last");
}

#[tokio::test]
async fn a_purge_overtakes_an_opening_that_is_under_way() {
    for purge in [|cache: &KeyCache| cache.purge(&tenant(1)), KeyCache::purge_all] {
        let bench = Bench::new();
        let opening = slow_opening(&bench).await;
        purge(&bench.cache);
        opening.await.unwrap().unwrap();
        assert_eq!(bench.service.times_opened(), 2, "what was asked for before the purge is asked for again");
    }
}

#[tokio::test]
async fn a_purge_is_remembered_as_long_as_an_opening_before_it_would_be_fresh() {
    let bench = Bench::new();
    let opening = slow_opening(&bench).await;
    bench.cache.purge(&tenant(1));
    // Whoever purges next forgets what is too old to matter.
    bench.clock.advance(Duration::seconds(39));
    bench.cache.purge(&tenant(2));
    opening.await.unwrap().unwrap();
    assert_eq!(bench.service.times_opened(), 2);
}

/// The first clinic's key being asked for, slowly.
async fn slow_opening(bench: &Bench) -> tokio::task::JoinHandle<Result<(), VaultError>> {
    let wrapped = bench.key(tenant(1), Purpose::Phi).await;
    bench.service.behave(Behavior::Slow(RealDuration::from_millis(150)));
    let cache = bench.cache.clone();
    let opening = tokio::spawn(async move { cache.open(&wrapped).await.map(|_| ()) });
    tokio::time::sleep(RealDuration::from_millis(50)).await;
    opening
}

#[tokio::test]
async fn a_changed_wrapped_key_never_meets_the_cached_one() {
    let bench = Bench::new();
    let wrapped = bench.key(tenant(1), Purpose::Phi).await;
    let other = bench.key(tenant(2), Purpose::Phi).await;
    bench.cache.open(&wrapped).await.unwrap();
    let tampered = VaultError::KeyService(KeyServiceError::Tampered);
    let mut cases = vec![
        WrappedKey { owner: tenant(2), ..wrapped.clone() },
        WrappedKey { owner: KeyOwner::TenantLog(tenant(1).tenant().unwrap()), ..wrapped.clone() },
        WrappedKey { purpose: Purpose::Pii, ..wrapped.clone() },
        WrappedKey { version: KeyVersion(2), ..wrapped.clone() },
        WrappedKey { blob: other.blob.clone(), ..wrapped.clone() },
        WrappedKey { kms_key: other.kms_key.clone(), ..wrapped.clone() },
        WrappedKey { blob: Vec::new(), ..wrapped.clone() },
    ];
    for at in 0..wrapped.blob.len() {
        let mut blob = wrapped.blob.clone();
        blob[at] ^= 1;
        cases.push(WrappedKey { blob, ..wrapped.clone() });
    }
    for case in cases {
        assert_eq!(bench.cache.open(&case).await.err(), Some(tampered), "{case:?}");
    }
}

/// "Key states of AWS KMS keys": in every state but Enabled and Updating both wrapping and unwrapping are refused.
#[tokio::test]
async fn a_key_in_any_other_state_neither_issues_nor_opens() {
    let bench = Bench::new();
    let wrapped = bench.key(tenant(1), Purpose::Phi).await;
    let issue =
        || bench.service.issue_data_key(&wrapped.kms_key, &wrapped.owner, Purpose::Pii, KeyVersion::FIRST);
    for state in [
        KeyState::Creating,
        KeyState::Disabled,
        KeyState::PendingDeletion,
        KeyState::PendingImport,
        KeyState::PendingReplicaDeletion,
        KeyState::Unavailable,
    ] {
        bench.service.set_state(&wrapped.kms_key, state);
        assert!(matches!(issue().await, Err(KeyServiceError::Refused(_))), "{state:?}");
        let opened = bench.service.open_data_key(&wrapped).await;
        assert!(matches!(opened.err(), Some(KeyServiceError::Refused(_))), "{state:?}");
        assert_eq!(bench.service.describe(&wrapped.kms_key).await, Ok(state));
    }
    for state in [KeyState::Updating, KeyState::Enabled] {
        bench.service.set_state(&wrapped.kms_key, state);
        assert!(issue().await.is_ok() && bench.service.open_data_key(&wrapped).await.is_ok());
    }
    for (behavior, error) in [
        (Behavior::Throttled, KeyServiceError::Unavailable(Outage::Throttled)),
        (Behavior::Away, KeyServiceError::Unavailable(Outage::Away)),
        (Behavior::Denied, KeyServiceError::Refused(Refusal::Denied)),
    ] {
        bench.service.behave(behavior);
        assert_eq!(bench.cache.open(&wrapped).await.err(), Some(VaultError::KeyService(error)));
    }
}

#[tokio::test]
async fn tenant_admins_opener_opens_the_platforms_keys_only() {
    let bench = Bench::new();
    let opener = PlatformKeyOpener::new(bench.service.clone());
    for owner in [KeyOwner::Platform, KeyOwner::PlatformLog] {
        assert!(opener.open_data_key(&bench.key(owner, Purpose::Pii).await).await.is_ok());
    }
    let asked = bench.service.times_opened();
    for owner in [tenant(1), KeyOwner::TenantLog(tenant(1).tenant().unwrap())] {
        let wrapped = bench.key(owner, Purpose::Phi).await;
        let refused = opener.open_data_key(&wrapped).await.err();
        assert_eq!(refused, Some(KeyServiceError::Refused(Refusal::Denied)));
        let renamed = WrappedKey { owner: KeyOwner::Platform, ..wrapped };
        assert_eq!(opener.open_data_key(&renamed).await.err(), Some(KeyServiceError::Tampered));
    }
    assert_eq!(bench.service.times_opened(), asked + 2, "a tenant's key is not even asked for");
}

#[tokio::test]
async fn the_cache_is_bounded() {
    let bench = Bench::new();
    let mut keys = Vec::new();
    for number in 0..600 {
        let wrapped = bench.key(tenant(number), Purpose::Phi).await;
        keys.push(Arc::downgrade(&bench.cache.open(&wrapped).await.unwrap()));
    }
    // It makes room as it is used, some entries at a time.
    let held = keys.iter().filter(|key| key.strong_count() > 0).count();
    assert!((1..300).contains(&held), "{held} of 600 are held");
}

#[tokio::test]
async fn what_is_purged_is_overwritten_at_once() {
    let bench = Bench::new();
    for purge_all in [false, true] {
        let wrapped = bench.key(tenant(1), Purpose::Phi).await;
        let key = Arc::downgrade(&bench.cache.open(&wrapped).await.unwrap());
        assert!(key.strong_count() > 0, "the cache holds it");
        if purge_all {
            bench.cache.purge_all()
        } else {
            bench.cache.purge(&tenant(1))
        }
        let purged = std::time::Instant::now();
        while key.strong_count() > 0 {
            assert!(purged.elapsed() < RealDuration::from_secs(5));
            tokio::time::sleep(RealDuration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn sealings_are_counted_per_data_key_across_openings() {
    let bench = Bench::new();
    let wrapped = bench.key(tenant(1), Purpose::Phi).await;
    let place = Place::new(tenant(1), "results", "value", Uuid::from_u128(1));
    for _ in 0..2 {
        let ring = KeyRing::unlock(&bench.cache, std::slice::from_ref(&wrapped)).await.unwrap();
        for _ in 0..3 {
            ring.seal(&bench.environment, Purpose::Phi, &place, b"x").unwrap();
        }
        bench.clock.advance(Duration::seconds(41));
    }
    assert_eq!(bench.service.times_opened(), 2);
    let usage = KeyUsage { owner: tenant(1), purpose: Purpose::Phi, version: KeyVersion::FIRST, sealed: 6 };
    assert_eq!(bench.cache.drain_usage(), [usage]);
    assert_eq!(bench.cache.drain_usage(), []);
}

#[tokio::test]
async fn sealings_under_a_key_that_is_still_held_are_counted_after_each_drain() {
    let bench = Bench::new();
    let wrapped = bench.key(tenant(1), Purpose::Phi).await;
    let place = Place::new(tenant(1), "results", "value", Uuid::from_u128(1));
    let ring = KeyRing::unlock(&bench.cache, std::slice::from_ref(&wrapped)).await.unwrap();
    for _ in 0..3 {
        ring.seal(&bench.environment, Purpose::Phi, &place, b"x").unwrap();
        let drained = bench.cache.drain_usage();
        assert_eq!(drained.iter().map(|usage| usage.sealed).collect::<Vec<_>>(), [1]);
    }
}
