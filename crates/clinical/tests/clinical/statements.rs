//! Counting the statements that a use case runs, by the trace that the store leaves for each.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    instrument::WithSubscriber,
    span,
};

struct Counter(Arc<AtomicU64>);

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cloister_store::statement"
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// What a use case gives, and how many statements of repositories it ran (BEGIN, event rows and COMMIT apart).
pub(crate) async fn counted<T>(use_case: impl Future<Output = T>) -> (T, u64) {
    let count = Arc::new(AtomicU64::new(0));
    let value = use_case.with_subscriber(Counter(Arc::clone(&count))).await;
    (value, count.load(Ordering::Relaxed))
}

/// Keeps for how long transactions were open, by the trace that the store leaves for each commit.
struct OpenTimes(Arc<Mutex<Vec<Duration>>>);

impl Subscriber for OpenTimes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cloister_store::open"
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Microseconds(&self.0));
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Microseconds<'t>(&'t Mutex<Vec<Duration>>);

impl Visit for Microseconds<'_> {
    fn record_u64(&mut self, _: &Field, value: u64) {
        self.0.lock().unwrap().push(Duration::from_micros(value));
    }
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// What a use case gives, and for how long each transaction that it committed was open.
pub(crate) async fn open_times<T>(use_case: impl Future<Output = T>) -> (T, Vec<Duration>) {
    let times = Arc::new(Mutex::new(Vec::new()));
    let value = use_case.with_subscriber(OpenTimes(Arc::clone(&times))).await;
    let times = times.lock().unwrap().clone();
    (value, times)
}
