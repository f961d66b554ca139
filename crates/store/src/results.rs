//! Results: lists, one result, and its history, by sealed views.

use cloister_access::{
    Permit,
    action::{List, Read},
    resource::LabResult,
};
use cloister_fhir::ResultView;
use cloister_kernel::{Phi, ResourceId};
use cloister_vault::{KeyRing, Place, SealedValue};
use sea_orm::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    CursorQuery, Pending, StoreError, UnitOfWork, named_statement::NamedStatement, resources::view_place,
    sealer::Sealer, statement::Row,
};

/// The most values of a history.
pub(crate) const LONGEST_HISTORY: i64 = 200;

/// Which resources `r` are results that a chart shows: not deleted, not entered in error, of a patient who is there.
pub(crate) const VISIBLE: &str = "r.resource_type = 'Observation' AND NOT r.deleted \
     AND COALESCE(r.status, '') <> 'entered-in-error' AND EXISTS (SELECT 1 FROM patients v \
     WHERE v.tenant_id = $1 AND v.id = r.patient_id AND v.status = 'active')";

const COLUMNS: &str = "r.id, r.version, r.clinical_time, r.view_sealed";

/// The result `$2` of the patient `$3` in place 0, and from place 1 on what has its code, newest first, itself among it:
/// one statement for one look at one result.
fn with_history() -> String {
    let newest_first = "ORDER BY r.clinical_time DESC NULLS LAST, r.id DESC";
    format!(
        "SELECT {COLUMNS}, CAST(0 AS bigint) AS place FROM resources r \
         WHERE r.tenant_id = $1 AND r.id = $2 AND r.patient_id = $3 AND {VISIBLE} \
         UNION ALL SELECT * FROM (SELECT {COLUMNS}, row_number() OVER ({newest_first}) AS place FROM resources r \
         WHERE r.tenant_id = $1 AND r.patient_id = $3 AND r.code_index = (SELECT s.code_index FROM resources s \
         WHERE s.tenant_id = $1 AND s.id = $2 AND s.patient_id = $3) AND {VISIBLE} \
         {newest_first} LIMIT $4) AS history"
    )
}

/// How the caller `$3` stands to the patient of the resource `$2`, and the results that have its code, newest first, by
/// one statement, each of whose parts is one look into an index, whatever PostgreSQL takes the tables to hold. Whether those are of the patient whom a permit names is compared when they are taken.
pub(crate) static RESULT_AHEAD: NamedStatement = NamedStatement {
    name: "cloister_result",
    types: "uuid, uuid, uuid, bigint",
    text: "SELECT s.patient_id, s.on_panel, s.patient_status, r.id, r.version, r.clinical_time, r.view_sealed \
           FROM (SELECT x.patient_id, x.code_index, \
           EXISTS (SELECT 1 FROM panel_members m WHERE m.tenant_id = $1 AND m.patient_id = x.patient_id \
           AND m.user_id = $3) AS on_panel, \
           (SELECT v.status FROM patients v WHERE v.tenant_id = $1 AND v.id = x.patient_id) AS patient_status \
           FROM resources x WHERE x.tenant_id = $1 AND x.id = $2 LIMIT 1) AS s \
           LEFT JOIN resources r ON r.tenant_id = $1 AND r.patient_id = s.patient_id AND r.code_index = s.code_index \
           AND r.resource_type = 'Observation' AND NOT r.deleted AND COALESCE(r.status, '') <> 'entered-in-error' \
           ORDER BY r.clinical_time DESC NULLS LAST, r.id DESC LIMIT $4",
};

/// One result.
pub struct ResultRow {
    /// Its id.
    pub id: ResourceId,
    /// When it was measured, to sort by.
    pub clinical_time: Option<OffsetDateTime>,
    /// What a reader sees.
    pub view: Phi<ResultView>,
}

/// A result, and the values of the same thing at all times, newest first.
pub type ResultAndHistory = (Pending<ResultRow>, Vec<Pending<ResultRow>>);

/// A part of a list, and where to go on.
pub struct ListPage<T> {
    /// The items.
    pub items: Vec<Pending<T>>,
    /// The cursor of the next part, if there is one.
    pub next_cursor: Option<String>,
}

