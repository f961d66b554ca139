//! What a browser works on before it may sign in from an address that opens very many sign-ins.

use cloister_kernel::Audience;
use time::Duration;

use crate::{Harness, Kind, clinic::Clinic, on_both};

on_both! {
    a_challenge_counts_for_its_minute_and_the_one_after,
}

async fn a_challenge_counts_for_its_minute_and_the_one_after(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let challenges = async || clinic.identity.challenges(&clinic.visitor(Audience::Portal)).await.unwrap();
    let [first, before] = challenges().await;
    harness.clock.advance(Duration::seconds(59));
    assert_eq!(challenges().await, [first.clone(), before.clone()], "the clock stood at a full minute");
    harness.clock.advance(Duration::seconds(1));
    let [second, still] = challenges().await;
    assert_eq!(still, first);
    assert!(second != first && second != before && first != before);
    harness.clock.advance(Duration::minutes(1));
    assert!(!challenges().await.contains(&first), "and then no longer");
}
