//! The compiled policy: one cell for every resource type, action and relation.

use crate::{
    compile,
    policy::{PolicyDocument, PolicyError, PolicyHash},
    vocabulary::{ActionType, Relation, ResourceType, RoleSet},
};

const RELATIONS: usize = Relation::ALL.len();
const ACTIONS: usize = ActionType::ALL.len();
pub(crate) const CELLS: usize = ResourceType::ALL.len() * ACTIONS * RELATIONS;

/// What the policy says about a set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// A rule allows it and none denies it.
    Allowed,
    /// A rule denies it.
    Denied,
    /// No rule speaks of it: denied too.
    Unknown,
}

/// The roles to which one cell is allowed, and those to which it is denied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) allowed: RoleSet,
    pub(crate) denied: RoleSet,
}

/// A policy compiled through casbin. Answers in nanoseconds and never changes.
#[derive(PartialEq, Eq)]
pub struct DecisionTable {
    hash: PolicyHash,
    cells: [Cell; CELLS],
}

impl DecisionTable {
    /// Compiles a document by asking casbin for every cell. Takes tens of milliseconds: not for the request path.
    pub fn compile(document: &PolicyDocument) -> Result<Self, PolicyError> {
        Ok(Self { hash: document.hash(), cells: compile::cells(document)? })
    }

    /// The hash of the document it was compiled from.
    pub const fn hash(&self) -> PolicyHash {
        self.hash
    }

    /// What the policy says about someone who holds these roles.
    pub const fn verdict(
        &self,
        roles: RoleSet,
        relation: Relation,
        resource: ResourceType,
        action: ActionType,
    ) -> Verdict {
        let cell = self.cells[position(relation, resource, action)];
        if !roles.both(cell.denied).is_empty() {
            Verdict::Denied
        } else if !roles.both(cell.allowed).is_empty() {
            Verdict::Allowed
        } else {
            Verdict::Unknown
        }
    }

    /// Those of the roles that a rule allows it to.
    pub(crate) const fn allowing(
        &self,
        roles: RoleSet,
        relation: Relation,
        resource: ResourceType,
        action: ActionType,
    ) -> RoleSet {
        self.cells[position(relation, resource, action)].allowed.both(roles)
    }
}

pub(crate) const fn position(relation: Relation, resource: ResourceType, action: ActionType) -> usize {
    (resource.index() * ACTIONS + action.index()) * RELATIONS + relation.index()
}

impl std::fmt::Debug for DecisionTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DecisionTable({})", self.hash)
    }
}
