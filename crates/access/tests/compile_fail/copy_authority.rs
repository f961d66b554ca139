use cloister_access::{Facts, Permit, action::Read, resource::Record};

fn twice(permit: &Permit<Read, Record>, facts: &Facts) -> (Permit<Read, Record>, Facts) {
    (permit.clone(), facts.clone())
}

fn spent(permit: Permit<Read, Record>) {
    drop(permit);
    drop(permit);
}

fn main() {}
