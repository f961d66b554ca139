//! Statements over many rows at once, so that a bundle costs the same few statements however long it is.

use sea_orm::Value;

use crate::{StoreError, core::Core, statement::Row};

/// SQLite binds at most 32,766 values in one statement, PostgreSQL 65,535.
const VALUES_AT_ONCE: usize = 30_000;

impl Core {
    /// Inserts rows of the clinic's. `columns` and each row leave `tenant_id` out; `suffix` is what follows the rows,
    /// such as `ON CONFLICT DO NOTHING`.
    pub(crate) async fn insert_rows(
        &mut self,
        table: &'static str,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
        suffix: &str,
    ) -> Result<(), StoreError> {
        let width = columns.len();
        let at_once = VALUES_AT_ONCE / (width + 1);
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let chunk: Vec<Vec<Value>> = rows.by_ref().take(at_once).collect();
            let tuples: Vec<String> = (0..chunk.len())
                .map(|row| {
                    let places: Vec<String> =
                        (0..width).map(|column| format!("${}", 2 + row * width + column)).collect();
                    format!("($1, {})", places.join(", "))
                })
                .collect();
            let sql = format!(
                "INSERT INTO {table} (tenant_id, {}) VALUES {} {suffix}",
                columns.join(", "),
                tuples.join(", ")
            );
            self.execute(&sql, chunk.into_iter().flatten().collect()).await?;
        }
        Ok(())
    }

    /// Rows of a SELECT whose text holds `{set}` where the places of `set` belong. `fixed` are `$2` and on.
    pub(crate) async fn rows_among(
        &self,
        sql: &str,
        fixed: &[Value],
        set: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        for (sql, values) in filled(sql, fixed, set) {
            found.extend(self.rows(&sql, values).await?);
        }
        Ok(found)
    }

    /// An INSERT, UPDATE or DELETE whose text holds `{set}`, as [`Core::rows_among`].
    pub(crate) async fn execute_among(
        &mut self,
        sql: &str,
        fixed: &[Value],
        set: Vec<Value>,
    ) -> Result<(), StoreError> {
        for (sql, values) in filled(sql, fixed, set) {
            self.execute(&sql, values).await?;
        }
        Ok(())
    }
}

fn filled(sql: &str, fixed: &[Value], set: Vec<Value>) -> Vec<(String, Vec<Value>)> {
    let at_once = VALUES_AT_ONCE - fixed.len();
    set.chunks(at_once)
        .map(|chunk| {
            let first = 2 + fixed.len();
            let places: Vec<String> = (first..first + chunk.len()).map(|place| format!("${place}")).collect();
            let values = fixed.iter().chain(chunk).cloned().collect();
            (sql.replace("{set}", &places.join(", ")), values)
        })
        .collect()
}
