//! FHIR resources as they are kept: sealed bodies and views beside the few facts that stand in clear.
//!
//! A body's place is bound to its version. When a new version replaces it, the row goes to `resource_versions` as it is,
//! still sealed for its place in `resources`. A deletion is a version of its own, with an empty body.

use std::collections::HashMap;

use cloister_access::{Permit, action::Read, resource::ClinicalResource};
use cloister_audit::{ActionCode, EventDraft, Term};
use cloister_fhir::{
    ContentHash, Effect, EntryResult, Operation, ResourceType, ResultView, category, clinical_time,
    code_tokens, workflow_status,
};
use cloister_kernel::{PatientId, Phi, ResourceId};
use cloister_vault::{Place, Purpose};
use sea_orm::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Pending, StoreError, UnitOfWork, core::Core, identities::Kept, intake::Looked, sealer::Sealer,
    statement::microseconds,
};

const CODE: &str = "resources.code_index";
const CONTENT: &str = "resources.content_hash";

/// What became of one operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Applied {
    pub(crate) result: EntryResult,
    pub(crate) version: Option<i64>,
}

/// A resource as a record system reads it back.
pub struct StoredResource {
    /// Its id.
    pub id: ResourceId,
    /// FHIR's resource type.
    pub resource_type: ResourceType,
    /// Its version, from 1.
    pub version: i64,
    /// When this version was received.
    pub received_at: OffsetDateTime,
    /// The resource, as JSON text.
    pub body: Phi<Vec<u8>>,
}

impl UnitOfWork<'_> {
    /// The resource that the permit names, unless it was deleted or is of another type.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn resource(
        &mut self,
        permit: Permit<Read, ClinicalResource>,
        resource_type: ResourceType,
    ) -> Result<Pending<StoredResource>, StoreError> {
        let id = self.row_of(&permit)?;
        let sql = "SELECT version, received_at, body_sealed FROM resources \
                   WHERE tenant_id = $1 AND id = $2 AND resource_type = $3 AND NOT deleted";
        let values: Vec<Value> = vec![id.into(), resource_type.as_str().into()];
        let row = self.core.row(sql, values).await?.ok_or(StoreError::NotFound)?;
        let (version, received_at) = (row.get("version")?, row.moment("received_at")?);
        let place = body_place(self.core.sealer(), id, version);
        Ok(self.core.pending_in(place, row.sealed("body_sealed")?, move |bytes| {
            let id = ResourceId::from_uuid(id);
            Ok(StoredResource { id, resource_type, version, received_at, body: Phi::new(bytes.to_vec()) })
        }))
    }
}

fn body_place(sealer: &Sealer, id: Uuid, version: i64) -> Place {
    sealer.place("resources", "body_sealed", id).with(version.to_be_bytes())
}

/// Where the view of a version stands.
pub(crate) fn view_place(sealer: &Sealer, id: Uuid, version: i64) -> Place {
    sealer.place("resources", "view_sealed", id).with(version.to_be_bytes())
}

/// The name of a FHIR type as events spell it: `medication_request`.
pub(crate) fn event_type(resource_type: ResourceType) -> Term {
    let mut spelt = String::new();
    for letter in resource_type.as_str().chars() {
        if letter.is_ascii_uppercase() && !spelt.is_empty() {
            spelt.push('_');
        }
        spelt.push(letter.to_ascii_lowercase());
    }
    Term::parse(spelt).unwrap_or_else(|_| Term::from("clinical_resource"))
}

/// The rows of resources to write, sealed.
pub(crate) struct ResourceRows {
    rows: Vec<Vec<Value>>,
    /// Those of which a version is kept already.
    replaced: Vec<Value>,
    /// The entries whose rows these are, in the same order.
    pub(crate) changed: Vec<usize>,
    /// The content digests, in the same order.
    pub(crate) contents: Vec<Vec<u8>>,
}

/// One row to write.
struct Version<'o> {
    operation: &'o Operation,
    version: i64,
    content: Vec<u8>,
    gone: bool,
}

