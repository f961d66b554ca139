//! A patient's newest results are read in the order of an index: as many rows as are shown, however many there are.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// In the order of `results.rs` in the store: newest first, without a time last. The index before had times without a time first
/// when it was read backwards, so all of a patient's results were sorted for each part of the list.
const NEWEST_FIRST: &str = "CREATE INDEX resources_newest_first ON resources \
     (tenant_id, patient_id, resource_type, clinical_time DESC NULLS LAST, id DESC)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        // Without a word about NULL, as SQLite has NULLs smallest, and so last, in descending order anyway.
        let newest_first = match manager.get_database_backend() {
            DbBackend::Postgres => NEWEST_FIRST.to_owned(),
            _ => NEWEST_FIRST.replace(" NULLS LAST", ""),
        };
        connection.execute_unprepared(&newest_first).await?;
        connection
            .execute_unprepared("DROP INDEX resources_by_patient_id_resource_type_clinical_time_id")
            .await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
