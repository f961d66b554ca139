//! No text is a cursor but one that was given: whatever is changed in one, cut off or added, and whatever else is sent.

use cloister_kernel::Audience;
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestRunner},
};
use tokio::runtime::Runtime;

use super::{Harness, Kind};
use crate::CursorQuery;

fn runner() -> TestRunner {
    let asked = std::env::var("CLOISTER_MODEL_CASES").ok().and_then(|text| text.parse().ok());
    TestRunner::new(Config {
        cases: asked.unwrap_or(2_000),
        rng_seed: if asked.is_some() { RngSeed::Random } else { RngSeed::Fixed(20_260_301) },
        failure_persistence: None,
        ..Config::default()
    })
}

#[test]
fn only_a_cursor_that_was_given_is_taken_and_gives_back_its_position() {
    let runtime = Runtime::new().unwrap();
    // The unit gives its connection back where it is dropped.
    let _inside = runtime.enter();
    let harness = runtime.block_on(Harness::start(Kind::Sqlite));
    let caller = runtime.block_on(async {
        let tenant = harness.clinic("lakeside").await;
        let user = harness.user(tenant, "staff", &["clinician"], None).await;
        harness.caller(tenant, Audience::Console, user)
    });
    let unit = runtime.block_on(harness.store.begin(&caller)).unwrap();
    let query = CursorQuery::new("results").with(b"laboratory");
    let position = prop::collection::vec(any::<u8>(), 0..200);
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8);
    let noise = prop_oneof![".{0,80}", "[A-Za-z0-9_-]{60,300}", "[A-Za-z0-9_=/+-]{0,2000}"];
    runner()
        .run(&(position, change, noise), |(position, (place, byte, kind), noise)| {
            let cursor = unit.cursor(&query, &position).unwrap();
            prop_assert_eq!(unit.position(&query, &cursor).unwrap(), position);
            let mut changed = cursor.clone().into_bytes();
            match kind {
                0 => {
                    let place = place.index(changed.len());
                    changed[place] = byte;
                }
                1 => changed.truncate(place.index(changed.len())),
                _ => changed.insert(place.index(changed.len()), byte),
            }
            let changed = String::from_utf8_lossy(&changed).into_owned();
            prop_assert_eq!(unit.position(&query, &changed).is_ok(), changed == cursor);
            prop_assert!(unit.position(&query, &noise).is_err());
            Ok(())
        })
        .unwrap();
}
