//! Policy documents: exact words, deny overrides, and floors that can only be tightened.
#![allow(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]

use cloister_access::{
    ActionType, DecisionTable, Effect, FloorViolation, PolicyDocument, PolicyError, Relation, ResourceType,
    Role, RoleSet, Rule, SingleRule, Verdict,
};
use cloister_kernel::{Failure, FailureKind};
use proptest::{prelude::*, sample::select};

fn rule(effect: Effect, role: Role, relation: Relation, resource: ResourceType, action: ActionType) -> Rule {
    Rule { effect, role, relations: vec![relation], resources: vec![resource], actions: vec![action] }
}

fn verdict(document: &PolicyDocument, roles: &[Role], relation: Relation) -> Verdict {
    let roles: RoleSet = roles.iter().copied().collect();
    DecisionTable::compile(document).unwrap().verdict(
        roles,
        relation,
        ResourceType::LabResult,
        ActionType::Read,
    )
}

#[test]
fn a_document_is_read_back_as_it_was_written() {
    let baseline = PolicyDocument::baseline();
    assert_eq!(PolicyDocument::from_json(&baseline.to_json().unwrap()).unwrap(), baseline);
}

#[test]
fn a_document_with_a_word_that_is_not_known_is_refused_whole() {
    let good = r#"{"rules":[{"effect":"allow","role":"patient","relations":["own_record"],"resources":["lab_result"],"actions":["read"]}]}"#;
    assert_eq!(PolicyDocument::from_json(good).unwrap().rules.len(), 1);
    for (word, typo) in [
        ("patient", "patiant"),
        ("patient", "*"),
        ("patient", "role:patient"),
        ("patient", "Patient"),
        ("patient", ""),
        ("own_record", "*"),
        ("own_record", "own"),
        ("lab_result", "lab_*"),
        ("lab_result", ".*"),
        ("read", "*"),
        ("read", "reads"),
        ("allow", "permit"),
        ("role", "roles"),
        ("effect", "eft"),
    ] {
        let text = good.replacen(&format!("\"{word}\""), &format!("\"{typo}\""), 1);
        assert_ne!(text, good);
        let error = PolicyDocument::from_json(&text).unwrap_err();
        assert!(matches!(error, PolicyError::Unreadable(_)), "{typo}");
        assert_eq!(error.code(), "policy.unreadable");
    }
    assert!(PolicyDocument::from_json(&good.replace("\"rules\"", "\"version\":1,\"rules\"")).is_err());
    assert!(PolicyDocument::from_json("").is_err());
}

#[test]
fn a_document_cannot_be_long_without_end() {
    let one = rule(Effect::Allow, Role::Patient, Relation::OwnRecord, ResourceType::Record, ActionType::Read);
    let longest = PolicyDocument { rules: vec![one.clone(); PolicyDocument::MOST_RULES] };
    assert!(PolicyDocument::from_json(&longest.to_json().unwrap()).is_ok());
    let longer = PolicyDocument { rules: vec![one; PolicyDocument::MOST_RULES + 1] };
    let error = PolicyDocument::from_json(&longer.to_json().unwrap()).unwrap_err();
    assert_eq!(error.code(), "policy.too_long");
}

#[test]
fn no_rule_means_denied() {
    let nothing = PolicyDocument { rules: Vec::new() };
    for &role in Role::ALL {
        for &relation in Relation::ALL {
            assert_eq!(verdict(&nothing, &[role], relation), Verdict::Unknown, "{role} {relation}");
        }
    }
    assert_eq!(verdict(&PolicyDocument::baseline(), &[], Relation::Panel), Verdict::Unknown);
}

#[test]
fn a_deny_overrides_an_allow_of_the_same_role_and_of_another() {
    let allow =
        rule(Effect::Allow, Role::Clinician, Relation::Panel, ResourceType::LabResult, ActionType::Read);
    for denied in [Role::Clinician, Role::Support] {
        let deny = rule(Effect::Deny, denied, Relation::Panel, ResourceType::LabResult, ActionType::Read);
        for rules in [vec![allow.clone(), deny.clone()], vec![deny, allow.clone()]] {
            let document = PolicyDocument { rules };
            let roles = [Role::Clinician, Role::Support];
            assert_eq!(verdict(&document, &roles, Relation::Panel), Verdict::Denied);
        }
    }
    let document = PolicyDocument { rules: vec![allow] };
    assert_eq!(verdict(&document, &[Role::Clinician, Role::Support], Relation::Panel), Verdict::Allowed);
}

#[test]
fn a_rule_for_the_tenant_holds_for_whatever_is_closer_and_not_for_strangers() {
    for effect in [Effect::Allow, Effect::Deny] {
        let wide =
            rule(effect, Role::Support, Relation::SameTenant, ResourceType::LabResult, ActionType::Read);
        let document = PolicyDocument { rules: vec![wide] };
        let said = if effect == Effect::Allow { Verdict::Allowed } else { Verdict::Denied };
        for &relation in Relation::ALL {
            let expected = if relation == Relation::Unrelated { Verdict::Unknown } else { said };
            assert_eq!(verdict(&document, &[Role::Support], relation), expected, "{relation}");
        }
    }
}

