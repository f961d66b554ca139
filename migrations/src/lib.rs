//! The database's schema, for PostgreSQL and SQLite, as a series of migrations.
//!
//! Promises: every tenant table is created through one function that gives it `tenant_id` in its keys and, on
//! PostgreSQL, forced row security, an owner that no process runs as, and the grants of the data contract. The four
//! group roles (`cloister_serve`, `cloister_work`, `cloister_admin`, `cloister_auditor`) and the owner
//! (`cloister_owner`) are created where missing, without login: a deployment grants them to its login roles.
//!
//! Column names say what they hold: `_sealed` a sealed value, `_index` a blind index, `_hash` a hash, `_at` and
//! `_until` microseconds since 1970-01-01T00:00:00Z.

mod m0001_platform;
mod m0002_log_and_policy;
mod m0003_records;
mod m0004_accounts;
mod m0005_raised_networks;
mod m0006_one_primary_host;
mod m0007_results_in_order;
mod m0008_results_out_of_order;
mod m0009_lookups_among_clinics;
mod m0010_history_out_of_order;
mod partitions;
mod schema;

use sea_orm_migration::{
    MigratorTrait,
    sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr},
};

pub use partitions::ensure_event_partitions;

/// The series of migrations.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn sea_orm_migration::MigrationTrait>> {
        vec![
            Box::new(m0001_platform::Migration),
            Box::new(m0002_log_and_policy::Migration),
            Box::new(m0003_records::Migration),
            Box::new(m0004_accounts::Migration),
            Box::new(m0005_raised_networks::Migration),
            Box::new(m0006_one_primary_host::Migration),
            Box::new(m0007_results_in_order::Migration),
            Box::new(m0008_results_out_of_order::Migration),
            Box::new(m0009_lookups_among_clinics::Migration),
            Box::new(m0010_history_out_of_order::Migration),
        ]
    }
}

/// The database could not be brought to the newest schema. A failed migration leaves PostgreSQL as it was.
#[derive(Debug, thiserror::Error)]
#[error("the database could not be migrated: {0}")]
pub struct MigrationError(#[from] DbErr);

/// Brings a database to the newest schema and, on PostgreSQL, makes the event partitions of the coming months.
///
/// `url` is `postgres://...` of a login role that is a member of `cloister_owner` (the first time: that may create
/// roles), or `sqlite:///path?mode=rwc`. `now` is the present moment in microseconds since 1970.
///
/// # Errors
/// When the database cannot be reached or refuses a statement.
pub async fn migrate(url: &str, now: i64) -> Result<(), MigrationError> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let database = Database::connect(options).await?;
    let outcome = migrate_connected(&database, now).await;
    let closed = database.close().await;
    outcome?;
    Ok(closed?)
}

async fn migrate_connected(database: &DatabaseConnection, now: i64) -> Result<(), DbErr> {
    Migrator::up(database, None).await?;
    ensure_event_partitions(database, now, 24).await
}
