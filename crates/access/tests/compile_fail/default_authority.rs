use cloister_access::{Caller, Facts, Permit, action::Read, resource::Record};

fn main() {
    let _: Caller = Default::default();
    let _: Facts = Default::default();
    let _: Permit<Read, Record> = Default::default();
}
