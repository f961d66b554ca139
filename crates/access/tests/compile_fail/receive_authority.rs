use cloister_access::{Caller, Facts, Permit, action::Read, resource::Record};

fn main() {
    let _ = serde_json::from_str::<Caller>("{}");
    let _ = serde_json::from_str::<Facts>("{}");
    let _ = serde_json::from_str::<Permit<Read, Record>>("{}");
}
