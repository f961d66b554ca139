//! The worker over real databases: jobs end, are tried again, are given up, and survive a worker that dies.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test stops")]

#[path = "../../store/tests/support/mod.rs"]
mod support;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use cloister_jobs::{Chore, Handler, JobFailure, Worker, WorkerSettings};
use cloister_kernel::{Audience, JobId};
use cloister_store::{JobState, LeasedJob, NewJob};
use metrics_exporter_prometheus::PrometheusBuilder;
use support::{Harness, Kind};
use time::Duration;

on_both! {
    a_due_job_runs_once_and_is_done,
    a_job_that_fails_for_a_while_waits_longer_each_time_and_ends_well,
    a_job_that_can_never_work_or_panics_does_not_stop_the_others,
    the_job_of_a_worker_that_died_is_finished_by_another,
    a_stopped_worker_finishes_what_it_holds,
    a_chore_goes_on_beside_the_jobs_whatever_becomes_of_its_pieces,
}

/// Fails its first runs as told, then works.
struct Flaky {
    runs: AtomicUsize,
    failures: usize,
    how: fn() -> Result<(), JobFailure>,
}

impl Flaky {
    fn new(failures: usize, how: fn() -> Result<(), JobFailure>) -> Arc<Self> {
        Arc::new(Self { runs: AtomicUsize::new(0), failures, how })
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Handler for Flaky {
    fn kind(&self) -> &'static str {
        "flaky"
    }

    async fn run(&self, _: &LeasedJob) -> Result<(), JobFailure> {
        if self.runs.fetch_add(1, Ordering::SeqCst) < self.failures { (self.how)() } else { Ok(()) }
    }
}

fn worker(harness: &Harness, handler: Arc<dyn Handler>) -> Worker {
    Worker::new(harness.platform.clone(), vec![handler], WorkerSettings::default(), &harness.environment)
}

async fn enqueue(harness: &Harness, slug: &str) -> JobId {
    let tenant = harness.clinic(slug).await;
    let visitor = harness.visitor(tenant, Audience::Portal);
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    let job = NewJob::new("flaky", "deliver_message", tenant, harness.environment.now());
    let id = visit.enqueue(job).await.unwrap();
    visit.commit(()).await.unwrap();
    id
}

async fn state(harness: &Harness, job: JobId) -> JobState {
    harness.platform.job_progress(job).await.unwrap().unwrap().state
}

async fn a_due_job_runs_once_and_is_done(harness: Harness) {
    let job = enqueue(&harness, "lakeside").await;
    let handler = Flaky::new(0, || Ok(()));
    let worker = worker(&harness, handler.clone());
    assert_eq!(worker.run_due().await.unwrap(), 1);
    assert_eq!(worker.run_due().await.unwrap(), 0);
    assert_eq!((state(&harness, job).await, handler.runs()), (JobState::Done, 1));
}

async fn a_job_that_fails_for_a_while_waits_longer_each_time_and_ends_well(harness: Harness) {
    let job = enqueue(&harness, "lakeside").await;
    let handler = Flaky::new(2, || Err(JobFailure::later("carrier.away")));
    let worker = worker(&harness, handler.clone());
    worker.run_due().await.unwrap();
    assert_eq!(worker.run_due().await.unwrap(), 0, "not before its wait is over");
    harness.clock.advance(Duration::seconds(3));
    worker.run_due().await.unwrap();
    harness.clock.advance(Duration::seconds(3));
    assert_eq!(worker.run_due().await.unwrap(), 0, "the second wait is longer");
    harness.clock.advance(Duration::seconds(3));
    worker.run_due().await.unwrap();
    assert_eq!((state(&harness, job).await, handler.runs()), (JobState::Done, 3));
}

async fn a_job_that_can_never_work_or_panics_does_not_stop_the_others(harness: Harness) {
    let hopeless = enqueue(&harness, "lakeside").await;
    let handler = Flaky::new(1, || Err(JobFailure::never("address.bad")));
    worker(&harness, handler).run_due().await.unwrap();
    assert_eq!(state(&harness, hopeless).await, JobState::Failed("address.bad".into()));

    let panicking = enqueue(&harness, "riverside").await;
    let handler = Flaky::new(1, || panic!("a handler's bug"));
    let worker = worker(&harness, handler);
    worker.run_due().await.unwrap();
    assert_eq!(state(&harness, panicking).await, JobState::Queued);
    harness.clock.advance(Duration::seconds(10));
    worker.run_due().await.unwrap();
    assert_eq!(state(&harness, panicking).await, JobState::Done);
}

async fn the_job_of_a_worker_that_died_is_finished_by_another(harness: Harness) {
    let job = enqueue(&harness, "lakeside").await;
    let dead = harness.environment.uuid();
    let held = harness.platform.lease_jobs(dead, &["flaky"], Duration::seconds(60), 1).await.unwrap();
    assert_eq!(held.len(), 1);
    let handler = Flaky::new(0, || Ok(()));
    let worker = worker(&harness, handler);
    assert_eq!(worker.run_due().await.unwrap(), 0, "the lease holds");
    harness.clock.advance(Duration::seconds(61));
    assert_eq!(worker.run_due().await.unwrap(), 1);
    assert_eq!(state(&harness, job).await, JobState::Done);
}

async fn a_stopped_worker_finishes_what_it_holds(harness: Harness) {
    let job = enqueue(&harness, "lakeside").await;
    let handler = Flaky::new(0, || Ok(()));
    let worker = worker(&harness, handler.clone());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(async move { worker.run(stopped).await });
    while handler.runs() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    stop.send(true).unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(10), running).await.unwrap().unwrap();
    assert_eq!(state(&harness, job).await, JobState::Done);
}

