//! Tenants as the platform knows them, outside any tenant.

use std::str::FromStr;

use cloister_kernel::{OperatorId, Pii, TenantId};
use cloister_vault::SealedValue;
use sea_orm::Value;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{PlatformStore, PlatformUnit};
use crate::{StoreError, statement::Row};

/// More than any cursor needs.
const LONGEST_CURSOR: usize = 512;

/// Where a tenant stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TenantStatus {
    /// Being created; not yet a tenant to anybody but the onboarding.
    Onboarding,
    /// Whole, but closed to patients and staff until it is activated.
    Draft,
    /// Open.
    Active,
    /// Closed, its data kept.
    Suspended,
}

impl TenantStatus {
    /// The spelling used in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Onboarding => "onboarding",
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

impl FromStr for TenantStatus {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let all = [Self::Onboarding, Self::Draft, Self::Active, Self::Suspended];
        all.into_iter().find(|status| status.as_str() == text).ok_or(UnknownWord)
    }
}

/// How far a tenant's owner has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerState {
    /// Nobody was invited.
    None,
    /// An invitation is on its way or waits.
    Invited,
    /// The owner has an account.
    Active,
}

impl OwnerState {
    /// The spelling used in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Invited => "invited",
            Self::Active => "active",
        }
    }
}

impl FromStr for OwnerState {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let all = [Self::None, Self::Invited, Self::Active];
        all.into_iter().find(|state| state.as_str() == text).ok_or(UnknownWord)
    }
}

/// The text is no word of this vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a known word")]
pub struct UnknownWord;

/// A tenant's row.
#[derive(Debug, Clone)]
pub struct TenantRow {
    /// Its id.
    pub id: TenantId,
    /// Its DNS label.
    pub slug: String,
    /// The spelling shared by every slug that looks like this one.
    pub slug_skeleton: String,
    /// The clinic's name.
    pub name: String,
    /// Where it stands.
    pub status: TenantStatus,
    /// The region its data is placed in.
    pub region: String,
    /// Its IANA time zone.
    pub time_zone: String,
    /// `en` or `es`.
    pub default_locale: String,
    /// Colors and logo, as JSON.
    pub branding: String,
    /// The key-service key of the tenant's data.
    pub kms_key: Option<String>,
    /// The access policy in force, by its hash; empty when there is none.
    pub policy_hash: String,
    /// How far the owner has come.
    pub owner: OwnerState,
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// When it was activated.
    pub activated_at: Option<OffsetDateTime>,
}

/// Which tenants to list.
#[derive(Debug, Clone, Copy)]
pub struct TenantPage {
    /// Only those of this status; none for all that are whole.
    pub status: Option<TenantStatus>,
    /// Only those after this id.
    pub after: Option<TenantId>,
    /// At most this many.
    pub limit: u32,
}

/// The person at the clinic who signs the agreement and receives what its owner must confirm.
#[derive(Debug, Clone)]
pub struct TenantContact {
    /// The person's name.
    pub name: Pii<String>,
    /// The person's email.
    pub email: Pii<String>,
}

/// The contact as sealed: JSON, one value of one column.
#[derive(serde::Serialize, serde::Deserialize)]
struct ContactText {
    name: String,
    email: String,
}

const COLUMNS: &str = "id, slug, slug_skeleton, name, status, region, time_zone, default_locale, branding, kms_key, \
                       policy_hash, owner_state, created_at, activated_at";

fn tenant(row: &Row) -> Result<TenantRow, StoreError> {
    Ok(TenantRow {
        id: TenantId::from_uuid(row.get("id")?),
        slug: row.get("slug")?,
        slug_skeleton: row.get("slug_skeleton")?,
        name: row.get("name")?,
        status: row.word("status")?,
        region: row.get("region")?,
        time_zone: row.get("time_zone")?,
        default_locale: row.get("default_locale")?,
        branding: row.get("branding")?,
        kms_key: row.get("kms_key")?,
        policy_hash: row.get("policy_hash")?,
        owner: row.word("owner_state")?,
        created_at: row.moment("created_at")?,
        activated_at: row.moment_or_none("activated_at")?,
    })
}