impl UnitOfWork<'_> {
    /// The results of the record that the permit names, newest first, those without a time last. `limit` is the most
    /// items of a part.
    ///
    /// # Errors
    /// `Cursor`.
    pub async fn results(
        &mut self,
        permit: Permit<List, LabResult>,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<ListPage<ResultRow>, StoreError> {
        let patient = self.patient_of(&permit)?.uuid();
        let query = list_of(patient);
        let mut values: Vec<Value> = vec![patient.into(), (i64::from(limit) + 1).into()];
        let after = match cursor.map(|cursor| self.position(&query, cursor)).transpose()? {
            None => "",
            Some(position) => {
                let position = Position::read(&position)?;
                values.push(position.id.into());
                match position.time {
                    None => "AND r.clinical_time IS NULL AND r.id < $4",
                    Some(time) => {
                        values.push(time.into());
                        "AND (r.clinical_time < $5 OR (r.clinical_time = $5 AND r.id < $4) \
                         OR r.clinical_time IS NULL)"
                    }
                }
            }
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM resources r WHERE r.tenant_id = $1 AND r.patient_id = $2 AND {VISIBLE} {after} \
             ORDER BY r.clinical_time DESC NULLS LAST, r.id DESC LIMIT $3"
        );
        let mut rows = self.core.rows(&sql, values).await?;
        let next_cursor =
            part_of(&mut rows, limit)?.map(|position| self.cursor(&query, &position.bytes())).transpose()?;
        let items = rows.iter().map(|row| self.shown(row)).collect::<Result<_, _>>()?;
        Ok(ListPage { items, next_cursor })
    }

    /// The result that the permit names, and what its history holds.
    ///
    /// # Errors
    /// `NotFound`: it is of no record, of another type, deleted or entered in error.
    pub async fn result(&mut self, permit: Permit<Read, LabResult>) -> Result<ResultAndHistory, StoreError> {
        let id = self.row_of(&permit)?;
        let patient = permit.patient().ok_or(StoreError::NotFound)?;
        if let Some(rows) = self.take_ahead().and_then(|ahead| ahead.result(id))
            && let Some(found) = self.shown_ahead(&rows, id, patient.uuid())?
        {
            return Ok(found);
        }
        let values: Vec<Value> = vec![id.into(), patient.uuid().into(), LONGEST_HISTORY.into()];
        let mut rows = self.core.rows(&with_history(), values).await?;
        let position = rows.iter().position(|row| row.get::<i64>("place").is_ok_and(|place| place == 0));
        let row = rows.swap_remove(position.ok_or(StoreError::NotFound)?);
        // Without a code it is like nothing else: its history is itself.
        if rows.is_empty() {
            return Ok((self.shown(&row)?, vec![self.shown(&row)?]));
        }
        rows.sort_by_key(|row| row.get::<i64>("place").unwrap_or(i64::MAX));
        let history = rows.iter().map(|row| self.shown(row)).collect::<Result<_, _>>()?;
        Ok((self.shown(&row)?, history))
    }

    /// A result and its history from rows that were read ahead. `None` where the result is not among them: it has no
    /// code, is older than the longest history, or is not shown in the patient's chart.
    fn shown_ahead(
        &self,
        rows: &[Row],
        id: Uuid,
        patient: Uuid,
    ) -> Result<Option<ResultAndHistory>, StoreError> {
        let mut found = None;
        let mut history = Vec::with_capacity(rows.len());
        for row in rows {
            let of_chart = row.get::<Option<Uuid>>("patient_id")? == Some(patient)
                && row.get::<Option<String>>("patient_status")?.as_deref() == Some("active");
            let Some(of_row) = row.get::<Option<Uuid>>("id")?.filter(|_| of_chart) else { return Ok(None) };
            if of_row == id {
                found = Some(self.shown(row)?);
            }
            history.push(self.shown(row)?);
        }
        Ok(found.map(|result| (result, history)))
    }

    fn shown(&self, row: &Row) -> Result<Pending<ResultRow>, StoreError> {
        let sealed = SealedResult::of(self.core.sealer(), row)?;
        Ok(self.core.pending_with(move |ring| sealed.open(ring)))
    }
}

/// The rows of a list's part out of those that were read, one more than wanted if there are more, and the position of the
/// last where there are.
pub(crate) fn part_of(rows: &mut Vec<Row>, limit: u16) -> Result<Option<Position>, StoreError> {
    let more = rows.len() > usize::from(limit);
    rows.truncate(usize::from(limit));
    let Some(last) = rows.last().filter(|_| more) else { return Ok(None) };
    Ok(Some(Position { time: last.get("clinical_time")?, id: last.get("id")? }))
}

/// A list of a patient's results, for cursors.
pub(crate) fn list_of(patient: Uuid) -> CursorQuery {
    CursorQuery::new("results").with(patient.as_bytes())
}

/// A row's result, still sealed: where it stands, and what is to be opened there.
pub(crate) struct SealedResult {
    id: Uuid,
    clinical_time: Option<OffsetDateTime>,
    place: Place,
    view: SealedValue,
}

impl SealedResult {
    pub(crate) fn of(sealer: &Sealer, row: &Row) -> Result<Self, StoreError> {
        let id: Uuid = row.get("id")?;
        Ok(Self {
            id,
            clinical_time: row.moment_or_none("clinical_time")?,
            place: view_place(sealer, id, row.get("version")?),
            view: row.sealed("view_sealed")?,
        })
    }

    /// Opens it, once its event is committed.
    pub(crate) fn open(&self, ring: &KeyRing) -> Result<ResultRow, StoreError> {
        let bytes = ring.open(&self.place, &self.view)?;
        let view =
            serde_json::from_slice(&bytes).map_err(|_| StoreError::Corrupt("resources.view_sealed"))?;
        Ok(ResultRow {
            id: ResourceId::from_uuid(self.id),
            clinical_time: self.clinical_time,
            view: Phi::new(view),
        })
    }
}

/// The last row of a part.
pub(crate) struct Position {
    time: Option<i64>,
    id: Uuid,
}

impl Position {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.id.as_bytes().to_vec();
        bytes.extend(self.time.iter().flat_map(|time| time.to_be_bytes()));
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let (id, time) = bytes.split_at_checked(16).ok_or(StoreError::Cursor)?;
        let time = match time {
            [] => None,
            time => Some(i64::from_be_bytes(time.try_into().map_err(|_| StoreError::Cursor)?)),
        };
        Ok(Self { time, id: Uuid::from_slice(id).map_err(|_| StoreError::Cursor)? })
    }
}
