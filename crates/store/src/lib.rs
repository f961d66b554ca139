//! The only SQL: units of work, repositories, the platform's tables, jobs, and the check that isolation is in force.
//!
//! # Promises
//! - A clinic's rows are reached inside a [`UnitOfWork`] (a caller's) or a [`VisitUnit`] (a visitor's) and nowhere else.
//!   Beginning one opens the clinic's keys, then a transaction whose first statement names the clinic, and reads there
//!   whether clinic, account and session still count.
//! - [`UnitOfWork::permit`] reads the facts from rows of that transaction; every decision becomes an event. A method that
//!   takes a `Permit` takes patient and row from it and from nothing else.
//! - A sealed value leaves as [`Pending`]. `commit` writes the events, commits, and only then opens it. If an event
//!   cannot be written, nothing is released or changed. A refusal's event is committed alone.
//! - What a unit is begun for can be read in the trip that begins it ([`Ahead`]), and its events go in the trip that commits
//!   it: by named statements, see `named_statement.rs` and docs/adr/0010. It decides and releases nothing earlier.
//! - A patient's own results are read in one trip, decided on foreseen facts that the statement which writes the event compares
//!   with the rows (`own_results.rs`, docs/adr/0011). What is not as foreseen goes through a unit of work. Such reads of several
//!   requests share trips and commits (`group_commit.rs`, docs/adr/0012).
//! - BEGIN and COMMIT run in tasks of their own: a client that goes away leaves no open transaction.
//! - On PostgreSQL forced row security is the second wall, and [`Store::refuse_unless_isolated`] refuses to serve from a
//!   database where it does not stand. SQLite has the first wall only: every statement filters by the tenant.
//! - Without the feature `tenant` there is only [`PlatformStore`]: a process built so cannot reach a clinic's rows.
//!
//! # How to add a repository
//! 1. **Table**: a new migration file in `migrations/src/` with `create_tenant_table` (never a bare CREATE TABLE), and a
//!    line in `catalogue.rs`. Sealed columns end in `_sealed`, blind indexes in `_index`, hashes in `_hash`, moments (whole
//!    microseconds since 1970) in `_at` or `_until`. Name columns of the key and of foreign keys without `tenant_id`: it
//!    is added.
//! 2. **File**: `src/<resource>.rs`, `mod` line here under `#[cfg(feature = "tenant")]`, `impl UnitOfWork<'_>` for callers,
//!    `impl VisitUnit<'_>` for the sign-in, activation and token endpoints. Public row types live in the same file.
//! 3. **Permit first**: a method that reads or changes something of somebody takes `Permit<Action, Resource>` by value and
//!    begins with `self.patient_of(&permit)?`, `self.row_of(&permit)?` or at least `self.check(&permit)?`. It takes no
//!    patient id beside the permit. A new kind of thing to ask a permit for is a variant of [`Target`] in `facts.rs`.
//! 4. **Statements**: `self.core.row(sql, values)`, `rows`, `execute`, `returning`. Plain SQL that both databases read.
//!    **`$1` is the tenant and is bound for you**: write `WHERE tenant_id = $1`, and your own values from `$2` on. Values
//!    are `id.uuid().into()`, `"text".into()`, `7i64.into()`, `bytes.into()`, `microseconds(moment).into()`; rows answer
//!    `row.get::<Uuid>("id")?`, `row.sealed("body_sealed")?`, `row.moment("created_at")?`, `row.word("status")?`.
//! 5. **Seal**: `self.core.seal(Purpose::Phi, "table", "column_sealed", row_id, bytes)?` gives the bytes to store;
//!    `self.core.blind_index("table.column", normalized)?` the index to store and to search by.
//! 6. **Release**: answer `self.core.pending("table", "column_sealed", row_id, row.sealed("column_sealed")?, |bytes| ...)`
//!    for what is sealed, `self.core.pending_clear(value)` for what is clinical in clear, and plain values for ids, states
//!    and counts. `self.core.open(...)` opens inside the transaction: for credentials, addresses, and comparisons that
//!    decide what is written, never for what a caller gets.
//! 7. **Events**: a permit notes its own. `self.note(EventDraft::...)` adds what else happened.
//! 8. **Tests**: `tests/support` gives a `Harness` on either database; `on_both! { name }` runs
//!    `async fn name(harness: Harness)` on PostgreSQL and on SQLite. Add a file to `tests/compile_fail` for a move that your
//!    types forbid.
//!
//! A platform table goes into `m0001_platform.rs`' successor, `catalogue.rs` and `src/platform/`: `impl PlatformUnit` with
//! events, or `impl PlatformStore` for reads that leave none; there `$1` is your own first value. A role that needs some
//! columns only gets `SELECT (a, b)` there and a line in `COLUMN_READS`.

