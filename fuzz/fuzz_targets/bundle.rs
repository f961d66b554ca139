//! Any bytes are a document or refused; a document that was read prints to one that reads the same, digit for digit; a
//! bundle that was read can be planned.
#![no_main]

use cloister_fhir::{BundlePlan, read_json};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = read_json(bytes) {
        let printed = serde_json::to_string(&document).unwrap();
        let again = read_json(printed.as_bytes()).unwrap();
        assert_eq!(document, again);
        assert_eq!(printed, serde_json::to_string(&again).unwrap());
    }
    if let Ok(plan) = BundlePlan::read(bytes, &["https://ids.example".to_owned()]) {
        let mut given = 0;
        let resolved = plan.resolve(
            |_| None,
            |_| {
                given += 1;
                Uuid::from_u128(given)
            },
        );
        if let Ok(resolved) = resolved {
            assert!(resolved.operations.len() <= plan.len());
        }
    }
});
