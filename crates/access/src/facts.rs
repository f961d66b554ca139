//! What the database says about a caller and the thing asked for, read in the transaction that uses it.

use cloister_kernel::{PatientId, TenantId};
use uuid::Uuid;

use crate::{
    caller::{Caller, Principal},
    vocabulary::{Relation, RoleSet},
};

/// Facts about one caller and one thing. Made by the store only, from rows of the open transaction.
#[derive(Debug)]
pub struct Facts {
    pub(crate) tenant: TenantId,
    pub(crate) principal: Principal,
    pub(crate) roles: RoleSet,
    pub(crate) relation: Relation,
    pub(crate) patient: Option<PatientId>,
    pub(crate) row: Option<Uuid>,
}

impl Facts {
    /// What was just read: the roles that the caller holds now, the closest relation to the thing, and the patient
    /// and row that it names. A row that does not exist is [`Relation::Unrelated`], with the ids that were asked for.
    pub const fn observed(
        caller: &Caller,
        roles: RoleSet,
        relation: Relation,
        patient: Option<PatientId>,
        row: Option<Uuid>,
    ) -> Self {
        Self { tenant: caller.tenant(), principal: caller.principal(), roles, relation, patient, row }
    }
}
