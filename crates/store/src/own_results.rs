//! A patient's own results, read in one trip: the decision is made on foreseen facts, and one statement compares these with
//! the rows, writes the event and reads, or does nothing at all. See docs/adr/0011.
//!
//! The event's own columns say whose results are read: there is no other patient or result in the statement. Rows come back
//! only once the transaction is committed. Where anything is not as foreseen, the answer is `None`, nothing was written, and
//! the caller's unit of work decides and says why. So it does where the connection was lost, which leaves open whether the
//! event stands.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use std::sync::LazyLock;

use cloister_access::{
    Action, Caller, RevocationEpoch,
    action::{List, Read},
    decide,
    resource::LabResult,
};
use cloister_kernel::ResourceId;
use sea_orm::Value;
use uuid::Uuid;

use crate::{
    ResultRow, Store, StoreError,
    cursor::cursor_after,
    decision_event,
    events::COLUMNS,
    facts,
    named_statement::NamedStatement,
    results::{LONGEST_HISTORY, SealedResult, list_of, part_of},
    sealer::Sealer,
    statement::{Row, trace_statement},
    store::context_of,
};

/// `$1` to `$16` are the event's, as in `events::EVENT`: `$2` is its id, `$5` the caller's account, `$8` the result, `$9` the
/// patient. `$17` is the policy, `$18` the epoch of the session, `$19` how many rows are wanted.
const TYPES: &str = "uuid, uuid, bigint, text, uuid, text, text, uuid, uuid, text, text, text, uuid, uuid, bigint, bytea, \
                     text, bigint, bigint";

/// Names the clinic to row security. Nothing of a clinic is read but where this was evaluated before, as a condition that is
/// the same for all rows is checked before the first. Read too early, tables show nothing, or the clinic of the statement before
/// (see `group_commit.rs`), of which no row has this `tenant_id`.
const NAMED: &str =
    "tenant AS MATERIALIZED (SELECT set_config('cloister.tenant', CAST($1 AS text), TRUE) AS named)";
const IS_NAMED: &str = "(SELECT named FROM tenant) = CAST($1 AS text)";

/// All that the decision was made on. That a row is *not* there says nothing where it could not be seen, so CASE has the
/// clinic named first.
fn as_foreseen() -> String {
    format!(
        "{IS_NAMED} AND t.id = $1 AND t.status = 'active' AND NOT t.kill_switch AND t.policy_hash = $17 \
         AND u.tenant_id = $1 AND u.id = $5 AND u.status = 'active' AND u.kind = 'patient' \
         AND u.revocation_epoch = $18 AND u.patient_id = $9 \
         AND p.tenant_id = $1 AND p.id = $9 AND p.status = 'active' \
         AND CASE WHEN {IS_NAMED} THEN NOT EXISTS (SELECT 1 FROM role_assignments a WHERE a.tenant_id = $1 \
         AND a.user_id = $5 AND a.status = 'active' AND a.role <> 'patient') ELSE FALSE END"
    )
}

fn written() -> String {
    format!(
        "written AS (INSERT INTO events (tenant_id, {COLUMNS}) \
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16 FROM seen)"
    )
}

/// Whether a row of `resources` is a result that a chart shows.
fn is_result(row: &str) -> String {
    format!(
        "{row}.resource_type = 'Observation' AND NOT {row}.deleted \
         AND COALESCE({row}.status, '') <> 'entered-in-error'"
    )
}

/// The result's history, newest first; and after it the result itself where the history may not reach back to it. A result
/// without a code, which is like nothing else, is left to the unit of work.
static OWN_RESULT_TEXT: LazyLock<String> = LazyLock::new(|| {
    let (as_foreseen, written) = (as_foreseen(), written());
    let (is_result, is_like_it) = (is_result("x"), is_result("r"));
    format!(
        "WITH {NAMED}, seen AS MATERIALIZED (SELECT x.version, x.clinical_time, x.view_sealed, x.code_index \
         FROM tenants t, users u, patients p, resources x WHERE {as_foreseen} \
         AND x.tenant_id = $1 AND x.id = $8 AND x.patient_id = $9 AND x.code_index IS NOT NULL \
         AND {is_result}), {written}, history AS (SELECT r.id, r.version, r.clinical_time, r.view_sealed FROM resources r WHERE {IS_NAMED} \
         AND r.tenant_id = $1 AND r.patient_id = $9 AND r.code_index = (SELECT code_index FROM seen) AND {is_like_it} \
         ORDER BY r.clinical_time DESC NULLS LAST, r.id DESC LIMIT $19) \
         SELECT $2 AS event_id, FALSE AS is_older, id, version, clinical_time, view_sealed FROM history \
         UNION ALL SELECT $2, TRUE, $8, version, clinical_time, view_sealed FROM seen \
         WHERE (SELECT count(*) FROM history) = $19 \
         ORDER BY is_older, clinical_time DESC NULLS LAST, id DESC"
    )
});
pub(crate) static OWN_RESULT: LazyLock<NamedStatement> =
    LazyLock::new(|| NamedStatement { name: "cloister_own_result", types: TYPES, text: &OWN_RESULT_TEXT });

