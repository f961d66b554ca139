//! Plain SQL that both databases read, and typed access to the rows that come back.

use cloister_audit::Moment;
use cloister_vault::SealedValue;
use sea_orm::{DbBackend, QueryResult, Statement, TryGetable, Value};
use sqlx::{Row as _, postgres::PgValueFormat};
use time::OffsetDateTime;

use crate::StoreError;

/// More values than this are bound by position on SQLite.
const NAMED_AT_MOST: usize = 32;

/// A statement with its values, `$1` being the first. To SQLite `$1` is a name, and it looks each name up among all
/// others, so long statements get nameless places there.
pub(crate) fn prepared(backend: DbBackend, sql: &str, values: Vec<Value>) -> Statement {
    if backend == DbBackend::Sqlite && values.len() > NAMED_AT_MOST {
        let (sql, values) = nameless(sql, &values);
        return Statement::from_sql_and_values(backend, sql, values);
    }
    Statement::from_sql_and_values(backend, sql, values)
}

/// Says that a statement of a unit of work is run, for those who count them.
#[cfg(feature = "tenant")]
pub(crate) fn trace_statement() {
    tracing::trace!(target: "cloister_store::statement", "statement");
}

/// Each `$n` as `?`, and the values in the order in which they stand in the text.
fn nameless(sql: &str, values: &[Value]) -> (String, Vec<Value>) {
    let mut parts = sql.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    let mut ordered = Vec::with_capacity(values.len());
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let place: Option<usize> = part[..end].parse().ok();
        match place.and_then(|place| values.get(place.checked_sub(1)?)) {
            Some(value) => {
                ordered.push(value.clone());
                text.push('?');
                text.push_str(&part[end..]);
            }
            None => {
                text.push('$');
                text.push_str(part);
            }
        }
    }
    (text, ordered)
}

/// A row that came back from a statement.
#[derive(Debug)]
pub(crate) struct Row(QueryResult);

impl From<QueryResult> for Row {
    fn from(result: QueryResult) -> Self {
        Self(result)
    }
}

impl Row {
    /// The value of a column: `Uuid`, `String`, `i64`, `bool`, `Vec<u8>` or an `Option` of these.
    pub(crate) fn get<T: TryGetable>(&self, column: &str) -> Result<T, StoreError> {
        Ok(self.0.try_get("", column)?)
    }

    /// A sealed column.
    pub(crate) fn sealed(&self, column: &'static str) -> Result<SealedValue, StoreError> {
        self.sealed_or_none(column)?.ok_or(StoreError::Corrupt(column))
    }

    /// A sealed column that may be NULL.
    pub(crate) fn sealed_or_none(&self, column: &'static str) -> Result<Option<SealedValue>, StoreError> {
        let bytes = match self.spelt_out(column) {
            Some(digits) => Some(const_hex::decode(digits).map_err(|_| StoreError::Corrupt(column))?),
            None => self.get(column)?,
        };
        Ok(bytes.map(SealedValue::from_bytes).transpose()?)
    }

    /// The hexadecimal digits of bytes that PostgreSQL answered as text, as it does where calls share a trip. sqlx's own
    /// reading of them took a tenth of the time of a read.
    fn spelt_out(&self, column: &str) -> Option<&str> {
        let value = self.0.try_as_pg_row()?.try_get_raw(column).ok()?;
        if value.format() != PgValueFormat::Text {
            return None;
        }
        value.as_str().ok()?.strip_prefix("\\x")
    }

    /// A moment.
    pub(crate) fn moment(&self, column: &str) -> Result<OffsetDateTime, StoreError> {
        Ok(Moment::from_microseconds(self.get(column)?).date_time())
    }

    /// A moment that may be NULL.
    pub(crate) fn moment_or_none(&self, column: &str) -> Result<Option<OffsetDateTime>, StoreError> {
        let microseconds: Option<i64> = self.get(column)?;
        Ok(microseconds.map(|value| Moment::from_microseconds(value).date_time()))
    }

    /// A column that holds a word of one of the program's vocabularies.
    pub(crate) fn word<T: std::str::FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.get::<String>(column)?.parse().map_err(|_| StoreError::Corrupt(column))
    }
}

/// A moment as both databases keep it: whole microseconds since 1970-01-01T00:00:00Z.
pub(crate) fn microseconds(moment: OffsetDateTime) -> i64 {
    Moment::from(moment).microseconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nameless_places_take_the_values_in_the_order_of_the_text() {
        let values: Vec<Value> = (0..12).map(|value| Value::from(i64::from(value))).collect();
        let (sql, ordered) = nameless("a = $1 AND b IN ($12, $3) AND c = $1 || '$x'", &values);
        assert_eq!(sql, "a = ? AND b IN (?, ?) AND c = ? || '$x'");
        assert_eq!(ordered, [0i64, 11, 2, 0].map(Value::from));
    }
}