fn contact(
    row: &Row,
    open: impl FnOnce(&SealedValue) -> Opened,
) -> Result<Option<TenantContact>, StoreError> {
    let Some(sealed) = row.sealed_or_none("contact_sealed")? else { return Ok(None) };
    let text: ContactText =
        serde_json::from_slice(&open(&sealed)?).map_err(|_| StoreError::Corrupt("tenants.contact_sealed"))?;
    Ok(Some(TenantContact { name: Pii::new(text.name), email: Pii::new(text.email) }))
}

type Opened = Result<Zeroizing<Vec<u8>>, StoreError>;

impl PlatformStore {
    /// A tenant's public side, for whoever serves its hosts: no event is written.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn tenant(&self, id: TenantId) -> Result<Option<TenantRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tenants WHERE id = $1");
        self.row(&sql, vec![id.uuid().into()]).await?.as_ref().map(tenant).transpose()
    }

    /// The contact of a tenant's agreement, for the worker that writes to them.
    ///
    /// # Errors
    /// `Keys` when the platform's key does not open; `Unavailable`.
    pub async fn tenant_contact(&self, id: TenantId) -> Result<Option<TenantContact>, StoreError> {
        let sql = "SELECT contact_sealed FROM tenants WHERE id = $1";
        let Some(row) = self.row(sql, vec![id.uuid().into()]).await? else { return Ok(None) };
        let Some(sealed) = row.sealed_or_none("contact_sealed")? else { return Ok(None) };
        let opened = self.open("tenants", "contact_sealed", id.uuid(), &sealed).await;
        contact(&row, |_| opened)
    }

    /// Notes that a tenant's owner has an account: the worker's or the activation's last step. No event is written
    /// here; the clinic's own log has it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn owner_activated(&self, id: TenantId) -> Result<(), StoreError> {
        let sql = "UPDATE tenants SET owner_state = 'active', updated_at = $2 WHERE id = $1";
        let now = crate::statement::microseconds(self.environment.now());
        self.database.execute(sql, vec![id.uuid().into(), now.into()]).await?;
        Ok(())
    }
}

impl PlatformUnit {
    /// Adds a tenant with its contact, which is sealed.
    ///
    /// # Errors
    /// `Conflict` when its slug, or one that looks like it, was taken meanwhile.
    pub async fn insert_tenant(
        &mut self,
        tenant: &TenantRow,
        contact: &TenantContact,
    ) -> Result<(), StoreError> {
        let text = ContactText { name: contact.name.expose().clone(), email: contact.email.expose().clone() };
        let text = Zeroizing::new(
            serde_json::to_vec(&text).map_err(|_| StoreError::Corrupt("tenants.contact_sealed"))?,
        );
        let sealed = self.seal("tenants", "contact_sealed", tenant.id.uuid(), &text)?;
        let created_at = crate::statement::microseconds(tenant.created_at);
        self.execute(
            "INSERT INTO tenants (id, slug, slug_skeleton, name, status, region, time_zone, default_locale, \
             branding, contact_sealed, kms_key, policy_hash, owner_state, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)",
            vec![
                tenant.id.uuid().into(),
                tenant.slug.clone().into(),
                tenant.slug_skeleton.clone().into(),
                tenant.name.clone().into(),
                tenant.status.as_str().into(),
                tenant.region.clone().into(),
                tenant.time_zone.clone().into(),
                tenant.default_locale.clone().into(),
                tenant.branding.clone().into(),
                sealed.into(),
                tenant.kms_key.clone().into(),
                tenant.policy_hash.clone().into(),
                tenant.owner.as_str().into(),
                created_at.into(),
            ],
        )
        .await?;
        Ok(())
    }

