use cloister_access::{Permit, action::{Create, Read}, resource::Invitation};

fn invite(_: Permit<Create, Invitation>) {}

fn misuse(permit: Permit<Read, Invitation>) {
    invite(permit);
}

fn main() {}
