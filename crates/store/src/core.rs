//! What every unit of work of a clinic has: its transaction, its keys, and the events it will leave.
//!
//! Statements are plain SQL for both databases. `$1` is always the tenant and is bound here, so a statement that
//! forgot to filter by it does not run; further values are `$2`, `$3`, ...

use std::time::Instant;

use cloister_audit::{EventContext, EventDraft, Outcome};
use cloister_kernel::{Environment, JobId, TenantId};
use cloister_vault::{KeyRing, Place, Purpose, SealedValue};
use sea_orm::{Statement, Value};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    NewJob, StoreError,
    database::{self, Database},
    events::SealedEvents,
    pending::{Pending, Release, UnitTag, sealed::Sealed},
    sealer::Sealer,
    statement::{Row, prepared, trace_statement},
    transaction::Transaction,
    workbench::Workbench,
};

/// The inside of a unit of work.
pub(crate) struct Core {
    database: Database,
    transaction: Transaction,
    opened: Instant,
    sealer: Sealer,
    bench: Workbench,
    context: EventContext,
    tag: UnitTag,
    drafts: Vec<EventDraft>,
    sealed: Vec<SealedEvents>,
    written: bool,
}

impl Core {
    pub(crate) fn new(
        database: Database,
        transaction: Transaction,
        sealer: Sealer,
        bench: Workbench,
        context: EventContext,
    ) -> Self {
        Self {
            database,
            transaction,
            opened: Instant::now(),
            sealer,
            bench,
            context,
            tag: UnitTag::next(),
            drafts: Vec::new(),
            sealed: Vec::new(),
            written: false,
        }
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.sealer.tenant()
    }

    pub(crate) fn environment(&self) -> &Environment {
        self.sealer.environment()
    }

    /// The opened keys, for work that needs no transaction.
    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Where long calculations are done.
    pub(crate) fn bench(&self) -> &Workbench {
        &self.bench
    }

    /// What is the same of every event of this unit.
    pub(crate) fn event_context(&self) -> &EventContext {
        &self.context
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.environment().now()
    }

    /// The present moment as stored.
    pub(crate) fn now_microseconds(&self) -> i64 {
        self.sealer.now_microseconds()
    }

    pub(crate) fn note(&mut self, draft: EventDraft) {
        self.drafts.push(draft);
    }

    /// Adds events of what was done that are sealed already, to be written with the commit.
    pub(crate) fn note_sealed(&mut self, events: SealedEvents) {
        self.sealed.push(events);
    }

    /// Who the events are by, once a visitor proved to be somebody.
    pub(crate) fn set_actor(&mut self, actor: cloister_audit::Actor) {
        self.context.actor = actor;
    }

    /// Whether nothing was written yet, so that what was read at the beginning still holds.
    pub(crate) const fn is_unchanged(&self) -> bool {
        !self.written
    }

    /// Which database it is, where their SQL differs.
    pub(crate) fn backend(&self) -> sea_orm::DbBackend {
        self.transaction.get_database_backend()
    }

    /// Names the row that the last event noted is about, where it was not known when the permit was granted.
    pub(crate) fn name_row(&mut self, row: Uuid) {
        if let Some(draft) = self.drafts.last_mut() {
            draft.resource_id.get_or_insert(row);
        }
    }

    fn statement(&self, sql: &str, values: Vec<Value>) -> Statement {
        trace_statement();
        let mut all: Vec<Value> = Vec::with_capacity(values.len() + 1);
        all.push(self.tenant().uuid().into());
        all.extend(values);
        prepared(self.transaction.get_database_backend(), sql, all)
    }

