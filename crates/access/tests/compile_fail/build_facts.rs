use cloister_access::{Facts, Principal, Relation, RoleSet};
use cloister_kernel::{TenantId, UserId};

fn forge(tenant: TenantId, user: UserId) -> Facts {
    Facts {
        tenant,
        principal: Principal::User(user),
        roles: RoleSet::NONE,
        relation: Relation::OwnRecord,
        patient: None,
        row: None,
    }
}

fn main() {}
