//! Thousands of generated calls of every operation of both programs, by everybody, each answer held to what every answer
//! must hold. Whole programs run in this process, each with a world of its own; their clock is in the hand, so that codes
//! are fresh and sessions run out when it suits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a run that cannot go on panics")]
#![allow(clippy::print_stdout, reason = "it prints what it saw")]
// The futures of whole programs nest deeper than the compiler follows by itself when it optimises.
#![recursion_limit = "256"]

mod aims;
mod case;
mod change;
mod document;
mod judge;
mod people;
mod report;
mod shard;
mod steps;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use case::Case;
use document::Operation;
use report::Report;
use serde_json::json;
use shard::Orders;

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} cannot be {text}")))
}

/// Strings that programs stumble over, where the test data is there.
fn naughty() -> Vec<String> {
    let file = cloister_tests::test_data("badinput/blns.json");
    file.map(|file| serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("JSON"))
        .unwrap_or_default()
}

/// What was ordered.
#[derive(Clone, Copy)]
struct Wanted {
    calls: u64,
    seed: u64,
    parts: u64,
    until: Instant,
}

/// Every part in a thread of its own: its programs, its database, its clock.
fn together(operations: &[Operation], corpus: &BTreeMap<String, Vec<Case>>, wanted: Wanted) -> Report {
    let Wanted { calls, seed, parts, until } = wanted;
    let strings = naughty();
    let one = |part: u64| {
        let orders = Orders {
            operations,
            corpus,
            strings: strings.clone(),
            calls: calls.div_ceil(parts),
            seed: seed.wrapping_add(part),
            part: part + 1,
            until,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(shard::run(orders))
    };
    let mut whole = Report::default();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..parts).map(|part| scope.spawn(move || one(part))).collect();
        for part in running {
            whole.add(part.join().expect("a part that came to its end"));
        }
    });
    whole
}

fn main() -> ExitCode {
    let (calls, parts) = (setting("HOSTILE_CALLS").unwrap_or(10_000), setting("HOSTILE_PARTS").unwrap_or(3));
    let seed = setting("HOSTILE_SEED").unwrap_or_else(|| u64::from(fastrand::u32(..)));
    let folder = setting("HOSTILE_OUTPUT").unwrap_or_else(|| PathBuf::from("target/hostile"));
    std::fs::create_dir_all(&folder).expect("a folder for the report");
    let corpus =
        setting::<PathBuf>("HOSTILE_CORPUS").map(|file| std::fs::read_to_string(file).expect("the corpus"));
    let corpus = case::corpus(&corpus.unwrap_or_default());
    let only: Option<String> = setting("HOSTILE_ONLY");
    let mut operations = document::operations();
    operations
        .retain(|operation| only.as_ref().is_none_or(|only| only.split(',').any(|id| id == operation.id)));
    println!("seed {seed}, {calls} calls of each of {} operations", operations.len());
    let began = Instant::now();
    let minutes: u64 = setting("HOSTILE_MINUTES").unwrap_or(240);
    let wanted = Wanted { calls, seed, parts, until: began + Duration::from_secs(60 * minutes) };
    let report = together(&operations, &corpus, wanted);
    let seconds = began.elapsed().as_secs_f64();
    let labels: Vec<String> = operations.iter().map(|operation| operation.label.clone()).collect();
    let failures = report.failures(&labels, calls);
    let thought: usize = corpus.values().map(Vec::len).sum();
    let facts =
        json!({ "seed": seed, "parts": parts, "wanted": calls, "seconds": seconds, "thought of": thought });
    report.write(&folder, &facts, &failures);
    print!("{}", report.table());
    println!("{} calls in {seconds:.0} s; {} could not be sent", report.calls(), report.unsent);
    for fault in report.kept.iter().take(12) {
        println!("{fault:#}");
    }
    for failure in &failures {
        println!("FAILED: {failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
