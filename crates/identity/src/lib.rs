//! Who is it: sign-in, activation, second factors, sessions and record systems' tokens.
//!
//! # Promises
//! - Every attempt with a password costs exactly one hash and answers alike, whether the account exists, is locked, is
//!   disabled or the password is wrong.
//! - An attempt is counted in the database before it is judged, by account and by source; unknown accounts are counted
//!   as known ones are.
//! - A second factor is asked at every sign-in, and every code, assertion and flow is accepted once.
//! - The state machine of a sign-in or an activation lives on the server ([`FlowStep`]); what it knows of a person is
//!   sealed. The client holds an opaque cookie.
//! - A new token at every elevation. A session counts while it is live in the ephemeral store **and** its epoch is the
//!   database's.
//! - A person's [`cloister_access::Caller`] is made in `session_verification` and a record system's in
//!   `access_token_verification`, nowhere else.

mod access_token;
mod access_token_verification;
mod activation;
mod attempt;
mod breach_list;
mod challenge;
mod client_assertion;
mod error;
mod flow;
mod hashing;
mod password_policy;
mod recovery_code;
mod refused_call;
mod session;
mod session_endings;
mod session_verification;
mod settings;
mod sign_in;
mod totp;

use std::sync::Arc;

use cloister_ephemeral::Ephemeral;
use cloister_kernel::Environment;
use cloister_store::Store;

pub use access_token::{
    ACCESS_TOKEN_LIFE, CLIENT_ASSERTION_TYPE, CLIENT_CREDENTIALS, IssuedAccessToken, TokenRequest,
};
pub use access_token_verification::VerifiedAccess;
pub use activation::{ActivatedAccount, ActivationStarted, IdentityProof, TotpEnrolment};
pub use breach_list::BreachList;
pub use cloister_store::{AccountKind, AttemptLimit, Profile};
pub use error::{IdentityError, OauthError};
pub use flow::{CurrentFlow, FlowStep};
pub use hashing::{HashingCost, HashingError, HashingPool, PasswordHash};
pub use password_policy::{LONGEST, PasswordPolicy, SHORTEST_FLOOR};
pub use recovery_code::RECOVERY_CODES;
pub use refused_call::{Noted, RefusedCall};
pub use session::{OpenedSession, ShownSession};
pub use settings::IdentitySettings;
pub use totp::TotpSecret;

/// The use cases of this crate. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    store: Store,
    ephemeral: Ephemeral,
    environment: Environment,
    pool: Arc<HashingPool>,
    settings: Arc<IdentitySettings>,
}

impl Identity {
    /// Over a store and an ephemeral store that share one clock with the environment.
    pub fn new(
        store: Store,
        ephemeral: Ephemeral,
        environment: Environment,
        pool: Arc<HashingPool>,
        settings: IdentitySettings,
    ) -> Self {
        Self { store, ephemeral, environment, pool, settings: Arc::new(settings) }
    }

    /// The pool that hashes passwords, for metrics.
    pub fn hashing(&self) -> &HashingPool {
        &self.pool
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity")
    }
}
