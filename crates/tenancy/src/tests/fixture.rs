//! A platform with a clock and a key service held in the hand.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use cloister_kernel::{CanonicalHost, Clock, Environment, ManualClock, Pii, SystemRandomness};
use cloister_store::{PlatformStore, StoreConfig};
use cloister_testkit::{Postgres, ScratchDatabase};
use cloister_vault::{
    KeyCache, KeyIssuer, KeyOwner, KeyServiceError, KeyState, KeyVersion, KmsKeyId, Outage,
    PlatformKeyOpener, Purpose, WrappedKey, testing::FakeKeyService,
};
use sqlx::{PgPool, postgres::PgPoolOptions, sqlite::SqlitePool};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::{CallFacts, OperatorCall, Platform, TenancyError, TokenRequest, new_tenant::NewTenantRequest};

/// When every test begins.
const START: OffsetDateTime = datetime!(2026-06-15 12:00 UTC);

/// Where a call to the key service goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Before the key service did anything.
    Before,
    /// After it did it: the answer is lost.
    After,
}

/// The key service of tests, with faults at single calls and a list of the keys it ever made.
pub(crate) struct FaultyKeys {
    pub(crate) inner: Arc<FakeKeyService>,
    calls: AtomicUsize,
    plan: Mutex<Option<(usize, usize, Fault)>>,
    made: Mutex<Vec<KmsKeyId>>,
}

impl FaultyKeys {
    /// Calls number `first` to `last`, counted from now and from one, fail.
    pub(crate) fn fail(&self, first: usize, last: usize, fault: Fault) {
        self.calls.store(0, Ordering::SeqCst);
        *self.plan.lock().unwrap() = Some((first, last, fault));
    }

    pub(crate) fn heal(&self) {
        *self.plan.lock().unwrap() = None;
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// The clinics' keys that are not scheduled for deletion.
    pub(crate) async fn live(&self) -> usize {
        let mut live = 0;
        let made = self.made.lock().unwrap().clone();
        for key in made {
            if self.inner.describe(&key).await.unwrap() != KeyState::PendingDeletion {
                live += 1;
            }
        }
        live
    }

    fn next(&self) -> Option<Fault> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let plan = *self.plan.lock().unwrap();
        plan.filter(|(first, last, _)| (*first..=*last).contains(&call)).map(|(_, _, fault)| fault)
    }

    fn answer<T>(fault: Option<Fault>, done: T) -> Result<T, KeyServiceError> {
        match fault {
            None => Ok(done),
            Some(_) => Err(KeyServiceError::Unavailable(Outage::TimedOut)),
        }
    }
}

#[async_trait]
impl KeyIssuer for FaultyKeys {
    async fn create_key(&self, owner: &KeyOwner) -> Result<KmsKeyId, KeyServiceError> {
        let fault = self.next();
        if fault == Some(Fault::Before) {
            return Err(KeyServiceError::Unavailable(Outage::Away));
        }
        let key = self.inner.create_key(owner).await?;
        if owner.tenant().is_some() {
            self.made.lock().unwrap().push(key.clone());
        }
        Self::answer(fault, key)
    }

    async fn find_keys(&self, owner: &KeyOwner) -> Result<Vec<KmsKeyId>, KeyServiceError> {
        let fault = self.next();
        Self::answer(fault, self.inner.find_keys(owner).await?)
    }

    async fn describe(&self, kms_key: &KmsKeyId) -> Result<KeyState, KeyServiceError> {
        let fault = self.next();
        Self::answer(fault, self.inner.describe(kms_key).await?)
    }

    async fn enable_rotation(&self, kms_key: &KmsKeyId) -> Result<(), KeyServiceError> {
        let fault = self.next();
        if fault == Some(Fault::Before) {
            return Err(KeyServiceError::Unavailable(Outage::Away));
        }
        self.inner.enable_rotation(kms_key).await?;
        Self::answer(fault, ())
    }

    async fn schedule_deletion(&self, kms_key: &KmsKeyId, days: u8) -> Result<(), KeyServiceError> {
        let fault = self.next();
        if fault == Some(Fault::Before) {
            return Err(KeyServiceError::Unavailable(Outage::Away));
        }
        self.inner.schedule_deletion(kms_key, days).await?;
        Self::answer(fault, ())
    }

    async fn issue_data_key(
        &self,
        kms_key: &KmsKeyId,
        owner: &KeyOwner,
        purpose: Purpose,
        version: KeyVersion,
    ) -> Result<WrappedKey, KeyServiceError> {
        let fault = self.next();
        if fault == Some(Fault::Before) {
            return Err(KeyServiceError::Unavailable(Outage::Away));
        }
        Self::answer(fault, self.inner.issue_data_key(kms_key, owner, purpose, version).await?)
    }
}

/// A clock in the hand that goes on by a millisecond whenever it is read, so that rows are in the order they were made.
#[derive(Debug)]
pub(crate) struct TickingClock(ManualClock);

impl TickingClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.advance(by);
    }
}

impl Clock for TickingClock {
    fn now(&self) -> OffsetDateTime {
        self.0.advance(Duration::MILLISECOND);
        self.0.now()
    }
}

enum Rows {
    Sqlite(SqlitePool, #[expect(dead_code, reason = "removes the folder at the end")] tempfile::TempDir),
    Postgres(
        PgPool,
        #[expect(dead_code, reason = "drops the database at the end")] Box<(ScratchDatabase, Postgres)>,
    ),
}

/// One platform on one database.
pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) clock: Arc<TickingClock>,
    pub(crate) keys: Arc<FaultyKeys>,
    pub(crate) facts: CallFacts,
    rows: Rows,
}

