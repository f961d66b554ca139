//! Cursors as clients carry them: a text is the one spelling of a sealed value or none; nothing opens but the very text that
//! was given, for the very caller and list.
#![no_main]

use std::sync::{Arc, LazyLock};

use cloister_kernel::{Environment, TenantId};
use cloister_vault::{
    KeyCache, KeyIssuer, KeyOwner, KeyRing, KeyVersion, Place, Purpose, SealedValue, testing::FakeKeyService,
};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

const LONGEST: usize = 1024;
const POSITION: &[u8] = b"2026-11-22T09:30:00Z 0193c0de-0000-7000-8000-000000000000";

struct Given {
    ring: KeyRing,
    place: Place,
    other: Place,
    cursor: String,
}

static GIVEN: LazyLock<Given> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        // A clock that stands still: a ring is good for a minute.
        let clock = Arc::new(cloister_kernel::ManualClock::at(Environment::system().now()));
        let environment = Environment::new(clock, Arc::new(cloister_kernel::SystemRandomness));
        let owner = KeyOwner::Tenant(TenantId::from_uuid(Uuid::from_u128(1)));
        let service = Arc::new(FakeKeyService::new(environment.clone()));
        let kms_key = service.create_key(&owner).await.unwrap();
        let wrapped = service.issue_data_key(&kms_key, &owner, Purpose::Pii, KeyVersion(1)).await.unwrap();
        let ring = KeyRing::unlock(&KeyCache::new(service, environment.clone(), 10), &[wrapped]).await.unwrap();
        let of = |list: &[u8]| Place::new(owner, "cursors", "position", Uuid::from_u128(7)).with(list.to_vec());
        let (place, other) = (of(b"results"), of(b"panel"));
        let cursor = ring.seal(&environment, Purpose::Pii, &place, POSITION).unwrap().to_text();
        Given { ring, place, other, cursor }
    })
});

fn opens(text: &str) -> bool {
    let Ok(value) = SealedValue::from_text(text, LONGEST) else { return false };
    assert_eq!(value.to_text(), text, "a second spelling");
    assert!(text.len() <= LONGEST);
    assert!(GIVEN.ring.open(&GIVEN.other, &value).is_err(), "another list's cursor");
    GIVEN.ring.open(&GIVEN.place, &value).is_ok_and(|position| position.as_slice() == POSITION)
}

fuzz_target!(|bytes: &[u8]| {
    let cursor = &GIVEN.cursor;
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert_eq!(opens(text), text == cursor);
    }
    // Pairs of a place and a letter change the one that was given; then what is left cuts it off or adds to it.
    let mut changed = cursor.clone().into_bytes();
    for pair in bytes.chunks_exact(2) {
        let place = usize::from(pair[0]) % changed.len();
        changed[place] = pair[1] & 0x7f;
    }
    if let [last] = bytes.chunks_exact(2).remainder() {
        changed.resize(usize::from(*last) % (cursor.len() + 40), last & 0x7f);
    }
    let changed = String::from_utf8(changed).unwrap();
    assert_eq!(opens(&changed), changed == *cursor, "{changed}");
});
