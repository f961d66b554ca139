//! Suites over a real database: each runs on SQLite and on PostgreSQL, there under tenant-admin's own grants.

mod fixture;
mod hosts;
mod networks;
mod onboarding;
mod operators;
mod readiness;
mod tenants;

/// Makes two tests of one suite.
macro_rules! on_both_databases {
    ($($name:ident)*) => {$(
        mod $name {
            use super::super::fixture::World;

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$name(World::on_sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                super::$name(World::on_postgres().await).await;
            }
        }
    )*};
}

pub(crate) use on_both_databases;
