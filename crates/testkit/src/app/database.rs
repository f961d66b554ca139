//! The app's database as its administrator sees it: bound by nothing, for looking only.

use cloister_kernel::{Environment, TenantId};
use sqlx::{AssertSqlSafe, PgPool, SqlitePool, postgres::PgPoolOptions, sqlite::SqlitePoolOptions};
use tempfile::TempDir;
use uuid::Uuid;

use super::Size;
use crate::{Postgres, ScratchDatabase};

/// Where the database lives; it goes with this value.
enum Home {
    Postgres { scratch: ScratchDatabase, pool: PgPool, _cluster: Box<Postgres> },
    Sqlite { folder: TempDir, pool: SqlitePool },
}

/// One migrated database.
pub struct AppDatabase {
    home: Home,
    id: String,
}

/// An event as it stands in a log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventRow {
    /// What was done or tried.
    pub action: String,
    /// `success`, `refused` or `failed`.
    pub outcome: String,
    /// Why not.
    pub reason: Option<String>,
    /// Whose record it was about.
    pub patient: Option<Uuid>,
    /// Who did it.
    pub actor: Option<Uuid>,
}

impl EventRow {
    /// `action outcome reason`, without the reason where there is none.
    pub fn line(&self) -> String {
        let reason = self.reason.as_ref().map(|reason| format!(" {reason}")).unwrap_or_default();
        format!("{} {}{reason}", self.action, self.outcome)
    }
}

const EVENT: &str = "action, outcome, reason, patient, actor";

type Fields = (String, String, Option<String>, Option<String>, Option<String>);