impl ResourceRows {
    /// Works out what each operation does, with one event for each change. Equal content changes nothing.
    pub(crate) fn of(
        sealer: &Sealer,
        client: Uuid,
        operations: &[Operation],
        looked: &Looked,
        events: &mut Vec<EventDraft>,
    ) -> Result<(Self, Vec<Applied>), StoreError> {
        let current: HashMap<Uuid, &Kept> = looked.known.values().map(|kept| (kept.known.id, kept)).collect();
        let received_at = sealer.now_microseconds();
        let (mut rows, mut replaced) = (Vec::new(), Vec::new());
        let (mut changed, mut contents) = (Vec::new(), Vec::new());
        let mut all = Vec::with_capacity(operations.len());
        for operation in operations {
            let now = operation.known.and_then(|known| current.get(&known.id).copied());
            let (applied, version) = step(sealer, operation, now)?;
            all.push(applied);
            let Some(version) = version else { continue };
            note_change(events, operation, applied, now.and_then(|now| now.known.patient));
            if version.version > 1 {
                replaced.push(operation.id.into());
            }
            changed.push(operation.entry);
            contents.push(version.content.clone());
            rows.push(resource_row(sealer, client, received_at, version)?);
        }
        Ok((Self { rows, replaced, changed, contents }, all))
    }
}

fn content_index(sealer: &Sealer, content: Option<ContentHash>) -> Result<Vec<u8>, StoreError> {
    let text = content.map_or_else(|| "deleted".to_owned(), |content| const_hex::encode(content.as_bytes()));
    sealer.blind_index(CONTENT, &text)
}

fn step<'o>(
    sealer: &Sealer,
    operation: &'o Operation,
    now: Option<&Kept>,
) -> Result<(Applied, Option<Version<'o>>), StoreError> {
    let next = now.map_or(1, |now| now.version + 1);
    let (result, gone) = match operation.effect {
        Effect::Keep => {
            let version = now.map(|now| now.version);
            return Ok((Applied { result: EntryResult::Unchanged, version }, None));
        }
        Effect::AlreadyGone => {
            return Ok((Applied { result: EntryResult::Deleted, version: None }, None));
        }
        Effect::Delete => (EntryResult::Deleted, true),
        Effect::Create => (EntryResult::Created, false),
        Effect::Update => (EntryResult::Updated, false),
    };
    let content = content_index(sealer, operation.content.filter(|_| !gone))?;
    if let Some(now) = now
        && !gone
        && !now.known.deleted
        && now.content == content
        && now.known.patient == operation.patient
    {
        return Ok((Applied { result: EntryResult::Unchanged, version: Some(now.version) }, None));
    }
    let applied = Applied { result, version: Some(next) };
    Ok((applied, Some(Version { operation, version: next, content, gone })))
}

fn note_change(events: &mut Vec<EventDraft>, operation: &Operation, applied: Applied, was_of: Option<Uuid>) {
    let action = match applied.result {
        EntryResult::Created => ActionCode::ResourceCreated,
        EntryResult::Deleted => ActionCode::ResourceDeleted,
        _ => ActionCode::ResourceUpdated,
    };
    let about =
        |action| EventDraft::success(action).on(event_type(operation.resource_type), Some(operation.id));
    events.push(about(action).of_patient(operation.patient.map(PatientId::from_uuid)));
    // It left a chart in which it was wrong: that chart's log says so too.
    if let Some(was_of) = was_of.filter(|was_of| Some(*was_of) != operation.patient) {
        let retracted = about(ActionCode::ResourceDeleted).because("moved_to_another_chart");
        events.push(retracted.of_patient(PatientId::from_uuid(was_of)));
    }
}

