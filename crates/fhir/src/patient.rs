//! Patients: who they are, how they are found, and when two descriptions cannot be of the same person.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    element::{list, text},
    moment::Moment,
    names::{identifier_token, name_tokens},
};

/// The system of US social security numbers, which have a field key of their own and are masked everywhere.
pub const SOCIAL_SECURITY_SYSTEM: &str = "http://hl7.org/fhir/sid/us-ssn";

/// A resource's Identifier elements; a few R4 types have one instead of a list.
pub(crate) fn identifier_elements(resource: &Value) -> &[Value] {
    match resource.get("identifier") {
        Some(Value::Array(items)) => items,
        Some(item) => std::slice::from_ref(item),
        None => &[],
    }
}

/// The identifiers of a resource that have both system and value.
pub fn identifiers_of(resource: &Value) -> impl Iterator<Item = (&str, &str)> {
    identifier_elements(resource).iter().filter_map(|identifier| {
        let (system, value) = (text(identifier, "system")?, text(identifier, "value")?);
        Some((system, value)).filter(|_| !system.is_empty() && !value.is_empty())
    })
}

/// The identifiers of a resource as `system|value`, for the blind index. Social security numbers are left out.
pub fn identifier_tokens(resource: &Value) -> BTreeSet<String> {
    let others = identifiers_of(resource).filter(|(system, _)| *system != SOCIAL_SECURITY_SYSTEM);
    others.map(|(system, value)| identifier_token(system, value)).collect()
}

/// A view of a Patient (or Practitioner, or RelatedPerson) resource.
#[derive(Clone, Copy)]
pub struct Patient<'a>(&'a Value);

/// A contact point: a telephone number, an email address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Contact<'a> {
    /// `phone`, `email`, `sms` and so on.
    pub system: &'a str,
    /// The number or address.
    pub value: &'a str,
}

/// The header of a record, as the chart shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordHeader {
    /// The name to show; empty when the source gave none.
    pub name: String,
    /// The birth date as precise as it is known: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    pub birth_date: Option<String>,
    /// FHIR's administrative gender: male, female, other, unknown.
    pub sex: Option<String>,
    /// Whether the patient has died.
    pub deceased: bool,
    /// When, if it is known.
    pub deceased_at: Option<String>,
}

impl<'a> Patient<'a> {
    /// Looks at a resource.
    pub const fn of(resource: &'a Value) -> Self {
        Self(resource)
    }

    /// The name to show: the official, else the usual, else the first that is not old.
    pub fn display_name(self) -> String {
        let names = list(self.0, "name");
        let with_use = |wanted: &str| names.iter().find(|name| text(name, "use") == Some(wanted));
        let current =
            || names.iter().find(|name| !matches!(text(name, "use"), Some("old" | "maiden" | "nickname")));
        let chosen =
            with_use("official").or_else(|| with_use("usual")).or_else(current).or_else(|| names.first());
        chosen.map(human_name).unwrap_or_default()
    }

    /// Every token of every name, for the blind index.
    pub fn name_tokens(self) -> BTreeSet<String> {
        let names = list(self.0, "name").iter();
        names
            .flat_map(|name| {
                name_tokens(&[human_name(name), text(name, "text").unwrap_or("").into()].join(" "))
            })
            .collect()
    }

    /// The birth date as sent.
    pub fn birth_date(self) -> Option<&'a str> {
        text(self.0, "birthDate").filter(|date| Moment::parse_date(date).is_some())
    }

    /// FHIR's administrative gender.
    pub fn sex(self) -> Option<&'a str> {
        text(self.0, "gender")
    }

    /// Whether the patient has died; a date of death means yes.
    pub fn is_deceased(self) -> bool {
        self.0.get("deceasedBoolean") == Some(&Value::Bool(true)) || self.deceased_at().is_some()
    }

    /// The date of death as sent.
    pub fn deceased_at(self) -> Option<&'a str> {
        text(self.0, "deceasedDateTime")
    }

    /// Telephone numbers and email addresses that are in use, by rank.
    pub fn contacts(self) -> Vec<Contact<'a>> {
        let mut contacts: Vec<_> = list(self.0, "telecom")
            .iter()
            .filter(|contact| text(contact, "use") != Some("old"))
            .filter_map(|contact| {
                let rank = contact.get("rank").and_then(Value::as_u64).unwrap_or(u64::MAX);
                Some((rank, Contact { system: text(contact, "system")?, value: text(contact, "value")? }))
            })
            .collect();
        contacts.sort_by_key(|(rank, _)| *rank);
        contacts.into_iter().map(|(_, contact)| contact).collect()
    }

    /// The current postal address, one line each.
    pub fn address(self) -> Vec<String> {
        let addresses = list(self.0, "address");
        let current = addresses.iter().find(|address| text(address, "use") != Some("old"));
        let Some(address) = current else { return Vec::new() };
        let mut lines: Vec<String> =
            list(address, "line").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let place: Vec<&str> =
            ["city", "state", "postalCode"].iter().filter_map(|part| text(address, part)).collect();
        lines.extend(Some(place.join(" ")).filter(|place| !place.is_empty()));
        lines.extend(text(address, "country").map(str::to_owned));
        lines
    }

    /// The reference to the patient record that replaces this one, after a merge at the source.
    pub fn replaced_by(self) -> Option<&'a str> {
        let link = list(self.0, "link").iter().find(|link| text(link, "type") == Some("replaced-by"))?;
        text(link.get("other")?, "reference")
    }

    /// The header of the record.
    pub fn header(self) -> RecordHeader {
        RecordHeader {
            name: self.display_name(),
            birth_date: self.birth_date().map(str::to_owned),
            sex: self.sex().map(str::to_owned),
            deceased: self.is_deceased(),
            deceased_at: self.deceased_at().map(str::to_owned),
        }
    }

    /// What is compared when the same identity is sent again.
    pub fn demographics(self) -> Demographics {
        let family = |name: &Value| match text(name, "family") {
            Some(family) => name_tokens(family),
            None => text(name, "text")
                .and_then(|text| text.split_whitespace().last())
                .map(name_tokens)
                .unwrap_or_default(),
        };
        Demographics {
            birth_date: self.birth_date().map(str::to_owned),
            sex: self.sex().filter(|sex| *sex != "unknown").map(str::to_owned),
            families: list(self.0, "name").iter().map(family).filter(|tokens| !tokens.is_empty()).collect(),
        }
    }
}

