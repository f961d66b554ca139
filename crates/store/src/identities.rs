//! How incoming resources are recognised: by clinic, record system and identity (design section 6).

use std::collections::{BTreeSet, HashMap};

use cloister_fhir::{EntryResult, Identity, Known, Operation, ResourceType};
use sea_orm::Value;
use uuid::Uuid;

use crate::{StoreError, core::Core, resources::Applied, statement::Row};

const IDENTITY: &str = "resource_identities.identity_hash";

/// What is known of the identities that were asked for.
#[derive(Default)]
pub(crate) struct KnownIdentities(HashMap<Identity, Known>);

impl KnownIdentities {
    pub(crate) fn get(&self, identity: &Identity) -> Option<Known> {
        self.0.get(identity).copied()
    }
}

impl Core {
    /// The digest under which an identity is kept.
    pub(crate) fn identity_hash(&self, identity: &Identity) -> Result<Vec<u8>, StoreError> {
        self.blind_index(IDENTITY, &identity.key())
    }

    /// Looks identities up among those of one record system. `Type/id` may also name what the platform answered with.
    pub(crate) async fn known_identities(
        &self,
        client: Uuid,
        wanted: BTreeSet<Identity>,
    ) -> Result<KnownIdentities, StoreError> {
        let mut by_hash: HashMap<Vec<u8>, Identity> = HashMap::with_capacity(wanted.len());
        let mut by_id: HashMap<Uuid, Vec<Identity>> = HashMap::new();
        for identity in wanted {
            if let Identity::Literal { id, .. } = &identity
                && let Ok(id) = Uuid::try_parse(id)
            {
                by_id.entry(id).or_default().push(identity.clone());
            }
            by_hash.insert(self.identity_hash(&identity)?, identity);
        }
        let mut known = HashMap::with_capacity(by_hash.len());
        let sql = "SELECT r.id, r.resource_type, r.patient_id, r.deleted FROM resources r \
                   WHERE r.tenant_id = $1 AND r.machine_client_id = $2 AND r.id IN ({set})";
        let ids = by_id.keys().map(|id| Value::from(*id)).collect();
        for row in self.rows_among(sql, &[client.into()], ids).await? {
            let found = known_of(&row)?;
            let named = by_id.remove(&found.id).unwrap_or_default();
            let of_type = |identity: &Identity| matches!(identity, Identity::Literal { resource_type, .. } if *resource_type == found.resource_type);
            known.extend(named.into_iter().filter(of_type).map(|identity| (identity, found)));
        }
        let sql = "SELECT i.identity_hash, r.id, r.resource_type, r.patient_id, r.deleted \
                   FROM resource_identities i \
                   JOIN resources r ON r.tenant_id = i.tenant_id AND r.id = i.resource_id \
                   WHERE i.tenant_id = $1 AND i.machine_client_id = $2 AND i.identity_hash IN ({set})";
        let hashes = by_hash.keys().map(|hash| Value::from(hash.clone())).collect();
        for row in self.rows_among(sql, &[client.into()], hashes).await? {
            if let Some(identity) = by_hash.remove(&row.get::<Vec<u8>>("identity_hash")?) {
                known.insert(identity, known_of(&row)?);
            }
        }
        Ok(KnownIdentities(known))
    }

    /// Keeps the names of what was written. A name that leads elsewhere already stays there, except that a resource's
    /// own identity can be taken once only: two transactions that both found it free cannot both commit.
    pub(crate) async fn keep_identities(
        &mut self,
        client: Uuid,
        known: &KnownIdentities,
        written: &[(&Operation, Applied)],
    ) -> Result<(), StoreError> {
        let now = self.now_microseconds();
        let (mut own, mut further) = (Vec::new(), Vec::new());
        for (operation, applied) in written {
            if !matches!(applied.result, EntryResult::Created | EntryResult::Updated) {
                continue;
            }
            for (position, name) in operation.names.iter().enumerate() {
                let temporary = matches!(name, Identity::FullUrl(url) if url.starts_with("urn:"));
                if known.get(name).is_some() || (position > 0 && temporary) {
                    continue;
                }
                let hash = self.identity_hash(name)?;
                let row: Vec<Value> = vec![client.into(), hash.into(), operation.id.into(), now.into()];
                if position == 0 { own.push(row) } else { further.push(row) }
            }
        }
        let columns = ["machine_client_id", "identity_hash", "resource_id", "created_at"];
        self.insert_rows("resource_identities", &columns, own, "").await?;
        self.insert_rows("resource_identities", &columns, further, "ON CONFLICT DO NOTHING").await
    }
}

fn known_of(row: &Row) -> Result<Known, StoreError> {
    let resource_type = ResourceType::parse(&row.get::<String>("resource_type")?)
        .ok_or(StoreError::Corrupt("resources.resource_type"))?;
    Ok(Known {
        id: row.get("id")?,
        resource_type,
        patient: row.get("patient_id")?,
        deleted: row.get("deleted")?,
    })
}
