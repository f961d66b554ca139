//! An open transaction: on PostgreSQL sqlx's own, so that it can begin and name its clinic in one round trip; on
//! SQLite sea-orm's.

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    Values,
};
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, Postgres, postgres::PgRow, query::Query};
use tokio::sync::Mutex;

/// A transaction that is rolled back unless it is committed. Its connection goes back to the pool with it.
pub(crate) enum Transaction {
    /// The lock is never waited for: a unit of work runs one statement after the other.
    Postgres(Mutex<sqlx::Transaction<'static, Postgres>>),
    Sqlite(DatabaseTransaction),
}

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
                let mut open = open.lock().await;
                query(statement).execute(&mut **open).await.map(ExecResult::from).map_err(failed)
            }
            Self::Sqlite(open) => open.execute_raw(statement).await,
        }
    }

    pub(crate) async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Postgres(open) => {
                let mut open = open.lock().await;
                let rows: Vec<PgRow> = query(statement).fetch_all(&mut **open).await.map_err(failed)?;
                Ok(rows.into_iter().map(QueryResult::from).collect())
            }
            Self::Sqlite(open) => open.query_all_raw(statement).await,
        }
    }

    pub(crate) async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Postgres(open) => {
                let mut open = open.lock().await;
                let row = query(statement).fetch_optional(&mut **open).await.map_err(failed)?;
                Ok(row.map(QueryResult::from))
            }
            Self::Sqlite(open) => open.query_one_raw(statement).await,
        }
    }

    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(open) => open.into_inner().commit().await.map_err(failed),
            Self::Sqlite(open) => open.commit().await,
        }
    }

    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(open) => open.into_inner().rollback().await.map_err(failed),
            Self::Sqlite(open) => open.rollback().await,
        }
    }
}

fn query(statement: Statement) -> Query<'static, Postgres, SqlxValues> {
    let values = statement.values.unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

/// As sea-orm wraps it, so that both databases' failures are sorted in one place.
fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