mod catalogue;
mod config;
mod connections;
mod database;
mod error;
mod events;
mod isolation;
mod keys;
mod named_statement;
mod platform;
mod statement;
mod transaction;
mod trip;

#[cfg(feature = "tenant")]
mod accounts;
#[cfg(feature = "tenant")]
mod ahead;
#[cfg(feature = "tenant")]
mod attempts;
#[cfg(feature = "tenant")]
mod batch;
#[cfg(feature = "tenant")]
mod core;
#[cfg(feature = "tenant")]
mod credentials;
#[cfg(feature = "tenant")]
mod cursor;
#[cfg(feature = "tenant")]
mod decision_event;
#[cfg(feature = "tenant")]
mod facts;
#[cfg(feature = "tenant")]
mod foresight;
#[cfg(feature = "tenant")]
mod group_commit;
#[cfg(feature = "tenant")]
mod identities;
#[cfg(feature = "tenant")]
mod ingest;
#[cfg(feature = "tenant")]
mod intake;
#[cfg(feature = "tenant")]
mod invitations;
#[cfg(feature = "tenant")]
mod job_grant;
#[cfg(feature = "tenant")]
mod machine_clients;
#[cfg(feature = "tenant")]
mod messages;
#[cfg(feature = "tenant")]
mod own_results;
#[cfg(feature = "tenant")]
mod panels;
#[cfg(feature = "tenant")]
mod patients;
#[cfg(feature = "tenant")]
mod pending;
#[cfg(feature = "tenant")]
mod quarantine;
#[cfg(feature = "tenant")]
mod resources;
#[cfg(feature = "tenant")]
mod results;
#[cfg(feature = "tenant")]
mod sealed_state;
#[cfg(feature = "tenant")]
mod sealer;
#[cfg(feature = "tenant")]
mod staff;
#[cfg(feature = "tenant")]
mod standing;
#[cfg(feature = "tenant")]
mod store;
#[cfg(feature = "tenant")]
mod unit;
#[cfg(feature = "tenant")]
mod workbench;

pub use config::StoreConfig;
pub use error::StoreError;
pub use isolation::IsolationError;
pub use platform::{
    BaaRow, DueJobs, HostRow, IdempotencyRow, JobProgress, JobState, LeasedJob, NetworkRow, NewJob,
    OnboardingStep, OperatorRow, OwnerState, PlatformStore, PlatformUnit, ShownToken, StepStatus,
    TenantContact, TenantPage, TenantRow, TenantStatus, TokenRow, UnknownWord,
};

#[cfg(feature = "tenant")]
pub use accounts::{Account, AccountKind, Profile};
#[cfg(feature = "tenant")]
pub use ahead::Ahead;
#[cfg(feature = "tenant")]
pub use attempts::{Admission, AttemptKey, AttemptLimit};
#[cfg(feature = "tenant")]
pub use credentials::{Credentials, NewCredentials};
#[cfg(feature = "tenant")]
pub use cursor::CursorQuery;
#[cfg(feature = "tenant")]
pub use facts::Target;
#[cfg(feature = "tenant")]
pub use invitations::{
    FoundInvitation, INVITATION_TRIES, InvitationRow, InvitationSecrets, InvitationStatus, NewAccount,
    NewStaffInvitation, OWNER_ACTIVATED_JOB,
};
#[cfg(feature = "tenant")]
pub use messages::{MESSAGE_DELIVERY_JOB, NewMessage, OutgoingMessage, QueuedMessage};
#[cfg(feature = "tenant")]
pub use own_results::{OwnResult, OwnResults};
#[cfg(feature = "tenant")]
pub use pending::{Pending, Plain, Release};
#[cfg(feature = "tenant")]
pub use staff::StaffRow;
#[cfg(feature = "tenant")]
pub use store::{SessionEnding, Store};
#[cfg(feature = "tenant")]
pub use unit::{Refusal, UnitOfWork, VisitUnit};

#[cfg(test)]
#[cfg(feature = "tenant")]
extern crate self as cloister_store;
#[cfg(test)]
#[cfg(feature = "tenant")]
mod tests;
#[cfg(feature = "tenant")]
pub use intake::{IncomingBundle, IntakeEntry, IntakeError, PlannedBundle, PreparedBundle};
#[cfg(feature = "tenant")]
pub use machine_clients::{MachineClientRow, NewMachineClient};
#[cfg(feature = "tenant")]
pub use panels::{PanelPage, PanelRow, PanelSource};
#[cfg(feature = "tenant")]
pub use patients::RecordRow;
#[cfg(feature = "tenant")]
pub use quarantine::{HeldBecause, QuarantineRow};
#[cfg(feature = "tenant")]
pub use resources::StoredResource;
#[cfg(feature = "tenant")]
pub use results::{ListPage, ResultAndHistory, ResultRow};
