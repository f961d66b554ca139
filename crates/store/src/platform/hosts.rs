//! The host table: which clinic and which of its two sites a host name serves.

use cloister_kernel::{Audience, CanonicalHost, TenantId};

use super::{PlatformStore, PlatformUnit};
use crate::{StoreError, statement::Row};

/// One host of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRow {
    /// The host in its canonical spelling.
    pub host: CanonicalHost,
    /// Whose it is.
    pub tenant: TenantId,
    /// Which site it serves.
    pub audience: Audience,
    /// Whether links are built with it.
    pub is_primary: bool,
}

const COLUMNS: &str = "host, tenant_id, audience, is_primary";

fn host(row: &Row) -> Result<HostRow, StoreError> {
    let audience = Audience::parse(&row.get::<String>("audience")?);
    Ok(HostRow {
        host: CanonicalHost::parse(&row.get::<String>("host")?)
            .map_err(|_| StoreError::Corrupt("hosts.host"))?,
        tenant: TenantId::from_uuid(row.get("tenant_id")?),
        audience: audience.ok_or(StoreError::Corrupt("hosts.audience"))?,
        is_primary: row.get("is_primary")?,
    })
}

impl PlatformStore {
    /// Whose a host is, whatever that tenant's status; none for a host that is nobody's. No event is written.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn find_host(&self, name: &CanonicalHost) -> Result<Option<HostRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM hosts WHERE host = $1");
        self.row(&sql, vec![name.as_str().into()]).await?.as_ref().map(host).transpose()
    }

    /// A tenant's hosts, in the order of their names: links are built from the primary ones.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn hosts_of(&self, tenant: TenantId) -> Result<Vec<HostRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM hosts WHERE tenant_id = $1 ORDER BY host");
        self.rows(&sql, vec![tenant.uuid().into()]).await?.iter().map(host).collect()
    }
}

impl PlatformUnit {
    /// Adds a host.
    ///
    /// # Errors
    /// `Conflict` when the host is somebody's already.
    pub async fn insert_host(&mut self, host: &HostRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO hosts (host, tenant_id, audience, is_primary, created_at) VALUES ($1, $2, $3, $4, $5)";
        let values = vec![
            host.host.as_str().into(),
            host.tenant.uuid().into(),
            host.audience.as_str().into(),
            host.is_primary.into(),
            self.now_microseconds().into(),
        ];
        self.execute(sql, values).await?;
        Ok(())
    }

    /// A tenant's hosts, in the order of their names.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn hosts(&mut self, tenant: TenantId) -> Result<Vec<HostRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM hosts WHERE tenant_id = $1 ORDER BY host");
        self.rows(&sql, vec![tenant.uuid().into()]).await?.iter().map(host).collect()
    }

    /// A tenant's hosts for whoever is about to change them. Others who do wait here until this unit ends, so what was
    /// counted and what is primary stays so.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn hosts_to_change(&mut self, tenant: TenantId) -> Result<Vec<HostRow>, StoreError> {
        self.hold_tenant(tenant).await?;
        self.hosts(tenant).await
    }

    /// Removes a host of a tenant.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn remove_host(&mut self, host: &HostRow) -> Result<(), StoreError> {
        let sql = "DELETE FROM hosts WHERE host = $1 AND tenant_id = $2";
        self.execute(sql, vec![host.host.as_str().into(), host.tenant.uuid().into()]).await?;
        Ok(())
    }

    /// Makes a host of a tenant the primary one of its site instead of the one that is. First that one ends: the
    /// database takes no second (migration 6), not even within a statement.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn make_host_primary(&mut self, host: &HostRow) -> Result<(), StoreError> {
        let ended =
            "UPDATE hosts SET is_primary = FALSE WHERE tenant_id = $1 AND audience = $2 AND is_primary";
        self.execute(ended, vec![host.tenant.uuid().into(), host.audience.as_str().into()]).await?;
        let made = "UPDATE hosts SET is_primary = TRUE WHERE tenant_id = $1 AND host = $2";
        self.execute(made, vec![host.tenant.uuid().into(), host.host.as_str().into()]).await?;
        Ok(())
    }
}
