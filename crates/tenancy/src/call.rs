//! Who calls, and what is known of the request: the only way to an operation.

use std::net::IpAddr;

use cloister_audit::{Actor, EventContext, Log};
use cloister_kernel::{OperatorId, Pii, RequestId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::scope::{Scope, Scopes};

/// What is known of one request.
#[derive(Debug, Clone)]
pub struct CallFacts {
    /// The request, as correlated in logs.
    pub request: RequestId,
    /// The client's address; none for commands on the machine.
    pub source: Option<Pii<IpAddr>>,
    /// What the client calls itself.
    pub user_agent: Option<Pii<String>>,
}

/// A named operator behind a token that holds. Made by `Platform::authenticate` only.
#[derive(Debug, Clone)]
pub struct OperatorCall {
    pub(crate) operator: OperatorId,
    pub(crate) token: Uuid,
    pub(crate) scopes: Scopes,
    pub(crate) facts: CallFacts,
}

impl OperatorCall {
    /// Who calls.
    pub const fn operator(&self) -> OperatorId {
        self.operator
    }

    /// The id of the token that was shown.
    pub const fn token(&self) -> Uuid {
        self.token
    }

    /// Whether the token's scopes cover an operation.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.holds(scope)
    }

    /// What is known of the request.
    pub const fn facts(&self) -> &CallFacts {
        &self.facts
    }
}

/// Who stands behind an event of the platform's log.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Author<'a> {
    Operator(&'a OperatorCall),
    CommandLine(&'a CallFacts),
    Nobody(&'a CallFacts),
}

impl Author<'_> {
    pub(crate) fn context(self, at: OffsetDateTime) -> EventContext {
        let (actor, facts) = match self {
            Self::Operator(call) => (Actor::Operator(call.operator), &call.facts),
            Self::CommandLine(facts) => (Actor::CommandLine, facts),
            Self::Nobody(facts) => (Actor::Anonymous, facts),
        };
        EventContext {
            log: Log::Platform,
            at,
            actor,
            session_id: None,
            request_id: facts.request,
            source: facts.source.clone(),
            user_agent: facts.user_agent.clone(),
        }
    }
}
