use cloister_store::{Refusal, StoreError};

fn forge() -> Refusal {
    Refusal(StoreError::NotFound)
}

fn main() {}
