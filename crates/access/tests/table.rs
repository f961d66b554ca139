//! The compiled table: reviewed as a snapshot, equal to casbin cell by cell, fast to make and to ask.
#![allow(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]

mod support;

use std::{fmt::Write, hint::black_box, time::Instant};

use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};
use cloister_access::{
    ActionType, DecisionTable, PolicyCache, PolicyDocument, Relation, ResourceType, Role, RoleSet, Verdict,
};

fn baseline() -> DecisionTable {
    DecisionTable::compile(&PolicyDocument::baseline()).unwrap()
}

fn spaces() -> impl Iterator<Item = (Relation, ResourceType, ActionType)> {
    ResourceType::ALL.iter().flat_map(|&resource| {
        Relation::ALL.iter().flat_map(move |&relation| {
            ActionType::ALL.iter().map(move |&action| (relation, resource, action))
        })
    })
}

/// A line for each role, resource type and relation of which a rule speaks.
fn readable(table: &DecisionTable) -> String {
    let mut text = String::new();
    let (mut allowed, mut denied, mut cells) = (0, 0, 0);
    for &role in Role::ALL {
        for &resource in ResourceType::ALL {
            for &relation in Relation::ALL {
                let mut words = Vec::new();
                for &action in ActionType::ALL {
                    cells += 1;
                    match table.verdict(RoleSet::NONE.with(role), relation, resource, action) {
                        Verdict::Allowed => {
                            allowed += 1;
                            words.push(action.to_string());
                        }
                        Verdict::Denied => {
                            denied += 1;
                            words.push(format!("!{action}"));
                        }
                        Verdict::Unknown => {}
                    }
                }
                if !words.is_empty() {
                    let (role, resource, relation) = (role.as_str(), resource.as_str(), relation.as_str());
                    writeln!(text, "{role:<20}{resource:<20}{relation:<14}{}", words.join(" ")).unwrap();
                }
            }
        }
    }
    writeln!(
        text,
        "{cells} cells: {allowed} allowed, {denied} denied by a rule (!), every other denied by default"
    )
    .unwrap();
    text
}

#[test]
fn the_whole_baseline_is_under_review() {
    insta::assert_snapshot!("baseline", readable(&baseline()));
}

/// One enforcer over everything, built without any of the crate's own shortcuts: people hold roles by `g`, closeness
/// implies by `g2`, and resources are part of the request.
const WHOLE_MODEL: &str = "
[request_definition]
r = sub, rel, obj, act

[policy_definition]
p = sub, rel, obj, act, eft

[role_definition]
g = _, _
g2 = _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = r.obj == p.obj && r.act == p.act && g2(r.rel, p.rel) && g(r.sub, p.sub)
";

async fn whole_enforcer(document: &PolicyDocument, people: &[Vec<Role>]) -> Enforcer {
    let model = DefaultModel::from_str(WHOLE_MODEL).await.unwrap();
    let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await.unwrap();
    for rule in &document.rules {
        for relation in &rule.relations {
            for resource in &rule.resources {
                for action in &rule.actions {
                    let line = [
                        format!("role:{}", rule.role),
                        format!("relation:{relation}"),
                        format!("resource:{resource}"),
                        format!("action:{action}"),
                        rule.effect.as_str().to_owned(),
                    ];
                    enforcer.add_policy(line.to_vec()).await.unwrap();
                }
            }
        }
    }
    for closer in ["own_record", "panel", "own_account"] {
        let line = vec![format!("relation:{closer}"), "relation:same_tenant".to_owned()];
        enforcer.add_named_grouping_policy("g2", line).await.unwrap();
    }
    for (number, roles) in people.iter().enumerate() {
        for role in roles {
            let line = vec![format!("user:{number}"), format!("role:{role}")];
            enforcer.add_grouping_policy(line).await.unwrap();
        }
    }
    enforcer
}

