use cloister_access::{Assurance, Caller, Principal, RequestFacts};
use cloister_kernel::{TenantId, UserId};

fn forge(tenant: TenantId, user: UserId, request: RequestFacts) -> Caller {
    Caller {
        tenant,
        audience: None,
        principal: Principal::User(user),
        assurance: Assurance::default(),
        session: None,
        epoch: None,
        purpose: None,
        request,
    }
}

fn main() {}
