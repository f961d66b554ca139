//! What is forgotten on purpose: sessions, sign-in flows, single-use values and rate limits.
//!
//! One concrete [`Ephemeral`] over one of two private stores: Redis, shared by all replicas, or this process's own
//! memory for the embedded size. Both keep the same promises:
//!
//! - A store that is away, slow or answers with something else is [`EphemeralError::Unavailable`]; nothing is ever
//!   let through because it could not be looked up.
//! - A request costs one round trip: fetching, touching and rate-limiting a session is one atomic step.
//! - Keys are SHA-256 digests of 256-bit tokens, so whoever reads the store cannot sign in. Values name the key and
//!   tenant they were written for, and both are compared when they are read.
//! - Nothing personal is stored in clear: callers hand over sealed bytes, and addresses are digested.
//! - A session that runs out is nothing to its token at once, and stays for a while as an [`EndedSession`] until its end
//!   is written down: by one sweeper at a time, and again by the next if that one fails.
//! - Time comes from the [`Environment`](cloister_kernel::Environment), never from the store.

mod ended;
mod ephemeral;
mod error;
mod flow;
mod in_process;
mod rate;
mod redis;
mod session;
mod token;

pub use ended::{EndedSession, EndedSessions, SessionEnd};
pub use ephemeral::Ephemeral;
pub use error::EphemeralError;
pub use flow::{FLOW_LIFETIME, Flow, NewFlow};
pub use in_process::InProcessCapacity;
pub use rate::{ClaimKey, RateAnswer, RateKey, RateLimit};
pub use redis::RedisSettings;
pub use session::{Activity, Elevation, MOST_SESSIONS, NewSession, SessionLimits, SessionRecord, Touched};
pub use token::{CsrfSecret, Token, TokenHash};
