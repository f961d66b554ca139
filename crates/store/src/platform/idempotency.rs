//! Which requests were made under which idempotency key, and what came of them. Neither key nor body is stored.

use cloister_kernel::OperatorId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::PlatformUnit;
use crate::{StoreError, statement::microseconds};

/// A request made under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRow {
    /// Who made it.
    pub operator: OperatorId,
    /// SHA-256 of the key, in hexadecimal.
    pub key: String,
    /// The operation.
    pub route: String,
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
    /// The status it was answered with; none while it is under way.
    pub status: Option<u16>,
    /// What it made.
    pub resource: Option<Uuid>,
}

impl PlatformUnit {
    /// The request made under a key, unless it has expired.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn idempotency_record(
        &mut self,
        operator: OperatorId,
        key: &str,
    ) -> Result<Option<IdempotencyRow>, StoreError> {
        let sql = "SELECT route, request_hash, status, resource_id FROM idempotency_records \
                   WHERE operator_id = $1 AND idempotency_key = $2 AND expires_at > $3";
        let values = vec![operator.uuid().into(), key.into(), self.now_microseconds().into()];
        let Some(row) = self.row(sql, values).await? else { return Ok(None) };
        let status = row.get::<Option<i64>>("status")?.map(u16::try_from).transpose();
        Ok(Some(IdempotencyRow {
            operator,
            key: key.to_owned(),
            route: row.get("route")?,
            request_hash: row
                .get::<Vec<u8>>("request_hash")?
                .try_into()
                .map_err(|_| StoreError::Corrupt("idempotency_records.request_hash"))?,
            status: status.map_err(|_| StoreError::Corrupt("idempotency_records.status"))?,
            resource: row.get("resource_id")?,
        }))
    }

    /// Adds a record, in place of an expired one of the same key.
    ///
    /// # Errors
    /// `Conflict` when somebody used the key meanwhile.
    pub async fn insert_idempotency_record(
        &mut self,
        record: &IdempotencyRow,
        expires_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let now = self.now_microseconds();
        self.execute("DELETE FROM idempotency_records WHERE expires_at <= $1", vec![now.into()]).await?;
        self.execute(
            "INSERT INTO idempotency_records (operator_id, idempotency_key, route, request_hash, status, \
             resource_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            vec![
                record.operator.uuid().into(),
                record.key.clone().into(),
                record.route.clone().into(),
                record.request_hash.to_vec().into(),
                record.status.map(i64::from).into(),
                record.resource.into(),
                now.into(),
                microseconds(expires_at).into(),
            ],
        )
        .await?;
        Ok(())
    }

    /// Writes down how the request that made a resource was answered.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn settle_idempotency_record(&mut self, resource: Uuid, status: u16) -> Result<(), StoreError> {
        let sql = "UPDATE idempotency_records SET status = $2 WHERE resource_id = $1";
        self.execute(sql, vec![resource.into(), i64::from(status).into()]).await?;
        Ok(())
    }

    /// Forgets the request that was to make a resource, so that it can be made again.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn forget_idempotency_record(&mut self, resource: Uuid) -> Result<(), StoreError> {
        self.execute("DELETE FROM idempotency_records WHERE resource_id = $1", vec![resource.into()]).await?;
        Ok(())
    }
}
