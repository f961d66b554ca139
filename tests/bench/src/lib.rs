//! What the long programs share: the programs as processes over private services, a clinic in them, and load.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that cannot go on panics"
)]

pub mod floor;
pub mod load;
pub mod world;
