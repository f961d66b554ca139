use cloister_access::{ActionType, DenialReason, Denied, Relation, ResourceType};

fn forge() -> Denied {
    Denied {
        action: ActionType::Read,
        resource: ResourceType::Record,
        reason: DenialReason::NotAllowed,
        concealed: false,
        relation: Relation::Panel,
        patient: None,
        row: None,
    }
}

fn main() {}