impl AppDatabase {
    pub(super) async fn make(size: Size, environment: &Environment) -> Self {
        let now = i64::try_from(environment.now().unix_timestamp_nanos() / 1000).unwrap();
        let id = Environment::system().uuid().simple().to_string();
        let home = match size {
            Size::Embedded => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite://{}/cloister.db", folder.path().display());
                cloister_migrations::migrate(&format!("{url}?mode=rwc"), now).await.unwrap();
                let pool = SqlitePoolOptions::new().max_connections(1).connect(&url).await.unwrap();
                Home::Sqlite { folder, pool }
            }
            Size::Production => {
                let cluster = Postgres::given_or_started().unwrap();
                let scratch = cluster.migrated_database(environment.now()).await.unwrap();
                let roles = ["serve", "work", "admin"].map(|process| {
                    format!("CREATE ROLE app_{process}_{id} LOGIN PASSWORD 'test' IN ROLE cloister_{process}")
                });
                scratch.execute(&roles.join("; ")).unwrap();
                let pool = PgPoolOptions::new().max_connections(1).connect(scratch.url()).await.unwrap();
                Home::Postgres { scratch, pool, _cluster: Box::new(cluster) }
            }
        };
        Self { home, id }
    }

    /// Where a process of this kind (`serve`, `work`, `admin`) connects.
    pub fn url_for(&self, process: &str) -> String {
        match &self.home {
            Home::Postgres { scratch, .. } => scratch.url_for(&format!("app_{process}_{}", self.id), "test"),
            Home::Sqlite { folder, .. } => format!("sqlite://{}/cloister.db", folder.path().display()),
        }
    }

    /// The first column of all rows, as text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        match &self.home {
            Home::Postgres { pool, .. } => {
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap()
            }
            Home::Sqlite { pool, .. } => {
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap()
            }
        }
    }

    /// The first column of the first row, a number.
    pub async fn number(&self, sql: &str) -> i64 {
        match &self.home {
            Home::Postgres { pool, .. } => {
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await.unwrap()
            }
            Home::Sqlite { pool, .. } => {
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await.unwrap()
            }
        }
    }

    /// Runs a statement as the administrator, to bring about what no operation does yet.
    pub async fn execute(&self, sql: &str) {
        match &self.home {
            Home::Postgres { pool, .. } => {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.map(drop).unwrap();
            }
            Home::Sqlite { pool, .. } => {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.map(drop).unwrap();
            }
        }
    }

    /// A UUID as a literal of this database.
    pub fn uuid(&self, id: Uuid) -> String {
        match &self.home {
            Home::Postgres { .. } => format!("'{id}'"),
            Home::Sqlite { .. } => format!("X'{}'", id.simple()),
        }
    }

    fn as_text(&self, column: &str) -> String {
        match &self.home {
            Home::Postgres { .. } => format!("replace(CAST({column} AS text), '-', '')"),
            Home::Sqlite { .. } => format!("lower(hex({column}))"),
        }
    }

    /// The events of one request, in both logs, sorted.
    pub async fn events_of(&self, request: Uuid) -> Vec<EventRow> {
        let (patient, actor) = (self.as_text("patient_id"), self.as_text("actor_id"));
        let id = self.uuid(request);
        let sql = format!(
            "SELECT {EVENT} FROM (\
             SELECT action, outcome, reason, CASE WHEN patient_id IS NULL THEN NULL ELSE {patient} END AS patient, \
                    CASE WHEN actor_id IS NULL THEN NULL ELSE {actor} END AS actor \
             FROM events WHERE request_id = {id} UNION ALL \
             SELECT action, outcome, reason, NULL, CASE WHEN actor_id IS NULL THEN NULL ELSE {actor} END \
             FROM platform_events WHERE request_id = {id}) AS found"
        );
        self.event_rows(&sql).await
    }

    /// All events of a clinic's log, sorted.
    pub async fn events(&self, tenant: TenantId) -> Vec<EventRow> {
        let (patient, actor) = (self.as_text("patient_id"), self.as_text("actor_id"));
        let sql = format!(
            "SELECT action, outcome, reason, CASE WHEN patient_id IS NULL THEN NULL ELSE {patient} END AS patient, \
             CASE WHEN actor_id IS NULL THEN NULL ELSE {actor} END AS actor FROM events WHERE tenant_id = {}",
            self.uuid(tenant.uuid())
        );
        self.event_rows(&sql).await
    }

    async fn event_rows(&self, sql: &str) -> Vec<EventRow> {
        let rows: Vec<Fields> = match &self.home {
            Home::Postgres { pool, .. } => sqlx::query_as(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap(),
            Home::Sqlite { pool, .. } => sqlx::query_as(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap(),
        };
        let id = |text: Option<String>| text.map(|text| Uuid::parse_str(&text).unwrap());
        let mut events: Vec<EventRow> = rows
            .into_iter()
            .map(|(action, outcome, reason, patient, actor)| EventRow {
                action,
                outcome,
                reason,
                patient: id(patient),
                actor: id(actor),
            })
            .collect();
        events.sort();
        events
    }

    /// Every table but the migrations' own.
    pub async fn tables(&self) -> Vec<String> {
        let sql = match &self.home {
            Home::Postgres { .. } => {
                "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'seaql_migrations' \
                 AND tablename NOT LIKE 'events\\_%' ORDER BY 1"
            }
            Home::Sqlite { .. } => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'seaql_migrations' \
                 AND name NOT LIKE 'sqlite%' ORDER BY 1"
            }
        };
        self.texts(sql).await
    }

    /// How many rows each table holds, logs and counters of attempts left out: what a refused request may write.
    pub async fn row_counts(&self) -> Vec<(String, i64)> {
        let mut counts = Vec::new();
        for table in self.tables().await {
            if !["events", "platform_events", "attempt_counters"].contains(&table.as_str()) {
                let count = self.number(&format!("SELECT count(*) FROM {table}")).await;
                counts.push((table, count));
            }
        }
        counts
    }

    /// Everything in the database: one text a row, bytes as lower-case hexadecimal.
    pub async fn dump(&self) -> Vec<(String, String)> {
        let mut rows = Vec::new();
        for table in self.tables().await {
            let sql = match &self.home {
                Home::Postgres { .. } => format!("SELECT CAST(t AS text) FROM {table} t"),
                Home::Sqlite { .. } => {
                    let columns = self.texts(&format!("SELECT name FROM pragma_table_info('{table}')")).await;
                    let parts: Vec<String> = columns
                        .iter()
                        .map(|column| {
                            format!(
                                "CASE typeof({column}) WHEN 'blob' THEN lower(hex({column})) \
                                 ELSE coalesce(CAST({column} AS TEXT), '') END"
                            )
                        })
                        .collect();
                    format!("SELECT {} FROM {table}", parts.join(" || '|' || "))
                }
            };
            rows.extend(self.texts(&sql).await.into_iter().map(|row| (table.clone(), row)));
        }
        rows
    }
}

impl Drop for AppDatabase {
    fn drop(&mut self) {
        if let Home::Postgres { scratch, .. } = &self.home {
            for process in ["serve", "work", "admin"] {
                // Roles belong to the cluster: they would outlive the database. One that is still in use stays.
                let _ = scratch.execute(&format!("DROP ROLE IF EXISTS app_{process}_{}", self.id));
            }
        }
    }
}
