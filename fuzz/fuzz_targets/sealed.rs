//! A sealed value opens as it was sealed and in no other form: the input changes one, or is taken for one itself.
#![no_main]

use std::sync::{Arc, LazyLock};

use cloister_kernel::{Environment, TenantId};
use cloister_vault::{
    KeyCache, KeyIssuer, KeyOwner, KeyRing, KeyVersion, Place, Purpose, SealedValue, testing::FakeKeyService,
};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

struct Opened {
    ring: KeyRing,
    place: Place,
    sealed: Vec<u8>,
}

const PLAINTEXT: &[u8] = b"a value of forty bytes, give or take one";

static OPENED: LazyLock<Opened> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        // A clock that stands still: a ring is good for a minute.
        let clock = Arc::new(cloister_kernel::ManualClock::at(Environment::system().now()));
        let environment = Environment::new(clock, Arc::new(cloister_kernel::SystemRandomness));
        let owner = KeyOwner::Tenant(TenantId::from_uuid(Uuid::from_u128(1)));
        let service = Arc::new(FakeKeyService::new(environment.clone()));
        let kms_key = service.create_key(&owner).await.unwrap();
        let mut wrapped = Vec::new();
        for (purpose, version) in [(Purpose::Phi, 1), (Purpose::Phi, 2), (Purpose::Pii, 1)] {
            let version = KeyVersion(version);
            wrapped.push(service.issue_data_key(&kms_key, &owner, purpose, version).await.unwrap());
        }
        let ring = KeyRing::unlock(&KeyCache::new(service, environment.clone(), 10), &wrapped).await.unwrap();
        let place = Place::new(owner, "results", "value", Uuid::from_u128(7));
        let sealed = ring.seal(&environment, Purpose::Phi, &place, PLAINTEXT).unwrap().into_bytes();
        Opened { ring, place, sealed }
    })
});

fn opens(bytes: Vec<u8>) -> bool {
    SealedValue::from_bytes(bytes).is_ok_and(|value| OPENED.ring.open(&OPENED.place, &value).is_ok())
}

fuzz_target!(|bytes: &[u8]| {
    let original = &OPENED.sealed;
    assert!(!opens(bytes.to_vec()), "bytes that nobody sealed");
    // Pairs of a place and a change; then what is left is cut off or added.
    let mut changed = original.clone();
    for pair in bytes.chunks_exact(2) {
        let place = usize::from(pair[0]) % changed.len();
        changed[place] ^= pair[1];
    }
    if let [last] = bytes.chunks_exact(2).remainder() {
        let length = usize::from(*last) % (original.len() + 32);
        changed.resize(length, *last);
    }
    assert_eq!(opens(changed.clone()), changed == *original);
});
