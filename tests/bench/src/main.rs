//! `make bench`: what a request costs, beside the floor that nothing on the same machine can go below.
//!
//! Starts the release programs over a private PostgreSQL, Redis and key service, makes a clinic by the calls that its
//! people would make, and measures. `floor` is this program again, as the bare handler that ours is compared with.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that cannot go on panics"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints what it measured")]

mod measure;
mod report;
mod scale;

use std::time::Duration;

use cloister_bench::{floor, load, world};
use scale::Scale;

/// As the program has it: the floor and bare hashes are to differ from it by what they leave out, and by nothing else.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A run that hangs ends by itself.
const LONGEST: Duration = Duration::from_secs(3600);

fn main() {
    // One crypto provider for the whole process, before anything speaks TLS.
    rustls::crypto::aws_lc_rs::default_provider().install_default().expect("a crypto provider");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match std::env::args().nth(1).as_deref() {
        Some("floor") => runtime.block_on(floor::serve()),
        None => {
            let scale = Scale::of_this_run();
            let measured = async { tokio::time::timeout(LONGEST, measure::everything(scale)).await };
            let report = runtime.block_on(measured).expect("the run took more than an hour");
            report.print();
        }
        Some(other) => panic!("unknown argument {other}: none, or `floor`"),
    }
}