#[tokio::test]
async fn casbin_and_the_table_agree_on_every_cell() {
    let document = PolicyDocument::baseline();
    let table = baseline();
    let mut people: Vec<Vec<Role>> = Role::ALL.iter().map(|&role| vec![role]).collect();
    people.push(vec![Role::Clinician, Role::Admin]);
    people.push(vec![Role::Billing, Role::Support, Role::Clinician]);
    people.push(Vec::new());
    let enforcer = whole_enforcer(&document, &people).await;
    let mut allowed = 0;
    for (number, roles) in people.iter().enumerate() {
        let set: RoleSet = roles.iter().copied().collect();
        for (relation, resource, action) in spaces() {
            let request = (
                format!("user:{number}"),
                format!("relation:{relation}"),
                format!("resource:{resource}"),
                format!("action:{action}"),
            );
            let casbin = enforcer.enforce(request).unwrap();
            let ours = table.verdict(set, relation, resource, action) == Verdict::Allowed;
            assert_eq!(ours, casbin, "{roles:?} {relation} {resource} {action}");
            allowed += usize::from(casbin);
        }
    }
    assert!(allowed > 50, "casbin allowed only {allowed} cells: the comparison would prove nothing");
}

#[test]
fn a_policy_compiles_in_bounded_time_and_answers_in_nanoseconds() {
    let document = PolicyDocument::baseline();
    let started = Instant::now();
    let table = DecisionTable::compile(&document).unwrap();
    let compiling = started.elapsed();

    let rounds = 200_u32;
    let started = Instant::now();
    let mut allowed = 0_u32;
    for _ in 0..rounds {
        for roles in support::every_single_role() {
            for (relation, resource, action) in spaces() {
                let verdict = table.verdict(black_box(roles), relation, resource, action);
                allowed += u32::from(verdict == Verdict::Allowed);
            }
        }
    }
    let asked = rounds * u32::try_from(Role::ALL.len() * spaces().count()).unwrap();
    let each = started.elapsed() / asked;
    println!("compiled in {compiling:?}; {asked} lookups of {each:?} each, {allowed} allowed");
    // 200 ms is the promise for an optimised build; an unoptimised casbin on a busy machine gets ten times that.
    let bound = if cfg!(debug_assertions) { 2_000 } else { 200 };
    assert!(compiling.as_millis() < bound, "compiling took {compiling:?}");
    assert!(each.as_nanos() < 1_000, "a lookup took {each:?}");
}

#[tokio::test]
async fn equal_policies_share_one_table_however_they_are_written() {
    let cache = PolicyCache::new(2);
    let document = PolicyDocument::baseline();
    let mut reversed = document.clone();
    reversed.rules.reverse();
    reversed.rules.push(document.rules[0].clone());
    assert_ne!(document, reversed);
    let first = cache.load(document.clone()).await.unwrap();
    let second = cache.load(reversed).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &second));
    assert_eq!(first.hash(), document.hash());
    assert!(cache.get(&document.hash()).is_some());
}

#[test]
fn the_cache_is_bounded_and_a_table_in_use_outlives_its_place() {
    let cache = PolicyCache::new(1);
    let baseline = PolicyDocument::baseline();
    let nothing = PolicyDocument { rules: Vec::new() };
    let in_use = cache.compile(&baseline).unwrap();
    let other = cache.compile(&nothing).unwrap();
    assert_ne!(in_use.hash(), other.hash());
    assert!(cache.get(&baseline.hash()).is_none());
    assert!(cache.get(&nothing.hash()).is_some());
    let patient = RoleSet::NONE.with(Role::Patient);
    let own = in_use.verdict(patient, Relation::OwnRecord, ResourceType::Record, ActionType::Read);
    assert_eq!(own, Verdict::Allowed);
    for roles in support::every_single_role() {
        for (relation, resource, action) in spaces() {
            assert_eq!(other.verdict(roles, relation, resource, action), Verdict::Unknown);
        }
    }
}
