//! Who looks after a patient, as encounters and care teams say: the source of panels.

use serde_json::Value;
use uuid::Uuid;

use crate::{
    ResourceType,
    element::{at_path, text},
    reference::ReferenceText,
};

/// A person that a linked resource names as taking part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Participant {
    /// `Practitioner`, `PractitionerRole`, `RelatedPerson`, `Organization` and so on.
    pub resource_type: ResourceType,
    /// The platform's id of it.
    pub id: Uuid,
}

/// The participants of a linked Encounter or CareTeam (one whose references name platform ids), without doubles. A care
/// team that is over or entered in error has none.
pub fn participants(resource_type: ResourceType, linked: &Value) -> Vec<Participant> {
    let status = text(linked, "status");
    let path = match resource_type {
        ResourceType::ENCOUNTER if !matches!(status, Some("entered-in-error" | "cancelled")) => {
            "participant.individual"
        }
        ResourceType::CARE_TEAM if !matches!(status, Some("entered-in-error" | "inactive")) => {
            "participant.member"
        }
        _ => return Vec::new(),
    };
    let mut found: Vec<Participant> = at_path(linked, path).into_iter().filter_map(participant).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The practitioner behind a linked PractitionerRole.
pub fn practitioner_of_role(linked: &Value) -> Option<Participant> {
    participant(linked.get("practitioner")?)
}

fn participant(reference: &Value) -> Option<Participant> {
    match ReferenceText::parse(text(reference, "reference")?).ok()? {
        ReferenceText::Relative { resource_type, id } => {
            Some(Participant { resource_type, id: Uuid::try_parse(&id).ok()? })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn participants_of_encounters_and_current_care_teams_count_once() {
        let id = "0198c0de-0000-7000-8000-000000000001";
        let member = json!({"member": {"reference": format!("Practitioner/{id}")}});
        let mut team =
            json!({"status": "active", "participant": [member, member, {"member": {"display": "x"}}]});
        let expected =
            Participant { resource_type: ResourceType::PRACTITIONER, id: Uuid::try_parse(id).unwrap() };
        assert_eq!(participants(ResourceType::CARE_TEAM, &team), [expected]);
        team["status"] = json!("inactive");
        assert_eq!(participants(ResourceType::CARE_TEAM, &team), []);
        let visit = json!({"status": "finished", "participant": [{"individual": {"reference": format!("Practitioner/{id}")}}]});
        assert_eq!(participants(ResourceType::ENCOUNTER, &visit), [expected]);
        assert_eq!(participants(ResourceType::OBSERVATION, &visit), []);
    }
}
