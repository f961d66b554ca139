//! The life of a tenant as operators run it: onboarding, agreements, owners, activation, and the operators
//! themselves with their tokens.
//!
//! Promises: a tenant is created whole or not at all, whatever fails between; no operator reads a clinic's data or
//! becomes its staff; every call and every refusal leaves an event in the platform log.

pub mod baa;
pub mod colors;
pub mod locality;
pub mod new_tenant;
pub mod scope;
pub mod slug;
pub mod text;
pub mod token;