#[test]
fn an_admin_reaches_nothing_clinical_even_with_a_second_role() {
    let table = DecisionTable::compile(&PolicyDocument::baseline()).unwrap();
    for &other in Role::ALL {
        let roles = RoleSet::NONE.with(Role::Admin).with(other);
        for resource in [
            ResourceType::Record,
            ResourceType::LabResult,
            ResourceType::ClinicalResource,
            ResourceType::Panel,
            ResourceType::QuarantineEntry,
        ] {
            for &relation in Relation::ALL {
                for &action in ActionType::ALL {
                    let verdict = table.verdict(roles, relation, resource, action);
                    assert_eq!(verdict, Verdict::Denied, "{other} {relation} {resource} {action}");
                }
            }
        }
    }
}

#[test]
fn a_tenant_may_take_away_and_add_denies() {
    let floor = PolicyDocument::baseline();
    assert_eq!(floor.tightened_over(&floor), Ok(()));
    for taken in 0..floor.rules.len() {
        let mut document = floor.clone();
        if document.rules.remove(taken).effect == Effect::Allow {
            assert_eq!(document.tightened_over(&floor), Ok(()));
        }
    }
    let mut stricter = floor.clone();
    let deny =
        rule(Effect::Deny, Role::Patient, Relation::OwnRecord, ResourceType::LabResult, ActionType::List);
    stricter.rules.push(deny);
    assert_eq!(stricter.tightened_over(&floor), Ok(()));
    assert!(floor.tightened_over(&stricter).is_err());
}

#[test]
fn a_tenant_may_not_allow_what_the_floor_does_not_and_is_told_which_rule() {
    let floor = PolicyDocument::baseline();
    let mut looser = floor.clone();
    let added =
        rule(Effect::Allow, Role::Billing, Relation::SameTenant, ResourceType::Record, ActionType::Read);
    looser.rules.push(added);
    let violation = looser.tightened_over(&floor).unwrap_err();
    let named = SingleRule {
        effect: Effect::Allow,
        role: Role::Billing,
        relation: Relation::SameTenant,
        resource: ResourceType::Record,
        action: ActionType::Read,
    };
    assert_eq!(violation, FloorViolation::Allows(named));
    assert_eq!(violation.code(), "policy.allows_beyond_floor");
    let FailureKind::Invalid(errors) = violation.kind() else { panic!("not a field error") };
    assert!(errors[0].reason.contains("role:billing, relation:same_tenant, resource:record, action:read"));
}

#[test]
fn a_tenant_may_not_leave_out_a_deny_of_the_floor() {
    let floor = PolicyDocument::baseline();
    let mut looser = floor.clone();
    looser.rules.retain(|rule| rule.effect == Effect::Allow);
    let violation = looser.tightened_over(&floor).unwrap_err();
    assert!(matches!(violation, FloorViolation::LacksDeny(rule) if rule.role == Role::Admin));
    assert_eq!(violation.code(), "policy.lacks_floor_deny");
}

#[test]
fn a_narrower_relation_of_an_allowed_one_is_within_the_floor() {
    let floor = PolicyDocument {
        rules: vec![rule(
            Effect::Allow,
            Role::Support,
            Relation::SameTenant,
            ResourceType::Record,
            ActionType::Read,
        )],
    };
    let mut narrower = floor.clone();
    narrower.rules[0].relations = vec![Relation::Panel];
    assert_eq!(narrower.tightened_over(&floor), Ok(()));
    assert!(floor.tightened_over(&narrower).is_err());
}

/// Rules over a corner of the space, so that they meet.
fn small_document() -> impl Strategy<Value = PolicyDocument> {
    let one = (
        select(vec![Effect::Allow, Effect::Allow, Effect::Deny]),
        select(vec![Role::Clinician, Role::Support]),
        select(vec![Relation::Panel, Relation::SameTenant, Relation::Unrelated]),
        select(vec![ActionType::Read, ActionType::List]),
    )
        .prop_map(|(effect, role, relation, action)| {
            rule(effect, role, relation, ResourceType::LabResult, action)
        });
    proptest::collection::vec(one, 0..6).prop_map(|rules| PolicyDocument { rules })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn whatever_passes_the_floor_allows_nothing_that_the_floor_does_not(
        floor in small_document(),
        own in small_document(),
        kept in any::<[bool; 6]>(),
    ) {
        let mut mixed = own.clone();
        mixed.rules.truncate(1);
        mixed.rules.extend(floor.rules.iter().zip(kept).filter(|(_, kept)| *kept).map(|(rule, _)| rule.clone()));
        for document in [own, mixed] {
            if document.tightened_over(&floor).is_err() {
                continue;
            }
            let (own, floor) = (DecisionTable::compile(&document)?, DecisionTable::compile(&floor)?);
            for roles in [vec![Role::Clinician], vec![Role::Support], vec![Role::Clinician, Role::Support]] {
                let roles: RoleSet = roles.into_iter().collect();
                for &relation in Relation::ALL {
                    for &action in ActionType::ALL {
                        let asked = |table: &DecisionTable| {
                            table.verdict(roles, relation, ResourceType::LabResult, action)
                        };
                        let both = (asked(&own), asked(&floor));
                        prop_assert!(both.0 != Verdict::Allowed || both.1 == Verdict::Allowed, "{both:?}");
                    }
                }
            }
        }
    }
}
