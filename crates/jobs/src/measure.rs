//! What a worker counts. Labels are kinds, chores and outcomes, which are words of the code: never a clinic, never a person.

use std::time::Duration;

use cloister_store::DueJobs;
use metrics::{counter, gauge, histogram};
use time::OffsetDateTime;

/// How a job ended this time.
#[derive(Clone, Copy)]
pub(crate) enum Ended {
    /// It is done.
    Done,
    /// It failed and is tried again later.
    Again,
    /// It failed for good: nobody tries again.
    GivenUp,
    /// How it ended could not be written down, so it will run once more.
    Unwritten,
}

impl Ended {
    const ALL: [Self; 4] = [Self::Done, Self::Again, Self::GivenUp, Self::Unwritten];

    const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Again => "again",
            Self::GivenUp => "given_up",
            Self::Unwritten => "unwritten",
        }
    }
}

/// Counts everything that a worker may count at nothing: an alert compares with what was there before.
pub(crate) fn begin(kinds: impl Iterator<Item = &'static str>, chores: impl Iterator<Item = &'static str>) {
    for kind in kinds {
        for ended in Ended::ALL {
            counter!("jobs_total", "kind" => kind, "outcome" => ended.word()).increment(0);
        }
        gauge!("jobs_running", "kind" => kind).set(0.0);
        gauge!("jobs_waiting", "kind" => kind).set(0.0);
        gauge!("jobs_lateness_seconds", "kind" => kind).set(0.0);
        let _ = histogram!("job_duration_seconds", "kind" => kind);
    }
    for chore in chores {
        counter!("chores_total", "chore" => chore, "outcome" => "done").increment(0);
        counter!("chores_total", "chore" => chore, "outcome" => "failed").increment(0);
    }
    counter!("worker_turns_total").increment(0);
}

/// A job that runs. It counts as running until this is dropped.
pub(crate) struct Running(&'static str);

impl Running {
    pub(crate) fn begin(kind: &'static str) -> Self {
        gauge!("jobs_running", "kind" => kind).increment(1.0);
        Self(kind)
    }

    pub(crate) fn ended(self, ended: Ended, took: Duration) {
        counter!("jobs_total", "kind" => self.0, "outcome" => ended.word()).increment(1);
        histogram!("job_duration_seconds", "kind" => self.0).record(took);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        gauge!("jobs_running", "kind" => self.0).decrement(1.0);
    }
}

/// The worker asked for due jobs and was answered.
pub(crate) fn turn() {
    counter!("worker_turns_total").increment(1);
}

/// A piece of a chore ended.
pub(crate) fn chore_ended(chore: &'static str, done: bool) {
    let outcome = if done { "done" } else { "failed" };
    counter!("chores_total", "chore" => chore, "outcome" => outcome).increment(1);
}

/// How many jobs of each kind wait although their time has come, and for how long the oldest does.
pub(crate) fn waiting(kinds: impl Iterator<Item = &'static str>, due: &[DueJobs], now: OffsetDateTime) {
    for kind in kinds {
        let found = due.iter().find(|jobs| jobs.kind == kind);
        let late = found.map_or(0.0, |jobs| (now - jobs.oldest).as_seconds_f64().max(0.0));
        let count = found.map_or(0, |jobs| jobs.count);
        gauge!("jobs_waiting", "kind" => kind).set(f64::from(count));
        gauge!("jobs_lateness_seconds", "kind" => kind).set(late);
    }
}
