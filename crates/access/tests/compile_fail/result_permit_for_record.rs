use cloister_access::{Permit, action::Read, resource::{LabResult, Record}};

fn record(_: Permit<Read, Record>) {}

fn misuse(permit: Permit<Read, LabResult>) {
    record(permit);
}

fn main() {}
