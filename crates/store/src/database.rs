//! Connections, and transactions that survive the one who asked for them.
//!
//! sqlx and sea-orm hand a connection on with an open transaction when a future is dropped during BEGIN. So BEGIN and
//! COMMIT run in tasks of their own: whoever stops waiting leaves a task that finishes, and a transaction that nobody
//! received is rolled back by its own drop.
//!
//! SQLite has one connection that writes and a few that only read. Units of work queue for the writer inside the
//! process, in order and without SQLITE_BUSY; BEGIN IMMEDIATE and a busy time-out settle it between processes. Whatever
//! a unit needs from elsewhere (keys, job rows) is read through the readers, before or during it, so nobody waits for
//! the writer while holding it.

use std::{str::FromStr, sync::Arc, time::Duration};

use cloister_kernel::{ExposeSecret, TenantId};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryResult, RuntimeErr, SqliteTransactionMode,
    SqlxPostgresConnector, SqlxSqliteConnector, Statement, TransactionOptions, TransactionTrait, Value,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    StoreConfig, StoreError,
    connections::Connections,
    named_statement::{Call, NamedStatement},
    transaction::{Answers, PostgresTransaction, Transaction, rows_outside},
    trip::is_late,
};

/// PostgreSQL's code of a statement about a table that does not exist.
const UNDEFINED_TABLE: &str = "42P01";

const SQLITE_READERS: u32 = 4;
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The connections of one database. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    /// PostgreSQL's connections; the other two only say which database it is.
    connections: Option<Connections>,
}

impl Database {
    /// `named` are the statements that connections to PostgreSQL shall know by name.
    pub(crate) async fn connect(config: &StoreConfig, named: &[&NamedStatement]) -> Result<Self, StoreError> {
        let url = config.url.expose_secret();
        if url.starts_with("sqlite:") {
            Self::connect_sqlite(config).await
        } else {
            Self::connect_postgres(config, named).await
        }
    }