    /// Runs an INSERT, UPDATE or DELETE and says how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        self.written = true;
        let statement = self.statement(sql, values);
        Ok(self.transaction.execute_raw(statement).await?.rows_affected())
    }

    /// All rows of a SELECT.
    pub(crate) async fn rows(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let statement = self.statement(sql, values);
        Ok(self.transaction.query_all_raw(statement).await?.into_iter().map(Row::from).collect())
    }

    /// The first row of a SELECT, if there is one.
    pub(crate) async fn row(&self, sql: &str, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        let statement = self.statement(sql, values);
        Ok(self.transaction.query_one_raw(statement).await?.map(Row::from))
    }

    /// Rows of an INSERT, UPDATE or DELETE with RETURNING.
    pub(crate) async fn returning(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        self.written = true;
        self.rows(sql, values).await
    }

    /// Where a sealed column stands.
    pub(crate) fn place(&self, table: &'static str, column: &'static str, row: Uuid) -> Place {
        self.sealer.place(table, column, row)
    }

    /// Seals a value for a column; the bytes to store.
    pub(crate) fn seal(
        &self,
        purpose: Purpose,
        table: &'static str,
        column: &'static str,
        row: Uuid,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        self.sealer.seal(purpose, table, column, row, plaintext)
    }

    /// Seals a value for a place that is bound to more than table, column and row; the bytes to store.
    pub(crate) fn seal_in(
        &self,
        purpose: Purpose,
        place: &Place,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        self.sealer.seal_in(purpose, place, plaintext)
    }

    /// As [`Core::open`], of a value that was sealed by [`Core::seal_in`].
    pub(crate) fn open_in(
        &self,
        place: &Place,
        sealed: &SealedValue,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.sealer.open_in(place, sealed)
    }

    /// Opens a value inside the transaction, for a comparison that decides what is written: credentials, addresses,
    /// the demographics that an incoming resource is compared with. Clinical values that a caller gets go out by
    /// [`Core::pending`] and never by this.
    pub(crate) fn open(
        &self,
        table: &'static str,
        column: &'static str,
        row: Uuid,
        sealed: &SealedValue,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.sealer.open(table, column, row, sealed)
    }

    /// A sealed value to be released by the commit, read by `parse`.
    pub(crate) fn pending<T: 'static>(
        &self,
        table: &'static str,
        column: &'static str,
        row: Uuid,
        sealed: SealedValue,
        parse: impl FnOnce(&[u8]) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        let place = self.place(table, column, row);
        Pending::new(self.tag, move |ring| parse(&ring.open(&place, &sealed)?))
    }

    /// As [`Core::pending`], of a value that was sealed by [`Core::seal_in`].
    pub(crate) fn pending_in<T: 'static>(
        &self,
        place: Place,
        sealed: SealedValue,
        parse: impl FnOnce(&[u8]) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        Pending::new(self.tag, move |ring| parse(&ring.open(&place, &sealed)?))
    }

    /// A value to be released by the commit, opened by `open`.
    pub(crate) fn pending_with<T: 'static>(
        &self,
        open: impl FnOnce(&KeyRing) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        Pending::new(self.tag, open)
    }

    /// A value in clear that is clinical all the same, to be released by the commit.
    pub(crate) fn pending_clear<T: Send + 'static>(&self, value: T) -> Pending<T> {
        Pending::new(self.tag, move |_| Ok(value))
    }

    /// The blind index of a normalized value, as stored. `column` is `table.column`.
    pub(crate) fn blind_index(&self, column: &'static str, normalized: &str) -> Result<Vec<u8>, StoreError> {
        self.sealer.blind_index(column, normalized)
    }

    /// Writes a job down in this transaction.
    pub(crate) async fn enqueue(&mut self, job: NewJob) -> Result<JobId, StoreError> {
        let id = self.environment().id();
        let job = NewJob { tenant: Some(self.tenant()), ..job };
        let (sql, values) = job.insertion(id, None, self.now_microseconds());
        self.written = true;
        let statement = Statement::from_sql_and_values(self.transaction.get_database_backend(), sql, values);
        self.transaction.execute_raw(statement).await?;
        Ok(id)
    }

    fn seal_drafts(&mut self) -> Result<SealedEvents, StoreError> {
        let drafts = std::mem::take(&mut self.drafts);
        self.sealer.seal_events(&self.context, drafts)
    }

    /// Writes the events, commits, and only then opens what is to be released.
    pub(crate) async fn commit<P>(mut self, out: P) -> Result<<P as Release>::Out, StoreError>
    where
        P: Release + Sealed<Opened = <P as Release>::Out>,
    {
        if !out.is_of(self.tag) {
            return Err(StoreError::ForeignPending);
        }
        let mut events = vec![self.seal_drafts()?];
        events.append(&mut self.sealed);
        write_and_commit(self.transaction, events).await?;
        let microseconds = u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::trace!(target: "cloister_store::open", microseconds, "the transaction is committed");
        out.open(self.sealer.data())
    }

    /// Undoes every change and commits the events of what was refused or failed alone.
    pub(crate) async fn abandon(mut self) -> Result<(), StoreError> {
        self.drafts.retain(|draft| draft.outcome != Outcome::Success);
        let sealed = self.seal_drafts()?;
        let transaction = if self.written {
            let tenant = self.tenant();
            rollback(self.transaction).await?;
            self.database.begin(Some(tenant)).await?
        } else {
            self.transaction
        };
        write_and_commit(transaction, vec![sealed]).await
    }

    /// Ends the transaction without a trace; what was read in it serves to prepare another unit.
    pub(crate) async fn give_up(self) -> Result<(), StoreError> {
        rollback(self.transaction).await
    }
}

async fn rollback(transaction: Transaction) -> Result<(), StoreError> {
    database::joined(tokio::spawn(async move { Ok(transaction.rollback().await?) })).await
}

async fn write_and_commit(transaction: Transaction, events: Vec<SealedEvents>) -> Result<(), StoreError> {
    database::joined(tokio::spawn(async move {
        let mut last = Vec::new();
        for sealed in events {
            match sealed.into_calls() {
                Ok(calls) => last.extend(calls),
                Err(many) => many.write(&transaction).await?,
            }
        }
        Ok(transaction.commit_after(last).await?)
    }))
    .await
}
