//! The decision: policy, facts and assurance come together.

use std::marker::PhantomData;

use crate::{
    caller::{Caller, Principal},
    facts::Facts,
    permit::{DenialReason, Denied, Permit},
    table::{DecisionTable, Verdict},
    vocabulary::{Action, ActionType, Resource, ResourceType},
};

/// Whether a person needs a fresh factor for this (requirement SESS-6): whatever gives or takes access of others.
pub const fn demands_step_up(action: ActionType, resource: ResourceType) -> bool {
    match resource {
        ResourceType::StaffInvitation => matches!(action, ActionType::Create),
        ResourceType::MachineClient | ResourceType::PanelMember | ResourceType::StaffMember => {
            matches!(action, ActionType::Create | ActionType::Update | ActionType::Delete)
        }
        _ => false,
    }
}

/// Decides whether the caller may do `A` to the thing that the facts are about.
///
/// A refusal is concealed when it names a patient or a row and the caller may neither read nor list such things in
/// that relation: then the answer must be the one for a thing that does not exist. Since an absent thing is
/// [`crate::Relation::Unrelated`], the two are decided alike.
pub fn decide<A: Action, R: Resource>(
    table: &DecisionTable,
    caller: &Caller,
    facts: Facts,
) -> Result<Permit<A, R>, Denied> {
    let roles = facts.roles.both(caller.admissible_roles());
    let verdict = table.verdict(roles, facts.relation, R::TYPE, A::TYPE);
    let reason = if facts.tenant != caller.tenant() || facts.principal != caller.principal() {
        Some(DenialReason::FactsOfAnother)
    } else {
        match verdict {
            Verdict::Denied => Some(DenialReason::Forbidden),
            Verdict::Unknown => Some(DenialReason::NotAllowed),
            Verdict::Allowed => unmet_condition(caller, A::TYPE, R::TYPE),
        }
    };
    let Some(reason) = reason else {
        return Ok(Permit {
            tenant: facts.tenant,
            principal: facts.principal,
            patient: facts.patient,
            row: facts.row,
            relation: facts.relation,
            granted_by: table.allowing(roles, facts.relation, R::TYPE, A::TYPE),
            kind: PhantomData,
        });
    };
    let knows = [ActionType::Read, ActionType::List, A::TYPE]
        .into_iter()
        .any(|action| table.verdict(roles, facts.relation, R::TYPE, action) == Verdict::Allowed);
    let names_one = facts.patient.is_some() || facts.row.is_some();
    Err(Denied {
        action: A::TYPE,
        resource: R::TYPE,
        reason,
        concealed: reason == DenialReason::FactsOfAnother || (names_one && !knows),
        relation: facts.relation,
        patient: facts.patient,
        row: facts.row,
    })
}

/// What the policy allows, a weak session, a stale factor or a job's purpose may still forbid.
fn unmet_condition(caller: &Caller, action: ActionType, resource: ResourceType) -> Option<DenialReason> {
    match caller.principal() {
        Principal::User(_) if !caller.assurance().is_multi_factor() => {
            Some(DenialReason::SecondFactorMissing)
        }
        Principal::User(_)
            if demands_step_up(action, resource)
                && !caller.assurance().is_stepped_up(caller.request().at) =>
        {
            Some(DenialReason::StepUpRequired)
        }
        Principal::Job(_) if !caller.purpose().is_some_and(|purpose| purpose.covers(action, resource)) => {
            Some(DenialReason::OutsidePurpose)
        }
        Principal::User(_) | Principal::Machine(_) | Principal::Job(_) => None,
    }
}