/// Five pieces: one fails, one panics.
struct Sweep(AtomicUsize);

#[async_trait]
impl Chore for Sweep {
    fn name(&self) -> &'static str {
        "sweep"
    }

    async fn run(&self) -> Result<bool, JobFailure> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            1 => Err(JobFailure::later("sweep.failed")),
            2 => panic!("a piece that panics"),
            done => Ok(done < 4),
        }
    }
}

async fn a_chore_goes_on_beside_the_jobs_whatever_becomes_of_its_pieces(harness: Harness) {
    let (chore, handler) = (Arc::new(Sweep(AtomicUsize::new(0))), Flaky::new(0, || Ok(())));
    let settings = WorkerSettings { rest: std::time::Duration::from_millis(10), ..WorkerSettings::default() };
    let handlers: Vec<Arc<dyn Handler>> = vec![handler];
    let worker = Worker::new(harness.platform.clone(), handlers, settings, &harness.environment)
        .with_chore(chore.clone());
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(async move { worker.run(stopping).await });
    let job = enqueue(&harness, "lakeside").await;
    for _ in 0..500 {
        if chore.0.load(Ordering::SeqCst) > 5 && state(&harness, job).await == JobState::Done {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(state(&harness, job).await, JobState::Done);
    assert!(chore.0.load(Ordering::SeqCst) > 5, "it is looked for again when there was nothing more");
    stop.send(true).unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(5), running).await.unwrap().unwrap();
}

/// On one thread, where the counts of this test are kept apart from others'.
#[tokio::test]
async fn what_a_worker_does_and_leaves_waiting_is_counted() {
    let harness = Harness::start(Kind::Sqlite).await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let shown = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    enqueue(&harness, "lakeside").await;
    worker(&harness, Flaky::new(1, || Err(JobFailure::later("carrier.away")))).run_due().await.unwrap();
    harness.clock.advance(Duration::seconds(60));
    worker(&harness, Flaky::new(1, || Err(JobFailure::never("address.bad")))).run_due().await.unwrap();
    enqueue(&harness, "hillside").await;
    worker(&harness, Flaky::new(0, || Ok(()))).run_due().await.unwrap();
    enqueue(&harness, "riverside").await;
    harness.clock.advance(Duration::seconds(90));
    let takes_none = WorkerSettings { at_once: 0, ..WorkerSettings::default() };
    let handlers: Vec<Arc<dyn Handler>> = vec![Flaky::new(0, || Ok(()))];
    let idle = Worker::new(harness.platform.clone(), handlers, takes_none, &harness.environment);
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let counted = async {
        while !shown.render().contains(r#"jobs_lateness_seconds{kind="flaky"} 90"#) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        stop.send(true).unwrap();
    };
    tokio::join!(idle.run(stopping), counted);
    let text = shown.render();
    for line in [
        r#"jobs_total{kind="flaky",outcome="again"} 1"#,
        r#"jobs_total{kind="flaky",outcome="given_up"} 1"#,
        r#"jobs_total{kind="flaky",outcome="done"} 1"#,
        r#"jobs_total{kind="flaky",outcome="unwritten"} 0"#,
        r#"jobs_running{kind="flaky"} 0"#,
        r#"jobs_waiting{kind="flaky"} 1"#,
        r#"job_duration_seconds_count{kind="flaky"} 3"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(text.contains("worker_turns_total "), "{text}");
}
