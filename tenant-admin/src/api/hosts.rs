//! Hosts of a clinic: the two of the platform, and names that the clinic brings.

use cloister_edge::{Problem, StrictJson};
use cloister_kernel::TenantId;
use poem_openapi::{ApiResponse, OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use super::{
    guard::Operator,
    problem,
    schema::{HostBody, HostList, HostSite},
};

pub(crate) struct Hosts;

#[derive(ApiResponse)]
pub(crate) enum Removed {
    /// The host is nobody's.
    #[oai(status = 204)]
    Removed,
}

#[OpenApi]
impl Hosts {
    /// Lists the hosts of a tenant, the two of the platform among them.
    #[oai(path = "/v1/tenants/:tenant_id/hosts", method = "get", operation_id = "list_hosts")]
    async fn list(
        &self,
        operator: Operator,
        /// The tenant.
        tenant_id: Path<Uuid>,
    ) -> Result<Json<HostList>, Problem> {
        let (call, platform) = operator.enter();
        let id = TenantId::from_uuid(tenant_id.0);
        Ok(Json(platform.list_hosts(call, id).await.map_err(problem)?.into()))
    }

    /// Maps a host that the clinic brings, such as portal.clinic.example, to its portal or its console. Repeating it
    /// changes nothing, or the site.
    ///
    /// A name has at least two labels, is no address, and is not under the platform's domain. It is one tenant's, and a
    /// tenant has at most 10 hosts, the two of the platform among them. It is served within seconds; its DNS record and
    /// its certificate are made elsewhere, and before. Whoever signs in there has a session of that host alone.
    #[oai(path = "/v1/tenants/:tenant_id/hosts/:host", method = "put", operation_id = "map_host")]
    async fn map(
        &self,
        operator: Operator,
        /// The tenant.
        tenant_id: Path<Uuid>,
        /// The name, without scheme and port.
        host: Path<String>,
        body: StrictJson<HostSite>,
    ) -> Result<Json<HostBody>, Problem> {
        let (call, platform) = operator.enter();
        let id = TenantId::from_uuid(tenant_id.0);
        Ok(Json(platform.map_host(call, id, &host.0, &body.0.site).await.map_err(problem)?.into()))
    }

    /// Makes a host of a tenant the primary one of its site, in place of the one that was: links in mails are built with
    /// it from the next mail on.
    #[oai(
        path = "/v1/tenants/:tenant_id/hosts/:host/primary",
        method = "put",
        operation_id = "make_host_primary"
    )]
    async fn make_primary(
        &self,
        operator: Operator,
        /// The tenant.
        tenant_id: Path<Uuid>,
        /// A host of the tenant, as listed.
        host: Path<String>,
    ) -> Result<Json<HostBody>, Problem> {
        let (call, platform) = operator.enter();
        let id = TenantId::from_uuid(tenant_id.0);
        Ok(Json(platform.make_host_primary(call, id, &host.0).await.map_err(problem)?.into()))
    }

    /// Takes a host that the clinic brought from its tenant: within seconds it is answered as one that is nobody's. Refused
    /// for the platform's own hosts, and for a primary one.
    #[oai(path = "/v1/tenants/:tenant_id/hosts/:host", method = "delete", operation_id = "remove_host")]
    async fn remove(
        &self,
        operator: Operator,
        /// The tenant.
        tenant_id: Path<Uuid>,
        /// A host of the tenant, as listed.
        host: Path<String>,
    ) -> Result<Removed, Problem> {
        let (call, platform) = operator.enter();
        let id = TenantId::from_uuid(tenant_id.0);
        platform.remove_host(call, id, &host.0).await.map_err(problem)?;
        Ok(Removed::Removed)
    }
}
