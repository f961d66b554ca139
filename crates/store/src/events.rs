//! Event rows: sealed under their log's key, with the canonical clear part as associated data.

use cloister_audit::{CANONICAL_VERSION, Event, Log, canonical};
use cloister_kernel::Environment;
use cloister_vault::{KeyOwner, KeyRing, Place, Purpose};
use sea_orm::Value;

#[cfg(feature = "tenant")]
use crate::named_statement::{Call, NamedStatement};
use crate::{StoreError, statement::prepared, transaction::Transaction};

/// The columns of a clinic's event but for the clinic, in the order of [`row`]'s values.
pub(crate) const COLUMNS: &str = "id, at, actor_kind, actor_id, action, resource_type, resource_id, patient_id, outcome, \
                       relation, reason, session_id, request_id, canonical_version, details_sealed";
const PLATFORM_COLUMNS: &str = "id, at, actor_kind, actor_id, action, resource_type, resource_id, outcome, \
                                relation, reason, session_id, request_id, canonical_version, details_sealed";

/// One event of a clinic's log.
#[cfg(feature = "tenant")]
pub(crate) static EVENT: NamedStatement = NamedStatement {
    name: "cloister_event",
    types: "uuid, uuid, bigint, text, uuid, text, text, uuid, uuid, text, text, text, uuid, uuid, bigint, bytea",
    text: "INSERT INTO events (tenant_id, id, at, actor_kind, actor_id, action, resource_type, resource_id, \
           patient_id, outcome, relation, reason, session_id, request_id, canonical_version, details_sealed) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
};

/// As many events go with the commit in one trip; more are written before it, many in a statement.
#[cfg(feature = "tenant")]
const WITH_THE_COMMIT: usize = 4;

/// Rows of one statement; SQLite takes at most 32,766 values in one.
const ROWS_AT_ONCE: usize = 500;

/// Event rows that are ready to be written.
pub(crate) struct SealedEvents {
    table: &'static str,
    columns: String,
    rows: Vec<Vec<Value>>,
}

/// Seals events of one log. Without a ring (only for the platform's log, by processes that may not open its key) the
/// details are left out.
pub(crate) fn seal(
    environment: &Environment,
    ring: Option<&KeyRing>,
    events: &[Event],
) -> Result<SealedEvents, StoreError> {
    let tenant = events.first().and_then(|event| event.clear.log.tenant());
    let (table, columns) = match tenant {
        Some(_) => ("events", format!("tenant_id, {COLUMNS}")),
        None => ("platform_events", PLATFORM_COLUMNS.to_owned()),
    };
    let rows = events.iter().map(|event| row(environment, ring, event)).collect::<Result<_, _>>()?;
    Ok(SealedEvents { table, columns, rows })
}

/// The values of an event's row, its details sealed, in the order of the columns.
pub(crate) fn row(
    environment: &Environment,
    ring: Option<&KeyRing>,
    event: &Event,
) -> Result<Vec<Value>, StoreError> {
    let clear = &event.clear;
    let (owner, tenant) = match clear.log {
        Log::Tenant(tenant) => (KeyOwner::TenantLog(tenant), Some(tenant)),
        Log::Platform => (KeyOwner::PlatformLog, None),
    };
    let place = place(owner, clear.id.uuid()).with(canonical(event));
    let details = match ring {
        Some(ring) => {
            let encoded = event.sealed.encode();
            Some(ring.seal(environment, Purpose::Log, &place, encoded.expose())?.into_bytes())
        }
        None if tenant.is_none() => None,
        None => return Err(StoreError::TenantNotReady),
    };
    let word = |term: &Option<cloister_audit::Term>| term.as_ref().map(|term| term.as_str().to_owned());
    let mut values: Vec<Value> = Vec::with_capacity(16);
    if let Some(tenant) = tenant {
        values.push(tenant.uuid().into());
    }
    values.extend::<[Value; 7]>([
        clear.id.uuid().into(),
        clear.at.microseconds().into(),
        clear.actor.kind().into(),
        clear.actor.id().into(),
        clear.action.as_str().into(),
        word(&clear.resource_type).into(),
        clear.resource_id.into(),
    ]);
    if tenant.is_some() {
        values.push(clear.patient_id.map(cloister_kernel::PatientId::uuid).into());
    }
    values.extend::<[Value; 7]>([
        clear.outcome.as_str().into(),
        word(&clear.relation).into(),
        word(&clear.reason).into(),
        clear.session_id.map(cloister_kernel::SessionId::uuid).into(),
        clear.request_id.uuid().into(),
        i64::from(CANONICAL_VERSION).into(),
        details.into(),
    ]);
    Ok(values)
}

