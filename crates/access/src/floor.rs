//! Operator floors: a clinic may tighten the baseline and never loosen it.

use std::collections::BTreeSet;

use cloister_kernel::{Failure, FailureKind, FieldError};

use crate::policy::{Effect, PolicyDocument, SingleRule};

/// How a clinic's document is looser than the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FloorViolation {
    /// It allows what the floor does not.
    #[error("the policy allows what the platform does not")]
    Allows(SingleRule),
    /// It leaves out a deny of the floor.
    #[error("the policy leaves out what the platform forbids")]
    LacksDeny(SingleRule),
}

impl FloorViolation {
    /// The rule that was added or left out.
    pub const fn rule(&self) -> &SingleRule {
        match self {
            Self::Allows(rule) | Self::LacksDeny(rule) => rule,
        }
    }
}

impl Failure for FloorViolation {
    fn code(&self) -> &'static str {
        match self {
            Self::Allows(_) => "policy.allows_beyond_floor",
            Self::LacksDeny(_) => "policy.lacks_floor_deny",
        }
    }

    fn kind(&self) -> FailureKind {
        FailureKind::Invalid(vec![FieldError::new("rules", self.code(), self.rule().to_string())])
    }
}

impl PolicyDocument {
    /// Checks that this document, in place of `floor`, can only take away: every allow lies within an allow of the
    /// floor, and every deny of the floor is still there.
    pub fn tightened_over(&self, floor: &Self) -> Result<(), FloorViolation> {
        let (own, floor) = (self.single_rules(), floor.single_rules());
        if let Some(rule) = own.iter().find(|rule| rule.effect == Effect::Allow && !covered(rule, &floor)) {
            return Err(FloorViolation::Allows(*rule));
        }
        match floor.iter().find(|rule| rule.effect == Effect::Deny && !covered(rule, &own)) {
            Some(rule) => Err(FloorViolation::LacksDeny(*rule)),
            None => Ok(()),
        }
    }
}

/// Whether one of the rules has the same effect wherever this one has it.
fn covered(rule: &SingleRule, rules: &BTreeSet<SingleRule>) -> bool {
    rules.iter().any(|wider| {
        rule.relation.implies(wider.relation) && SingleRule { relation: wider.relation, ..*rule } == *wider
    })
}
