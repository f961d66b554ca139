//! An open transaction: on PostgreSQL a connection of our own keeping, so that what begins and what ends it can go in
//! one trip with other statements; on SQLite sea-orm's.

use futures_util::TryStreamExt;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    Values,
};
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, Either, PgConnection, Postgres, postgres::PgRow, query::Query};
use tokio::{runtime::Handle, sync::Mutex};

use crate::{
    connections::{Connections, Lent},
    named_statement::Call,
    statement::{Row, prepared},
    trip::{LONGEST, LONGEST_BEGINNING, is_late, within},
};

/// A transaction that is rolled back unless it is committed. Its connection goes back to the pool with it.
pub(crate) enum Transaction {
    Postgres(PostgresTransaction),
    Sqlite(DatabaseTransaction),
}

/// The rows of each call, in the calls' order.
pub(crate) type Answers = Vec<Vec<Row>>;

impl Transaction {
    pub(crate) fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Postgres(_) => DbBackend::Postgres,
            Self::Sqlite(_) => DbBackend::Sqlite,
        }
    }

    pub(crate) async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Postgres(open) => {
                let mut held = open.connection.lock().await;
                let connection = held.as_mut().ok_or_else(gone)?;
                let outcome = within(LONGEST, query(statement).execute(&mut **connection)).await;
                settled(&mut held, outcome).map(ExecResult::from)
            }
            Self::Sqlite(open) => open.execute_raw(statement).await,
        }
    }

    pub(crate) async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Postgres(open) => {
                let mut held = open.connection.lock().await;
                let connection = held.as_mut().ok_or_else(gone)?;
                let outcome = within(LONGEST, query(statement).fetch_all(&mut **connection)).await;
                let rows: Vec<PgRow> = settled(&mut held, outcome)?;
                Ok(rows.into_iter().map(QueryResult::from).collect())
            }
            Self::Sqlite(open) => open.query_all_raw(statement).await,
        }
    }

    pub(crate) async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Postgres(open) => {
                let mut held = open.connection.lock().await;
                let connection = held.as_mut().ok_or_else(gone)?;
                let outcome = within(LONGEST, query(statement).fetch_optional(&mut **connection)).await;
                let row = settled(&mut held, outcome)?;
                Ok(row.map(QueryResult::from))
            }
            Self::Sqlite(open) => open.query_one_raw(statement).await,
        }
    }

    /// Runs a named statement in a trip of its own, its values bound.
    pub(crate) async fn call(&self, call: Call) -> Result<Vec<Row>, DbErr> {
        let statement = prepared(self.get_database_backend(), call.statement.text, call.values);
        Ok(self.query_all_raw(statement).await?.into_iter().map(Row::from).collect())
    }

    /// Runs the calls and commits: on PostgreSQL in one trip.
    pub(crate) async fn commit_after(self, calls: Vec<Call>) -> Result<(), DbErr> {
        if let Self::Postgres(open) = &self
            && let Some(text) = joined(&[], &calls, &["COMMIT"])
        {
            return open.finish(text).await;
        }
        for call in calls {
            self.call(call).await?;
        }
        self.commit().await
    }

    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(open) => open.finish("COMMIT".to_owned()).await,
            Self::Sqlite(open) => open.commit().await,
        }
    }

    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(open) => open.finish("ROLLBACK".to_owned()).await,
            Self::Sqlite(open) => open.rollback().await,
        }
    }
}

/// A connection with an open transaction. `None` once that has ended.
pub(crate) struct PostgresTransaction {
    /// The lock is never waited for: a unit of work runs one statement after the other.
    connection: Mutex<Option<Lent>>,
}

impl PostgresTransaction {
    /// Begins by the commands given and runs the calls: in the same trip where they go into text.
    pub(crate) async fn begin(
        connections: &Connections,
        beginning: &[String],
        calls: Vec<Call>,
    ) -> Result<(Transaction, Answers), DbErr> {
        let mut connection = connections.lend().await.map_err(|error| DbErr::Conn(wrapped(error)))?;
        let (text, bound) = match joined(beginning, &calls, &[]) {
            Some(text) => (text, Vec::new()),
            None => (beginning.join("; "), calls),
        };
        let results = match within(LONGEST_BEGINNING, run(&mut connection, text)).await {
            Ok(results) => results,
            Err(error) => {
                // Whether a transaction is open in it now is not known, so nobody else shall have it.
                connection.close();
                connections.forget_resting();
                return Err(DbErr::Conn(wrapped(error)));
            }
        };
        let transaction = Transaction::Postgres(Self { connection: Mutex::new(Some(connection)) });
        let mut answers: Answers = results.into_iter().skip(beginning.len()).collect();
        for call in bound {
            answers.push(transaction.call(call).await?);
        }
        Ok((transaction, answers))
    }

