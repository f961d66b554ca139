//! The audit log's language: what happened, to what, by whom, and the exact bytes that stand for it.
//!
//! Promises: no input or output. [`canonical`] is deterministic and injective (two events with the same bytes are the
//! same event), is versioned, and is described byte by byte in its module; sealed parts are bound to it and leaves
//! are made of it, so it must never change for a version that was written.

mod action;
mod canonical;
mod event;
mod leaf;
mod sealed;
mod term;

pub use action::{ActionCode, UnknownAction};
pub use canonical::{CANONICAL_VERSION, canonical};
pub use event::{Actor, ClearPart, Event, EventContext, EventDraft, Log, Moment, Outcome};
pub use leaf::{LeafHash, leaf, leaf_hash};
pub use sealed::{SealedPart, SealedPartError};
pub use term::{Term, TermError};
