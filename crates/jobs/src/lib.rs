//! The worker: takes due jobs under a lease, runs their handlers, and tries again what failed for a while.
//!
//! Promises: a job is written in the transaction of the change that wants it and runs at least once; a worker that
//! dies loses its lease and another finishes; a failing job waits longer each time and is given up with a code, never
//! silently; a stopping worker finishes what it holds. Chores, which no job is written for, go on beside the jobs and
//! outlive their own failures. Handlers are registered by the composition root.

mod chore;
mod handler;
mod measure;
mod worker;

pub use chore::{Chore, repeat};
pub use handler::{Handler, JobFailure};
pub use worker::{Worker, WorkerSettings};
