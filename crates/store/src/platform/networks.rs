//! Networks of clinics from which more calls are let through than from others.

use cloister_kernel::{
    ClinicNetwork, MOST_RAISED_NETWORKS, OperatorId, Pii, RaisedNetwork, SourceLimits, TenantId,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{PlatformStore, PlatformUnit};
use crate::{
    StoreError,
    statement::{Row, microseconds},
};

/// A raised network as operators see it.
#[derive(Debug, Clone)]
pub struct NetworkRow {
    /// The row's id. A network that is raised again keeps it.
    pub id: Uuid,
    /// Whose it is.
    pub tenant: TenantId,
    /// The network and how far it is raised.
    pub raised: RaisedNetwork,
    /// Why, in the operator's words, which may name a person: hence sealed.
    pub reason: Pii<String>,
    /// Who raised it last.
    pub raised_by: OperatorId,
    /// When it was raised last.
    pub raised_at: OffsetDateTime,
}

const COLUMNS: &str = "id, network, anonymous_per_minute, sign_in_pages_per_minute, reason_sealed, expires_at, \
                       raised_by, raised_at";

fn raised(row: &Row) -> Result<RaisedNetwork, StoreError> {
    let limit = |column: &'static str| -> Result<u32, StoreError> {
        u32::try_from(row.get::<i64>(column)?).map_err(|_| StoreError::Corrupt(column))
    };
    Ok(RaisedNetwork {
        network: row.word::<ClinicNetwork>("network")?,
        limits: SourceLimits {
            anonymous: limit("anonymous_per_minute")?,
            sign_in_pages: limit("sign_in_pages_per_minute")?,
        },
        until: row.moment_or_none("expires_at")?,
    })
}

impl PlatformStore {
    /// A tenant's networks that are raised now, for whoever counts calls: no event is written.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn raised_networks(&self, tenant: TenantId) -> Result<Vec<RaisedNetwork>, StoreError> {
        let sql = format!(
            "SELECT network, anonymous_per_minute, sign_in_pages_per_minute, expires_at FROM raised_networks \
             WHERE tenant_id = $1 AND (expires_at IS NULL OR expires_at > $2) \
             ORDER BY network LIMIT {MOST_RAISED_NETWORKS}"
        );
        let now = microseconds(self.environment.now());
        self.rows(&sql, vec![tenant.uuid().into(), now.into()]).await?.iter().map(raised).collect()
    }
}

impl PlatformUnit {
    /// A tenant's networks that are raised now, in the order of their names.
    ///
    /// # Errors
    /// `Keys` when the platform's key does not open; `Unavailable`.
    pub async fn networks(&mut self, tenant: TenantId) -> Result<Vec<NetworkRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM raised_networks \
             WHERE tenant_id = $1 AND (expires_at IS NULL OR expires_at > $2) ORDER BY network"
        );
        let values = vec![tenant.uuid().into(), self.now_microseconds().into()];
        let rows = self.rows(&sql, values).await?;
        rows.iter().map(|row| self.network(tenant, row)).collect()
    }

    /// Raises a network, in place of what stood there for it, and forgets those of the tenant whose time is over.
    /// Gives the row, or none where the tenant has as many as it may.
    ///
    /// # Errors
    /// `Conflict` when there is no such tenant or operator.
    pub async fn raise_network(&mut self, row: NetworkRow) -> Result<Option<NetworkRow>, StoreError> {
        let tenant = || row.tenant.uuid().into();
        // Whoever raises another network of this tenant meanwhile waits here: the count below is whole.
        self.hold_tenant(row.tenant).await?;
        let ended = "DELETE FROM raised_networks WHERE tenant_id = $1 AND expires_at <= $2";
        self.execute(ended, vec![tenant(), self.now_microseconds().into()]).await?;
        let standing = self.networks(row.tenant).await?;
        let before = standing.iter().find(|one| one.raised.network == row.raised.network).map(|one| one.id);
        if before.is_none() && standing.len() >= MOST_RAISED_NETWORKS {
            return Ok(None);
        }
        let row = NetworkRow { id: before.unwrap_or(row.id), ..row };
        let sql = match before {
            Some(_) => {
                "UPDATE raised_networks SET anonymous_per_minute = $4, sign_in_pages_per_minute = $5, \
                 reason_sealed = $6, expires_at = $7, raised_by = $8, raised_at = $9 \
                 WHERE id = $1 AND tenant_id = $2 AND network = $3"
            }
            None => {
                "INSERT INTO raised_networks (id, tenant_id, network, anonymous_per_minute, \
                 sign_in_pages_per_minute, reason_sealed, expires_at, raised_by, raised_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
            }
        };
        let reason = self.seal("raised_networks", "reason_sealed", row.id, row.reason.expose().as_bytes())?;
        let values = vec![
            row.id.into(),
            row.tenant.uuid().into(),
            row.raised.network.to_string().into(),
            i64::from(row.raised.limits.anonymous).into(),
            i64::from(row.raised.limits.sign_in_pages).into(),
            reason.into(),
            row.raised.until.map(microseconds).into(),
            row.raised_by.uuid().into(),
            microseconds(row.raised_at).into(),
        ];
        self.execute(sql, values).await?;
        Ok(Some(row))
    }

    /// Lowers a network to what every other may do. Says whether it was raised.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn lower_network(
        &mut self,
        tenant: TenantId,
        network: ClinicNetwork,
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM raised_networks WHERE tenant_id = $1 AND network = $2 \
                   AND (expires_at IS NULL OR expires_at > $3)";
        let values = vec![tenant.uuid().into(), network.to_string().into(), self.now_microseconds().into()];
        Ok(self.execute(sql, values).await? == 1)
    }

    fn network(&self, tenant: TenantId, row: &Row) -> Result<NetworkRow, StoreError> {
        let id: Uuid = row.get("id")?;
        let reason = self.open("raised_networks", "reason_sealed", id, &row.sealed("reason_sealed")?)?;
        let reason = std::str::from_utf8(&reason).map_err(|_| StoreError::Corrupt("reason_sealed"))?;
        Ok(NetworkRow {
            id,
            tenant,
            raised: raised(row)?,
            reason: Pii::new(reason.to_owned()),
            raised_by: OperatorId::from_uuid(row.get("raised_by")?),
            raised_at: row.moment("raised_at")?,
        })
    }
}
