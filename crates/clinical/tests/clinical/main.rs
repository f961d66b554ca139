//! The record's use cases on PostgreSQL and SQLite: what comes in, who sees it, and what is left in the log.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a suite stops at what it did not expect"
)]

#[path = "../../../fhir/tests/corpus/mod.rs"]
mod corpus;
#[path = "../../../store/tests/support/mod.rs"]
mod support;

mod clinic;
mod identity;
mod ingest;
mod labs;
mod large_bundles;
mod machine_clients;
mod one_trip;
mod panels;
mod quarantine;
mod reads;
mod statements;
