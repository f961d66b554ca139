//! How long a trip to PostgreSQL may take. A connection can die without saying so: then nobody ever answers, and whoever
//! waited for it, and the place in the pool that it held, would be gone for good.

use std::{future::Future, io, time::Duration};

use sqlx::{Postgres, pool::PoolConnection};

/// Longer than PostgreSQL lets a statement run, so that its own answer comes first where there is one.
pub(crate) const LONGEST: Duration = Duration::from_secs(7);
/// A transaction begins at once, or its connection is dead.
pub(crate) const LONGEST_BEGINNING: Duration = Duration::from_secs(3);
const LONGEST_RETURN: Duration = Duration::from_secs(3);

/// The outcome of a trip that is back in time, else that of a connection that broke.
pub(crate) async fn within<T>(
    limit: Duration,
    trip: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(limit, trip)
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
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
