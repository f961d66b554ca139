//! What is measured: the release programs over private services, and a clinic in them.

mod bundles;
mod clinic;
mod programs;

pub use bundles::{Template, observation, patient, real_bundles};
pub use clinic::{Clinic, PASSWORD, Reader};
pub use programs::{CONNECTIONS, Programs, Served, Services, Ways, cloister, free_address, worker};
