//! What a unit of work is begun for, read in the trip that begins it.
//!
//! Reading ahead decides nothing and releases nothing: the facts still go through the decision, and rows stay sealed until a
//! permit that names their patient and the unit's commit have let them out. A unit that has written something reads anew.

use cloister_kernel::{PatientId, ResourceId, TenantId, UserId};
use sea_orm::Value;
use uuid::Uuid;

use crate::{
    Target,
    facts::PATIENT,
    named_statement::Call,
    results::{LONGEST_HISTORY, RESULT_AHEAD},
    statement::Row,
};

/// What the caller will ask for first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    /// A patient's record, or something of it.
    Patient(PatientId),
    /// One result with its history.
    Result(ResourceId),
}

/// What was read, and for what.
pub(crate) struct ReadAhead {
    ahead: Ahead,
    rows: Vec<Row>,
}

impl Ahead {
    /// The call that reads it.
    pub(crate) fn call(self, tenant: TenantId, user: Option<UserId>) -> Call {
        let user: Value = user.map(UserId::uuid).into();
        let tenant: Value = tenant.uuid().into();
        match self {
            Self::Patient(patient) => PATIENT.call(vec![tenant, patient.uuid().into(), user]),
            Self::Result(id) => {
                RESULT_AHEAD.call(vec![tenant, id.uuid().into(), user, LONGEST_HISTORY.into()])
            }
        }
    }

    /// What it answered.
    pub(crate) const fn answered(self, rows: Vec<Row>) -> ReadAhead {
        ReadAhead { ahead: self, rows }
    }
}

impl ReadAhead {
    /// The row that says how the caller stands to a target, or that there is none; `None` where another target was
    /// read.
    pub(crate) fn facts(&self, target: Target) -> Option<Option<&Row>> {
        let is_of_it = match self.ahead {
            Ahead::Patient(patient) => target == Target::Patient(patient),
            Ahead::Result(id) => target == Target::Resource(id),
        };
        is_of_it.then(|| self.rows.first())
    }

    /// The rows of a result's history, where this one was read.
    pub(crate) fn result(self, id: Uuid) -> Option<Vec<Row>> {
        (self.ahead == Ahead::Result(ResourceId::from_uuid(id))).then_some(self.rows)
    }
}
