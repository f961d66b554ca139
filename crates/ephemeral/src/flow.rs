//! Sign-in and activation under way: state that stays on the server, found by an opaque cookie.

use cloister_kernel::{Audience, TenantId};
use serde::{Deserialize, Serialize};
use time::Duration;

use crate::{CsrfSecret, EphemeralError};

/// How long a flow lives from its opening, whatever is called.
pub const FLOW_LIFETIME: Duration = Duration::minutes(10);

/// What a flow starts as.
#[derive(Debug, Clone)]
pub struct NewFlow {
    /// The clinic.
    pub tenant: TenantId,
    /// Portal or console.
    pub audience: Audience,
    /// Stable name of the step the client stands at.
    pub step: String,
    /// The state machine's own bytes; sealed by the caller where they name a person.
    pub state: Vec<u8>,
}

/// A flow as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The clinic.
    pub tenant: TenantId,
    /// Portal or console.
    pub audience: Audience,
    /// Stable name of the step the client stands at.
    pub step: String,
    /// The state machine's own bytes.
    pub state: Vec<u8>,
    /// What its CSRF tokens are made from.
    pub csrf_secret: CsrfSecret,
    /// Goes up with each advance; only who read the newest may write the next.
    pub version: u64,
    /// Calls counted so far.
    pub calls: u64,
}

/// A flow as written to Redis, with the key and tenant it was written for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredFlow {
    key: String,
    tenant: TenantId,
    audience: Audience,
    step: String,
    state: String,
    csrf: CsrfSecret,
}

impl StoredFlow {
    pub(crate) fn of(key: &str, flow: &Flow) -> Self {
        Self {
            key: key.to_owned(),
            tenant: flow.tenant,
            audience: flow.audience,
            step: flow.step.clone(),
            state: hex::encode(&flow.state),
            csrf: flow.csrf_secret.clone(),
        }
    }

    pub(crate) fn into_flow(
        self,
        key: &str,
        tenant: TenantId,
        version: u64,
        calls: u64,
    ) -> Result<Flow, EphemeralError> {
        if self.key != key || self.tenant != tenant {
            return Err(EphemeralError::wrong("a flow of another key or tenant"));
        }
        Ok(Flow {
            tenant: self.tenant,
            audience: self.audience,
            step: self.step,
            state: hex::decode(self.state).map_err(|_| EphemeralError::wrong("state bytes"))?,
            csrf_secret: self.csrf,
            version,
            calls,
        })
    }
}