    async fn connect_postgres(config: &StoreConfig, named: &[&NamedStatement]) -> Result<Self, StoreError> {
        let milliseconds = |duration: Duration| duration.as_millis().to_string();
        let options = PgConnectOptions::from_str(config.url.expose_secret())
            .map_err(|_| StoreError::Configuration("the URL is not a PostgreSQL URL".to_owned()))?
            .application_name("cloister")
            .options([
                ("statement_timeout", milliseconds(config.statement_timeout)),
                ("lock_timeout", milliseconds(config.statement_timeout)),
                ("idle_in_transaction_session_timeout", milliseconds(config.idle_in_transaction_timeout)),
                // Bytes in the text of a call are written so that they need it.
                ("standard_conforming_strings", "on".to_owned()),
            ])
            .disable_statement_logging();
        let named: Vec<String> = named.iter().map(|statement| statement.preparation()).collect();
        let named: Arc<str> = named.join("; ").into();
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(config.acquire_timeout)
            .after_connect(move |connection, _| {
                let named = named.clone();
                Box::pin(async move { prepare(connection, named.as_ref().to_owned()).await })
            })
            // A connection is tested when it is given back; testing it again would cost each unit a round trip.
            .test_before_acquire(false)
            .connect_lazy_with(options);
        let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone());
        let connections = Connections::over(pool, config.max_connections, config.acquire_timeout);
        Ok(Self { writer: connection.clone(), reader: connection, connections: Some(connections) })
    }

    async fn connect_sqlite(config: &StoreConfig) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(config.url.expose_secret())
            .map_err(|_| StoreError::Configuration("the URL is not an SQLite URL".to_owned()))?
            .journal_mode(SqliteJournalMode::Wal)
            // What was acknowledged survives a power cut: an answer without its event must not exist.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY_TIMEOUT)
            .disable_statement_logging();
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(config.acquire_timeout.max(SQLITE_BUSY_TIMEOUT))
            .test_before_acquire(false)
            .connect_lazy_with(options.clone());
        let reader = SqlitePoolOptions::new()
            .max_connections(SQLITE_READERS)
            .acquire_timeout(config.acquire_timeout)
            .test_before_acquire(false)
            .connect_lazy_with(options.pragma("query_only", "1"));
        Ok(Self {
            writer: SqlxSqliteConnector::from_sqlx_sqlite_pool(writer),
            reader: SqlxSqliteConnector::from_sqlx_sqlite_pool(reader),
            connections: None,
        })
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// Begins a transaction in a task of its own; with a tenant, the tenant setting stands before its first statement.
    pub(crate) async fn begin(&self, tenant: Option<TenantId>) -> Result<Transaction, StoreError> {
        Ok(self.begin_calling(tenant, Vec::new()).await?.0)
    }

    /// As [`Database::begin`], with the answers of calls that begin the transaction: on PostgreSQL in the same trip.
    pub(crate) async fn begin_calling(
        &self,
        tenant: Option<TenantId>,
        calls: Vec<Call>,
    ) -> Result<(Transaction, Answers), StoreError> {
        let database = self.clone();
        joined(tokio::spawn(async move {
            match database.begin_once(tenant, calls.clone()).await {
                // A connection may have died while it lay in the pool: a fresh one is asked once. After waiting in vain
                // nobody is made to wait again.
                Err(StoreError::Unavailable(error))
                    if database.connections.is_some() && !was_waited_for(&error) =>
                {
                    database.begin_once(tenant, calls).await
                }
                outcome => outcome,
            }
        }))
        .await
    }

    /// PostgreSQL's connections.
    #[cfg(feature = "tenant")]
    pub(crate) fn connections(&self) -> Option<Connections> {
        self.connections.clone()
    }

    async fn begin_once(
        &self,
        tenant: Option<TenantId>,
        calls: Vec<Call>,
    ) -> Result<(Transaction, Answers), StoreError> {
        if let Some(connections) = &self.connections {
            let mut beginning = vec!["BEGIN".to_owned()];
            // An id is digits and hyphens whatever happens, so it may stand in the text.
            beginning
                .extend(tenant.map(|id| format!("SET LOCAL cloister.tenant = '{}'", id.uuid().hyphenated())));
            return Ok(PostgresTransaction::begin(connections, &beginning, calls).await?);
        }
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = Transaction::Sqlite(self.writer.begin_with_options(options).await?);
        let mut answers = Vec::with_capacity(calls.len());
        for call in calls {
            answers.push(transaction.call(call).await?);
        }
        Ok((transaction, answers))
    }

    /// Rows read outside every transaction: platform tables only.
    pub(crate) async fn rows(&self, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, StoreError> {
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        match &self.connections {
            Some(connections) => Ok(rows_outside(connections, statement).await?),
            None => Ok(self.reader.query_all_raw(statement).await?),
        }
    }

    /// Runs one statement in a transaction of its own: platform tables only.
    pub(crate) async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        let transaction = self.begin(None).await?;
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        let affected = transaction.execute_raw(statement).await?.rows_affected();
        commit(transaction).await?;
        Ok(affected)
    }

    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        if let Some(connections) = &self.connections {
            connections.close().await;
            return Ok(());
        }
        self.writer.close_by_ref().await?;
        self.reader.close_by_ref().await?;
        Ok(())
    }
}

/// Makes named statements known to a connection. Where their tables are not there yet, the connection is of use all
/// the same: to find out that they are missing.
async fn prepare(connection: &mut PgConnection, named: String) -> Result<(), sqlx::Error> {
    match sqlx::raw_sql(AssertSqlSafe(named)).execute(connection).await {
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == UNDEFINED_TABLE) => {
            Ok(())
        }
        outcome => outcome.map(drop),
    }
}

/// Whether this came of nobody answering, or of no connection becoming free, in time.
pub(crate) fn was_waited_for(error: &DbErr) -> bool {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(cause)) => {
            is_late(cause) || matches!(**cause, sqlx::Error::PoolTimedOut)
        }
        _ => false,
    }
}

/// Commits in a task of its own.
pub(crate) async fn commit(transaction: Transaction) -> Result<(), StoreError> {
    joined(tokio::spawn(async move { Ok(transaction.commit().await?) })).await
}

/// The outcome of a task that runs on when nobody waits for it any more.
pub(crate) async fn joined<T>(task: tokio::task::JoinHandle<Result<T, StoreError>>) -> Result<T, StoreError> {
    task.await.map_err(|_| StoreError::Stopped)?
}
