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

use std::{str::FromStr, time::Duration};

use cloister_kernel::{ExposeSecret, TenantId};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryResult, RuntimeErr, SqliteTransactionMode,
    SqlxPostgresConnector, SqlxSqliteConnector, Statement, TransactionOptions, TransactionTrait, Value,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{StoreConfig, StoreError, transaction::Transaction};

const SQLITE_READERS: u32 = 4;
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The connections of one database. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    /// PostgreSQL's connections, which both of the others use too.
    pool: Option<PgPool>,
}

impl Database {
    pub(crate) async fn connect(config: &StoreConfig) -> Result<Self, StoreError> {
        let url = config.url.expose_secret();
        if url.starts_with("sqlite:") {
            Self::connect_sqlite(config).await
        } else {
            Self::connect_postgres(config).await
        }
    }

    async fn connect_postgres(config: &StoreConfig) -> Result<Self, StoreError> {
        let milliseconds = |duration: Duration| duration.as_millis().to_string();
        let options = PgConnectOptions::from_str(config.url.expose_secret())
            .map_err(|_| StoreError::Configuration("the URL is not a PostgreSQL URL".to_owned()))?
            .application_name("cloister")
            .options([
                ("statement_timeout", milliseconds(config.statement_timeout)),
                ("lock_timeout", milliseconds(config.statement_timeout)),
                ("idle_in_transaction_session_timeout", milliseconds(config.idle_in_transaction_timeout)),
            ])
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(config.acquire_timeout)
            // A connection is tested when it is given back; testing it again would cost each unit a round trip.
            .test_before_acquire(false)
            .connect_lazy_with(options);
        let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone());
        Ok(Self { writer: connection.clone(), reader: connection, pool: Some(pool) })
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
            pool: None,
        })
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// Begins a transaction in a task of its own; with a tenant, the tenant setting stands before its first statement.
    pub(crate) async fn begin(&self, tenant: Option<TenantId>) -> Result<Transaction, StoreError> {
        let database = self.clone();
        joined(tokio::spawn(async move {
            match database.begin_once(tenant).await {
                // A connection may have died while it lay in the pool: a fresh one is asked once.
                Err(StoreError::Unavailable(_)) if database.pool.is_some() => {
                    database.begin_once(tenant).await
                }
                outcome => outcome,
            }
        }))
        .await
    }

    async fn begin_once(&self, tenant: Option<TenantId>) -> Result<Transaction, StoreError> {
        let Some(pool) = &self.pool else {
            let options = TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            };
            return Ok(Transaction::Sqlite(self.writer.begin_with_options(options).await?));
        };
        let began = match tenant {
            None => pool.begin().await,
            Some(tenant) => {
                // One trip for both. An id is digits and hyphens whatever happens, so it may stand in the text.
                let tenant = tenant.uuid().hyphenated();
                let begin = format!("BEGIN; SET LOCAL cloister.tenant = '{tenant}'");
                pool.begin_with(AssertSqlSafe(begin)).await
            }
        };
        let began = began.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
        Ok(Transaction::Postgres(began.into()))
    }

    /// Rows read outside every transaction: platform tables only.
    pub(crate) async fn rows(&self, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, StoreError> {
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        Ok(self.reader.query_all_raw(statement).await?)
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
        self.writer.close_by_ref().await?;
        self.reader.close_by_ref().await?;
        Ok(())
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
