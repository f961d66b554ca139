//! The CapabilityStatement: what of FHIR's RESTful API is supported, and nothing more.

use serde_json::{Value, json};

use crate::ResourceType;

/// What a server of these addresses supports. `base` is the service's root, `token_endpoint` where tokens are issued.
pub fn capability_statement(base: &str, token_endpoint: &str, version: &str) -> Value {
    let resource = |kind: ResourceType| {
        json!({
            "type": kind.as_str(),
            "interaction": [{ "code": "read" }],
            "versioning": "versioned",
            "readHistory": false,
            "updateCreate": false,
            "conditionalCreate": false,
            "conditionalRead": "not-supported",
            "conditionalUpdate": false,
            "conditionalDelete": "not-supported",
        })
    };
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-22",
        "kind": "instance",
        "software": { "name": "Cloister", "version": version },
        "implementation": { "description": "A clinic's endpoint for its record systems", "url": base },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [{
            "mode": "server",
            "documentation": "Writes are taken as transaction bundles only, all or nothing: POST, perhaps with ifNoneExist, \
                              and PUT and DELETE by Type/id or by Type?identifier=system|value. Conditions know one \
                              identifier. A bundle that contradicts who a patient is, is answered with 202 for every entry \
                              and waits for the clinic's decision. Up to 10000 entries and 16 MiB. There is no search.",
            "security": {
                "cors": true,
                "service": [{ "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                    "code": "SMART-on-FHIR",
                }] }],
                "description": "SMART Backend Services: access tokens for record systems that the clinic registered.",
                "extension": [{
                    "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                    "extension": [{ "url": "token", "valueUri": token_endpoint }],
                }],
            },
            "resource": ResourceType::all().map(resource).collect::<Vec<_>>(),
            "interaction": [{ "code": "transaction" }],
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read_and_transactions_are_taken_and_nothing_else() {
        let statement =
            capability_statement("https://a.example/fhir/R4", "https://a.example/oauth/token", "1.0");
        let rest = &statement["rest"][0];
        assert_eq!(rest["interaction"], json!([{ "code": "transaction" }]));
        let resources = rest["resource"].as_array().unwrap();
        assert_eq!(resources.len(), ResourceType::all().count());
        for resource in resources {
            assert!(ResourceType::parse(resource["type"].as_str().unwrap()).is_some());
            assert_eq!(resource["interaction"], json!([{ "code": "read" }]));
            assert!(resource["searchParam"].is_null());
        }
        // FHIR has no empty elements.
        let mut problems = crate::OperationOutcome::new();
        crate::shape::check(&statement, "CapabilityStatement", &mut problems);
        assert_eq!(problems.issues(), []);
    }
}
