use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::*;
use crate::{Postgres, ScratchDatabase};

const WRITE: &str = "INSERT INTO seen VALUES ($1)";

struct Scene {
    database: ScratchDatabase,
    proxy: TripProxy,
    client: PgConnection,
    _cluster: Postgres,
}

impl Scene {
    async fn open() -> Self {
        let cluster = Postgres::given_or_started().unwrap();
        let database = cluster.scratch_database().unwrap();
        database.execute("CREATE TABLE seen (id int4)").unwrap();
        let (head, rest) = database.url().rsplit_once('@').unwrap();
        let (place, name) = rest.split_once('/').unwrap();
        let proxy = TripProxy::before(place.parse().unwrap()).await.unwrap();
        let url = format!("{head}@{}/{name}?sslmode=disable", proxy.address());
        let client = PgConnection::connect(&url).await.unwrap();
        let mut scene = Self { database, proxy, client, _cluster: cluster };
        scene.write(0).await.unwrap();
        scene
    }

    /// A transaction of three trips, of which the second is a prepared statement.
    async fn write(&mut self, id: i32) -> Result<(), sqlx::Error> {
        self.client.execute("BEGIN").await?;
        sqlx::query(WRITE).bind(id).execute(&mut self.client).await?;
        self.client.execute(AssertSqlSafe(format!("INSERT INTO seen VALUES (-{id}); COMMIT"))).await?;
        Ok(())
    }

    fn seen(&self) -> String {
        self.database
            .execute("SELECT id FROM seen WHERE id <> 0")
            .unwrap()
            .replace('\n', " ")
            .trim()
            .to_owned()
    }

    fn arm(&self, trip: usize, side: Side, strike: Strike) {
        self.proxy.arm(Some(Failpoint { trip, side, strike }));
    }
}

#[tokio::test]
async fn trips_are_told_apart_by_their_statements() {
    let mut scene = Scene::open().await;
    scene.proxy.arm(None);
    scene.write(1).await.unwrap();
    scene.client.ping().await.unwrap();
    assert_eq!(scene.proxy.trips(), ["BEGIN", WRITE, "INSERT INTO seen VALUES (-1); COMMIT"]);
    assert_eq!(scene.seen(), "1 -1");
}

#[tokio::test]
async fn a_trip_that_fails_or_is_lost_has_done_nothing_or_all_of_it() {
    for (trip, side, strike, left) in [
        (0, Side::Asked, Strike::Fails, ""),
        (1, Side::Asked, Strike::Fails, ""),
        (1, Side::Done, Strike::Fails, ""),
        (2, Side::Asked, Strike::Fails, ""),
        (2, Side::Done, Strike::Fails, "1 -1"),
        (1, Side::Asked, Strike::Lost, ""),
        (2, Side::Asked, Strike::Lost, ""),
        (2, Side::Done, Strike::Lost, "1 -1"),
    ] {
        let mut scene = Scene::open().await;
        scene.arm(trip, side, strike);
        let error = scene.write(1).await.unwrap_err();
        let is_answer = matches!(error, sqlx::Error::Database(_));
        assert_eq!(is_answer, strike == Strike::Fails, "{trip} {side:?} {strike:?}: {error}");
        assert!(scene.proxy.has_struck());
        // A connection that still stands is of further use: nothing is left over in it.
        if is_answer {
            scene.client.execute("ROLLBACK").await.unwrap();
            scene.write(0).await.unwrap();
        }
        assert_eq!(scene.seen(), left, "{trip} {side:?} {strike:?}");
    }
}

#[tokio::test]
async fn a_trip_is_held_until_it_is_let_go() {
    for (side, meanwhile) in [(Side::Asked, ""), (Side::Done, "1 -1")] {
        let mut scene = Scene::open().await;
        scene.arm(2, side, Strike::Held);
        let seen = {
            let (database, proxy) = (&scene.database, &scene.proxy);
            async move {
                proxy.held().await;
                let seen = database.execute("SELECT id FROM seen WHERE id <> 0").unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
                proxy.release();
                seen.replace('\n', " ").trim().to_owned()
            }
        };
        let write = async {
            scene.client.execute("BEGIN").await?;
            sqlx::query(WRITE).bind(1).execute(&mut scene.client).await?;
            scene.client.execute("INSERT INTO seen VALUES (-1); COMMIT").await
        };
        let (written, seen) = tokio::join!(write, seen);
        written.unwrap();
        assert_eq!(seen, meanwhile, "{side:?}");
        assert_eq!(scene.seen(), "1 -1");
    }
}
