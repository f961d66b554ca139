//! Decisions: who gets a permit, who is refused, and what a refusal gives away.
#![allow(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]

mod support;

use std::sync::LazyLock;

use cloister_access::{
    Assurance, Caller, DecisionTable, DenialReason, Denied, Factor, Factors, Facts, JobPurpose,
    PolicyDocument, Principal, Relation, Role,
    action::{Create, Decide, Delete, List, Read, Update},
    decide, resource,
};
use cloister_kernel::{Audience, Failure, FailureKind};
use support::{
    NOW, id, job, of_patient, of_type, patient, person, portal_user, record_system, staff, tenant,
    two_factors,
};
use time::Duration;

static TABLE: LazyLock<DecisionTable> =
    LazyLock::new(|| DecisionTable::compile(&PolicyDocument::baseline()).unwrap());

fn chart(caller: &Caller, facts: Facts) -> Result<(), Denied> {
    decide::<Read, resource::LabResult>(&TABLE, caller, facts).map(drop)
}

#[test]
fn a_patient_reads_her_own_record_under_a_permit_that_names_it() {
    let caller = portal_user();
    let facts = of_patient(&caller, &[Role::Patient], Relation::OwnRecord);
    let permit = decide::<Read, resource::LabResult>(&TABLE, &caller, facts).unwrap();
    assert_eq!(permit.tenant(), tenant());
    assert_eq!(permit.patient(), Some(patient()));
    assert_eq!(permit.row(), Some(uuid::Uuid::from_u128(70)));
    assert_eq!(permit.relation(), Relation::OwnRecord);
    assert_eq!(permit.principal(), Principal::User(id(2)));
    assert_eq!(permit.granted_by().iter().collect::<Vec<_>>(), [Role::Patient]);
}

#[test]
fn a_clinician_reads_her_panel_and_nobody_else() {
    let caller = staff();
    assert!(chart(&caller, of_patient(&caller, &[Role::Clinician], Relation::Panel)).is_ok());
    for relation in [Relation::SameTenant, Relation::Unrelated] {
        assert!(chart(&caller, of_patient(&caller, &[Role::Clinician], relation)).is_err(), "{relation}");
    }
}

#[test]
fn a_chart_that_is_not_ones_own_is_refused_exactly_as_one_that_does_not_exist() {
    let (patient, staff) = (portal_user(), staff());
    for (caller, roles, relation) in [
        (&patient, vec![Role::Patient], Relation::SameTenant),
        (&patient, vec![Role::Proxy], Relation::SameTenant),
        (&staff, vec![Role::Clinician], Relation::SameTenant),
        (&staff, vec![Role::Admin], Relation::SameTenant),
        (&staff, vec![Role::Admin, Role::Clinician], Relation::Panel),
        (&staff, vec![Role::Billing, Role::Support], Relation::SameTenant),
        (&staff, vec![], Relation::Unrelated),
    ] {
        let there = chart(caller, of_patient(caller, &roles, relation)).unwrap_err();
        let absent = chart(caller, of_patient(caller, &roles, Relation::Unrelated)).unwrap_err();
        for denied in [there, absent] {
            assert!(denied.concealed, "{roles:?} {relation}");
            assert_eq!(denied.code(), cloister_access::CONCEALED_CODE);
            assert_eq!(denied.kind(), FailureKind::NotFound);
            assert_eq!(denied.to_string(), "There is no such thing here.");
            assert_eq!(denied.patient, Some(support::patient()), "its event still names the patient");
        }
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a row of no patient is nothing that the other facts of these tests state"
)]
fn a_row_that_belongs_to_no_patient_is_concealed_as_well() {
    let caller = staff();
    let roles = || [Role::Clinician].into_iter().collect();
    for (patient, row) in [(None, Some(uuid::Uuid::from_u128(70))), (Some(patient()), None)] {
        let facts = Facts::observed(&caller, roles(), Relation::SameTenant, patient, row);
        let denied = decide::<Delete, resource::MachineClient>(&TABLE, &caller, facts).unwrap_err();
        assert!(denied.concealed, "{patient:?} {row:?}");
    }
}

