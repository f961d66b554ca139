//! The floor: a bare handler over the same pool and PostgreSQL. One SELECT, one INSERT, a commit; no sign-in, no
//! session, no keys, no policy, no event. What ours costs above it is what those cost.

use std::str::FromStr;

use cloister_kernel::Environment;
use poem::{
    EndpointExt, Route, Server, get, handler,
    http::StatusCode,
    listener::TcpListener,
    web::{Data, Json, Path},
};
use serde_json::{Value, json};
use sqlx::{
    ConnectOptions, PgPool, Row,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Rows to read.
pub const ROWS: i64 = 1000;

/// The tables, made by whoever starts the floor.
pub const TABLES: &str = "\
    CREATE TABLE things (id bigint PRIMARY KEY, body bytea NOT NULL);\
    INSERT INTO things SELECT n, decode(repeat(md5(n::text), 16), 'hex') FROM generate_series(1, 1000) n;\
    CREATE TABLE log (id uuid PRIMARY KEY, at bigint NOT NULL, body bytea NOT NULL)";

#[derive(Clone)]
struct Floor {
    pool: PgPool,
    environment: Environment,
}

#[handler]
async fn one(Path(id): Path<i64>, Data(floor): Data<&Floor>) -> poem::Result<Json<Value>> {
    match floor.read_and_note(id).await {
        Ok(bytes) => Ok(Json(json!({ "id": id, "bytes": bytes }))),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR.into()),
    }
}

impl Floor {
    async fn read_and_note(&self, id: i64) -> Result<usize, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query("SELECT body FROM things WHERE id = $1")
            .bind(id)
            .fetch_one(&mut *transaction)
            .await?;
        let body: Vec<u8> = row.try_get(0)?;
        sqlx::query("INSERT INTO log (id, at, body) VALUES ($1, $2, $3)")
            .bind(self.environment.uuid())
            .bind(self.environment.now().unix_timestamp())
            .bind(&body[..128])
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(body.len())
    }
}

/// Answers until it is ended; told where by its environment.
pub async fn serve() {
    let told = |name: &str| std::env::var(name).expect(name);
    let options =
        PgConnectOptions::from_str(&told("FLOOR_DATABASE")).expect("a URL").disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(told("FLOOR_CONNECTIONS").parse().expect("a number"))
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .expect("the database");
    let floor = Floor { pool, environment: Environment::system() };
    let routes = Route::new().at("/things/:id", get(one)).data(floor);
    Server::new(TcpListener::bind(told("FLOOR_LISTEN"))).run(routes).await.expect("serving");
}
