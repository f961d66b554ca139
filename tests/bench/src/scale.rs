//! How much is measured.

use std::time::Duration;

/// Sizes and lengths of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// What the run is called in the report.
    pub(crate) name: &'static str,
    /// Rounds of each measurement; their median is reported.
    pub(crate) rounds: usize,
    /// How long a round lasts.
    pub(crate) round: Duration,
    /// Patients with an account, who sign in.
    pub(crate) accounts: usize,
    /// How many clinics there are when the cost of many is measured.
    pub(crate) many_clinics: &'static [usize],
    /// Events that are in the log already when the cost of a full one is measured.
    pub(crate) many_events: u64,
    /// Whether only reads are measured.
    pub(crate) only_reads: bool,
    /// Whether only reads among many clinics and events are measured.
    pub(crate) only_growth: bool,
    /// Nothing is measured: one result is read over and over for so long, for a profiler to watch.
    pub(crate) watched: Option<Duration>,
}

impl Scale {
    /// `QUICK=1` asks for minutes instead of a quarter of an hour, `READS=1` for one result and twenty beside the floor
    /// and nothing else: what one looks at while working on them. `GROWTH=1` asks for many clinics and events alone.
    /// `WATCH=30` reads one result for thirty seconds and measures nothing.
    pub(crate) fn of_this_run() -> Self {
        let asked = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty() && value != "0");
        let only_reads = asked("READS");
        let only_growth = asked("GROWTH");
        let seconds = std::env::var("WATCH").ok().and_then(|seconds| seconds.parse().ok());
        let watched = seconds.map(Duration::from_secs);
        if asked("QUICK") {
            return Self {
                name: "quick",
                rounds: 3,
                round: Duration::from_secs(2),
                accounts: 60,
                many_clinics: &[100],
                many_events: 100_000,
                only_reads,
                only_growth,
                watched,
            };
        }
        Self {
            name: "whole",
            rounds: 7,
            round: Duration::from_secs(4),
            accounts: 200,
            many_clinics: &[100, 5000],
            many_events: 1_000_000,
            only_reads,
            only_growth,
            watched,
        }
    }
}
