use cloister_access::{Caller, Visitor};

fn twice(caller: &Caller, visitor: &Visitor) -> (Caller, Visitor) {
    (caller.clone(), visitor.clone())
}

fn main() {}
