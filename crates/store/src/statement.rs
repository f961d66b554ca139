//! Plain SQL that both databases read, and typed access to the rows that come back.

use cloister_audit::Moment;
use cloister_vault::SealedValue;
use sea_orm::{QueryResult, TryGetable};
use time::OffsetDateTime;

use crate::StoreError;

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
    pub(crate) fn sealed(&self, column: &str) -> Result<SealedValue, StoreError> {
        Ok(SealedValue::from_bytes(self.get(column)?)?)
    }

    /// A sealed column that may be NULL.
    pub(crate) fn sealed_or_none(&self, column: &str) -> Result<Option<SealedValue>, StoreError> {
        let bytes: Option<Vec<u8>> = self.get(column)?;
        Ok(bytes.map(SealedValue::from_bytes).transpose()?)
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
