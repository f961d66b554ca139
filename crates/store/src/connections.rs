//! Connections to PostgreSQL, each lent to one unit of work at a time.
//!
//! sqlx's pool opens them and asks each whether it lives whenever it comes back: one trip more for every unit of work. A
//! connection that has just answered its COMMIT need not be asked, so it rests here for the next unit, and goes back to
//! the pool, to be asked and to end at its age, once a minute.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::trip::{acquire, are_suspect, give_back};

/// How long a connection goes from unit to unit before the pool asks it whether it lives.
const ASKED_EVERY: Duration = Duration::from_secs(60);

/// The connections of one database. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    pool: PgPool,
    /// As many as the pool may have, so that nobody waits in the pool for a connection that rests here.
    places: Arc<Semaphore>,
    resting: Arc<Shelf>,
    patience: Duration,
}

#[derive(Debug, Default)]
struct Shelf(Mutex<Vec<Resting>>);

#[derive(Debug)]
struct Resting {
    connection: PoolConnection<Postgres>,
    asked: Instant,
}

/// A connection in use. Dropped, it goes back to the pool, which asks it whether it lives.
pub(crate) struct Lent {
    connection: PoolConnection<Postgres>,
    asked: Instant,
    connections: Connections,
    place: OwnedSemaphorePermit,
}

impl Connections {
    /// Over a pool that nobody else takes connections from. `patience` is how long somebody waits for one.
    pub(crate) fn over(pool: PgPool, most: u32, patience: Duration) -> Self {
        let places = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS)));
        Self { pool, places, resting: Arc::default(), patience }
    }

    /// A connection without an open transaction.
    ///
    /// # Errors
    /// `PoolTimedOut` when none became free in time, `PoolClosed`, or why none could be opened.
    pub(crate) async fn lend(&self) -> Result<Lent, sqlx::Error> {
        let place = tokio::time::timeout(self.patience, self.places.clone().acquire_owned())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let (connection, asked) = match self.rested() {
            Some(rested) => (rested.connection, rested.asked),
            None => (Box::pin(acquire(&self.pool)).await?, Instant::now()),
        };
        Ok(Lent { connection, asked, connections: self.clone(), place })
    }

    /// The connection that rested last.
    fn rested(&self) -> Option<Resting> {
        if are_suspect() {
            self.forget_resting();
            return None;
        }
        let mut resting = self.resting();
        while let Some(last) = resting.pop() {
            if last.asked.elapsed() < ASKED_EVERY {
                return Some(last);
            }
            give_back(last.connection);
        }
        None
    }

    /// Gives up the connections that rest: one was found dead, and what killed it killed others.
    pub(crate) fn forget_resting(&self) {
        self.resting.clear();
    }

    /// Closes all connections, once they are not in use any more.
    pub(crate) async fn close(&self) {
        self.places.close();
        self.forget_resting();
        self.pool.close().await;
    }

    fn resting(&self) -> MutexGuard<'_, Vec<Resting>> {
        self.resting.places()
    }
}

impl Shelf {
    fn places(&self) -> MutexGuard<'_, Vec<Resting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes what rests here without a word: to say goodbye would take a runtime, and somebody who listens.
    fn clear(&self) {
        for resting in self.places().drain(..) {
            drop(resting.connection.detach());
        }
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Lent {
    /// Gives back a connection that has answered everything and has no open transaction. While others are suspect it goes to the
    /// pool, which asks it and keeps it: what rests then is closed by whoever comes next.
    pub(crate) fn rest(self) {
        let Self { connection, asked, connections, place } = self;
        let mut resting = connections.resting();
        if are_suspect() || connections.places.is_closed() {
            give_back(connection);
        } else {
            resting.push(Resting { connection, asked });
        }
        drop(resting);
        drop(place);
    }

    /// Gives back a connection that the pool shall ask whether it lives.
    pub(crate) fn return_to_pool(self) {
        give_back(self.connection);
    }

    /// Gives up a connection of which it is not known what it says next. To close it in order would take an answer, and
    /// the pool's place for as long as none comes.
    pub(crate) fn close(self) {
        drop(self.connection.detach());
    }

    /// Closes the connection where no runtime is left that could say so to the server.
    pub(crate) fn abandon(self) {
        drop(self.connection.leak());
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
