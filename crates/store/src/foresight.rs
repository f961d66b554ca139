//! How patients stood when they last began a unit of work: what a read in one trip is decided on.
//!
//! It is a guess, and never believed. The statement that reads compares it with the rows and writes the event only where they
//! agree (see `own_results.rs`), so what is kept here can be as old as it likes.

use cloister_access::{Caller, PolicyHash, Role, RoleSet};
use cloister_kernel::{PatientId, TenantId, UserId};
use moka::future::Cache;

use crate::standing::{Stage, Standing};

/// About 200 bytes each; who was longest away makes room.
const PATIENTS: u64 = 10_000;

/// What a patient is expected to be: an account in order, of this record, without another role, at an open clinic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Foreseen {
    pub(crate) policy: PolicyHash,
    pub(crate) patient: PatientId,
}

impl Foreseen {
    /// The roles that go with it.
    pub(crate) const ROLES: RoleSet = RoleSet::NONE.with(Role::Patient);

    fn of(standing: &Standing) -> Option<Self> {
        let is_plain =
            standing.stage == Stage::Active && !standing.is_of_clinic && standing.roles == Self::ROLES;
        Some(Self { policy: standing.policy, patient: standing.patient.filter(|_| is_plain)? })
    }
}

/// What is foreseen of each patient. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Foresight(Cache<(TenantId, UserId), Foreseen>);

impl Foresight {
    pub(crate) fn new() -> Self {
        Self(Cache::new(PATIENTS))
    }

    /// What the caller is expected to be.
    pub(crate) async fn of(&self, caller: &Caller) -> Option<Foreseen> {
        self.0.get(&(caller.tenant(), caller.user()?)).await
    }

    /// Remembers how a caller stands, or that nothing can be foreseen of this one.
    pub(crate) async fn learn(&self, caller: &Caller, standing: &Standing) {
        let Some(user) = caller.user() else { return };
        let key = (caller.tenant(), user);
        let known = self.0.get(&key).await;
        match Foreseen::of(standing) {
            Some(now) if known != Some(now) => self.0.insert(key, now).await,
            None if known.is_some() => self.0.invalidate(&key).await,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use cloister_access::PolicyDocument;
    use cloister_kernel::Environment;

    use super::*;

    #[test]
    fn patients_of_an_open_clinic_are_foreseen_and_nobody_else() {
        let policy = PolicyDocument::baseline().hash();
        let patient: PatientId = Environment::system().id();
        let plain = Standing {
            stage: Stage::Active,
            policy,
            roles: Foreseen::ROLES,
            patient: Some(patient),
            is_of_clinic: false,
        };
        assert_eq!(Foreseen::of(&plain), Some(Foreseen { policy, patient }));
        for other in [
            Standing { stage: Stage::Draft, ..plain.clone() },
            Standing { roles: Foreseen::ROLES.with(Role::Proxy), ..plain.clone() },
            Standing { patient: None, ..plain.clone() },
            Standing { is_of_clinic: true, ..plain.clone() },
        ] {
            assert_eq!(Foreseen::of(&other), None, "{other:?}");
        }
    }
}
