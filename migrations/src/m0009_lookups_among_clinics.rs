//! A row is looked up by an index that leads to it, whatever the clinics' sizes: one large clinic among many small ones had all
//! of its accounts read for each look at one. See docs/adr/0013.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{DbBackend, Statement},
};

use crate::schema::assume_rows_of_a_clinic;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// In the order of a result's history. The index before, in another order, goes in migration 10.
const HISTORY: &str = "CREATE INDEX resources_history ON resources \
     (tenant_id, patient_id, code_index, clinical_time DESC NULLS LAST, id DESC)";

/// Tables of before, whose columns PostgreSQL shall take for what they are; new ones are made so.
const TABLES: &str = "SELECT CAST(c.relname AS text) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND NOT c.relispartition \
     AND a.attname = 'tenant_id' AND c.relrowsecurity ORDER BY 1";

/// A patient is of one clinic, so that asking for both is asking for the patient: not known, the two are multiplied, and any
/// index that begins with them seems to lead to one row.
const PATIENTS_ARE_OF_ONE_CLINIC: &str =
    "CREATE STATISTICS resources_of_patients (dependencies) ON tenant_id, patient_id FROM resources";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        if manager.get_database_backend() != DbBackend::Postgres {
            // NULLs are smallest there, and so last, in descending order anyway.
            connection.execute_unprepared(&HISTORY.replace(" NULLS LAST", "")).await?;
            return Ok(());
        }
        connection.execute_unprepared(HISTORY).await?;
        connection.execute_unprepared(PATIENTS_ARE_OF_ONE_CLINIC).await?;
        let tables = Statement::from_string(DbBackend::Postgres, TABLES);
        for table in connection.query_all_raw(tables).await? {
            let table: String = table.try_get_by_index(0)?;
            connection.execute_unprepared(&assume_rows_of_a_clinic(&table)).await?;
            connection.execute_unprepared(&format!("ANALYZE {table}")).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
