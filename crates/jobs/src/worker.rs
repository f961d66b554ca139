//! The loop that leases and runs jobs.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use cloister_kernel::Environment;
use cloister_store::{LeasedJob, PlatformStore, StoreError};
use futures_util::FutureExt;
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use crate::{
    Chore, Handler, JobFailure,
    measure::{self, Ended, Running},
    repeat,
};

/// How often it is looked how many jobs wait.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// How a worker works.
#[derive(Debug, Clone, Copy)]
pub struct WorkerSettings {
    /// How long it rests when nothing is due.
    pub rest: Duration,
    /// How long a job is held at most; the handler is stopped a little earlier.
    pub lease: Duration,
    /// How many jobs run at once.
    pub at_once: u16,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self { rest: Duration::from_secs(1), lease: Duration::from_secs(60), at_once: 4 }
    }
}

/// One worker. Several may run over the same database: each job is leased to one of them.
pub struct Worker {
    id: Uuid,
    store: PlatformStore,
    handlers: BTreeMap<&'static str, Arc<dyn Handler>>,
    chores: Vec<Arc<dyn Chore>>,
    settings: WorkerSettings,
}

impl Worker {
    /// A worker for the kinds of jobs that the handlers do.
    pub fn new(
        store: PlatformStore,
        handlers: Vec<Arc<dyn Handler>>,
        settings: WorkerSettings,
        environment: &Environment,
    ) -> Self {
        let handlers = handlers.into_iter().map(|handler| (handler.kind(), handler)).collect();
        Self { id: environment.uuid(), store, handlers, chores: Vec::new(), settings }
    }

    /// Does this chore too, beside the jobs.
    #[must_use]
    pub fn with_chore(mut self, chore: Arc<dyn Chore>) -> Self {
        self.chores.push(chore);
        self
    }

    /// Works until `stop` turns true, then finishes what it holds.
    pub async fn run(&self, stop: watch::Receiver<bool>) {
        measure::begin(self.handlers.keys().copied(), self.chores.iter().map(|chore| chore.name()));
        let chores = self.chores.iter().map(|chore| repeat(chore.clone(), self.settings.rest, stop.clone()));
        let chores = futures_util::future::join_all(chores);
        tokio::join!(self.run_jobs(stop.clone()), chores, self.count_waiting(stop.clone()));
    }

    /// Does every chore until there is nothing left to do.
    ///
    /// # Errors
    /// The first failure.
    pub async fn run_chores(&self) -> Result<(), JobFailure> {
        for chore in &self.chores {
            while chore.run().await? {}
        }
        Ok(())
    }

    async fn count_waiting(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            match self.store.due_jobs().await {
                Ok((due, now)) => measure::waiting(self.handlers.keys().copied(), &due, now),
                Err(error) => tracing::warn!(error = %error, "the worker could not count what waits"),
            }
            tokio::select! {
                changed = stop.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn run_jobs(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let worked = match self.run_due().await {
                Ok(count) => count > 0,
                Err(error) => {
                    tracing::warn!(error = %error, "the worker could not lease jobs");
                    false
                }
            };
            if worked {
                continue;
            }
            tokio::select! {
                changed = stop.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(self.settings.rest) => {}
            }
        }
    }

    /// Leases one batch of due jobs, runs it, and says how many jobs that were.
    ///
    /// # Errors
    /// When no jobs could be leased; a failing job is not an error here.
    pub async fn run_due(&self) -> Result<usize, StoreError> {
        let kinds: Vec<&str> = self.handlers.keys().copied().collect();
        let lease = time::Duration::try_from(self.settings.lease).unwrap_or(time::Duration::MINUTE);
        let jobs = self.store.lease_jobs(self.id, &kinds, lease, self.settings.at_once).await?;
        measure::turn();
        let count = jobs.len();
        let mut running = JoinSet::new();
        for job in jobs {
            let (store, handler) = (self.store.clone(), self.handlers.get(job.kind.as_str()).cloned());
            let longest = self.settings.lease.mul_f32(0.8);
            running.spawn(async move {
                let Some(handler) = handler else { return };
                settle(&store, job, handler.as_ref(), longest).await;
            });
        }
        running.join_all().await;
        Ok(count)
    }
}

async fn settle(store: &PlatformStore, job: LeasedJob, handler: &dyn Handler, longest: Duration) {
    let (id, kind, attempts) = (job.id, handler.kind(), job.attempts);
    let (running, began) = (Running::begin(kind), Instant::now());
    let ended = tokio::time::timeout(longest, AssertUnwindSafe(handler.run(&job)).catch_unwind()).await;
    let result = match ended {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(JobFailure::later("job.panicked")),
        Err(_) => Err(JobFailure::later("job.too_slow")),
    };
    let settled = match result {
        Ok(()) => {
            tracing::info!(job = %id, kind, attempts, "job done");
            store.finish_job(job).await.map(|()| Ended::Done)
        }
        Err(failure) => {
            tracing::warn!(job = %id, kind, attempts, code = failure.code, again = failure.again,
                cause = failure.cause.as_ref().map(|cause| cause.to_string()), "job failed");
            let given_up = store.fail_job(job, failure.code, failure.again).await;
            given_up.map(|given_up| if given_up { Ended::GivenUp } else { Ended::Again })
        }
    };
    let ended = settled.unwrap_or_else(|error| {
        tracing::warn!(job = %id, kind, error = %error, "the job's end could not be written; its lease will run out");
        Ended::Unwritten
    });
    running.ended(ended, began.elapsed());
}
