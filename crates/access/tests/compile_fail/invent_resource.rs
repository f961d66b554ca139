use cloister_access::{Resource, ResourceType};

enum Anything {}

impl Resource for Anything {
    const TYPE: ResourceType = ResourceType::Record;
}

fn main() {}