/// The newest results, those without a time last; a row without an id where there are none.
static OWN_RESULTS_TEXT: LazyLock<String> = LazyLock::new(|| {
    let (as_foreseen, written, is_result) = (as_foreseen(), written(), is_result("o"));
    format!(
        "WITH {NAMED}, seen AS MATERIALIZED (SELECT 1 FROM tenants t, users u, patients p WHERE {as_foreseen}), \
         {written} SELECT $2 AS event_id, r.id, r.version, r.clinical_time, r.view_sealed FROM seen LEFT JOIN LATERAL \
         (SELECT o.id, o.version, o.clinical_time, o.view_sealed FROM resources o WHERE {IS_NAMED} \
         AND o.tenant_id = $1 AND o.patient_id = $9 AND {is_result} \
         ORDER BY o.clinical_time DESC NULLS LAST, o.id DESC LIMIT $19) AS r ON TRUE \
         ORDER BY r.clinical_time DESC NULLS LAST, r.id DESC"
    )
});
pub(crate) static OWN_RESULTS: LazyLock<NamedStatement> =
    LazyLock::new(|| NamedStatement { name: "cloister_own_results", types: TYPES, text: &OWN_RESULTS_TEXT });

/// A result of the patient who asks, and the values of the same thing at all times.
pub struct OwnResult {
    id: ResourceId,
    /// The newest values, newest first.
    pub history: Vec<ResultRow>,
    /// The result, where the history may not reach back to it.
    older: Option<ResultRow>,
}

impl OwnResult {
    /// The result itself.
    ///
    /// # Errors
    /// `Corrupt`: it is not among the rows.
    pub fn result(&self) -> Result<&ResultRow, StoreError> {
        let mut rows = self.history.iter().chain(&self.older);
        rows.find(|row| row.id == self.id).ok_or(StoreError::Corrupt("resources.code_index"))
    }
}

/// The first part of the results of the patient who asks, and where to go on.
pub struct OwnResults {
    /// The items.
    pub items: Vec<ResultRow>,
    /// The cursor of the next part, if there is one.
    pub next_cursor: Option<String>,
}

impl Store {
    /// One result of the patient who asks, its event committed. `None` where the patient, the clinic or the result is not as
    /// foreseen: a unit of work answers then.
    ///
    /// # Errors
    /// `TenantNotReady`, `Keys`, `Unavailable`; `Keys` and `Corrupt` also where the event stands and a value did not open.
    pub async fn own_result(&self, caller: &Caller, id: ResourceId) -> Result<Option<OwnResult>, StoreError> {
        let read = self.read_as_foreseen::<Read>(caller, Some(id.uuid()), &OWN_RESULT, LONGEST_HISTORY);
        let Some(Seen { sealer, mut rows, .. }) = read.await? else { return Ok(None) };
        let older = rows.pop_if(|row| row.get("is_older").unwrap_or_default());
        let older = older.map(|row| opened(&sealer, &row)).transpose()?;
        let history = rows.iter().map(|row| opened(&sealer, row)).collect::<Result<_, _>>()?;
        Ok(Some(OwnResult { id, history, older }))
    }

    /// The newest results of the patient who asks, their event committed; `limit` is the most items. `None` as for
    /// [`Store::own_result`].
    ///
    /// # Errors
    /// As [`Store::own_result`].
    pub async fn own_results(&self, caller: &Caller, limit: u16) -> Result<Option<OwnResults>, StoreError> {
        let read = self.read_as_foreseen::<List>(caller, None, &OWN_RESULTS, i64::from(limit) + 1);
        let Some(Seen { sealer, patient, mut rows }) = read.await? else { return Ok(None) };
        if rows.first().is_some_and(|row| row.get::<Option<Uuid>>("id").is_ok_and(|id| id.is_none())) {
            rows.clear();
        }
        let next_cursor = part_of(&mut rows, limit)?
            .map(|last| cursor_after(&sealer, caller, &list_of(patient), &last.bytes()))
            .transpose()?;
        let items = rows.iter().map(|row| opened(&sealer, row)).collect::<Result<_, _>>()?;
        Ok(Some(OwnResults { items, next_cursor }))
    }

    /// Decides on what is foreseen of the caller, and runs the statement that reads only where that holds.
    async fn read_as_foreseen<A: Action>(
        &self,
        caller: &Caller,
        row: Option<Uuid>,
        statement: &'static NamedStatement,
        wanted: i64,
    ) -> Result<Option<Seen>, StoreError> {
        let Some(foreseen) = self.foresight().of(caller).await else { return Ok(None) };
        let (Some(RevocationEpoch(epoch)), Some(table)) = (caller.epoch(), self.compiled(foreseen.policy))
        else {
            return Ok(None);
        };
        let facts = facts::foreseen(caller, foreseen, row);
        let Ok(permit) = decide::<A, LabResult>(&table, caller, facts) else { return Ok(None) };
        let sealer = self.sealer(caller.tenant()).await?;
        let mut values = sealer.seal_event(context_of(caller), decision_event::allowed(&permit))?;
        values.extend::<[Value; 3]>([foreseen.policy.to_string().into(), epoch.into(), wanted.into()]);
        trace_statement();
        let call = statement.call(values);
        let Some(rows) = self.group_commit().run(&call).await? else { return Ok(None) };
        for row in &rows {
            if call.values.get(1) != Some(&row.get::<Uuid>("event_id")?.into()) {
                return Err(StoreError::Corrupt("events.id"));
            }
        }
        let patient = foreseen.patient.uuid();
        Ok(Some(Seen { sealer, patient, rows }).filter(|seen| !seen.rows.is_empty()))
    }
}

/// What was read, its event committed.
struct Seen {
    sealer: Sealer,
    patient: Uuid,
    rows: Vec<Row>,
}

fn opened(sealer: &Sealer, row: &Row) -> Result<ResultRow, StoreError> {
    SealedResult::of(sealer, row)?.open(sealer.data())
}
