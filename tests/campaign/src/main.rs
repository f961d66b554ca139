//! `make campaign`: two replicas and a worker under load, while everything they stand on is killed and broken.
//!
//! After every round the database is held against the journal of what clients were told. A round follows from the
//! seed and its number: `CAMPAIGN_SEED=… CAMPAIGN_ROUND=…` plays one again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a campaign that cannot go on panics"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints what it saw")]

mod asking;
mod back;
mod campaign;
mod check;
mod cluster;
mod draws;
mod people;
mod record_system;
mod report;
mod round;
mod rules;
mod storm;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use campaign::{Campaign, Orders};

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

fn orders() -> Orders {
    let seed = number("CAMPAIGN_SEED")
        .unwrap_or_else(|| u64::from_be_bytes(cloister_kernel::Environment::system().bytes()) >> 32);
    let folder =
        std::env::var_os("CAMPAIGN_OUTPUT").map_or_else(|| PathBuf::from("target/campaign"), PathBuf::from);
    Orders {
        seed,
        only: number("CAMPAIGN_ROUND"),
        rounds: number("CAMPAIGN_ROUNDS").unwrap_or(u64::MAX),
        lasts: Duration::from_secs(60 * number("CAMPAIGN_MINUTES").unwrap_or(30)),
        back_within: Duration::from_secs(number("CAMPAIGN_BACK_SECONDS").unwrap_or(10)),
        folder,
    }
}

fn main() -> ExitCode {
    // One crypto provider for the whole process, before anything speaks TLS.
    rustls::crypto::aws_lc_rs::default_provider().install_default().expect("a crypto provider");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let orders = orders();
    std::fs::create_dir_all(&orders.folder).expect("a folder for the report");
    let report = runtime.block_on(async { Campaign::begin(orders).await.run().await });
    report.print();
    if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
