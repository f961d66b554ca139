//! Callers say what their proof said, and sets hold what was put into them.
#![allow(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]

mod support;

use cloister_access::{
    Factor, Factors, JobPurpose, PolicyDocument, PolicyHash, Principal, RevocationEpoch, Role, RoleSet,
    Visitor,
};
use cloister_kernel::{Audience, JobId, MachineClientId, SessionId, UserId};
use support::{NOW, id, job, portal_user, record_system, request, staff, tenant};
use uuid::Uuid;

#[test]
fn a_person_is_known_by_account_site_session_and_epoch() {
    for (caller, audience) in [(portal_user(), Audience::Portal), (staff(), Audience::Console)] {
        let user: UserId = id(2);
        assert_eq!((caller.tenant(), caller.audience()), (tenant(), Some(audience)));
        assert_eq!((caller.principal(), caller.user()), (Principal::User(user), Some(user)));
        assert_eq!(caller.session(), Some(SessionId::from_uuid(Uuid::from_u128(3))));
        assert_eq!(caller.epoch(), Some(RevocationEpoch(0)), "without it no revocation would be noticed");
        assert_eq!((caller.purpose(), caller.request().at), (None, NOW));
    }
}

#[test]
fn a_record_system_has_an_epoch_and_neither_account_nor_session() {
    let caller = record_system();
    let client: MachineClientId = id(4);
    assert_eq!((caller.tenant(), caller.audience()), (tenant(), Some(Audience::Portal)));
    assert_eq!((caller.principal(), caller.user()), (Principal::Machine(client), None));
    assert_eq!((caller.session(), caller.epoch()), (None, Some(RevocationEpoch(0))));
    assert!(caller.assurance().factors.holds(Factor::ClientAssertion));
}

#[test]
fn a_job_has_a_purpose_and_nothing_of_a_person() {
    for (purpose, spelling) in
        [(JobPurpose::DeliverMessage, "deliver_message"), (JobPurpose::InviteOwner, "invite_owner")]
    {
        let caller = job(purpose);
        let leased: JobId = id(5);
        assert_eq!((caller.principal(), caller.user()), (Principal::Job(leased), None));
        assert_eq!((caller.audience(), caller.session(), caller.epoch()), (None, None, None));
        assert_eq!(caller.purpose(), Some(purpose));
        assert_eq!(purpose.as_str(), spelling);
    }
}

#[test]
fn a_visitor_is_at_one_site_of_one_clinic() {
    let visitor = Visitor::new(tenant(), Audience::Console, request());
    assert_eq!((visitor.tenant(), visitor.audience()), (tenant(), Audience::Console));
    assert_eq!(visitor.request().request, request().request);
}

#[test]
fn what_is_put_into_a_set_twice_stays_in_it() {
    let twice = Factors::default().with(Factor::Totp).with(Factor::Totp);
    assert!(twice.holds(Factor::Totp) && !twice.holds(Factor::Password));
    assert_eq!(RoleSet::NONE.with(Role::Admin).with(Role::Admin), RoleSet::NONE.with(Role::Admin));
}

#[test]
fn a_policy_is_named_by_the_digits_of_its_hash() {
    assert_eq!(PolicyHash([0xab; 32]).to_string(), "ab".repeat(32));
    assert_eq!(PolicyDocument::baseline().hash().to_string().len(), 64);
}
