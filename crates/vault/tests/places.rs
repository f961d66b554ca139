//! A sealed value opens at its place, unchanged, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use cloister_kernel::{Environment, ManualClock, SeededRandomness, TenantId};
use cloister_vault::{
    KeyCache, KeyIssuer, KeyOwner, KeyRing, KeyVersion, Place, Purpose, SealedValue, VaultError, WrappedKey,
    testing::FakeKeyService,
};
use proptest::prelude::*;
use time::macros::datetime;
use uuid::Uuid;

fn environment() -> Environment {
    let clock = Arc::new(ManualClock::at(datetime!(2026-11-01 09:00 UTC)));
    Environment::new(clock, Arc::new(SeededRandomness::new(11)))
}

struct Vault {
    environment: Environment,
    service: Arc<FakeKeyService>,
    cache: KeyCache,
}

impl Vault {
    fn new() -> Self {
        let environment = environment();
        let service = Arc::new(FakeKeyService::new(environment.clone()));
        let cache = KeyCache::new(service.clone(), environment.clone(), 1_000);
        Self { environment, service, cache }
    }

    async fn issue(&self, owner: KeyOwner, purposes: &[Purpose], versions: u32) -> Vec<WrappedKey> {
        let kms_key = self.service.create_key(&owner).await.unwrap();
        let mut wrapped = Vec::new();
        for purpose in purposes {
            for version in 1..=versions {
                let version = KeyVersion(version);
                wrapped.push(self.service.issue_data_key(&kms_key, &owner, *purpose, version).await.unwrap());
            }
        }
        wrapped
    }

    async fn ring(&self, owner: KeyOwner, versions: u32) -> KeyRing {
        let wrapped = self.issue(owner, &Purpose::ALL, versions).await;
        KeyRing::unlock(&self.cache, &wrapped).await.unwrap()
    }
}

fn tenant(number: u128) -> KeyOwner {
    KeyOwner::Tenant(TenantId::from_uuid(Uuid::from_u128(number)))
}

/// Every combination of two of each: owner, purpose, key version, table, column, row, extra bytes. All tenants share
/// equal plaintext. Of all pairs, a value opens only where it was sealed.
#[tokio::test]
async fn no_two_places_open_each_others_values() {
    let vault = Vault::new();
    let mut sealed: Vec<(KeyRing, Place, SealedValue)> = Vec::new();
    let log = KeyOwner::TenantLog(TenantId::from_uuid(Uuid::from_u128(1)));
    for owner in [tenant(1), tenant(2), log] {
        let wrapped = vault.issue(owner, &[Purpose::Phi, Purpose::Pii], 2).await;
        let first: Vec<_> = wrapped.iter().filter(|key| key.version == KeyVersion(1)).cloned().collect();
        let both = KeyRing::unlock(&vault.cache, &wrapped).await.unwrap();
        let old = KeyRing::unlock(&vault.cache, &first).await.unwrap();
        for purpose in [Purpose::Phi, Purpose::Pii] {
            for (table, column) in
                [("results", "value"), ("results", "note"), ("notes", "value"), ("result", "svalue")]
            {
                for row in [1, 2] {
                    for extra in ["", "x"] {
                        let place = Place::new(owner, table, column, Uuid::from_u128(row)).with(extra);
                        for sealer in [&old, &both] {
                            let value = sealer.seal(&vault.environment, purpose, &place, b"same").unwrap();
                            sealed.push((both.clone(), place.clone(), value));
                        }
                    }
                }
            }
        }
    }
    assert_eq!(sealed.len(), 3 * 2 * 4 * 2 * 2 * 2);
    for (ring, place, own) in &sealed {
        assert_eq!(ring.open(place, own).unwrap().as_slice(), b"same");
        for (_, other, moved) in &sealed {
            if place != other {
                let opened = ring.open(place, moved);
                assert_eq!(opened.unwrap_err(), VaultError::Tampered, "{other:?} opened at {place:?}");
            }
        }
    }
}

/// The same place under another purpose or key version: the header says which key to take, and lying there fails.
#[tokio::test]
async fn a_header_that_names_another_purpose_or_version_fails() {
    let vault = Vault::new();
    let ring = vault.ring(tenant(1), 2).await;
    let place = Place::new(tenant(1), "results", "value", Uuid::from_u128(1));
    let sealed = ring.seal(&vault.environment, Purpose::Phi, &place, b"7.1").unwrap();
    assert_eq!((sealed.purpose(), sealed.key_version()), (Some(Purpose::Phi), KeyVersion(2)));

    let relabelled = |at: usize, to: u8| {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[at] = to;
        SealedValue::from_bytes(bytes)
    };
    let pii = ring.seal(&vault.environment, Purpose::Pii, &place, b"7.1").unwrap().as_bytes()[1];
    assert_eq!(ring.open(&place, &relabelled(1, pii).unwrap()).unwrap_err(), VaultError::Tampered);
    assert_eq!(ring.open(&place, &relabelled(5, 1).unwrap()).unwrap_err(), VaultError::Tampered);
    assert_eq!(ring.open(&place, &relabelled(5, 3).unwrap()).unwrap_err(), VaultError::NoKey(Purpose::Phi));
    assert_eq!(relabelled(0, 2).unwrap_err(), VaultError::Malformed);
    assert_eq!(relabelled(1, 99).unwrap_err(), VaultError::Malformed);
    assert_eq!(SealedValue::from_bytes(sealed.as_bytes()[..45].to_vec()).unwrap_err(), VaultError::Malformed);
}

