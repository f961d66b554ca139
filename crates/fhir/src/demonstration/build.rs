//! The pieces of a demonstration bundle.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{DemoClinic, DemoPractitioner, practitioner_system, resource_system};

pub(super) const LOINC: &str = "http://loinc.org";
pub(super) const SNOMED: &str = "http://snomed.info/sct";
const UNITS: &str = "http://unitsofmeasure.org";

/// Reproducible numbers: the same seed, clinic, patient and purpose give the same sequence.
pub(super) struct Dice([u8; 32]);

impl Dice {
    pub(super) fn new(seed: u64, slug: &str, patient: &str, purpose: &str) -> Self {
        Self(Sha256::digest(format!("{seed}\n{slug}\n{patient}\n{purpose}")).into())
    }

    fn word(&mut self) -> u64 {
        self.0 = Sha256::digest(self.0).into();
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// A whole number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low).unwrap_or(0) + 1;
        low + i64::try_from(self.word() % span).unwrap_or(0)
    }

    /// A number from -1 to 1.
    pub(super) fn swing(&mut self) -> f64 {
        f64::from(i32::try_from(self.between(-1000, 1000)).unwrap_or(0)) / 1000.0
    }
}

/// A bundle in the making. Everything in it is known by an identifier, and its fullUrl follows from that.
pub(super) struct BundleBuilder {
    slug: String,
    owner: String,
    entries: Vec<Value>,
}

impl BundleBuilder {
    pub(super) fn new(slug: &str, owner: &str) -> Self {
        Self { slug: slug.to_owned(), owner: owner.to_owned(), entries: Vec::new() }
    }

    /// The fullUrl of what this bundle calls by a key.
    pub(super) fn full_url(&self, key: &str) -> String {
        let digest = Sha256::digest(format!("{}\n{}\n{key}", self.slug, self.owner));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        format!("urn:uuid:{}", uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// Adds a resource under a key, with an identifier made of it unless it has one.
    pub(super) fn add(&mut self, key: &str, mut resource: Value) -> Value {
        let full_url = self.full_url(key);
        let kind = resource["resourceType"].as_str().unwrap_or_default().to_owned();
        if resource.get("identifier").is_none() {
            resource["identifier"] = json!([{
                "system": resource_system(&self.slug), "value": format!("{}-{key}", self.owner)
            }]);
        }
        self.entries.push(json!({
            "fullUrl": full_url, "resource": resource, "request": {"method": "POST", "url": kind}
        }));
        json!({ "reference": full_url })
    }

    pub(super) fn finish(self) -> Value {
        json!({"resourceType": "Bundle", "type": "transaction", "entry": self.entries})
    }
}

pub(super) fn clinic_bundle(clinic: &DemoClinic, staff: &[DemoPractitioner]) -> Value {
    let mut bundle = BundleBuilder::new(&clinic.slug, "clinic");
    bundle.add("organization", json!({
        "resourceType": "Organization", "active": true, "name": clinic.name,
        "type": [concept("http://terminology.hl7.org/CodeSystem/organization-type", "prov", "Healthcare Provider")]
    }));
    for person in staff {
        bundle.add(&person.identifier, json!({
            "resourceType": "Practitioner", "active": true, "gender": person.sex,
            "identifier": [{"system": practitioner_system(&clinic.slug), "value": person.identifier}],
            "name": [{"use": "official", "family": person.family, "given": [person.given], "prefix": ["Dr."]}]
        }));
    }
    bundle.finish()
}

/// A reference to a practitioner whom an earlier bundle brought.
pub(super) fn practitioner_reference(slug: &str, person: &DemoPractitioner) -> Value {
    let display = format!("Dr. {} {}", person.given, person.family);
    json!({
        "reference": format!("Practitioner?identifier={}|{}", practitioner_system(slug), person.identifier),
        "display": display
    })
}

pub(super) fn concept(system: &str, code: &str, display: &str) -> Value {
    json!({"coding": [{"system": system, "code": code, "display": display}], "text": display})
}

/// A quantity whose number has exactly the decimal places of the measurement.
pub(super) fn quantity(value: f64, places: usize, unit: &str, code: &str) -> Value {
    let number = crate::read_json(format!("{value:.places$}").as_bytes()).unwrap_or(Value::Null);
    json!({"value": number, "unit": unit, "system": UNITS, "code": code})
}

pub(super) fn instant(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

pub(super) fn period(at: OffsetDateTime, minutes: i64) -> Value {
    json!({"start": instant(at), "end": instant(at + Duration::minutes(minutes))})
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn dice_repeat_themselves_and_stay_within_their_bounds() {
        let roll = |purpose| {
            let mut dice = Dice::new(7, "lakeside", "1", purpose);
            (0..50).map(|_| dice.between(-3, 4)).collect::<Vec<_>>()
        };
        assert_eq!(roll("a"), roll("a"));
        assert_ne!(roll("a"), roll("b"));
        assert!(roll("a").iter().all(|number| (-3..=4).contains(number)));
    }

    #[test]
    fn full_urls_are_uuids_of_their_own() {
        let bundle = BundleBuilder::new("lakeside", "1");
        let uuid = |key| Uuid::parse_str(bundle.full_url(key).trim_start_matches("urn:uuid:")).unwrap();
        assert_ne!(uuid("a"), uuid("b"));
    }
}
