//! Callers, facts and words for the suites of this crate.
#![allow(dead_code, unreachable_pub, reason = "each suite uses a part of it")]
#![expect(clippy::disallowed_methods, reason = "the suites of access itself mint what they decide about")]

use cloister_access::{
    Assurance, Caller, Factor, Factors, Facts, JobGrant, JobPurpose, Relation, RequestFacts, RevocationEpoch,
    Role, RoleSet, VerifiedMachineToken, VerifiedSession,
};
use cloister_kernel::{
    Audience, Id, IdKind, JobId, MachineClientId, PatientId, Pii, RequestId, SessionId, TenantId, UserId,
};
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

pub const NOW: OffsetDateTime = datetime!(2026-03-01 09:00 UTC);

pub fn id<K: IdKind>(number: u128) -> Id<K> {
    Id::from_uuid(Uuid::from_u128(number))
}

pub fn tenant() -> TenantId {
    id(1)
}

pub fn patient() -> PatientId {
    id(40)
}

pub fn request() -> RequestFacts {
    RequestFacts {
        request: RequestId::from_uuid(Uuid::from_u128(9)),
        source: Some(Pii::new([192, 0, 2, 7].into())),
        user_agent: None,
        at: NOW,
    }
}

pub fn two_factors() -> Assurance {
    Assurance { factors: Factors::default().with(Factor::Password).with(Factor::Totp), step_up_until: None }
}

pub fn person(tenant: TenantId, audience: Audience, user: UserId, assurance: Assurance) -> Caller {
    Caller::from_verified_session(VerifiedSession {
        tenant,
        audience,
        user,
        session: SessionId::from_uuid(Uuid::from_u128(3)),
        assurance,
        epoch: RevocationEpoch(0),
        request: request(),
    })
}

pub fn staff() -> Caller {
    person(tenant(), Audience::Console, id(2), two_factors())
}

pub fn portal_user() -> Caller {
    person(tenant(), Audience::Portal, id(2), two_factors())
}

pub fn record_system() -> Caller {
    Caller::from_machine_token(VerifiedMachineToken {
        tenant: tenant(),
        audience: Audience::Portal,
        client: MachineClientId::from_uuid(Uuid::from_u128(4)),
        epoch: RevocationEpoch(0),
        request: request(),
    })
}

pub fn job(purpose: JobPurpose) -> Caller {
    Caller::from_job_grant(JobGrant {
        tenant: tenant(),
        purpose,
        job: JobId::from_uuid(Uuid::from_u128(5)),
        request: RequestId::from_uuid(Uuid::from_u128(9)),
        at: NOW,
    })
}

/// Facts about one patient's row.
pub fn of_patient(caller: &Caller, roles: &[Role], relation: Relation) -> Facts {
    let row = Some(Uuid::from_u128(70));
    Facts::observed(caller, roles.iter().copied().collect(), relation, Some(patient()), row)
}

/// Facts about a type of thing, where neither a patient nor a row is named.
pub fn of_type(caller: &Caller, roles: &[Role], relation: Relation) -> Facts {
    Facts::observed(caller, roles.iter().copied().collect(), relation, None, None)
}

pub fn every_single_role() -> impl Iterator<Item = RoleSet> {
    Role::ALL.iter().map(|&role| RoleSet::NONE.with(role))
}
