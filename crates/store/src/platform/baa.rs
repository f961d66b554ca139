//! Business associate agreements on record. Rows are added, never changed: the newest counts.

use cloister_kernel::{OperatorId, Pii, TenantId};
use time::{Date, OffsetDateTime, format_description::well_known::Iso8601};
use uuid::Uuid;

use super::PlatformUnit;
use crate::{StoreError, statement::Row};

/// One agreement on record.
#[derive(Debug, Clone)]
pub struct BaaRow {
    /// The record's id.
    pub id: Uuid,
    /// With which clinic.
    pub tenant: TenantId,
    /// The clinic's legal name. A doctor's own name where the practice has no other: hence sealed.
    pub counterparty: Pii<String>,
    /// Where the signed document is kept.
    pub document_reference: String,
    /// The day it was signed.
    pub signed_on: Date,
    /// The last day it holds.
    pub expires_on: Date,
    /// Who recorded it.
    pub recorded_by: OperatorId,
    /// When it was recorded.
    pub created_at: OffsetDateTime,
}

fn day(row: &Row, column: &'static str) -> Result<Date, StoreError> {
    Date::parse(&row.get::<String>(column)?, &Iso8601::DATE).map_err(|_| StoreError::Corrupt(column))
}

/// The days of a tenant's newest agreement.
pub(crate) const NEWEST_AGREEMENT: &str = "SELECT signed_on, expires_on FROM baa_records WHERE tenant_id = $1 \
     ORDER BY created_at DESC, id DESC LIMIT 1";

/// Whether the agreement that was found, if any, holds on a day.
pub(crate) fn agreement_holds(newest: Option<Row>, today: Date) -> Result<bool, StoreError> {
    match newest {
        Some(row) => Ok(day(&row, "signed_on")? <= today && today <= day(&row, "expires_on")?),
        None => Ok(false),
    }
}

impl PlatformUnit {
    /// Records an agreement.
    ///
    /// # Errors
    /// `Conflict` when there is no such tenant.
    pub async fn insert_baa(&mut self, baa: &BaaRow) -> Result<(), StoreError> {
        let counterparty = baa.counterparty.expose().as_bytes();
        let sealed = self.seal("baa_records", "counterparty_sealed", baa.id, counterparty)?;
        self.execute(
            "INSERT INTO baa_records (id, tenant_id, counterparty_sealed, document_reference, signed_on, \
             expires_on, recorded_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            vec![
                baa.id.into(),
                baa.tenant.uuid().into(),
                sealed.into(),
                baa.document_reference.clone().into(),
                baa.signed_on.to_string().into(),
                baa.expires_on.to_string().into(),
                baa.recorded_by.uuid().into(),
                crate::statement::microseconds(baa.created_at).into(),
            ],
        )
        .await?;
        Ok(())
    }

    /// A tenant's newest agreement.
    ///
    /// # Errors
    /// `Keys` when the platform's key does not open; `Unavailable`.
    pub async fn newest_baa(&mut self, tenant: TenantId) -> Result<Option<BaaRow>, StoreError> {
        let sql = "SELECT id, counterparty_sealed, document_reference, signed_on, expires_on, recorded_by, \
                   created_at FROM baa_records WHERE tenant_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1";
        let Some(row) = self.row(sql, vec![tenant.uuid().into()]).await? else { return Ok(None) };
        let id: Uuid = row.get("id")?;
        let name =
            self.open("baa_records", "counterparty_sealed", id, &row.sealed("counterparty_sealed")?)?;
        let name = std::str::from_utf8(&name).map_err(|_| StoreError::Corrupt("counterparty_sealed"))?;
        Ok(Some(BaaRow {
            id,
            tenant,
            counterparty: Pii::new(name.to_owned()),
            document_reference: row.get("document_reference")?,
            signed_on: day(&row, "signed_on")?,
            expires_on: day(&row, "expires_on")?,
            recorded_by: OperatorId::from_uuid(row.get("recorded_by")?),
            created_at: row.moment("created_at")?,
        }))
    }
}