fn resource_row(
    sealer: &Sealer,
    client: Uuid,
    received_at: i64,
    version: Version<'_>,
) -> Result<Vec<Value>, StoreError> {
    let Version { operation, version, content, gone } = version;
    let (id, resource_type) = (operation.id, operation.resource_type);
    let resource = operation.resource.as_ref().filter(|_| !gone);
    let body = match resource {
        Some(resource) => serde_json::to_vec(resource).map_err(|_| StoreError::Corrupt("resource"))?,
        None => Vec::new(),
    };
    let view = resource.filter(|_| resource_type == ResourceType::OBSERVATION).map(ResultView::of);
    let code = match (&view, resource) {
        (Some(view), _) => view_code(view),
        (None, Some(resource)) => code_tokens(resource).pop_first(),
        (None, None) => None,
    };
    let view = view
        .map(|view| {
            let text = serde_json::to_vec(&view).map_err(|_| StoreError::Corrupt("view"))?;
            sealer.seal_in(Purpose::Phi, &view_place(sealer, id, version), &text)
        })
        .transpose()?;
    Ok(vec![
        id.into(),
        resource_type.as_str().into(),
        resource.and_then(category).into(),
        operation.patient.into(),
        resource.and_then(|resource| clinical_time(resource_type, resource)).map(microseconds).into(),
        received_at.into(),
        version.into(),
        resource.and_then(|resource| workflow_status(resource_type, resource)).into(),
        code.map(|code| sealer.blind_index(CODE, &code)).transpose()?.into(),
        content.into(),
        sealer.seal_in(Purpose::Phi, &body_place(sealer, id, version), &body)?.into(),
        view.into(),
        gone.into(),
        client.into(),
    ])
}

impl Core {
    /// Writes the rows; what they replace goes to the older versions.
    pub(crate) async fn write_resources(&mut self, resources: ResourceRows) -> Result<(), StoreError> {
        let sql = "INSERT INTO resource_versions (tenant_id, resource_id, version, patient_id, content_hash, \
                   body_sealed, deleted, received_at, machine_client_id) \
                   SELECT tenant_id, id, version, patient_id, content_hash, body_sealed, deleted, received_at, \
                   machine_client_id FROM resources WHERE tenant_id = $1 AND id IN ({set})";
        self.execute_among(sql, &[], resources.replaced).await?;
        let columns = [
            "id",
            "resource_type",
            "category",
            "patient_id",
            "clinical_time",
            "received_at",
            "version",
            "status",
            "code_index",
            "content_hash",
            "body_sealed",
            "view_sealed",
            "deleted",
            "machine_client_id",
        ];
        let replacing: Vec<String> = columns[2..13].iter().map(|c| format!("{c} = excluded.{c}")).collect();
        let suffix = format!("ON CONFLICT (tenant_id, id) DO UPDATE SET {}", replacing.join(", "));
        self.insert_rows("resources", &columns, resources.rows, &suffix).await
    }

    /// The bodies of resources that are not deleted, opened to decide what is written and for nothing else.
    pub(crate) async fn bodies(&self, ids: Vec<Uuid>) -> Result<Vec<(Uuid, serde_json::Value)>, StoreError> {
        let sql = "SELECT id, version, body_sealed FROM resources \
                   WHERE tenant_id = $1 AND NOT deleted AND id IN ({set})";
        let rows = self.rows_among(sql, &[], ids.into_iter().map(Value::from).collect()).await?;
        rows.iter()
            .map(|row| {
                let (id, version) = (row.get("id")?, row.get("version")?);
                let place = body_place(self.sealer(), id, version);
                let text = self.open_in(&place, &row.sealed("body_sealed")?)?;
                Ok((
                    id,
                    serde_json::from_slice(&text)
                        .map_err(|_| StoreError::Corrupt("resources.body_sealed"))?,
                ))
            })
            .collect()
    }
}

/// What makes two results comparable: the code, LOINC before others; without one the name.
fn view_code(view: &ResultView) -> Option<String> {
    let reading = &view.reading;
    match &reading.code {
        Some(code) => Some(format!("{}|{code}", reading.code_system.as_deref().unwrap_or(""))),
        None => Some(reading.name.trim().to_lowercase()).filter(|name| !name.is_empty()),
    }
}