    /// Ends the transaction by a text that ends it. Where that fails, the drop rolls back.
    async fn finish(&self, text: String) -> Result<(), DbErr> {
        let mut held = self.connection.lock().await;
        let outcome = within(LONGEST, run(held.as_mut().ok_or_else(gone)?, text)).await;
        settled(&mut held, outcome)?;
        if let Some(connection) = held.take() {
            connection.rest();
        }
        Ok(())
    }
}

impl Drop for PostgresTransaction {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.get_mut().take() else { return };
        match Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(async move {
                    match within(LONGEST, run(&mut connection, "ROLLBACK".to_owned())).await {
                        Ok(_) => connection.return_to_pool(),
                        Err(_) => connection.close(),
                    }
                });
            }
            // Without a runtime nothing can be sent: PostgreSQL rolls back when it sees the connection closed.
            Err(_) => connection.abandon(),
        }
    }
}

/// Commands and calls as one text, unless one of the calls does not go into text.
fn joined(before: &[String], calls: &[Call], after: &[&str]) -> Option<String> {
    let calls = calls.iter().map(Call::text).collect::<Option<Vec<String>>>()?;
    let mut parts: Vec<&str> = before.iter().map(String::as_str).collect();
    parts.extend(calls.iter().map(String::as_str));
    parts.extend(after);
    Some(parts.join("; "))
}

/// Runs the commands of a text in one trip; the rows that each answered.
async fn run(connection: &mut PgConnection, text: String) -> Result<Answers, sqlx::Error> {
    let mut answers = Vec::new();
    let mut rows = Vec::new();
    let mut results = sqlx::raw_sql(AssertSqlSafe(text)).fetch_many(connection);
    while let Some(result) = results.try_next().await? {
        match result {
            Either::Right(row) => rows.push(Row::from(QueryResult::from(row))),
            Either::Left(_) => answers.push(std::mem::take(&mut rows)),
        }
    }
    Ok(answers)
}

/// The outcome of a trip. A connection that said nothing in time is nobody's any more: what it says later answers
/// nothing that the next one asks.
fn settled<T>(held: &mut Option<Lent>, outcome: Result<T, sqlx::Error>) -> Result<T, DbErr> {
    if outcome.as_ref().is_err_and(is_late)
        && let Some(connection) = held.take()
    {
        connection.close();
    }
    outcome.map_err(failed)
}

/// Runs the calls of a text in one trip, which PostgreSQL makes one transaction; the rows of each, once that is committed.
pub(crate) async fn rows_together(connections: &Connections, calls: String) -> Result<Answers, DbErr> {
    let mut connection = connections.lend().await.map_err(|error| DbErr::Conn(wrapped(error)))?;
    match within(LONGEST_BEGINNING, run(&mut connection, calls)).await {
        Ok(answers) => {
            connection.rest();
            Ok(answers)
        }
        Err(error) => {
            connection.close();
            connections.forget_resting();
            Err(DbErr::Conn(wrapped(error)))
        }
    }
}

/// Rows read outside every transaction.
pub(crate) async fn rows_outside(
    connections: &Connections,
    statement: Statement,
) -> Result<Vec<QueryResult>, DbErr> {
    let mut held = Some(connections.lend().await.map_err(|error| DbErr::Conn(wrapped(error)))?);
    let connection = held.as_mut().ok_or_else(gone)?;
    let outcome = within(LONGEST, query(statement).fetch_all(&mut **connection)).await;
    let rows: Vec<PgRow> = settled(&mut held, outcome)?;
    if let Some(connection) = held {
        connection.rest();
    }
    Ok(rows.into_iter().map(QueryResult::from).collect())
}

fn query(statement: Statement) -> Query<'static, Postgres, SqlxValues> {
    let values = statement.values.unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

fn wrapped(error: sqlx::Error) -> RuntimeErr {
    RuntimeErr::SqlxError(error.into())
}

/// As sea-orm wraps it, so that both databases' failures are sorted in one place.
fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(wrapped(error))
}

fn gone() -> DbErr {
    failed(sqlx::Error::WorkerCrashed)
}
