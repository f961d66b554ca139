//! Monthly partitions of the event table. Only the migration role makes and drops them.

use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr};
use time::{Date, Month, OffsetDateTime};

use crate::schema::{OWNER, row_security};

/// Makes the partitions of `events` from the month of `now` (microseconds since 1970) onwards, where missing. A month
/// whose events already stand in the default partition stays there. Does nothing on SQLite.
///
/// # Errors
/// When the database refuses a statement.
pub async fn ensure_event_partitions(
    database: &DatabaseConnection,
    now: i64,
    months: u32,
) -> Result<(), DbErr> {
    if database.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let moment = OffsetDateTime::from_unix_timestamp(now / 1_000_000)
        .map_err(|_| DbErr::Custom("the clock is outside the calendar".to_owned()))?;
    let (mut year, mut month) = (moment.year(), moment.month());
    for _ in 0..months {
        let (next_year, next_month) = match month {
            Month::December => (year + 1, Month::January),
            other => (year, other.next()),
        };
        let name = format!("events_{year:04}_{:02}", u8::from(month));
        make(database, &name, start_of(year, month)?, start_of(next_year, next_month)?).await?;
        (year, month) = (next_year, next_month);
    }
    Ok(())
}

fn start_of(year: i32, month: Month) -> Result<i64, DbErr> {
    let day = Date::from_calendar_date(year, month, 1)
        .map_err(|_| DbErr::Custom("the clock is outside the calendar".to_owned()))?;
    Ok(day.midnight().assume_utc().unix_timestamp() * 1_000_000)
}

async fn make(database: &DatabaseConnection, name: &str, from: i64, until: i64) -> Result<(), DbErr> {
    let mut statements = vec![
        format!("CREATE TABLE {name} PARTITION OF events FOR VALUES FROM ({from}) TO ({until})"),
        format!("ALTER TABLE {name} OWNER TO {OWNER}"),
    ];
    statements.extend(row_security(name));
    let body = statements.join("; ");
    // Row security hides the default partition's rows even from its owner, so whether it already holds some of this
    // month is learnt from the refusal and not by looking.
    let block = format!(
        "DO $$ BEGIN IF to_regclass('{name}') IS NULL THEN {body}; END IF; \
         EXCEPTION WHEN check_violation THEN NULL; END $$"
    );
    database.execute_unprepared(&block).await?;
    Ok(())
}
