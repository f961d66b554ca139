//! What is measured: the release programs over private services, and a clinic in them.

mod bundles;
mod clinic;
mod keys;
mod programs;

pub(crate) use bundles::{Template, observation, real_bundles};
pub(crate) use clinic::Clinic;
pub(crate) use programs::{Programs, Services};