/// Where the details of an event stand; the canonical clear part is to be added.
pub(crate) fn place(owner: KeyOwner, event: uuid::Uuid) -> Place {
    let table = if owner.tenant().is_some() { "events" } else { "platform_events" };
    Place::new(owner, table, "details_sealed", event)
}

impl SealedEvents {
    /// The rows as calls that go with the commit, where they are few. They must be of a clinic's log, as all of a unit
    /// of work are, and new.
    #[cfg(feature = "tenant")]
    pub(crate) fn into_calls(self) -> Result<Vec<Call>, Self> {
        if self.rows.len() > WITH_THE_COMMIT {
            return Err(self);
        }
        Ok(self.rows.into_iter().map(|values| EVENT.call(values)).collect())
    }

    /// Writes the rows.
    pub(crate) async fn write(self, transaction: &Transaction) -> Result<(), StoreError> {
        self.write_rows(transaction, "").await
    }

    /// Writes those that do not stand in the log already, by moment and id.
    #[cfg(feature = "tenant")]
    pub(crate) async fn write_once(self, transaction: &Transaction) -> Result<(), StoreError> {
        self.write_rows(transaction, " ON CONFLICT DO NOTHING").await
    }

    async fn write_rows(self, transaction: &Transaction, on_conflict: &str) -> Result<(), StoreError> {
        let width = self.columns.split(',').count();
        let mut rows = self.rows.into_iter().peekable();
        while rows.peek().is_some() {
            let chunk: Vec<Vec<Value>> = rows.by_ref().take(ROWS_AT_ONCE).collect();
            let tuples: Vec<String> = (0..chunk.len())
                .map(|row| {
                    let places: Vec<String> =
                        (1..=width).map(|column| format!("${}", row * width + column)).collect();
                    format!("({})", places.join(", "))
                })
                .collect();
            let sql = format!(
                "INSERT INTO {} ({}) VALUES {}{on_conflict}",
                self.table,
                self.columns,
                tuples.join(", "),
            );
            let values: Vec<Value> = chunk.into_iter().flatten().collect();
            let statement = prepared(transaction.get_database_backend(), &sql, values);
            transaction.execute_raw(statement).await?;
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "tenant"))]
mod tests {
    use cloister_audit::{ActionCode, Actor, EventContext, EventDraft};
    use cloister_kernel::TenantId;

    use super::*;

    #[test]
    fn few_events_go_with_the_commit_and_many_before_it() {
        let of =
            |count| SealedEvents { table: "events", columns: String::new(), rows: vec![Vec::new(); count] };
        for few in [0, 1, WITH_THE_COMMIT] {
            assert_eq!(of(few).into_calls().ok().map(|calls| calls.len()), Some(few));
        }
        for many in [WITH_THE_COMMIT + 1, 10_000] {
            assert_eq!(of(many).into_calls().err().map(|sealed| sealed.rows.len()), Some(many));
        }
    }

    #[test]
    fn an_event_of_a_clinic_is_never_written_without_its_details() {
        let environment = Environment::system();
        let of = |log| {
            let context = EventContext {
                log,
                at: environment.now(),
                actor: Actor::Anonymous,
                session_id: None,
                request_id: environment.id(),
                source: None,
                user_agent: None,
            };
            let event = EventDraft::success(ActionCode::ResultRead).into_event(environment.id(), context);
            seal(&environment, None, &[event]).map(drop)
        };
        let tenant: TenantId = environment.id();
        assert!(matches!(of(Log::Tenant(tenant)), Err(StoreError::TenantNotReady)));
        assert!(of(Log::Platform).is_ok());
    }
}
