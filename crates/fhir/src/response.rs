//! The answer to a transaction.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    ResourceType,
    outcome::{Issue, OperationOutcome},
};

/// What became of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryResult {
    /// 201: the first version.
    Created,
    /// 200: a new version.
    Updated,
    /// 200: equal content or a kept resource; nothing changed.
    Unchanged,
    /// 204: it left the chart, or was not there.
    Deleted,
    /// 202: kept apart until a person decides.
    Quarantined,
}

impl EntryResult {
    const fn status(self) -> &'static str {
        match self {
            Self::Created => "201 Created",
            Self::Updated | Self::Unchanged => "200 OK",
            Self::Deleted => "204 No Content",
            Self::Quarantined => "202 Accepted",
        }
    }
}

/// Builds the transaction-response bundle, entry by entry in the order of the request.
#[derive(Debug, Clone, Default)]
pub struct TransactionResponse {
    entries: Vec<Value>,
}

impl TransactionResponse {
    /// An answer without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry's result: what the resource is called on the platform, its version (from 1) and anything that
    /// deserves a look.
    pub fn entry(
        &mut self,
        result: EntryResult,
        resource_type: ResourceType,
        id: Uuid,
        version: Option<u32>,
        issues: &[Issue],
    ) {
        let mut response = Map::new();
        response.insert("status".into(), json!(result.status()));
        if let Some(version) = version.filter(|_| result != EntryResult::Deleted) {
            response.insert("location".into(), json!(format!("{resource_type}/{id}/_history/{version}")));
            response.insert("etag".into(), json!(format!("W/\"{version}\"")));
        }
        if !issues.is_empty() {
            let mut outcome = OperationOutcome::new();
            issues.iter().cloned().for_each(|issue| outcome.push(issue));
            response.insert("outcome".into(), outcome.to_value());
        }
        self.entries.push(json!({ "response": response }));
    }

    /// The FHIR resource.
    pub fn into_value(self) -> Value {
        let mut bundle = json!({"resourceType": "Bundle", "type": "transaction-response"});
        if !self.entries.is_empty() {
            bundle["entry"] = Value::Array(self.entries);
        }
        bundle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_is_answered_with_its_status_and_place() {
        let mut response = TransactionResponse::new();
        let id = Uuid::nil();
        response.entry(EntryResult::Created, ResourceType::PATIENT, id, Some(1), &[]);
        response.entry(EntryResult::Deleted, ResourceType::OBSERVATION, id, Some(2), &[]);
        let value = response.into_value();
        assert_eq!(value["entry"][0]["response"]["status"], "201 Created");
        assert_eq!(value["entry"][0]["response"]["location"], format!("Patient/{id}/_history/1"));
        assert_eq!(value["entry"][1]["response"], json!({"status": "204 No Content"}));
    }
}
