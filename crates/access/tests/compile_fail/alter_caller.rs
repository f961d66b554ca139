use cloister_access::Caller;
use cloister_kernel::TenantId;

fn move_to(mut caller: Caller, tenant: TenantId) -> Caller {
    caller.tenant = tenant;
    caller
}

fn main() {}
