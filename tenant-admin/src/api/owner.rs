//! The owner of a clinic's portal: the first administrator, invited once by us.

use cloister_edge::{Problem, StrictJson};
use cloister_kernel::TenantId;
use poem_openapi::{ApiResponse, OpenApi, param::Path, payload::Json};
use uuid::Uuid;

use super::{
    guard::Operator,
    problem,
    schema::{NewOwner, OrderedJob},
};

pub(crate) struct Owner;

#[derive(ApiResponse)]
pub(crate) enum Accepted {
    /// The invitation will be made and mailed.
    #[oai(status = 202)]
    Accepted(Json<OrderedJob>),
}

#[OpenApi]
impl Owner {
    /// Has the owner invited. The link is mailed to the owner and the code to the clinic's contact; neither is shown
    /// here.
    #[oai(path = "/v1/tenants/:tenant_id/owner-invitation", method = "post", operation_id = "invite_owner")]
    async fn invite(
        &self,
        operator: Operator,
        /// The tenant.
        tenant_id: Path<Uuid>,
        body: StrictJson<NewOwner>,
    ) -> Result<Accepted, Problem> {
        let (call, platform) = operator.enter();
        let id = TenantId::from_uuid(tenant_id.0);
        let job =
            platform.invite_owner(call, id, &body.0.email, &body.0.display_name).await.map_err(problem)?;
        Ok(Accepted::Accepted(Json(OrderedJob { job_id: job.uuid() })))
    }
}
