use std::marker::PhantomData;

use cloister_access::{Permit, Principal, Relation, RoleSet, action::Read, resource::Record};
use cloister_kernel::{TenantId, UserId};

fn forge(tenant: TenantId, user: UserId) -> Permit<Read, Record> {
    Permit {
        tenant,
        principal: Principal::User(user),
        patient: None,
        row: None,
        relation: Relation::OwnRecord,
        granted_by: RoleSet::NONE,
        kind: PhantomData,
    }
}

fn main() {}
