//! How long a trip to PostgreSQL may take. A connection can die without saying so: then nobody ever answers, and whoever
//! waited for it, and the place in the pool that it held, would be gone for good.

use std::{
    future::Future,
    io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Connection, PgPool, Postgres, pool::PoolConnection};

/// Longer than PostgreSQL lets a statement run, so that its own answer comes first where there is one.
pub(crate) const LONGEST: Duration = Duration::from_secs(7);
/// A transaction begins at once, or its connection is dead.
pub(crate) const LONGEST_BEGINNING: Duration = Duration::from_secs(3);
const LONGEST_RETURN: Duration = Duration::from_secs(3);
/// Whoever waits for a connection waits for the answers of all dead ones before it.
const LONGEST_SIGN_OF_LIFE: Duration = Duration::from_millis(250);
/// For so long after a silence no connection is believed to live.
const DISTRUST: Duration = Duration::from_secs(30);

/// When a connection was last found silent. Of the whole process, as what silences one silences others: a network that
/// forgot its connections, a server that is gone.
static LAST_SILENCE: Mutex<Option<Instant>> = Mutex::new(None);

/// The outcome of a trip that is back in time, else that of a connection that broke.
pub(crate) async fn within<T>(
    limit: Duration,
    trip: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(limit, trip).await.unwrap_or_else(|_| {
        *LAST_SILENCE.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Err(io::Error::from(io::ErrorKind::TimedOut).into())
    })
}

/// A connection of the pool. It is asked for a sign of life only if another one was found silent shortly before: so that
/// requests wait in vain once for an outage, and not once for each connection.
pub(crate) async fn acquire(pool: &PgPool) -> Result<PoolConnection<Postgres>, sqlx::Error> {
    loop {
        let mut connection = pool.acquire().await?;
        if !are_suspect() || within(LONGEST_SIGN_OF_LIFE, connection.ping()).await.is_ok() {
            return Ok(connection);
        }
        // To close it in order takes an answer, too.
        drop(connection.detach());
    }
}

/// Whether a connection was found silent shortly before, so that none is believed to live.
pub(crate) fn are_suspect() -> bool {
    let silence = *LAST_SILENCE.lock().unwrap_or_else(PoisonError::into_inner);
    silence.is_some_and(|silence| silence.elapsed() < DISTRUST)
}

/// Whether this is the outcome of a connection that said nothing in time.
pub(crate) fn is_late(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(cause) if cause.kind() == io::ErrorKind::TimedOut)
}

/// Gives a connection back, or up. The pool asks it whether it lives and waits as long as that takes; one that says
/// nothing is closed instead, and its place is free.
pub(crate) fn give_back(mut connection: PoolConnection<Postgres>) {
    // Without a runtime nothing can be asked.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return drop(connection.leak()) };
    let returned = connection.return_to_pool();
    runtime.spawn(async move {
        let _ = tokio::time::timeout(LONGEST_RETURN, returned).await;
    });
}
