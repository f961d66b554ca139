//! How requests arrive. Closed: each connection asks again when it has its answer. Open: requests come by a schedule
//! that does not wait for slow answers, and each counts from the moment it was due, so that a stall is paid by every
//! request that it held up.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
};

use super::{Connection, Operation};

/// Numbers never repeat within a run, whatever round they are drawn in.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// What one stretch of load saw.
#[derive(Debug, Clone)]
pub struct Round {
    /// Answers that were right.
    pub done: u64,
    /// The first wrong answer, and how many there were.
    pub wrong: Option<(String, u64)>,
    /// How long it took.
    pub took: Duration,
    /// Latencies of right answers in microseconds.
    pub latencies: Histogram<u64>,
}

impl Round {
    /// Nothing seen yet.
    pub fn empty() -> Self {
        let latencies = Histogram::new_with_bounds(1, 120_000_000, 3).expect("constant bounds");
        Self { done: 0, wrong: None, took: Duration::ZERO, latencies }
    }

    /// Right answers a second.
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.took.as_secs_f64()
    }

    /// A percentile of the latency in milliseconds.
    pub fn percentile(&self, percentile: f64) -> f64 {
        self.latencies.value_at_percentile(percentile) as f64 / 1000.0
    }

    fn count(&mut self, outcome: Result<(), String>, latency: Duration) {
        match outcome {
            Ok(()) => {
                self.done += 1;
                self.latencies
                    .saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(1));
            }
            Err(error) => self.wrong.get_or_insert((error, 0)).1 += 1,
        }
    }

    fn join(&mut self, other: Self) {
        self.done += other.done;
        if let Some((error, count)) = other.wrong {
            self.wrong.get_or_insert((error, 0)).1 += count;
        }
        self.latencies.add(other.latencies).expect("equal bounds");
    }
}

async fn joined(mut workers: JoinSet<Round>, started: Instant) -> Round {
    let mut whole = Round::empty();
    while let Some(round) = workers.join_next().await {
        whole.join(round.expect("a worker ends in order"));
    }
    whole.took = started.elapsed();
    whole
}

/// So many connections, each asking again as soon as it is answered.
pub async fn closed_loop<O: Operation>(
    operation: &Arc<O>,
    address: SocketAddr,
    connections: usize,
    length: Duration,
) -> Round {
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        let operation = Arc::clone(operation);
        workers.spawn(async move {
            let mut connection = Connection::to(address);
            let mut round = Round::empty();
            while started.elapsed() < length {
                let asked = Instant::now();
                let outcome = operation.run(&mut connection, NUMBERS.fetch_add(1, Ordering::Relaxed)).await;
                round.count(outcome, asked.elapsed());
            }
            round
        });
    }
    joined(workers, started).await
}

/// So many requests a second whatever becomes of them, over at most so many connections. What finds no free
/// connection waits, and its waiting counts.
pub async fn open_loop<O: Operation>(
    operation: &Arc<O>,
    address: SocketAddr,
    rate: f64,
    connections: usize,
    length: Duration,
) -> Round {
    let (arrive, arrivals) = mpsc::unbounded_channel::<Instant>();
    let arrivals = Arc::new(Mutex::new(arrivals));
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        let (operation, arrivals) = (Arc::clone(operation), Arc::clone(&arrivals));
        workers.spawn(async move {
            let mut connection = Connection::to(address);
            let mut round = Round::empty();
            loop {
                let due = arrivals.lock().await.recv().await;
                let Some(due) = due else { break };
                let outcome = operation.run(&mut connection, NUMBERS.fetch_add(1, Ordering::Relaxed)).await;
                round.count(outcome, due.elapsed());
            }
            round
        });
    }
    // A thread of its own: the runtime's timers tick in whole milliseconds, which would be part of every latency.
    let schedule = tokio::task::spawn_blocking(move || {
        let count = (rate * length.as_secs_f64()) as u64;
        for number in 0..count {
            let due = started + Duration::from_secs_f64(number as f64 / rate);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if arrive.send(due).is_err() {
                break;
            }
        }
    });
    schedule.await.expect("the schedule ends in order");
    joined(workers, started).await
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stalls;

    impl Operation for Stalls {
        async fn run(&self, _: &mut Connection, _: u64) -> Result<(), String> {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(())
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_waits_for_a_stalled_connection_counts_from_the_moment_it_was_due() {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let round = open_loop(&Arc::new(Stalls), nowhere, 50.0, 1, Duration::from_millis(200)).await;
        // Ten arrivals in 200 ms over one connection that takes 100 ms each: the last waits most of a second.
        assert_eq!(round.done, 10);
        assert!(round.percentile(99.0) > 700.0, "{}", round.percentile(99.0));
        let round = closed_loop(&Arc::new(Stalls), nowhere, 1, Duration::from_millis(200)).await;
        assert!(round.percentile(99.0) < 300.0, "{}", round.percentile(99.0));
    }
}