#[tokio::test]
async fn one_flipped_bit_anywhere_fails_on_a_thousand_messages() {
    let vault = Vault::new();
    let ring = vault.ring(tenant(1), 1).await;
    for number in 0..1_000u128 {
        let place = Place::new(tenant(1), "results", "value", Uuid::from_u128(number));
        let length = (number % 97) as usize;
        let plaintext = vec![number as u8; length];
        let sealed = ring.seal(&vault.environment, Purpose::Phi, &place, &plaintext).unwrap();
        let total = sealed.as_bytes().len();
        assert_eq!(total, 6 + 24 + length + 16);
        // A different bit in each message, so that together they cover every position many times.
        for step in 0..8 {
            let bit = (number as usize * 31 + step * 127) % (total * 8);
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let opened = SealedValue::from_bytes(bytes).and_then(|changed| ring.open(&place, &changed));
            assert!(opened.is_err(), "message {number}, bit {bit}");
        }
        let mut short = sealed.as_bytes().to_vec();
        short.pop();
        assert!(SealedValue::from_bytes(short).and_then(|cut| ring.open(&place, &cut)).is_err());
        assert_eq!(ring.open(&place, &sealed).unwrap().as_slice(), plaintext);
    }
}

#[tokio::test]
async fn equal_values_are_sealed_differently_each_time() {
    let vault = Vault::new();
    let ring = vault.ring(tenant(1), 1).await;
    let place = Place::new(tenant(1), "results", "value", Uuid::from_u128(1));
    let seal = || ring.seal(&vault.environment, Purpose::Phi, &place, b"same").unwrap();
    assert_ne!(seal().as_bytes(), seal().as_bytes());
}

#[tokio::test]
async fn a_ring_serves_its_owner_and_purposes_only() {
    let vault = Vault::new();
    let ring = vault.ring(tenant(1), 1).await;
    let place = Place::new(tenant(2), "results", "value", Uuid::from_u128(1));
    let refused = ring.seal(&vault.environment, Purpose::Phi, &place, b"x");
    assert_eq!(refused.unwrap_err(), VaultError::WrongOwner);
    let place = Place::new(tenant(1), "results", "value", Uuid::from_u128(1));
    let refused = ring.seal(&vault.environment, Purpose::Index, &place, b"x");
    assert_eq!(refused.unwrap_err(), VaultError::WrongPurpose(Purpose::Index));

    let phi_only = vault.issue(tenant(3), &[Purpose::Phi], 1).await;
    let ring = KeyRing::unlock(&vault.cache, &phi_only).await.unwrap();
    assert_eq!(ring.blind_index("accounts.email", "a").unwrap_err(), VaultError::NoKey(Purpose::Index));
    let mixed = [phi_only, vault.issue(tenant(4), &[Purpose::Phi], 1).await].concat();
    assert_eq!(KeyRing::unlock(&vault.cache, &mixed).await.err(), Some(VaultError::WrongOwner));
    assert_eq!(KeyRing::unlock(&vault.cache, &[]).await.err(), Some(VaultError::WrongOwner));
}

#[tokio::test]
async fn a_blind_index_tells_equal_values_of_one_column_of_one_owner() {
    let vault = Vault::new();
    let (one, two) = (vault.ring(tenant(1), 1).await, vault.ring(tenant(2), 1).await);
    let index = |ring: &KeyRing, column, value| ring.blind_index(column, value).unwrap();
    let email = index(&one, "accounts.email", "ana@example.org");
    assert_eq!(email, index(&one, "accounts.email", "ana@example.org"));
    assert_ne!(email, index(&one, "accounts.email", "ana@example.net"));
    assert_ne!(email, index(&one, "contacts.email", "ana@example.org"));
    assert_ne!(email, index(&two, "accounts.email", "ana@example.org"));
    assert_ne!(index(&one, "ab", "c"), index(&one, "a", "bc"), "fields do not run into each other");
    assert_eq!(format!("{email:?}"), "BlindIndex");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_come_back_and_arbitrary_bytes_never_open(
        plaintext in proptest::collection::vec(any::<u8>(), 0..2_000),
        noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let vault = Vault::new();
            let ring = vault.ring(tenant(1), 1).await;
            let place = Place::new(tenant(1), "documents", "body", Uuid::from_u128(5));
            let sealed = ring.seal(&vault.environment, Purpose::Documents, &place, &plaintext).unwrap();
            let stored = SealedValue::from_bytes(sealed.as_bytes().to_vec()).unwrap();
            assert_eq!(ring.open(&place, &stored).unwrap().as_slice(), plaintext);
            let opened = SealedValue::from_bytes(noise).and_then(|value| ring.open(&place, &value));
            assert!(opened.is_err());
        });
    }
}
