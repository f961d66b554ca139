//! A migrated database of either kind, with a store connected as `serve`'s role and everything in the hand: clock,
//! key service, and the administrator's own connection.
#![allow(dead_code, unreachable_pub, reason = "each suite uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::large_enum_variant,
    reason = "a test that cannot be set up should stop"
)]

use std::{net::IpAddr, sync::Arc};

use cloister_access::{
    Assurance, Caller, Factor, Factors, PolicyDocument, RequestFacts, RevocationEpoch, VerifiedMachineToken,
    VerifiedSession, Visitor,
};
use cloister_kernel::{
    Audience, Environment, MachineClientId, ManualClock, PatientId, Pii, SystemRandomness, TenantId, UserId,
};
use cloister_store::{PlatformStore, Store, StoreConfig};
use cloister_testkit::{Postgres, ScratchDatabase};
use cloister_vault::{
    KeyCache, KeyIssuer, KeyOwner, KeyVersion, Purpose, WrappedKey, testing::FakeKeyService,
};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement, Value,
};
use tempfile::TempDir;
use time::macros::datetime;
use uuid::Uuid;

/// Which database a suite runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Postgres,
    Sqlite,
}

/// Runs each named `async fn(Harness)` on both databases.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(super::Harness::start(super::Kind::Postgres).await).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(super::Harness::start(super::Kind::Sqlite).await).await;
            }
        }
    )+};
}

/// Runs each named `async fn(Harness)` on PostgreSQL only.
#[macro_export]
macro_rules! on_postgres {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(super::Harness::start(super::Kind::Postgres).await).await;
            }
        }
    )+};
}

/// Where the database lives; it goes with this value.
enum Home {
    Postgres(ScratchDatabase, Postgres),
    Sqlite(TempDir),
}

pub struct Harness {
    pub kind: Kind,
    pub store: Store,
    /// The platform store as `work`'s role.
    pub platform: PlatformStore,
    pub keys: Arc<FakeKeyService>,
    pub environment: Environment,
    pub clock: Arc<ManualClock>,
    /// The administrator's own connection, bound by nothing.
    pub admin: DatabaseConnection,
    /// The login role that `store` uses; empty on SQLite.
    pub serve_role: String,
    work_url: String,
    home: Home,
}

