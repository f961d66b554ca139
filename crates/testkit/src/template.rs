//! Migrated databases by the dozen: a cluster is migrated once, and every test gets a copy.
//!
//! The template belongs to the cluster, is named by the digest of the migrations and the month from which partitions
//! were made, and is shared by all processes of a test run. Nobody can connect to it, so no test can change it.

use cloister_kernel::Environment;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use time::OffsetDateTime;

use crate::{Postgres, ScratchDatabase, ServiceError, postgres::url_of_database};

/// Who makes the template holds this advisory lock of the cluster's `postgres` database.
const MAKING: i64 = 0x636c_6f69_7374_6572;

impl Postgres {
    /// A new database with the newest schema and the event partitions that a migration at `now` makes.
    ///
    /// # Errors
    /// When the cluster cannot be reached, or the migrations do not apply.
    pub async fn migrated_database(&self, now: OffsetDateTime) -> Result<ScratchDatabase, ServiceError> {
        let template = template_name(now);
        let mut connection = PgConnection::connect(self.url()).await?;
        if !is_there(&mut connection, &template).await? {
            self.make_template(&mut connection, &template, now).await?;
        }
        let name = format!("scratch_{}", Environment::system().uuid().simple());
        run(&mut connection, format!("CREATE DATABASE {name} TEMPLATE {template}")).await?;
        connection.close().await?;
        Ok(self.scratch(name))
    }

    async fn make_template(
        &self,
        connection: &mut PgConnection,
        template: &str,
        now: OffsetDateTime,
    ) -> Result<(), ServiceError> {
        run(connection, format!("SELECT pg_advisory_lock({MAKING})")).await?;
        // Somebody else may have made it meanwhile. Whoever fails here closes the connection, and that frees the lock.
        if !is_there(connection, template).await? {
            // It gets its name when it is whole: one that was left behind half made is never taken for it.
            let unfinished = format!("{template}_unfinished");
            run(connection, format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")).await?;
            run(connection, format!("CREATE DATABASE {unfinished}")).await?;
            let moment = i64::try_from(now.unix_timestamp_nanos() / 1000).unwrap_or_default();
            cloister_migrations::migrate(&url_of_database(self.url(), &unfinished), moment).await?;
            run(connection, format!("ALTER DATABASE {unfinished} ALLOW_CONNECTIONS false")).await?;
            run(connection, format!("ALTER DATABASE {unfinished} RENAME TO {template}")).await?;
        }
        run(connection, format!("SELECT pg_advisory_unlock({MAKING})")).await
    }
}

fn template_name(now: OffsetDateTime) -> String {
    let digest = env!("CLOISTER_MIGRATIONS_DIGEST");
    format!("cloister_{digest}_{:04}{:02}", now.year(), u8::from(now.month()))
}

async fn is_there(connection: &mut PgConnection, name: &str) -> Result<bool, ServiceError> {
    let found = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(connection)
        .await?;
    Ok(found)
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<(), ServiceError> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    const DAY: OffsetDateTime = datetime!(2026-11-22 09:30:00 UTC);

    #[tokio::test]
    async fn copies_are_migrated_apart_from_each_other_and_from_the_template() {
        let cluster = Postgres::given_or_started().unwrap();
        let one = cluster.migrated_database(DAY).await.unwrap();
        one.execute("CREATE TABLE of_one (id int)").unwrap();
        let other = cluster.migrated_database(DAY).await.unwrap();
        let tables = "SELECT count(*) FROM pg_class WHERE relname IN ('tenants', 'events_2026_11', 'of_one')";
        assert_eq!(one.execute(tables).unwrap().trim(), "3");
        assert_eq!(other.execute(tables).unwrap().trim(), "2");
        let template = url_of_database(cluster.url(), &template_name(DAY));
        let refused = PgConnection::connect(&template).await.unwrap_err();
        assert!(refused.to_string().contains("not currently accepting connections"), "{refused}");
    }

    #[tokio::test]
    async fn the_partitions_are_those_of_the_month_that_was_asked_for() {
        let cluster = Postgres::given_or_started().unwrap();
        let later = cluster.migrated_database(DAY + Duration::days(31)).await.unwrap();
        let partitions =
            "SELECT min(relname) FROM pg_class WHERE relname LIKE 'events\\_2%' AND relkind = 'r'";
        assert_eq!(later.execute(partitions).unwrap().trim(), "events_2026_12");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_many_who_ask_at_once_one_makes_the_template_and_half_made_ones_are_not_used() {
        let cluster = Postgres::start().unwrap();
        cluster.execute(&format!("CREATE DATABASE {}_unfinished", template_name(DAY))).unwrap();
        let asked = (0..4).map(|_| cluster.migrated_database(DAY));
        let (one, two, three, four) = {
            let mut asked = asked.into_iter();
            let mut next = || asked.next().unwrap();
            tokio::join!(next(), next(), next(), next())
        };
        for database in [one, two, three, four] {
            let tenants = database.unwrap().execute("SELECT count(*) FROM tenants").unwrap();
            assert_eq!(tenants.trim(), "0");
        }
        let kept = cluster.execute("SELECT datname FROM pg_database WHERE datname LIKE 'cloister%'").unwrap();
        assert_eq!(kept.trim(), template_name(DAY));
    }
}