#[test]
fn a_missing_right_over_something_known_is_said_openly() {
    let caller = staff();
    let facts = of_patient(&caller, &[Role::Clinician], Relation::Panel);
    let denied = decide::<Update, resource::LabResult>(&TABLE, &caller, facts).unwrap_err();
    assert!(!denied.concealed, "she reads this chart, so she may know that she cannot change it");
    assert_eq!((denied.code(), denied.kind()), ("access.denied", FailureKind::Forbidden));

    let facts = of_patient(&caller, &[Role::Clinician], Relation::Unrelated);
    assert!(decide::<Update, resource::LabResult>(&TABLE, &caller, facts).unwrap_err().concealed);

    let facts = of_type(&caller, &[Role::Clinician], Relation::SameTenant);
    let denied = decide::<Create, resource::StaffInvitation>(&TABLE, &caller, facts).unwrap_err();
    assert!(!denied.concealed, "no row is named");
    assert_eq!(denied.reason, DenialReason::NotAllowed);

    let facts = of_type(&caller, &[Role::Admin], Relation::SameTenant);
    let denied = decide::<List, resource::QuarantineEntry>(&TABLE, &caller, facts).unwrap_err();
    assert_eq!((denied.concealed, denied.reason), (false, DenialReason::Forbidden));
}

#[test]
fn giving_or_taking_access_of_others_needs_a_fresh_factor() {
    let stepped_up = |until| Assurance { step_up_until: Some(until), ..two_factors() };
    let admin = |assurance| person(tenant(), Audience::Console, id(2), assurance);
    for (assurance, fresh) in [
        (two_factors(), false),
        (stepped_up(NOW - Duration::SECOND), false),
        (stepped_up(NOW), false),
        (stepped_up(NOW + Duration::SECOND), true),
    ] {
        let caller = admin(assurance);
        let facts = || of_type(&caller, &[Role::Admin], Relation::SameTenant);
        let row = || of_patient(&caller, &[Role::Admin], Relation::SameTenant);
        let outcomes = [
            decide::<Create, resource::StaffInvitation>(&TABLE, &caller, facts()).map(drop),
            decide::<Create, resource::MachineClient>(&TABLE, &caller, facts()).map(drop),
            decide::<Delete, resource::MachineClient>(&TABLE, &caller, row()).map(drop),
            decide::<Create, resource::PanelMember>(&TABLE, &caller, row()).map(drop),
            decide::<Delete, resource::PanelMember>(&TABLE, &caller, row()).map(drop),
        ];
        for outcome in outcomes {
            assert_eq!(outcome.is_ok(), fresh, "{outcome:?}");
            if let Err(denied) = outcome {
                assert_eq!(denied.reason.as_str(), "step_up_required");
                assert_eq!((denied.code(), denied.concealed), ("access.step_up_required", false));
                assert_eq!(denied.kind(), FailureKind::StepUpRequired);
            }
        }
        assert!(decide::<List, resource::MachineClient>(&TABLE, &caller, facts()).is_ok());
    }
}

#[test]
fn asking_for_a_fresh_factor_gives_nothing_away_to_who_would_not_be_allowed_with_it() {
    let caller = staff();
    let facts = of_patient(&caller, &[Role::Clinician], Relation::SameTenant);
    let denied = decide::<Delete, resource::MachineClient>(&TABLE, &caller, facts).unwrap_err();
    assert_eq!((denied.reason, denied.concealed), (DenialReason::NotAllowed, true));
}

#[test]
fn one_factor_is_never_enough_for_a_person() {
    for factors in
        [vec![], vec![Factor::Password], vec![Factor::Totp], vec![Factor::Totp, Factor::RecoveryCode]]
    {
        let given = factors.iter().copied().fold(Factors::default(), Factors::with);
        let assurance = Assurance { factors: given, step_up_until: None };
        let caller = person(tenant(), Audience::Portal, id(2), assurance);
        let denied = chart(&caller, of_patient(&caller, &[Role::Patient], Relation::OwnRecord)).unwrap_err();
        assert_eq!(denied.reason, DenialReason::SecondFactorMissing, "{factors:?}");
    }
    let recovered = Factors::default().with(Factor::Password).with(Factor::RecoveryCode);
    let assurance = Assurance { factors: recovered, step_up_until: None };
    let caller = person(tenant(), Audience::Portal, id(2), assurance);
    assert!(chart(&caller, of_patient(&caller, &[Role::Patient], Relation::OwnRecord)).is_ok());
}

