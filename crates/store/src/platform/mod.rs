//! The platform store: tables outside every clinic. It is all that tenant-admin links.
//!
//! Reads that only tell which clinic a request is for (hosts, states) go through [`PlatformStore`]. What changes
//! something or shows something to an operator goes through a [`PlatformUnit`], whose commit writes events to the
//! platform's log in the same transaction.
//!
//! A repository is a file in this folder: `impl PlatformStore` for reads without event, `impl PlatformUnit` for the
//! rest, statements with `$1`, `$2`, ... which both databases read.

mod baa;
mod hosts;
mod idempotency;
pub(crate) mod jobs;
mod networks;
mod onboarding;
mod operators;
mod tenants;
pub(crate) mod wrapped_keys;

use cloister_audit::{EventContext, EventDraft, Log};
use cloister_kernel::Environment;
use cloister_vault::{KeyCache, KeyOwner, KeyRing, Place, Purpose, SealedValue};
use sea_orm::{Statement, Value};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    StoreConfig, StoreError,
    database::{self, Database},
    events, isolation,
    keys::Keys,
    statement::{Row, microseconds},
    transaction::Transaction,
};

pub use baa::BaaRow;
#[cfg(feature = "tenant")]
pub(crate) use baa::{NEWEST_AGREEMENT, agreement_holds};
pub use hosts::HostRow;
pub use idempotency::IdempotencyRow;
pub use jobs::{DueJobs, JobProgress, JobState, LeasedJob, NewJob};
pub use networks::NetworkRow;
pub use onboarding::{OnboardingStep, StepStatus};
pub use operators::{OperatorRow, ShownToken, TokenRow};
pub use tenants::{OwnerState, TenantContact, TenantPage, TenantRow, TenantStatus, UnknownWord};

/// Platform tables. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PlatformStore {
    pub(crate) database: Database,
    pub(crate) environment: Environment,
    keys: Keys,
}

impl PlatformStore {
    /// Connects. `keys` needs to open the platform's own keys only.
    ///
    /// # Errors
    /// `Configuration`; `Unavailable`.
    pub async fn connect(
        config: &StoreConfig,
        keys: KeyCache,
        environment: Environment,
    ) -> Result<Self, StoreError> {
        let database = Database::connect(config, &[]).await?;
        Ok(Self::over(Keys::new(database.clone(), keys, environment.clone()), database, environment))
    }

    pub(crate) fn over(keys: Keys, database: Database, environment: Environment) -> Self {
        Self { database, environment, keys }
    }

    /// Compares the live PostgreSQL catalogue with what this program was built for, and refuses any difference. On
    /// SQLite there is nothing to compare.
    ///
    /// # Errors
    /// `Isolation`, naming the difference; `Unavailable`.
    pub async fn refuse_unless_isolated(&self) -> Result<(), StoreError> {
        isolation::verify(&self.database).await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.rows("SELECT 1 AS one", vec![]).await.map(drop)
    }

