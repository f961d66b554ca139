//! Signing in beside the bare rate of the same hashing, while others read.

use std::{
    num::NonZero,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use cloister_identity::{HashingCost, HashingPool};
use cloister_kernel::{Environment, SecretString};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Bench, OPEN, median, rounded, say};
use crate::load::{Gets, Round, SignIns, closed_loop, open_loop};

/// As the service's settings say by default.
const WAITING: usize = 256;
/// People who sign in at the same time.
const PEOPLE: usize = 8;
/// Reads a second of those who are signed in, meanwhile.
const READS: f64 = 100.0;

/// A machine may do so many times more a moment later.
const SPARE: f64 = 1.5;

/// All cores but one, as the service's settings say by default.
fn at_once() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).saturating_sub(1).max(1)
}

/// Hashes a second of the pool that the service has, with nothing around it.
async fn bare(pool: &Arc<HashingPool>, length: Duration) -> f64 {
    let started = Instant::now();
    let mut people = JoinSet::new();
    for _ in 0..PEOPLE {
        let pool = Arc::clone(pool);
        people.spawn(async move {
            let password = SecretString::from("correct horse battery staple 71".to_owned());
            let mut hashes = 0_u32;
            while started.elapsed() < length {
                pool.verify(&password, None).await.expect("a hash");
                hashes += 1;
            }
            hashes
        });
    }
    let mut hashes = 0;
    while let Some(counted) = people.join_next().await {
        hashes += counted.expect("a worker ends in order");
    }
    f64::from(hashes) / started.elapsed().as_secs_f64()
}

/// How many codes sign-ins of a round take at most, as each takes a hash, and how long the round may then last: where there
/// are no more codes than `most`, it ends before they run out.
fn codes_needed(bare: f64, round: Duration, most: usize) -> (usize, Duration) {
    let rate = bare * SPARE;
    let longest = most.saturating_sub(PEOPLE) as f64 / rate;
    let length = round.min(Duration::from_secs_f64(longest));
    (((rate * length.as_secs_f64()).ceil() as usize + PEOPLE).min(most), length)
}

fn right(round: Round, what: &str) -> Round {
    if let Some((error, count)) = &round.wrong {
        panic!("{what}: {count} wrong answers, the first: {error}");
    }
    round
}

/// Rounds of each, one after the other: bare hashes, reads alone, sign-ins with the same reads.
pub(crate) async fn beside_bare_hashes(bench: &Bench, sign_ins: SignIns, reads: &Arc<Gets>) -> Value {
    say("sign-ins");
    let pool =
        HashingPool::new(HashingCost::default(), at_once(), WAITING, &Environment::system()).expect("a pool");
    let (pool, sign_ins) = (Arc::new(pool), Arc::new(sign_ins));
    let (address, length) = (bench.programs.address, bench.scale.round);
    let (mut hashes, mut rates, mut latency, mut quiet, mut busy, mut ratios) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..bench.scale.rounds.min(3) {
        let bare = bare(&pool, length).await;
        let (needed, length) = codes_needed(bare, length, 2 * bench.scale.accounts);
        while sign_ins.left() < needed {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let alone = right(open_loop(reads, address, READS, OPEN, length).await, "reads");
        let (signed_in, beside) = tokio::join!(
            closed_loop(&sign_ins, address, PEOPLE, length),
            open_loop(reads, address, READS, OPEN, length)
        );
        let (signed_in, beside) = (right(signed_in, "sign-ins"), right(beside, "reads"));
        hashes.push(bare);
        rates.push(signed_in.rate());
        ratios.push(signed_in.rate() / bare);
        latency.push(signed_in.percentile(99.0));
        quiet.push(alone.percentile(99.0));
        busy.push(beside.percentile(99.0));
    }
    json!({
        "bare_hashes_per_second": rounded(median(hashes)),
        "sign_ins_per_second": rounded(median(rates)),
        "of_bare": rounded(median(ratios)),
        "p99_ms": rounded(median(latency)),
        "reads_per_second_meanwhile": READS,
        "reads_p99_ms_quiet": rounded(median(quiet)),
        "reads_p99_ms_during_sign_ins": rounded(median(busy)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_of_sign_ins_ends_before_codes_run_out_on_whatever_machine() {
        let round = Duration::from_secs(4);
        assert_eq!(codes_needed(20.0, round, 400), (128, round));
        let (needed, length) = codes_needed(1000.0, round, 400);
        assert_eq!(needed, 400);
        assert!(length < round && 1500.0 * length.as_secs_f64() <= 392.0, "{length:?}");
    }
}
