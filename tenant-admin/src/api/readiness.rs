//! From draft to open: the agreement and the activation.

use cloister_edge::{Problem, StrictJson};
use cloister_kernel::TenantId;
use poem_openapi::{OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use super::{
    guard::Operator,
    problem,
    schema::{NewBaa, TenantBody},
};

pub(crate) struct Readiness;

#[OpenApi]
impl Readiness {
    /// Records the business associate agreement that is in force from now on. Earlier records stay.
    #[oai(path = "/v1/tenants/:tenant_id/baa", method = "put", operation_id = "record_baa")]
    async fn record_baa(
        &self,
        operator: Operator,
        /// The tenant.
        tenant_id: Path<Uuid>,
        body: StrictJson<NewBaa>,
    ) -> Result<Json<TenantBody>, Problem> {
        let (call, platform) = operator.enter();
        let id = TenantId::from_uuid(tenant_id.0);
        Ok(Json(platform.record_baa(call, id, body.0.into()).await.map_err(problem)?.into()))
    }

    /// Opens a tenant to its clinic. Refused with each missing thing named: agreement, keys, policy, owner.
    #[oai(path = "/v1/tenants/:tenant_id/activate", method = "post", operation_id = "activate_tenant")]
    async fn activate(
        &self,
        operator: Operator,
        /// The tenant.
        tenant_id: Path<Uuid>,
    ) -> Result<Json<TenantBody>, Problem> {
        let (call, platform) = operator.enter();
        let id = TenantId::from_uuid(tenant_id.0);
        Ok(Json(platform.activate_tenant(call, id).await.map_err(problem)?.into()))
    }
}