    /// Closes all connections and waits for it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.database.close().await
    }

    /// Begins a unit of work on platform tables whose events go to the platform's log.
    ///
    /// # Errors
    /// `TenantNotReady` while the platform has no keys; `Keys`; `Unavailable`.
    pub async fn begin(&self, context: EventContext) -> Result<PlatformUnit, StoreError> {
        let keys = self.keys.ring(KeyOwner::Platform).await?;
        let log = self.keys.ring(KeyOwner::PlatformLog).await?;
        let transaction = self.database.begin(None).await?;
        let context = EventContext { log: Log::Platform, ..context };
        Ok(PlatformUnit {
            transaction,
            environment: self.environment.clone(),
            keys,
            log,
            context,
            drafts: Vec::new(),
        })
    }

    /// Writes one event to the platform's log without its sealed part: for `serve`, which may not open that log's key
    /// (unknown hosts). Address and user agent are not kept.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn note_without_details(
        &self,
        draft: EventDraft,
        context: EventContext,
    ) -> Result<(), StoreError> {
        let context = EventContext { log: Log::Platform, ..context };
        let event = draft.into_event(self.environment.id(), context);
        let sealed = events::seal(&self.environment, None, &[event])?;
        let transaction = self.database.begin(None).await?;
        sealed.write(&transaction).await?;
        database::commit(transaction).await
    }

    /// Rows of platform tables, outside every transaction.
    pub(crate) async fn rows(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        Ok(self.database.rows(sql, values).await?.into_iter().map(Row::from).collect())
    }

    /// The first row, if there is one.
    pub(crate) async fn row(&self, sql: &str, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Opens a sealed column of a platform table under the platform's own key.
    pub(crate) async fn open(
        &self,
        table: &'static str,
        column: &'static str,
        row: Uuid,
        sealed: &SealedValue,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let ring = self.keys.ring(KeyOwner::Platform).await?;
        Ok(ring.open(&Place::new(KeyOwner::Platform, table, column, row), sealed)?)
    }
}

/// One transaction on platform tables. Dropped without commit it leaves nothing.
#[must_use = "a unit that is not committed leaves nothing"]
pub struct PlatformUnit {
    transaction: Transaction,
    environment: Environment,
    keys: KeyRing,
    log: KeyRing,
    context: EventContext,
    drafts: Vec<EventDraft>,
}

impl std::fmt::Debug for PlatformUnit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlatformUnit")
    }
}

impl PlatformUnit {
    /// Adds an event, to be written with the commit.
    pub fn note(&mut self, draft: EventDraft) {
        self.drafts.push(draft);
    }

    /// Writes the events and commits.
    ///
    /// # Errors
    /// When an event cannot be sealed or written, or the commit fails: then nothing was changed.
    pub async fn commit(self) -> Result<(), StoreError> {
        let events: Vec<_> = self
            .drafts
            .into_iter()
            .map(|draft| draft.into_event(self.environment.id(), self.context.clone()))
            .collect();
        let sealed = events::seal(&self.environment, Some(&self.log), &events)?;
        let transaction = self.transaction;
        database::joined(tokio::spawn(async move {
            sealed.write(&transaction).await?;
            Ok(transaction.commit().await?)
        }))
        .await
    }

    /// The present moment.
    pub fn now(&self) -> OffsetDateTime {
        self.environment.now()
    }

    pub(crate) fn now_microseconds(&self) -> i64 {
        microseconds(self.environment.now())
    }

    /// Runs a statement and says how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        let statement = Statement::from_sql_and_values(self.transaction.get_database_backend(), sql, values);
        Ok(self.transaction.execute_raw(statement).await?.rows_affected())
    }

    /// Rows of platform tables.
    pub(crate) async fn rows(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let statement = Statement::from_sql_and_values(self.transaction.get_database_backend(), sql, values);
        Ok(self.transaction.query_all_raw(statement).await?.into_iter().map(Row::from).collect())
    }

    /// The first row, if there is one.
    pub(crate) async fn row(&mut self, sql: &str, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Seals personal data for a column of a platform table.
    pub(crate) fn seal(
        &self,
        table: &'static str,
        column: &'static str,
        row: Uuid,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let place = Place::new(KeyOwner::Platform, table, column, row);
        Ok(self.keys.seal(&self.environment, Purpose::Pii, &place, plaintext)?.into_bytes())
    }

    /// Opens a sealed column of a platform table.
    pub(crate) fn open(
        &self,
        table: &'static str,
        column: &'static str,
        row: Uuid,
        sealed: &SealedValue,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        Ok(self.keys.open(&Place::new(KeyOwner::Platform, table, column, row), sealed)?)
    }

    /// The blind index of a normalized value, as stored.
    pub(crate) fn blind_index(&self, column: &'static str, normalized: &str) -> Result<Vec<u8>, StoreError> {
        Ok(self.keys.blind_index(column, normalized)?.as_bytes().to_vec())
    }
}