impl Harness {
    pub async fn start(kind: Kind) -> Self {
        let clock = Arc::new(ManualClock::at(datetime!(2026-11-22 09:30:00 UTC)));
        let environment = Environment::new(clock.clone(), Arc::new(SystemRandomness));
        let keys = Arc::new(FakeKeyService::new(environment.clone()));
        let now = i64::try_from(environment.now().unix_timestamp_nanos() / 1000).unwrap();
        let (home, admin_url, serve_url, work_url, serve_role) = match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite://{}/store.db", folder.path().display());
                cloister_migrations::migrate(&format!("{url}?mode=rwc"), now).await.unwrap();
                (Home::Sqlite(folder), url.clone(), url.clone(), url, String::new())
            }
            Kind::Postgres => {
                let cluster = Postgres::given_or_started().unwrap();
                let database = cluster.migrated_database(environment.now()).await.unwrap();
                let id = environment.uuid().simple().to_string();
                let [serve_role, work_role] = ["serve", "work"].map(|process| format!("test_{process}_{id}"));
                let create = format!(
                    "CREATE ROLE {serve_role} LOGIN PASSWORD 'test' IN ROLE cloister_serve; \
                     CREATE ROLE {work_role} LOGIN PASSWORD 'test' IN ROLE cloister_work"
                );
                database.execute(&create).unwrap();
                let [serve_url, work_url] =
                    [&serve_role, &work_role].map(|role| database.url_for(role, "test"));
                let url = database.url().to_owned();
                (Home::Postgres(database, cluster), url, serve_url, work_url, serve_role)
            }
        };
        let mut options = ConnectOptions::new(admin_url);
        options.max_connections(1).sqlx_logging(false);
        let admin = Database::connect(options).await.unwrap();
        let cache = |keys: &Arc<FakeKeyService>| KeyCache::new(keys.clone(), environment.clone(), 1000);
        let store =
            Store::connect(&StoreConfig::new(serve_url), cache(&keys), environment.clone()).await.unwrap();
        let platform =
            PlatformStore::connect(&StoreConfig::new(work_url.clone()), cache(&keys), environment.clone())
                .await
                .unwrap();
        Self { kind, store, platform, keys, environment, clock, admin, serve_role, work_url, home }
    }

    /// Another store on the same database, as `serve`, with this many connections.
    pub async fn store_with_connections(&self, connections: u32) -> Store {
        let mut config = StoreConfig::new(self.serve_url());
        config.max_connections = connections;
        let cache = KeyCache::new(self.keys.clone(), self.environment.clone(), 1000);
        Store::connect(&config, cache, self.environment.clone()).await.unwrap()
    }

    /// A store on the same database, as `work`.
    pub async fn work_store(&self) -> Store {
        let cache = KeyCache::new(self.keys.clone(), self.environment.clone(), 1000);
        Store::connect(&StoreConfig::new(self.work_url.clone()), cache, self.environment.clone())
            .await
            .unwrap()
    }

    pub fn serve_url(&self) -> String {
        match &self.home {
            Home::Postgres(database, _) => database.url_for(&self.serve_role, "test"),
            Home::Sqlite(folder) => format!("sqlite://{}/store.db", folder.path().display()),
        }
    }

    /// Runs statements as the administrator.
    pub async fn execute(&self, sql: &str) -> Result<(), DbErr> {
        self.admin.execute_unprepared(sql).await.map(drop)
    }

    async fn insert(&self, sql: &str, values: Vec<Value>) {
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        self.admin.execute_raw(statement).await.unwrap();
    }

    pub fn backend(&self) -> DbBackend {
        self.admin.get_database_backend()
    }

    /// The first column of the first row, a number.
    pub async fn number(&self, sql: &str) -> i64 {
        let statement = Statement::from_string(self.backend(), sql.to_owned());
        let row = self.admin.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap()
    }

    /// The first column of all rows, texts.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let statement = Statement::from_string(self.backend(), sql.to_owned());
        let rows = self.admin.query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index::<String>(0).unwrap()).collect()
    }

    /// What stands in the log of a clinic: action, outcome and reason of each event, by time and then by name.
    pub async fn events(&self, tenant: TenantId) -> Vec<String> {
        let statement = Statement::from_sql_and_values(
            self.backend(),
            "SELECT action || ' ' || outcome || COALESCE(' ' || reason, '') AS line FROM events \
             WHERE tenant_id = $1 ORDER BY at, line",
            [tenant.uuid().into()],
        );
        let rows = self.admin.query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get::<String>("", "line").unwrap()).collect()
    }

    /// Issues wrapped keys of every purpose.
    pub async fn issue_keys(&self, owner: KeyOwner, purposes: &[Purpose]) -> Vec<WrappedKey> {
        let kms_key = self.keys.create_key(&owner).await.unwrap();
        let mut issued = Vec::new();
        for purpose in purposes {
            let key = self.keys.issue_data_key(&kms_key, &owner, *purpose, KeyVersion::FIRST).await.unwrap();
            self.platform.store_wrapped_key(&key).await.unwrap();
            issued.push(key);
        }
        issued
    }

    /// An active clinic with keys and the baseline policy.
    pub async fn clinic(&self, slug: &str) -> TenantId {
        let tenant: TenantId = self.environment.id();
        let now = i64::try_from(self.environment.now().unix_timestamp_nanos() / 1000).unwrap();
        self.insert(
            "INSERT INTO tenants (id, slug, slug_skeleton, name, status, region, time_zone, default_locale, branding, policy_hash, \
             created_at, updated_at) VALUES ($1, $2, $2, $2, 'active', 'test', 'UTC', 'en', '{}', $3, $4, $4)",
            vec![
                tenant.uuid().into(),
                slug.into(),
                PolicyDocument::baseline().hash().to_string().into(),
                now.into(),
            ],
        )
        .await;
        let purposes = [Purpose::Phi, Purpose::Pii, Purpose::Index, Purpose::Credentials, Purpose::Documents];
        self.issue_keys(KeyOwner::Tenant(tenant), &purposes).await;
        self.issue_keys(KeyOwner::TenantLog(tenant), &[Purpose::Log]).await;
        tenant
    }

    /// An active account with meaningless sealed columns.
    pub async fn user(
        &self,
        tenant: TenantId,
        kind: &str,
        roles: &[&str],
        patient: Option<PatientId>,
    ) -> UserId {
        let user: UserId = self.environment.id();
        let index: [u8; 32] = self.environment.bytes();
        self.insert(
            "INSERT INTO users (tenant_id, id, kind, status, email_sealed, email_index, display_name_sealed, \
             patient_id, created_at, updated_at) VALUES ($1, $2, $3, 'active', $4, $5, $4, $6, 0, 0)",
            vec![
                tenant.uuid().into(),
                user.uuid().into(),
                kind.into(),
                vec![0u8].into(),
                index.to_vec().into(),
                patient.map(PatientId::uuid).into(),
            ],
        )
        .await;
        for role in roles {
            self.insert(
                "INSERT INTO role_assignments (tenant_id, id, user_id, role, status, granted_at) \
                 VALUES ($1, $2, $3, $4, 'active', 0)",
                vec![
                    tenant.uuid().into(),
                    self.environment.uuid().into(),
                    user.uuid().into(),
                    (*role).into(),
                ],
            )
            .await;
        }
        user
    }

    /// Puts a patient on a staff member's panel.
    pub async fn assign(&self, tenant: TenantId, user: UserId, patient: PatientId) {
        self.insert(
            "INSERT INTO panel_members (tenant_id, user_id, patient_id, source, created_at) \
             VALUES ($1, $2, $3, 'assigned', 0)",
            vec![tenant.uuid().into(), user.uuid().into(), patient.uuid().into()],
        )
        .await;
    }

    /// An active record system.
    pub async fn machine_client(&self, tenant: TenantId) -> MachineClientId {
        let client: MachineClientId = self.environment.id();
        self.insert(
            "INSERT INTO machine_clients (tenant_id, id, name, jwks, identifier_systems, scopes, status, created_at, \
             updated_at) VALUES ($1, $2, 'test', '{}', '[]', '', 'active', 0, 0)",
            vec![tenant.uuid().into(), client.uuid().into()],
        )
        .await;
        client
    }

    pub fn request(&self) -> RequestFacts {
        RequestFacts {
            request: self.environment.id(),
            source: Some(Pii::new(IpAddr::from([203, 0, 113, 77]))),
            user_agent: Some(Pii::new("Canary-Agent/1.0".to_owned())),
            at: self.environment.now(),
        }
    }

    pub fn visitor(&self, tenant: TenantId, audience: Audience) -> Visitor {
        Visitor::new(tenant, audience, self.request())
    }

    /// A person who signed in with password and code, stepped up, at epoch 0.
    pub fn caller(&self, tenant: TenantId, audience: Audience, user: UserId) -> Caller {
        self.caller_asking(tenant, audience, user, self.request())
    }

    /// The same with a request of the test's choice.
    #[expect(clippy::disallowed_methods, reason = "tests stand in for session verification")]
    pub fn caller_asking(
        &self,
        tenant: TenantId,
        audience: Audience,
        user: UserId,
        request: RequestFacts,
    ) -> Caller {
        Caller::from_verified_session(VerifiedSession {
            tenant,
            audience,
            user,
            session: self.environment.id(),
            assurance: Assurance {
                factors: Factors::default().with(Factor::Password).with(Factor::Totp),
                step_up_until: Some(self.environment.now() + time::Duration::minutes(5)),
            },
            epoch: RevocationEpoch(0),
            request,
        })
    }

    /// A record system with a token of epoch 0.
    #[expect(clippy::disallowed_methods, reason = "tests stand in for token verification")]
    pub fn machine(&self, tenant: TenantId, client: MachineClientId) -> Caller {
        Caller::from_machine_token(VerifiedMachineToken {
            tenant,
            audience: Audience::Portal,
            client,
            epoch: RevocationEpoch(0),
            request: self.request(),
        })
    }

    /// Every row of every table, as one text in which a stored plaintext would show, in clear and in hexadecimal.
    pub async fn dump(&self) -> String {
        let tables = match self.kind {
            Kind::Postgres => {
                self.texts("SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
                    .await
            }
            Kind::Sqlite => self.texts("SELECT name FROM sqlite_master WHERE type = 'table'").await,
        };
        let mut dump = String::new();
        for table in tables {
            let sql = match self.kind {
                Kind::Postgres => format!("SELECT x::text FROM {table} x"),
                Kind::Sqlite => {
                    let columns = self.texts(&format!("SELECT name FROM pragma_table_info('{table}')")).await;
                    let columns: Vec<String> = columns
                        .iter()
                        .map(|column| format!("CASE typeof({column}) WHEN 'blob' THEN hex({column}) ELSE COALESCE({column}, '') END"))
                        .collect();
                    format!("SELECT {} FROM {table}", columns.join(" || ' ' || "))
                }
            };
            for row in self.texts(&sql).await {
                dump.push_str(&row);
                dump.push('\n');
            }
        }
        dump
    }
}

/// How a plaintext would look in a dump.
pub fn spellings(plaintext: &str) -> [String; 3] {
    let hexadecimal: String = plaintext.bytes().map(|byte| format!("{byte:02x}")).collect();
    [plaintext.to_owned(), hexadecimal.to_uppercase(), hexadecimal]
}

/// A bare id that names nothing.
pub fn nothing(harness: &Harness) -> Uuid {
    harness.environment.uuid()
}