fn human_name(name: &Value) -> String {
    let parts = |element: &'static str| list(name, element).iter().filter_map(Value::as_str);
    let built: Vec<&str> = parts("given").chain(text(name, "family")).chain(parts("suffix")).collect();
    if built.is_empty() { text(name, "text").unwrap_or("").trim().to_owned() } else { built.join(" ") }
}

/// The demographics that tell two people apart.
#[derive(Clone, PartialEq, Eq)]
pub struct Demographics {
    birth_date: Option<String>,
    sex: Option<String>,
    families: Vec<BTreeSet<String>>,
}

/// In what two descriptions of one identity contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DemographicConflict {
    /// No day fits both birth dates.
    BirthDate,
    /// Both say a sex, and not the same one.
    Sex,
    /// No family name of one is among those of the other.
    FamilyName,
}

impl Demographics {
    /// The contradictions; none if both can describe the same person. What only one of them says contradicts nothing,
    /// a partial date agrees with every day in it, `Garcia` agrees with `García López`, and any of several family names
    /// may be the one that agrees.
    pub fn conflicts_with(&self, other: &Self) -> Vec<DemographicConflict> {
        let mut conflicts = Vec::new();
        let dates = (
            self.birth_date.as_deref().and_then(Moment::parse),
            other.birth_date.as_deref().and_then(Moment::parse),
        );
        if let (Some(own), Some(its)) = dates
            && !own.may_equal(its)
        {
            conflicts.push(DemographicConflict::BirthDate);
        }
        if let (Some(own), Some(its)) = (&self.sex, &other.sex)
            && own != its
        {
            conflicts.push(DemographicConflict::Sex);
        }
        let agree = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.is_subset(b) || b.is_subset(a);
        let named = !self.families.is_empty() && !other.families.is_empty();
        if named && !self.families.iter().any(|own| other.families.iter().any(|its| agree(own, its))) {
            conflicts.push(DemographicConflict::FamilyName);
        }
        conflicts
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn conflicts(a: Value, b: Value) -> Vec<DemographicConflict> {
        Patient::of(&a).demographics().conflicts_with(&Patient::of(&b).demographics())
    }

    #[test]
    fn contradictions_are_found_and_additions_are_not() {
        use DemographicConflict as C;
        let ana = json!({"birthDate": "1980-05-17", "gender": "female", "name": [{"family": "García"}]});
        let with = |element: &str, value: Value| {
            let mut other = ana.clone();
            other[element] = value;
            other
        };
        assert_eq!(conflicts(ana.clone(), with("birthDate", json!("1980-05-18"))), [C::BirthDate]);
        assert_eq!(conflicts(ana.clone(), with("birthDate", json!("1980"))), []);
        assert_eq!(conflicts(ana.clone(), with("gender", json!("male"))), [C::Sex]);
        assert_eq!(conflicts(ana.clone(), with("gender", json!("unknown"))), []);
        assert_eq!(conflicts(ana.clone(), with("name", json!([{"family": "Smith"}]))), [C::FamilyName]);
        assert_eq!(conflicts(ana.clone(), with("name", json!([{"family": "GARCIA LÓPEZ"}]))), []);
        let married = json!([{"family": "Smith"}, {"family": "Garcia", "use": "maiden"}]);
        assert_eq!(conflicts(ana.clone(), with("name", married)), []);
        assert_eq!(conflicts(ana, json!({})), []);
    }

    #[test]
    fn the_header_shows_the_current_name() {
        let patient = json!({"name": [
            {"use": "maiden", "family": "Old"},
            {"use": "official", "given": ["Łucja", "Ō"], "family": "Żak", "prefix": ["Mrs."]}],
            "birthDate": "1980", "gender": "female", "deceasedDateTime": "2020-01"});
        let header = Patient::of(&patient).header();
        assert_eq!(header.name, "Łucja Ō Żak");
        assert_eq!((header.birth_date.as_deref(), header.deceased), (Some("1980"), true));
        assert_eq!(Patient::of(&json!({"name": [{"text": " Madonna "}]})).display_name(), "Madonna");
        assert_eq!(Patient::of(&json!({"deceasedBoolean": false})).header().name, "");
    }
}
