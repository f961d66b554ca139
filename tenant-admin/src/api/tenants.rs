//! Tenants: create, list, read.

use cloister_edge::{Problem, StrictJson};
use cloister_kernel::TenantId;
use cloister_tenancy::ListRequest;
use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Header, Path, Query},
    payload::Json,
};
use uuid::Uuid;

use super::{
    guard::Operator,
    problem,
    schema::{NewTenant, TenantBody, TenantPage},
};

pub(crate) struct Tenants;

#[derive(ApiResponse)]
pub(crate) enum Created {
    /// The tenant, whole.
    #[oai(status = 201)]
    Created(Json<TenantBody>),
}

#[OpenApi]
impl Tenants {
    /// Creates a tenant: its keys, its hosts and its row, whole or not at all.
    ///
    /// Repeating the request under the same key within a day answers with the same tenant; another request under the
    /// same key is refused.
    #[oai(path = "/v1/tenants", method = "post", operation_id = "create_tenant")]
    async fn create(
        &self,
        operator: Operator,
        /// A key of your own for this request, 1 to 128 visible ASCII characters, for example a UUID.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        body: StrictJson<NewTenant>,
    ) -> Result<Created, Problem> {
        let (call, platform) = operator.enter();
        let key = idempotency_key.0.as_deref();
        let tenant = platform.create_tenant(call, key, body.0.into()).await.map_err(problem)?;
        Ok(Created::Created(Json(tenant.into())))
    }

    /// Lists tenants, page by page, in the order they were made.
    #[oai(path = "/v1/tenants", method = "get", operation_id = "list_tenants")]
    async fn list(
        &self,
        operator: Operator,
        /// How many, 1 to 100; 25 when not said.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// The next_cursor of the page before; good for the same operator and status only.
        cursor: Query<Option<String>>,
        /// Only tenants of this status: draft, active or suspended.
        status: Query<Option<String>>,
    ) -> Result<Json<TenantPage>, Problem> {
        let (call, platform) = operator.enter();
        let request = ListRequest { limit: limit.0, cursor: cursor.0, status: status.0 };
        Ok(Json(platform.list_tenants(call, request).await.map_err(problem)?.into()))
    }

    /// Reads one tenant.
    #[oai(path = "/v1/tenants/:tenant_id", method = "get", operation_id = "read_tenant")]
    async fn read(
        &self,
        operator: Operator,
        /// The tenant.
        tenant_id: Path<Uuid>,
    ) -> Result<Json<TenantBody>, Problem> {
        let (call, platform) = operator.enter();
        let id = TenantId::from_uuid(tenant_id.0);
        Ok(Json(platform.read_tenant(call, id).await.map_err(problem)?.into()))
    }
}
