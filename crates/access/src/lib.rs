//! Who may do what: callers, roles, relations, the policy and its compiled table, and the permits that it grants.
//!
//! Promises: no input or output. A [`Permit`] comes out of [`decide`] and from nowhere else; a [`Caller`] out of a
//! verified credential and from nowhere else. Whatever the policy does not name is denied, a deny overrides every
//! allow, and a policy that cannot be read grants nothing. This is the only crate that uses casbin.

mod assurance;
mod baseline;
mod cache;
mod caller;
mod compile;
mod decision;
mod facts;
mod floor;
mod permit;
mod policy;
mod table;
mod vocabulary;

pub use assurance::{Assurance, Factor, Factors};
pub use cache::PolicyCache;
pub use caller::{
    Caller, JobGrant, JobPurpose, Principal, RequestFacts, RevocationEpoch, VerifiedMachineToken,
    VerifiedSession, Visitor,
};
pub use decision::{decide, demands_step_up};
pub use facts::Facts;
pub use floor::FloorViolation;
pub use permit::{CONCEALED_CODE, DenialReason, Denied, Permit};
pub use policy::{Effect, PolicyDocument, PolicyError, PolicyHash, Rule, SingleRule};
pub use table::{DecisionTable, Verdict};
pub use vocabulary::{Action, ActionType, Relation, Resource, ResourceType, Role, RoleSet, action, resource};
