//! Group commit: calls that are each a unit of work's whole work, and that name their clinics themselves, share a trip to
//! PostgreSQL and a commit with the calls that came while the trips before were under way.
//!
//! A call that comes while few are under way goes at once and alone, so nobody waits for company. Each call is a statement of its
//! own, with rows of its own; rows are given out once all of the group is committed. Where one of a group fails, all are
//! undone and none is answered: `None`, and each caller does its work in a unit of its own.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sea_orm::DbErr;
use tokio::sync::oneshot;

use crate::{
    StoreError,
    connections::Connections,
    database::{Database, was_waited_for},
    named_statement::Call,
    statement::Row,
    transaction::rows_together,
};

/// Trips that are under way at once. While all are, calls wait and are grouped. One more or less made no difference that could be
/// measured; with as many as there are connections, nothing would be grouped.
const TRIPS: usize = 2;
/// The most calls of one trip.
const CALLS: usize = 16;

/// The calls of one database. Cheap to clone.
#[derive(Clone)]
pub(crate) struct GroupCommit {
    /// PostgreSQL's; SQLite has no such calls.
    connections: Option<Connections>,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Trips that are under way.
    trips: usize,
}

struct Waiting {
    call: String,
    answer: oneshot::Sender<Answer>,
}

/// The rows of a call that is committed. `None` where its group was lost or undone.
type Answer = Result<Option<Vec<Row>>, DbErr>;

impl GroupCommit {
    pub(crate) fn over(database: &Database) -> Self {
        Self { connections: database.connections(), queue: Arc::default() }
    }

    /// The rows of a call, once it is committed. `None` where it was not run, on SQLite and with a value that does not go into
    /// text, and where its group failed, which leaves open whether it was committed if the connection was lost.
    ///
    /// # Errors
    /// `Unavailable` when no connection became free, or PostgreSQL said nothing, in time.
    pub(crate) async fn run(&self, call: &Call) -> Result<Option<Vec<Row>>, StoreError> {
        let (Some(connections), Some(call)) = (&self.connections, call.text()) else { return Ok(None) };
        let (answer, answered) = oneshot::channel();
        let may_go = {
            let mut queue = held(&self.queue);
            queue.waiting.push_back(Waiting { call, answer });
            let may_go = queue.trips < TRIPS;
            queue.trips += usize::from(may_go);
            may_go
        };
        if may_go {
            let (connections, queue) = (connections.clone(), self.queue.clone());
            tokio::spawn(Carrier { connections, queue, has_place: true }.carry_all());
        }
        Ok(answered.await.map_err(|_| StoreError::Stopped)??)
    }
}

#[cfg(test)]
impl GroupCommit {
    /// How many calls wait for their trip.
    pub(crate) fn waiting(&self) -> usize {
        held(&self.queue).waiting.len()
    }
}

fn held(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes one trip after the other for as long as calls wait.
struct Carrier {
    connections: Connections,
    queue: Arc<Mutex<Queue>>,
    has_place: bool,
}

impl Carrier {
    async fn carry_all(mut self) {
        while let Some(group) = self.next_group() {
            self.carry(group).await;
        }
    }

    /// The calls whose turn it is, of those for which somebody still waits.
    fn next_group(&mut self) -> Option<Vec<Waiting>> {
        let mut queue = held(&self.queue);
        let mut group = Vec::new();
        while group.len() < CALLS
            && let Some(next) = queue.waiting.pop_front()
        {
            if !next.answer.is_closed() {
                group.push(next);
            }
        }
        if group.is_empty() {
            // In the same breath as the look at the queue: who comes next finds the place free.
            queue.trips -= 1;
            self.has_place = false;
            return None;
        }
        Some(group)
    }

    async fn carry(&self, group: Vec<Waiting>) {
        let (calls, askers): (Vec<_>, Vec<_>) = group.into_iter().map(|one| (one.call, one.answer)).unzip();
        match rows_together(&self.connections, calls.join("; ")).await {
            // Whoever waits for the next trip has waited as long as one may take.
            Err(error) if was_waited_for(&error) => {
                let others = std::mem::take(&mut held(&self.queue).waiting);
                let others = others.into_iter().map(|other| other.answer);
                tell(askers.into_iter().chain(others), || Err(error.clone()));
            }
            Err(_) => tell(askers, || Ok(None)),
            Ok(answers) => {
                let mut answers = answers.into_iter();
                tell(askers, || Ok(answers.next()));
            }
        }
    }
}

/// Gives each asker the next answer. Whoever does not wait any more needs none.
fn tell(askers: impl IntoIterator<Item = oneshot::Sender<Answer>>, mut answer: impl FnMut() -> Answer) {
    for asker in askers {
        let _ = asker.send(answer());
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        if self.has_place {
            held(&self.queue).trips -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::postgres::PgPoolOptions;

    use super::*;

    /// Who carries so many calls that somebody waits for, and who waits.
    fn carrier(calls: usize) -> (Carrier, Vec<oneshot::Receiver<Answer>>) {
        let pool = PgPoolOptions::new().connect_lazy("postgres://nobody@127.0.0.1:1/nothing").unwrap();
        let (waiting, askers) = (0..calls)
            .map(|_| {
                let (answer, answered) = oneshot::channel();
                (Waiting { call: "SELECT 1".to_owned(), answer }, answered)
            })
            .unzip();
        let queue = Arc::new(Mutex::new(Queue { waiting, trips: TRIPS }));
        let connections = Connections::over(pool, 1, Duration::from_secs(1));
        (Carrier { connections, queue, has_place: true }, askers)
    }

    fn trips(queue: &Mutex<Queue>) -> usize {
        held(queue).trips
    }

    #[tokio::test]
    async fn a_trip_takes_as_many_calls_as_it_may_and_the_last_one_frees_its_place_once() {
        let (mut carrier, askers) = carrier(CALLS + 3);
        let queue = carrier.queue.clone();
        let groups: Vec<usize> =
            std::iter::from_fn(|| carrier.next_group()).map(|group| group.len()).collect();
        assert_eq!(groups, [CALLS, 3]);
        assert_eq!(trips(&queue), TRIPS - 1);
        drop((carrier, askers));
        assert_eq!(trips(&queue), TRIPS - 1);
    }

    #[tokio::test]
    async fn who_is_stopped_on_the_way_frees_the_place() {
        let (mut carrier, _askers) = carrier(1);
        let queue = carrier.queue.clone();
        assert_eq!(carrier.next_group().map(|group| group.len()), Some(1));
        drop(carrier);
        assert_eq!(trips(&queue), TRIPS - 1);
    }
}