    /// Whether a slug that looks like this one is, or ever was, a tenant's.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn slug_taken(&mut self, skeleton: &str) -> Result<bool, StoreError> {
        let sql = "SELECT slug FROM tenants WHERE slug_skeleton = $1 \
                   UNION ALL SELECT slug FROM retired_slugs WHERE slug_skeleton = $1";
        Ok(self.row(sql, vec![skeleton.into()]).await?.is_some())
    }

    /// A tenant by its id, whatever its status.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn tenant(&mut self, id: TenantId) -> Result<Option<TenantRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tenants WHERE id = $1");
        self.row(&sql, vec![id.uuid().into()]).await?.as_ref().map(tenant).transpose()
    }

    /// Tenants in the order of their ids. Those still in onboarding show only when asked for.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn tenants(&mut self, page: TenantPage) -> Result<Vec<TenantRow>, StoreError> {
        let mut values: Vec<Value> = vec![i64::from(page.limit).into()];
        let mut conditions = Vec::new();
        match page.status {
            Some(status) => {
                values.push(status.as_str().into());
                conditions.push(format!("status = ${}", values.len()));
            }
            None => conditions.push("status <> 'onboarding'".to_owned()),
        }
        if let Some(after) = page.after {
            values.push(after.uuid().into());
            conditions.push(format!("id > ${}", values.len()));
        }
        let sql =
            format!("SELECT {COLUMNS} FROM tenants WHERE {} ORDER BY id LIMIT $1", conditions.join(" AND "));
        self.rows(&sql, values).await?.iter().map(tenant).collect()
    }

    /// A cursor that continues a list of tenants after one of them, good for this operator and this filter only.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn tenant_cursor(
        &self,
        operator: OperatorId,
        status: Option<TenantStatus>,
        last: TenantId,
    ) -> Result<String, StoreError> {
        let position = format!("{} {last}", status.map_or("any", TenantStatus::as_str));
        let sealed = self.seal("tenants", "cursor", operator.uuid(), position.as_bytes())?;
        Ok(SealedValue::from_bytes(sealed)?.to_text())
    }

    /// The position in a cursor that this operator got for this filter.
    ///
    /// # Errors
    /// `Cursor`, the same for every reason.
    pub fn tenant_position(
        &self,
        operator: OperatorId,
        status: Option<TenantStatus>,
        cursor: &str,
    ) -> Result<TenantId, StoreError> {
        let read = || {
            let sealed = SealedValue::from_text(cursor, LONGEST_CURSOR).ok()?;
            let opened = self.open("tenants", "cursor", operator.uuid(), &sealed).ok()?;
            let (list, last) = std::str::from_utf8(&opened).ok()?.split_once(' ')?;
            if list == status.map_or("any", TenantStatus::as_str) { last.parse().ok() } else { None }
        };
        read().ok_or(StoreError::Cursor)
    }

    /// Waits for whoever else holds the tenant, and keeps others waiting until this unit ends.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) async fn hold_tenant(&mut self, id: TenantId) -> Result<(), StoreError> {
        self.execute("UPDATE tenants SET version = version WHERE id = $1", vec![id.uuid().into()]).await?;
        Ok(())
    }

    /// Completes an onboarding: the tenant becomes a draft under its key. Says whether it was in onboarding.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn complete_tenant(&mut self, id: TenantId, kms_key: &str) -> Result<bool, StoreError> {
        let sql = "UPDATE tenants SET status = 'draft', kms_key = $2, updated_at = $3, version = version + 1 \
                   WHERE id = $1 AND status = 'onboarding'";
        let values = vec![id.uuid().into(), kms_key.into(), self.now_microseconds().into()];
        Ok(self.execute(sql, values).await? == 1)
    }

    /// Opens a draft. Says whether it was one.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn activate_tenant(&mut self, id: TenantId) -> Result<bool, StoreError> {
        let sql = "UPDATE tenants SET status = 'active', activated_at = $2, updated_at = $2, \
                   version = version + 1 WHERE id = $1 AND status = 'draft'";
        let values = vec![id.uuid().into(), self.now_microseconds().into()];
        Ok(self.execute(sql, values).await? == 1)
    }

    /// Notes that an owner's invitation was ordered. Says whether the tenant had no active owner.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn owner_invited(&mut self, id: TenantId) -> Result<bool, StoreError> {
        let sql = "UPDATE tenants SET owner_state = 'invited', updated_at = $2 \
                   WHERE id = $1 AND owner_state <> 'active'";
        let values = vec![id.uuid().into(), self.now_microseconds().into()];
        Ok(self.execute(sql, values).await? == 1)
    }

    /// Removes a tenant that is still in onboarding, with its hosts. Any other is left alone.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn remove_unfinished_tenant(&mut self, id: TenantId) -> Result<(), StoreError> {
        let unfinished = "SELECT id FROM tenants WHERE id = $1 AND status = 'onboarding'";
        let id = || -> Vec<Value> { vec![id.uuid().into()] };
        self.execute(&format!("DELETE FROM hosts WHERE tenant_id IN ({unfinished})"), id()).await?;
        self.execute("DELETE FROM tenants WHERE id = $1 AND status = 'onboarding'", id()).await?;
        Ok(())
    }
}
