//! How incoming resources are recognised: by clinic, record system and identity (design section 6).

use std::collections::HashMap;

use cloister_fhir::{BundlePlan, EntryResult, Identity, Known, Operation, ResourceType};
use sea_orm::Value;
use uuid::Uuid;

use crate::{
    StoreError,
    core::Core,
    intake::{Looked, Planned},
    resources::Applied,
    sealer::Sealer,
    statement::Row,
};

const IDENTITY: &str = "resource_identities.identity_hash";

/// What is kept under an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) known: Known,
    pub(crate) version: i64,
    pub(crate) content: Vec<u8>,
}

/// Names of resources to keep.
pub(crate) struct IdentityRows {
    /// Resources' own identities, each of which is new.
    own: Vec<Vec<Value>>,
    /// Further names, of which some may be taken.
    further: Vec<Vec<Value>>,
}

/// The digest under which an identity is kept, of every identity that a plan looks up or gives.
pub(crate) fn hashes(sealer: &Sealer, plan: &BundlePlan) -> Result<HashMap<Identity, Vec<u8>>, StoreError> {
    let mut hashes = HashMap::new();
    let lookups = plan.lookups();
    for identity in lookups.iter().chain(plan.names()) {
        if !hashes.contains_key(identity) {
            hashes.insert(identity.clone(), sealer.blind_index(IDENTITY, &identity.key())?);
        }
    }
    Ok(hashes)
}

impl IdentityRows {
    /// The names of what is written. A name that leads elsewhere already stays there, except that a resource's own
    /// identity can be taken once only: two transactions that both found it free cannot both commit.
    pub(crate) fn of(
        planned: &Planned,
        looked: &Looked,
        operations: &[Operation],
        applied: &[Applied],
    ) -> Self {
        let now = planned.sealer.now_microseconds();
        let client = planned.source.client;
        let (mut own, mut further) = (Vec::new(), Vec::new());
        for (operation, applied) in operations.iter().zip(applied) {
            if !matches!(applied.result, EntryResult::Created | EntryResult::Updated) {
                continue;
            }
            for (position, name) in operation.names.iter().enumerate() {
                let temporary = matches!(name, Identity::FullUrl(url) if url.starts_with("urn:"));
                if looked.known.contains_key(name) || (position > 0 && temporary) {
                    continue;
                }
                let Some(hash) = planned.hashes.get(name) else { continue };
                let row: Vec<Value> =
                    vec![client.into(), hash.clone().into(), operation.id.into(), now.into()];
                if position == 0 { own.push(row) } else { further.push(row) }
            }
        }
        Self { own, further }
    }
}

impl Core {
    /// Looks the plan's identities up among those of its record system. `Type/id` may also name what the platform
    /// answered with.
    pub(crate) async fn known_identities(
        &self,
        client: Uuid,
        planned: &Planned,
    ) -> Result<HashMap<Identity, Kept>, StoreError> {
        let wanted = planned.plan.lookups();
        let mut by_hash: HashMap<&[u8], &Identity> = HashMap::with_capacity(wanted.len());
        let mut by_id: HashMap<Uuid, Vec<&Identity>> = HashMap::new();
        for identity in &wanted {
            if let Identity::Literal { id, .. } = identity
                && let Ok(id) = Uuid::try_parse(id)
            {
                by_id.entry(id).or_default().push(identity);
            }
            if let Some(hash) = planned.hashes.get(identity) {
                by_hash.insert(hash, identity);
            }
        }
        let mut known = HashMap::with_capacity(by_hash.len());
        let sql = "SELECT r.id, r.resource_type, r.patient_id, r.deleted, r.version, r.content_hash \
                   FROM resources r WHERE r.tenant_id = $1 AND r.machine_client_id = $2 AND r.id IN ({set})";
        let ids = by_id.keys().map(|id| Value::from(*id)).collect();
        for row in self.rows_among(sql, &[client.into()], ids).await? {
            let found = kept_of(&row)?;
            let named = by_id.remove(&found.known.id).unwrap_or_default();
            let of_type = |identity: &&Identity| matches!(identity, Identity::Literal { resource_type, .. } if *resource_type == found.known.resource_type);
            known.extend(named.into_iter().filter(of_type).map(|identity| (identity.clone(), found.clone())));
        }
        let sql = "SELECT i.identity_hash, r.id, r.resource_type, r.patient_id, r.deleted, r.version, r.content_hash \
                   FROM resource_identities i \
                   JOIN resources r ON r.tenant_id = i.tenant_id AND r.id = i.resource_id \
                   WHERE i.tenant_id = $1 AND i.machine_client_id = $2 AND i.identity_hash IN ({set})";
        let hashes = by_hash.keys().map(|hash| Value::from(hash.to_vec())).collect();
        for row in self.rows_among(sql, &[client.into()], hashes).await? {
            if let Some(identity) = by_hash.get(row.get::<Vec<u8>>("identity_hash")?.as_slice()) {
                known.insert((*identity).clone(), kept_of(&row)?);
            }
        }
        Ok(known)
    }

    /// Keeps names.
    pub(crate) async fn write_identities(&mut self, rows: IdentityRows) -> Result<(), StoreError> {
        let columns = ["machine_client_id", "identity_hash", "resource_id", "created_at"];
        self.insert_rows("resource_identities", &columns, rows.own, "").await?;
        self.insert_rows("resource_identities", &columns, rows.further, "ON CONFLICT DO NOTHING").await
    }
}

fn kept_of(row: &Row) -> Result<Kept, StoreError> {
    let resource_type = ResourceType::parse(&row.get::<String>("resource_type")?)
        .ok_or(StoreError::Corrupt("resources.resource_type"))?;
    let known = Known {
        id: row.get("id")?,
        resource_type,
        patient: row.get("patient_id")?,
        deleted: row.get("deleted")?,
    };
    Ok(Kept { known, version: row.get("version")?, content: row.get("content_hash")? })
}
