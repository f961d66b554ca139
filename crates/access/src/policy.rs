//! A clinic's policy as data: rules over the finite vocabulary, with exact words and no wildcards.

use std::{collections::BTreeSet, fmt};

use cloister_kernel::{Failure, FailureKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::vocabulary::{ActionType, Relation, ResourceType, Role};

/// What a rule does when it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Grants, unless another rule denies.
    Allow,
    /// Forbids, whatever other rules grant, and to everyone who holds the role beside others.
    Deny,
}

impl Effect {
    /// casbin's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// One line of a policy document: it stands for every combination of its relations, resources and actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Allow or deny.
    pub effect: Effect,
    /// The one role it speaks of.
    pub role: Role,
    /// In which relations.
    pub relations: Vec<Relation>,
    /// Of which types of thing.
    pub resources: Vec<ResourceType>,
    /// Which actions.
    pub actions: Vec<ActionType>,
}

/// A rule about one relation, one type and one action: what casbin is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SingleRule {
    /// The type of thing.
    pub resource: ResourceType,
    /// The action.
    pub action: ActionType,
    /// The role.
    pub role: Role,
    /// The relation.
    pub relation: Relation,
    /// Allow or deny.
    pub effect: Effect,
}

impl fmt::Display for SingleRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { effect, role, relation, resource, action } = self;
        write!(
            f,
            "{}, role:{role}, relation:{relation}, resource:{resource}, action:{action}",
            effect.as_str()
        )
    }
}

/// SHA-256 of a policy's meaning. Documents with the same single rules have the same hash, however they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyHash(pub [u8; 32]);

impl fmt::Display for PolicyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Why a policy could not be used. Nothing is granted then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Not the JSON of a policy document; an unknown role, relation, type, action or field is named in the source.
    #[error("the policy document could not be read")]
    Unreadable(#[source] serde_json::Error),
    /// Over the limit of rules that one document may hold.
    #[error("the policy document holds more than {limit} rules")]
    TooLong {
        /// How many it may hold.
        limit: usize,
    },
    /// casbin did not take it.
    #[error("the policy could not be compiled")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Failure for PolicyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "policy.unreadable",
            Self::TooLong { .. } => "policy.too_long",
            Self::Engine(_) => "policy.not_compiled",
        }
    }

    fn kind(&self) -> FailureKind {
        FailureKind::Internal
    }
}

/// A set of rules. What no rule allows is denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// The rules; their order has no meaning.
    pub rules: Vec<Rule>,
}

impl PolicyDocument {
    /// The most lines that a document may hold: it bounds the time to compile one.
    pub const MOST_RULES: usize = 512;

    /// Reads a document from JSON. Any word or field that is not known makes the whole document unreadable.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        let document: Self = serde_json::from_str(text).map_err(PolicyError::Unreadable)?;
        if document.rules.len() > Self::MOST_RULES {
            return Err(PolicyError::TooLong { limit: Self::MOST_RULES });
        }
        Ok(document)
    }

    /// The document as JSON.
    pub fn to_json(&self) -> Result<String, PolicyError> {
        serde_json::to_string(self).map_err(PolicyError::Unreadable)
    }

    /// Every combination that the rules stand for, once each, in one order.
    pub fn single_rules(&self) -> BTreeSet<SingleRule> {
        let mut singles = BTreeSet::new();
        for rule in &self.rules {
            for &relation in &rule.relations {
                for &resource in &rule.resources {
                    for &action in &rule.actions {
                        let Rule { effect, role, .. } = *rule;
                        singles.insert(SingleRule { effect, role, relation, resource, action });
                    }
                }
            }
        }
        singles
    }

    /// The hash of the document's meaning: the single rules in order, one a line.
    pub fn hash(&self) -> PolicyHash {
        let mut digest = Sha256::new();
        digest.update(b"cloister policy 1\n");
        for single in self.single_rules() {
            digest.update(single.to_string());
            digest.update(b"\n");
        }
        PolicyHash(digest.finalize().into())
    }
}