#[test]
fn a_role_counts_only_for_its_kind_of_principal_on_its_site() {
    let everything = Role::ALL;
    let (portal, console, machine) = (portal_user(), staff(), record_system());
    assert!(chart(&portal, of_patient(&portal, everything, Relation::Panel)).is_err());
    assert!(chart(&console, of_patient(&console, everything, Relation::OwnRecord)).is_err());
    assert!(chart(&machine, of_patient(&machine, everything, Relation::Panel)).is_err());
    assert!(chart(&machine, of_patient(&machine, everything, Relation::OwnRecord)).is_err());
    for caller in [&portal, &console] {
        let facts = of_type(caller, everything, Relation::SameTenant);
        assert!(decide::<Create, resource::Bundle>(&TABLE, caller, facts).is_err());
        let facts = of_type(caller, everything, Relation::SameTenant);
        assert!(decide::<Update, resource::Message>(&TABLE, caller, facts).is_err());
    }
}

#[test]
fn a_record_system_sends_bundles_and_reads_resources_back_and_nothing_else() {
    let caller = record_system();
    let facts = || of_patient(&caller, &[Role::RecordsIntegration], Relation::SameTenant);
    assert!(decide::<Create, resource::Bundle>(&TABLE, &caller, facts()).is_ok());
    assert!(decide::<Read, resource::ClinicalResource>(&TABLE, &caller, facts()).is_ok());
    assert!(decide::<Read, resource::Record>(&TABLE, &caller, facts()).is_err());
    assert!(decide::<List, resource::ClinicalResource>(&TABLE, &caller, facts()).is_err());
    assert!(decide::<Decide, resource::QuarantineEntry>(&TABLE, &caller, facts()).is_err());
}

#[test]
fn a_job_does_what_its_grant_is_for_and_nothing_else() {
    let sender = job(JobPurpose::DeliverMessage);
    let inviter = job(JobPurpose::InviteOwner);
    let facts = |caller: &Caller| of_type(caller, &[Role::Worker], Relation::SameTenant);
    assert!(decide::<Update, resource::Message>(&TABLE, &sender, facts(&sender)).is_ok());
    assert!(decide::<Create, resource::StaffInvitation>(&TABLE, &inviter, facts(&inviter)).is_ok());
    assert!(decide::<Create, resource::Message>(&TABLE, &inviter, facts(&inviter)).is_ok());
    let denied = decide::<Create, resource::StaffInvitation>(&TABLE, &sender, facts(&sender)).unwrap_err();
    assert_eq!(denied.reason, DenialReason::OutsidePurpose);
    let denied = decide::<Update, resource::Message>(&TABLE, &inviter, facts(&inviter)).unwrap_err();
    assert_eq!(denied.reason, DenialReason::OutsidePurpose);
    for caller in [&sender, &inviter] {
        assert!(chart(caller, of_patient(caller, Role::ALL, Relation::SameTenant)).is_err());
    }
}

#[test]
fn facts_read_for_another_caller_grant_nothing() {
    let caller = portal_user();
    let elsewhere = person(id(99), Audience::Portal, id(2), two_factors());
    let someone = person(tenant(), Audience::Portal, id(98), two_factors());
    for other in [elsewhere, someone] {
        let denied = chart(&caller, of_patient(&other, &[Role::Patient], Relation::OwnRecord)).unwrap_err();
        assert_eq!((denied.reason, denied.concealed), (DenialReason::FactsOfAnother, true));
    }
}

#[test]
fn every_person_sees_and_ends_sessions_of_the_own_account_only() {
    let (portal, console) = (portal_user(), staff());
    for (caller, role) in [
        (&portal, Role::Patient),
        (&portal, Role::Proxy),
        (&console, Role::Clinician),
        (&console, Role::Billing),
        (&console, Role::Support),
        (&console, Role::Admin),
    ] {
        let facts = |relation| of_patient(caller, &[role], relation);
        assert!(decide::<List, resource::Session>(&TABLE, caller, facts(Relation::OwnAccount)).is_ok());
        assert!(decide::<Delete, resource::Session>(&TABLE, caller, facts(Relation::OwnAccount)).is_ok());
        assert!(decide::<Read, resource::Account>(&TABLE, caller, facts(Relation::OwnAccount)).is_ok());
        let denied =
            decide::<Delete, resource::Session>(&TABLE, caller, facts(Relation::SameTenant)).unwrap_err();
        assert!(denied.concealed, "{role}");
    }
}
