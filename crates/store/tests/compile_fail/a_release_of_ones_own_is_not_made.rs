use cloister_store::Release;

struct Everything;

impl Release for Everything {
    type Out = Vec<u8>;
}

fn main() {}
