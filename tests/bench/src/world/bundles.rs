//! Bundles to push in: a record system's own, and real ones under new names each time.

use std::{collections::BTreeSet, io::Read, path::PathBuf};

use cloister_testkit::app::{Observed, PatientFile, SYSTEMS};
use serde_json::{Value, json};
use uuid::Uuid;

/// Codes and values of each in a reader's chart.
const CODES: usize = 8;
const VALUES: usize = 5;

/// A patient with forty results: eight laboratory tests, five values of each.
pub fn patient(number: usize, practitioner: &str) -> PatientFile {
    let results = (0..CODES * VALUES).map(|index| {
        let (code, round) = (index % CODES, index / CODES);
        Observed {
            number: index.to_string(),
            code: format!("{}-{code}", 2000 + code),
            name: format!("Laboratory test {code}"),
            members: json!({
                "valueQuantity": {
                    "value": 70 + 3 * round + code, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"
                },
                "referenceRange": [{ "low": { "value": 70, "unit": "mg/dL" }, "high": { "value": 99, "unit": "mg/dL" } }],
            }),
            at: format!("2026-{:02}-{:02}T08:00:00Z", 1 + round, 1 + code),
        }
    });
    PatientFile { results: results.collect(), ..PatientFile::ordinary(number, practitioner) }
}

/// A bundle with one new observation of a patient who is there.
pub fn observation(record_number: &str, number: u64) -> Vec<u8> {
    let resource = json!({
        "resourceType": "Observation", "status": "final",
        "identifier": [{ "system": SYSTEMS[2], "value": format!("new-{number}") }],
        "subject": { "reference": format!("Patient?identifier={}|{record_number}", SYSTEMS[0]) },
        "category": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"
        }]}],
        "code": { "coding": [{ "system": "http://loinc.org", "code": "2339-0", "display": "Glucose" }], "text": "Glucose" },
        "effectiveDateTime": "2026-10-01T08:00:00Z",
        "valueQuantity": { "value": 80 + number % 40, "unit": "mg/dL" },
        "referenceRange": [{ "low": { "value": 70, "unit": "mg/dL" }, "high": { "value": 99, "unit": "mg/dL" } }],
    });
    let entry = json!({
        "fullUrl": format!("urn:uuid:{}", Uuid::from_u128(u128::from(number) | 0x4000_8000_0000_0000_0000)),
        "resource": resource, "request": { "method": "POST", "url": "Observation" },
    });
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] }).to_string().into_bytes()
}

/// Synthea's bundles, hospitals and practitioners first; none where the data is not there.
pub fn real_bundles() -> Vec<Value> {
    let root = std::env::var_os("CLOISTER_TEST_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let Ok(folder) = std::fs::read_dir(root.join("fhir/synthea")) else { return Vec::new() };
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.expect("a file").path()).collect();
    files.sort_by_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (!name.starts_with("hospital"), !name.starts_with("practitioner"), name)
    });
    let read = |path: &PathBuf| {
        let mut text = Vec::new();
        let file = std::fs::File::open(path).expect("a bundle");
        flate2::read::GzDecoder::new(file).read_to_end(&mut text).expect("a bundle");
        serde_json::from_slice(&text).expect("a bundle")
    };
    files.iter().map(read).collect()
}

/// A bundle that can be told again of another patient: its own ids change, what it shares with others does not.
pub struct Template {
    text: Vec<u8>,
    places: Vec<(usize, u128)>,
    /// How many resources it holds.
    pub entries: usize,
}

impl Template {
    /// Of a transaction bundle whose entries have `urn:uuid:` names.
    pub fn of(bundle: &Value) -> Self {
        let entries = bundle["entry"].as_array().expect("entries");
        let shared = |entry: &&Value| {
            !matches!(entry["resource"]["resourceType"].as_str(), Some("Organization" | "Practitioner"))
        };
        let mut own = BTreeSet::new();
        for entry in entries.iter().filter(shared) {
            let names = entry["resource"]["identifier"].as_array().into_iter().flatten();
            own.extend(names.filter_map(|name| Uuid::parse_str(name["value"].as_str()?).ok()));
            own.extend(
                entry["fullUrl"]
                    .as_str()
                    .and_then(|url| Uuid::parse_str(url.strip_prefix("urn:uuid:")?).ok()),
            );
        }
        let text = bundle.to_string().into_bytes();
        let is_id = |at: usize| {
            let found = std::str::from_utf8(text.get(at..at + 36)?).ok()?;
            Some((at, Uuid::parse_str(found).ok().filter(|id| own.contains(id))?.as_u128()))
        };
        let places = (0..text.len()).filter_map(is_id).collect();
        Self { text, places, entries: entries.len() }
    }

    /// The bundle of another patient.
    pub fn told_again(&self, number: u64) -> Vec<u8> {
        let mut text = self.text.clone();
        for (at, id) in &self.places {
            // The last group of a UUID has no version in it.
            let other = Uuid::from_u128(id ^ u128::from((number + 1) & 0xffff_ffff_ffff));
            text[*at..at + 36].copy_from_slice(other.hyphenated().to_string().as_bytes());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_told_again_has_new_ids_of_its_own_and_keeps_what_it_shares() {
        let (own, shared) = ("0a0a0a0a-1111-4222-8333-444444444444", "0b0b0b0b-1111-4222-8333-444444444444");
        let bundle = json!({ "entry": [
            { "fullUrl": format!("urn:uuid:{own}"), "resource": { "resourceType": "Patient" } },
            { "fullUrl": format!("urn:uuid:{shared}"), "resource": { "resourceType": "Organization" } },
        ]});
        let template = Template::of(&bundle);
        let (one, other) = (template.told_again(1), template.told_again(2));
        assert_ne!(one, other);
        let one: Value = serde_json::from_slice(&one).unwrap();
        assert_eq!(one["entry"][1], bundle["entry"][1]);
        assert_ne!(one["entry"][0]["fullUrl"], bundle["entry"][0]["fullUrl"]);
    }
}
