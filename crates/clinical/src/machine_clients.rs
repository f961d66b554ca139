//! Registering the record systems that may send bundles.

use cloister_access::{
    Caller,
    action::{Create, Delete, List},
    resource,
};
use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{FieldError, MachineClientId};
use cloister_store::{MachineClientRow, NewMachineClient, Plain, Target};
use serde_json::Value;
use time::OffsetDateTime;

use crate::{
    Clinical, ClinicalError,
    clinical::{Sought, found},
    key_set,
};

/// The scopes of every record system (SMART Backend Services 2.2).
pub const SCOPES: &str = "system/*.crud system/*.cruds system/*.rs";

const MOST_SYSTEMS: usize = 20;
const LONGEST_SYSTEM: usize = 255;
const LONGEST_NAME: usize = 100;

/// What a clinic's administrator says of a record system.
#[derive(Debug, Clone)]
pub struct MachineClientRequest {
    /// What the clinic calls it.
    pub name: String,
    /// Its public keys, a JSON Web Key Set.
    pub jwks: Value,
    /// The identifier systems by which its resources are recognised, absolute URIs, in order of preference. Without
    /// any, resources are recognised by their fullUrl.
    pub identifier_systems: Vec<String>,
}

/// A registered record system.
#[derive(Debug, Clone)]
pub struct MachineClient {
    /// Its id, which is also its OAuth client id.
    pub id: MachineClientId,
    /// What the clinic calls it.
    pub name: String,
    /// The identifier systems by which its resources are recognised.
    pub identifier_systems: Vec<String>,
    /// When it was registered.
    pub created_at: OffsetDateTime,
}

impl From<MachineClientRow> for MachineClient {
    fn from(row: MachineClientRow) -> Self {
        let MachineClientRow { id, name, identifier_systems, created_at, .. } = row;
        Self { id, name, identifier_systems, created_at }
    }
}

impl Clinical {
    /// Registers a record system. The caller must have stepped up.
    ///
    /// # Errors
    /// `Invalid` naming the fields; `Store` with a denial.
    pub async fn register_machine_client(
        &self,
        caller: &Caller,
        request: &MachineClientRequest,
    ) -> Result<MachineClient, ClinicalError> {
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<Create, resource::MachineClient>(Target::Clinic).await?;
        let name = request.name.trim();
        let mut errors = Vec::new();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            errors.push(FieldError::new("name", "name.length", "must be 1 to 100 printable characters"));
        }
        errors.extend(wrong_systems(&request.identifier_systems));
        let jwks = key_set::checked(&request.jwks).unwrap_or_else(|wrong| {
            errors.extend(wrong);
            String::new()
        });
        if !errors.is_empty() {
            let event = EventDraft::failed(ActionCode::MachineClientRegistered, "request.invalid");
            unit.fail(event.on("machine_client", None)).await?;
            return Err(ClinicalError::Invalid(errors));
        }
        let systems = &request.identifier_systems;
        let client = NewMachineClient { name, jwks: &jwks, identifier_systems: systems, scopes: SCOPES };
        let row = unit.register_machine_client(permit, client).await?;
        Ok(unit.commit(Plain(row)).await?.into())
    }

    /// The record systems that are registered now.
    ///
    /// # Errors
    /// `Store` with a denial.
    pub async fn machine_clients(&self, caller: &Caller) -> Result<Vec<MachineClient>, ClinicalError> {
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<List, resource::MachineClient>(Target::Clinic).await?;
        let rows = unit.machine_clients(permit).await?;
        Ok(unit.commit(Plain(rows)).await?.into_iter().map(MachineClient::from).collect())
    }

    /// Removes a record system. What it sent stays in the record; its access tokens are refused from now on. The
    /// caller must have stepped up.
    ///
    /// # Errors
    /// `Store` with `NotFound`, when it was removed already, or a denial.
    pub async fn remove_machine_client(
        &self,
        caller: &Caller,
        id: MachineClientId,
    ) -> Result<(), ClinicalError> {
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) =
            unit.require::<Delete, resource::MachineClient>(Target::MachineClient(id)).await?;
        let outcome = unit.remove_machine_client(permit).await;
        let sought = Sought {
            action: ActionCode::MachineClientRemoved,
            resource: "machine_client",
            row: Some(id.uuid()),
            patient: None,
        };
        let (unit, ()) = found(unit, outcome, sought).await?;
        Ok(unit.commit(()).await?)
    }
}

fn wrong_systems(systems: &[String]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if systems.len() > MOST_SYSTEMS {
        let reason = "at most 20 identifier systems";
        errors.push(FieldError::new("identifier_systems", "identifier_systems.count", reason));
    }
    for (position, system) in systems.iter().enumerate().take(MOST_SYSTEMS) {
        let mut wrong = |code, reason: &str| {
            errors.push(FieldError::new(format!("identifier_systems[{position}]"), code, reason));
        };
        if !is_absolute_uri(system) {
            wrong(
                "identifier_systems.uri",
                "must be an absolute URI such as https://clinic.example/mrn or urn:oid:1.2.3",
            );
        } else if systems[..position].contains(system) {
            wrong("identifier_systems.duplicate", "stands in the list already");
        }
    }
    errors
}

/// RFC 3986: a scheme, something after it, no blanks, controls or fragment; no `|`, which separates system from value.
fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        && !matches!(rest, "" | "//")
        && text.len() <= LONGEST_SYSTEM
        && !text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '|' | '#' | '<' | '>' | '"' | '\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifier_systems_are_absolute_uris() {
        for sound in
            ["https://clinic.example/mrn", "urn:oid:2.16.840.1.113883.4.6", "http://hl7.org/fhir/sid/us-npi"]
        {
            assert!(wrong_systems(&[sound.to_owned()]).is_empty(), "{sound}");
        }
        let long = format!("https://a.example/{}", "a".repeat(300));
        for wrong in [
            "",
            "mrn",
            "/mrn",
            "https:",
            "https://",
            "1a:b",
            "https://a b",
            "urn:x|y",
            "https://a#b",
            "a:\n",
            &long,
        ] {
            let errors = wrong_systems(&[wrong.to_owned()]);
            assert_eq!(errors.first().map(|error| error.code), Some("identifier_systems.uri"), "{wrong:?}");
        }
        let twice = ["urn:a:b".to_owned(), "urn:a:b".to_owned()];
        assert_eq!(wrong_systems(&twice)[0].field, "identifier_systems[1]");
        assert_eq!(wrong_systems(&vec!["urn:a:b".to_owned(); 21])[0].code, "identifier_systems.count");
    }
}
