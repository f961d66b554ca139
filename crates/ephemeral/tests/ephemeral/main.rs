//! The ephemeral store, black box, on every store that this machine can run.

mod redis_faults;
mod suite;
mod support;
