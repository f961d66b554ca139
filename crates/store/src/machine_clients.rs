//! Record systems: who may push bundles in, with which keys, under which identifier systems.

use cloister_access::{
    Permit,
    action::{Create, Delete, List},
    resource::MachineClient,
};
use cloister_kernel::{MachineClientId, UserId};
use sea_orm::Value;
use time::OffsetDateTime;

use crate::{StoreError, UnitOfWork, VisitUnit, statement::Row};

/// The most registrations that are listed.
const LONGEST_LIST: i64 = 200;

/// A record system's registration.
#[derive(Debug, Clone)]
pub struct MachineClientRow {
    /// Its id, which is also its OAuth client id.
    pub id: MachineClientId,
    /// What the clinic calls it.
    pub name: String,
    /// Its public keys: a JSON Web Key Set (RFC 7517).
    pub jwks: String,
    /// The identifier systems by which its resources are recognised, in order of preference.
    pub identifier_systems: Vec<String>,
    /// The scopes that it may ask for, separated by blanks.
    pub scopes: String,
    /// Whether it was not removed.
    pub is_active: bool,
    /// The epoch that its tokens must be of.
    pub revocation_epoch: i64,
    /// When it was registered.
    pub created_at: OffsetDateTime,
}

/// What is registered.
#[derive(Debug, Clone, Copy)]
pub struct NewMachineClient<'n> {
    /// What the clinic calls it.
    pub name: &'n str,
    /// Its public keys, checked by the caller.
    pub jwks: &'n str,
    /// Absolute URIs, checked by the caller.
    pub identifier_systems: &'n [String],
    /// The scopes that it may ask for, separated by blanks.
    pub scopes: &'n str,
}

const COLUMNS: &str = "id, name, jwks, identifier_systems, scopes, status, revocation_epoch, created_at";

fn shown(row: &Row) -> Result<MachineClientRow, StoreError> {
    Ok(MachineClientRow {
        id: MachineClientId::from_uuid(row.get("id")?),
        name: row.get("name")?,
        jwks: row.get("jwks")?,
        identifier_systems: serde_json::from_str(&row.get::<String>("identifier_systems")?)
            .map_err(|_| StoreError::Corrupt("machine_clients.identifier_systems"))?,
        scopes: row.get("scopes")?,
        is_active: row.get::<String>("status")? == "active",
        revocation_epoch: row.get("revocation_epoch")?,
        created_at: row.moment("created_at")?,
    })
}

impl UnitOfWork<'_> {
    /// Registers a record system.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn register_machine_client(
        &mut self,
        permit: Permit<Create, MachineClient>,
        client: NewMachineClient<'_>,
    ) -> Result<MachineClientRow, StoreError> {
        self.check(&permit)?;
        let id: MachineClientId = self.core.environment().id();
        let systems = serde_json::to_string(client.identifier_systems)
            .map_err(|_| StoreError::Corrupt("machine_clients.identifier_systems"))?;
        let values: Vec<Value> = vec![
            id.uuid().into(),
            client.name.into(),
            client.jwks.into(),
            systems.into(),
            client.scopes.into(),
            self.caller().user().map(UserId::uuid).into(),
            self.core.now_microseconds().into(),
        ];
        let sql = format!(
            "INSERT INTO machine_clients (tenant_id, id, name, jwks, identifier_systems, scopes, status, created_by, \
             created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, 'active', $7, $8, $8) RETURNING {COLUMNS}"
        );
        let rows = self.core.returning(&sql, values).await?;
        self.core.name_row(id.uuid());
        rows.first().map(shown).transpose()?.ok_or(StoreError::NotFound)
    }

    /// The record systems that are registered now, in the order they were.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn machine_clients(
        &mut self,
        permit: Permit<List, MachineClient>,
    ) -> Result<Vec<MachineClientRow>, StoreError> {
        self.check(&permit)?;
        let sql = format!(
            "SELECT {COLUMNS} FROM machine_clients WHERE tenant_id = $1 AND status = 'active' \
             ORDER BY created_at, id LIMIT $2"
        );
        self.core.rows(&sql, vec![LONGEST_LIST.into()]).await?.iter().map(shown).collect()
    }

    /// Removes a record system. What it sent stays; its tokens are dead at once.
    ///
    /// # Errors
    /// `NotFound` when it was removed already.
    pub async fn remove_machine_client(
        &mut self,
        permit: Permit<Delete, MachineClient>,
    ) -> Result<(), StoreError> {
        let id = self.row_of(&permit)?;
        let now = self.core.now_microseconds();
        let sql = "UPDATE machine_clients SET status = 'revoked', revocation_epoch = revocation_epoch + 1, \
                   revoked_at = $3, updated_at = $3 WHERE tenant_id = $1 AND id = $2 AND status = 'active'";
        match self.core.execute(sql, vec![id.into(), now.into()]).await? {
            0 => Err(StoreError::NotFound),
            _ => Ok(()),
        }
    }
}

impl VisitUnit<'_> {
    /// A record system that asks for a token, removed ones too.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn machine_client(&self, id: MachineClientId) -> Result<Option<MachineClientRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM machine_clients WHERE tenant_id = $1 AND id = $2");
        self.core.row(&sql, vec![id.uuid().into()]).await?.as_ref().map(shown).transpose()
    }
}
