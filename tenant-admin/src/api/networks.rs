//! Networks of a clinic from which more calls are let through than from others.

use cloister_edge::{Problem, StrictJson};
use cloister_kernel::TenantId;
use poem_openapi::{ApiResponse, OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use super::{
    guard::Operator,
    problem,
    schema::{NetworkBody, NetworkLimits, NetworkList},
};

pub(crate) struct Networks;

#[derive(ApiResponse)]
pub(crate) enum Lowered {
    /// The network may do what every other may.
    #[oai(status = 204)]
    Lowered,
}

#[OpenApi]
impl Networks {
    /// Lists the networks of a tenant that are raised now. One whose time is over is not among them.
    #[oai(path = "/v1/tenants/:tenant_id/networks", method = "get", operation_id = "list_networks")]
    async fn list(
        &self,
        operator: Operator,
        /// The tenant.
        tenant_id: Path<Uuid>,
    ) -> Result<Json<NetworkList>, Problem> {
        let (call, platform) = operator.enter();
        let id = TenantId::from_uuid(tenant_id.0);
        Ok(Json(platform.list_networks(call, id).await.map_err(problem)?.into()))
    }

    /// Raises what one source in a tenant's network may do before anybody is known, such as a hospital's staff behind one
    /// address. Repeating it replaces what was said of the network before.
    ///
    /// The ceiling is ten times what every source may do: 100 anonymous calls and 600 sign-in pages a minute. A tenant has
    /// at most 20 such networks at a time. It holds for this tenant alone and within seconds. Counts by account, by user
    /// and by record system, and lockouts, stay as they are.
    #[oai(
        path = "/v1/tenants/:tenant_id/networks/:address/:prefix_length",
        method = "put",
        operation_id = "raise_network"
    )]
    async fn raise(
        &self,
        operator: Operator,
        /// The tenant.
        tenant_id: Path<Uuid>,
        /// The network's first address, IPv4 or IPv6, such as 203.0.113.0.
        address: Path<String>,
        /// The network's prefix length: 16 to 32 for IPv4, 32 to 128 for IPv6.
        prefix_length: Path<String>,
        body: StrictJson<NetworkLimits>,
    ) -> Result<Json<NetworkBody>, Problem> {
        let (call, platform) = operator.enter();
        let id = TenantId::from_uuid(tenant_id.0);
        let network = format!("{}/{}", address.0, prefix_length.0);
        Ok(Json(platform.raise_network(call, id, &network, body.0.into()).await.map_err(problem)?.into()))
    }

    /// Lowers a network to what every other may do. Refused where it is not raised.
    #[oai(
        path = "/v1/tenants/:tenant_id/networks/:address/:prefix_length",
        method = "delete",
        operation_id = "lower_network"
    )]
    async fn lower(
        &self,
        operator: Operator,
        /// The tenant.
        tenant_id: Path<Uuid>,
        /// The network's first address, IPv4 or IPv6, such as 203.0.113.0.
        address: Path<String>,
        /// The network's prefix length.
        prefix_length: Path<String>,
    ) -> Result<Lowered, Problem> {
        let (call, platform) = operator.enter();
        let id = TenantId::from_uuid(tenant_id.0);
        let network = format!("{}/{}", address.0, prefix_length.0);
        platform.lower_network(call, id, &network).await.map_err(problem)?;
        Ok(Lowered::Lowered)
    }
}
