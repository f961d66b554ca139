//! From rules to cells, through casbin: it alone holds what the rules mean.
//!
//! casbin walks its rules one by one, so each resource type gets an enforcer of its own, and the matcher compares by
//! equality before it asks for implied relations. Ids carry prefixes because casbin's `g(x, x)` always holds. The
//! enforcers never leave this file: `enable_enforce(false)` would make one allow everything.

use std::{
    collections::BTreeSet,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};

use crate::{
    policy::{Effect, PolicyDocument, PolicyError, SingleRule},
    table::{CELLS, Cell, position},
    vocabulary::{ActionType, Relation, ResourceType, Role},
};

const MODEL: &str = "
[request_definition]
r = role, relation, action

[policy_definition]
p = role, relation, action, eft

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = r.action == p.action && r.role == p.role && (r.relation == p.relation || g(r.relation, p.relation))
";

pub(crate) fn cells(document: &PolicyDocument) -> Result<[Cell; CELLS], PolicyError> {
    let rules = document.single_rules();
    let mut cells = [Cell::default(); CELLS];
    for &resource in ResourceType::ALL {
        let of_resource: BTreeSet<SingleRule> =
            rules.iter().filter(|rule| rule.resource == resource).copied().collect();
        if of_resource.is_empty() {
            continue;
        }
        let policy = enforcer(&of_resource)?;
        let denies: BTreeSet<SingleRule> = of_resource
            .iter()
            .filter(|rule| rule.effect == Effect::Deny)
            .map(|rule| SingleRule { effect: Effect::Allow, ..*rule })
            .collect();
        let forbidding = if denies.is_empty() { None } else { Some(enforcer(&denies)?) };
        for &action in ActionType::ALL {
            for &relation in Relation::ALL {
                let cell = &mut cells[position(relation, resource, action)];
                for &role in Role::ALL {
                    if matches(&policy, role, relation, action)? {
                        cell.allowed = cell.allowed.with(role);
                    }
                    if let Some(forbidding) = &forbidding
                        && matches(forbidding, role, relation, action)?
                    {
                        cell.denied = cell.denied.with(role);
                    }
                }
            }
        }
    }
    Ok(cells)
}

fn matches(
    enforcer: &Enforcer,
    role: Role,
    relation: Relation,
    action: ActionType,
) -> Result<bool, PolicyError> {
    enforcer.enforce((prefixed_role(role), prefixed_relation(relation), action.as_str())).map_err(engine)
}

fn enforcer(rules: &BTreeSet<SingleRule>) -> Result<Enforcer, PolicyError> {
    let lines = rules
        .iter()
        .map(|rule| {
            vec![
                prefixed_role(rule.role),
                prefixed_relation(rule.relation),
                rule.action.to_string(),
                rule.effect.as_str().to_owned(),
            ]
        })
        .collect();
    let implied = Relation::ALL
        .iter()
        .flat_map(|&closer| Relation::ALL.iter().map(move |&wider| (closer, wider)))
        .filter(|(closer, wider)| closer != wider && closer.implies(*wider))
        .map(|(closer, wider)| vec![prefixed_relation(closer), prefixed_relation(wider)])
        .collect();
    finished(async {
        let model = DefaultModel::from_str(MODEL).await?;
        let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await?;
        enforcer.add_policies(lines).await?;
        enforcer.add_grouping_policies(implied).await?;
        Ok(enforcer)
    })
}

fn prefixed_role(role: Role) -> String {
    format!("role:{role}")
}

fn prefixed_relation(relation: Relation) -> String {
    format!("relation:{relation}")
}

/// Runs casbin's loading, which is written as async and waits for nothing when everything is in memory.
fn finished<T>(loading: impl Future<Output = casbin::Result<T>>) -> Result<T, PolicyError> {
    match pin!(loading).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome.map_err(engine),
        Poll::Pending => Err(PolicyError::Engine("casbin waited for something outside memory".into())),
    }
}

fn engine(error: casbin::Error) -> PolicyError {
    PolicyError::Engine(Box::new(error))
}