impl World {
    pub(crate) async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("cloister.db").display());
        cloister_migrations::migrate(&url, 0).await.unwrap();
        let pool = SqlitePool::connect(&url).await.unwrap();
        Self::over(&url, Rows::Sqlite(pool, folder)).await
    }

    pub(crate) async fn on_postgres() -> Self {
        let postgres = Postgres::given_or_started().unwrap();
        let database = postgres.migrated_database(START).await.unwrap();
        let role = format!("admin_{}", database.name());
        database
            .execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'secret' IN ROLE cloister_admin"))
            .unwrap();
        let url = database.url_for(&role, "secret");
        let pool = PgPoolOptions::new().max_connections(1).connect(database.url()).await.unwrap();
        Self::over(&url, Rows::Postgres(pool, Box::new((database, postgres)))).await
    }

    async fn over(url: &str, rows: Rows) -> Self {
        let clock = Arc::new(TickingClock(ManualClock::at(START)));
        let environment = Environment::new(clock.clone(), Arc::new(SystemRandomness));
        let service = Arc::new(FakeKeyService::new(environment.clone()));
        let opener = PlatformKeyOpener::new(service.clone());
        let cache = KeyCache::new(Arc::new(opener), environment.clone(), 100);
        let store = PlatformStore::connect(&StoreConfig::new(url), cache, environment.clone()).await.unwrap();
        let keys = Arc::new(FaultyKeys {
            inner: service,
            calls: AtomicUsize::new(0),
            plan: Mutex::new(None),
            made: Mutex::new(Vec::new()),
        });
        let domain = CanonicalHost::parse("clinics.example").unwrap();
        let facts = CallFacts {
            request: environment.id(),
            source: Some(Pii::new("192.0.2.7".parse().unwrap())),
            user_agent: Some(Pii::new("suite/1".to_owned())),
        };
        let platform = Platform::new(store, keys.clone(), environment, domain);
        assert!(platform.ensure_keys(&facts).await.unwrap());
        Self { platform, clock, keys, facts, rows }
    }

    /// An operator with a token of every scope, as the platform sees him when he calls.
    pub(crate) async fn operator(&self, email: &str, scopes: &[&str]) -> OperatorCall {
        match self.platform.create_operator(&self.facts, "Olive Ops", email).await {
            Ok(_) | Err(TenancyError::OperatorExists) => {}
            Err(error) => panic!("{error:?}"),
        }
        let request = TokenRequest {
            operator: email.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            life: Some(12 * 3600),
        };
        let issued = self.platform.issue_token(&self.facts, request).await.unwrap();
        self.platform.authenticate(Some(issued.token.reveal()), self.facts.clone()).await.unwrap()
    }

    /// An operator who may do everything.
    pub(crate) async fn root(&self) -> OperatorCall {
        self.operator("olive@platform.example", &crate::scope::Scope::ALL.map(|scope| scope.as_str())).await
    }

    /// The number that a query answers.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        match &self.rows {
            Rows::Sqlite(pool, _) => {
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await.unwrap()
            }
            Rows::Postgres(pool, _) => {
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await.unwrap()
            }
        }
    }

    /// The texts that a query answers, one a row.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        match &self.rows {
            Rows::Sqlite(pool, _) => {
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await.unwrap()
            }
            Rows::Postgres(pool, _) => {
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await.unwrap()
            }
        }
    }

    /// Changes rows behind the platform's back.
    pub(crate) async fn tamper(&self, sql: &str) {
        match &self.rows {
            Rows::Sqlite(pool, _) => {
                sqlx::query(sqlx::AssertSqlSafe(sql)).execute(pool).await.unwrap();
            }
            Rows::Postgres(pool, _) => {
                sqlx::query(sqlx::AssertSqlSafe(sql)).execute(pool).await.unwrap();
            }
        }
    }

    /// The events since the first `skip`, as `action outcome reason`.
    pub(crate) async fn events(&self, skip: i64) -> Vec<String> {
        let sql = format!(
            "SELECT actor_kind || ' ' || action || ' ' || outcome || COALESCE(' ' || reason, '') \
             FROM platform_events ORDER BY id LIMIT 1000 OFFSET {skip}"
        );
        self.texts(&sql).await
    }

    /// An id as this database's SQL writes it.
    pub(crate) fn id(&self, id: uuid::Uuid) -> String {
        match &self.rows {
            Rows::Sqlite(..) => format!("x'{}'", id.simple()),
            Rows::Postgres(..) => format!("'{id}'"),
        }
    }

    /// How many events there are.
    pub(crate) async fn event_count(&self) -> i64 {
        self.count("SELECT count(*) FROM platform_events").await
    }

    /// What an onboarding could have left behind, by table.
    pub(crate) async fn leftovers(&self) -> Vec<(String, i64)> {
        let mut found = Vec::new();
        for (table, condition) in [
            ("tenants", ""),
            ("hosts", ""),
            ("wrapped_keys", " WHERE owner LIKE 'tenant%'"),
            ("onboarding_steps", ""),
            ("idempotency_records", ""),
        ] {
            let count = self.count(&format!("SELECT count(*) FROM {table}{condition}")).await;
            if count > 0 {
                found.push((table.to_owned(), count));
            }
        }
        let live = self.keys.live().await;
        if live > 0 {
            found.push(("key service".to_owned(), i64::try_from(live).unwrap()));
        }
        found
    }
}

/// A request that keeps every rule.
pub(crate) fn lakeside() -> NewTenantRequest {
    NewTenantRequest {
        slug: "lakeside".into(),
        name: "Lakeside Family Medicine".into(),
        region: "us-east-1".into(),
        time_zone: "America/Chicago".into(),
        contact_name: "Ana Lee".into(),
        contact_email: "ana.lee@lakeside.example".into(),
        default_locale: "en".into(),
        colors: None,
    }
}
