//! A patient's newest results are read in the order of an index: as many rows as are shown, however many there are.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// In the order of `results.rs` in the store: newest first, without a time last. The index before, read backwards, had those without
/// a time first, so all of a patient's results were sorted for each part of the list. It goes in migration 8.
const NEWEST_FIRST: &str = "CREATE INDEX resources_newest_first ON resources \
     (tenant_id, patient_id, resource_type, clinical_time DESC NULLS LAST, id DESC)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Without a word about NULL, as SQLite has NULLs smallest, and so last, in descending order anyway.
        let newest_first = match manager.get_database_backend() {
            DbBackend::Postgres => NEWEST_FIRST.to_owned(),
            _ => NEWEST_FIRST.replace(" NULLS LAST", ""),
        };
        manager.get_connection().execute_unprepared(&newest_first).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
