//! The outcome of a decision: a permit that names tenant, patient and row, or a denial.

use std::{fmt, marker::PhantomData};

use cloister_kernel::{Failure, FailureKind, PatientId, TenantId};
use uuid::Uuid;

use crate::{
    caller::Principal,
    vocabulary::{Action, ActionType, Relation, Resource, ResourceType, RoleSet},
};

/// The stable code of an answer that must look like the thing's absence. Whoever reports an absent row uses it too.
pub const CONCEALED_CODE: &str = "resource.not_found";

/// Leave to do `A` to `R`, granted by [`crate::decide`] and by nothing else. It cannot be copied, stored or received;
/// statements take tenant, patient and row from it.
#[must_use = "a permit that is not used means a statement was not made under it"]
pub struct Permit<A: Action, R: Resource> {
    pub(crate) tenant: TenantId,
    pub(crate) principal: Principal,
    pub(crate) patient: Option<PatientId>,
    pub(crate) row: Option<Uuid>,
    pub(crate) relation: Relation,
    pub(crate) granted_by: RoleSet,
    pub(crate) kind: PhantomData<fn() -> (A, R)>,
}

impl<A: Action, R: Resource> Permit<A, R> {
    /// The clinic it holds in.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Whom it was granted to.
    pub const fn principal(&self) -> Principal {
        self.principal
    }

    /// The patient it holds for, if the thing belongs to one.
    pub const fn patient(&self) -> Option<PatientId> {
        self.patient
    }

    /// The row it holds for, if it names one.
    pub const fn row(&self) -> Option<Uuid> {
        self.row
    }

    /// How the principal stands to the thing.
    pub const fn relation(&self) -> Relation {
        self.relation
    }

    /// The roles that the policy granted it to.
    pub const fn granted_by(&self) -> RoleSet {
        self.granted_by
    }

    /// The action, as a value.
    pub const fn action(&self) -> ActionType {
        A::TYPE
    }

    /// The resource type, as a value.
    pub const fn resource(&self) -> ResourceType {
        R::TYPE
    }
}

impl<A: Action, R: Resource> fmt::Debug for Permit<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({} {} as {})", A::TYPE, R::TYPE, self.relation)
    }
}

/// Why a caller was denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenialReason {
    /// No rule of the policy allows it.
    NotAllowed,
    /// A rule of the policy forbids it, whatever another allows.
    Forbidden,
    /// The policy allows it after a fresh factor.
    StepUpRequired,
    /// The session rests on one factor only.
    SecondFactorMissing,
    /// The job's grant is for another purpose.
    OutsidePurpose,
    /// The facts were read for another caller. Never a client's doing.
    FactsOfAnother,
}

impl DenialReason {
    /// The stable code written into events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAllowed => "not_allowed",
            Self::Forbidden => "forbidden_by_rule",
            Self::StepUpRequired => "step_up_required",
            Self::SecondFactorMissing => "second_factor_missing",
            Self::OutsidePurpose => "outside_purpose",
            Self::FactsOfAnother => "facts_of_another",
        }
    }
}

/// A refusal, with what its event must say. Only [`crate::decide`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Denied {
    /// What was asked.
    pub action: ActionType,
    /// The type of thing it was asked of.
    pub resource: ResourceType,
    /// Why not. For the event; the client learns it only where nothing is concealed.
    pub reason: DenialReason,
    /// The caller may not know whether the thing exists: the answer is the one for an absent thing.
    pub concealed: bool,
    /// How the caller stands to it.
    pub relation: Relation,
    /// The patient that was named.
    pub patient: Option<PatientId>,
    /// The row that was named.
    pub row: Option<Uuid>,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.concealed, self.reason) {
            (true, _) => "There is no such thing here.",
            (false, DenialReason::StepUpRequired) => "Confirm with a fresh code first.",
            (false, _) => "You may not do this.",
        })
    }
}

impl std::error::Error for Denied {}

impl Failure for Denied {
    fn code(&self) -> &'static str {
        match (self.concealed, self.reason) {
            (true, _) => CONCEALED_CODE,
            (false, DenialReason::StepUpRequired) => "access.step_up_required",
            (false, _) => "access.denied",
        }
    }

    fn kind(&self) -> FailureKind {
        match (self.concealed, self.reason) {
            (true, _) => FailureKind::NotFound,
            (false, DenialReason::StepUpRequired) => FailureKind::StepUpRequired,
            (false, _) => FailureKind::Forbidden,
        }
    }
}
