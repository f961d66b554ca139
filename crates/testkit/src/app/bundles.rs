//! Small bundles whose every value the test knows.

use serde_json::{Value, json};

/// The identifier systems of every test clinic's record system: patients, practitioners, everything else.
pub const SYSTEMS: [&str; 3] =
    ["https://test.example/mrn", "https://test.example/practitioner", "https://test.example/resource"];

/// A laboratory result.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its number among the patient's results.
    pub number: String,
    /// The LOINC code.
    pub code: String,
    /// The test's name.
    pub name: String,
    /// `value*` and `referenceRange` members, and whatever else the resource is to have.
    pub members: Value,
    /// When.
    pub at: String,
}

/// A patient with results.
#[derive(Debug, Clone)]
pub struct PatientFile {
    /// The medical record number.
    pub record_number: String,
    /// The given name.
    pub given: String,
    /// The family name.
    pub family: String,
    /// `YYYY-MM-DD`.
    pub birth_date: String,
    /// Practitioners of the care team, by their numbers.
    pub care_team: Vec<String>,
    /// Results.
    pub results: Vec<Observed>,
}

/// A reference to a practitioner by number.
pub fn practitioner_reference(number: &str) -> String {
    format!("{}|{number}", SYSTEMS[1])
}

/// A transaction that posts these resources; `fullUrl`s are given with them.
pub fn transaction(resources: Vec<(String, Value)>) -> Value {
    let entries: Vec<Value> = resources
        .into_iter()
        .map(|(full_url, resource)| {
            let kind = resource["resourceType"].clone();
            json!({ "fullUrl": full_url, "resource": resource, "request": { "method": "POST", "url": kind } })
        })
        .collect();
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}

impl PatientFile {
    /// A patient of one practitioner with three glucose results, the last above its range.
    pub fn ordinary(number: usize, practitioner: &str) -> Self {
        let results = [("2026-01-05", 88), ("2026-05-05", 97), ("2026-09-05", 131)];
        let results = results.iter().enumerate().map(|(index, (day, value))| Observed {
            number: format!("{index}"),
            code: "2345-7".to_owned(),
            name: "Glucose".to_owned(),
            members: json!({
                "valueQuantity": {
                    "value": value, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"
                },
                "referenceRange": [{
                    "low": { "value": 70, "unit": "mg/dL" }, "high": { "value": 99, "unit": "mg/dL" }
                }],
            }),
            at: format!("{day}T08:00:00Z"),
        });
        Self {
            record_number: format!("MRN-{number:05}"),
            given: format!("Given{number}"),
            family: format!("Family{number}"),
            birth_date: format!("19{:02}-0{}-1{}", 40 + number % 50, 1 + number % 9, number % 10),
            care_team: vec![practitioner.to_owned()],
            results: results.collect(),
        }
    }

    fn url(&self, key: &str) -> String {
        // A fixed UUID for a fixed name, without drawing anything.
        let name = format!("{}/{key}", self.record_number);
        format!("urn:uuid:{}", uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, name.as_bytes()))
    }

    /// The patient, the care team and the results as a transaction.
    pub fn bundle(&self) -> Value {
        transaction(self.resources())
    }

    /// The same, not yet a transaction.
    pub fn resources(&self) -> Vec<(String, Value)> {
        let patient = self.url("patient");
        let mut resources = vec![(
            patient.clone(),
            json!({
                "resourceType": "Patient",
                "identifier": [{ "system": SYSTEMS[0], "value": self.record_number }],
                "name": [{ "use": "official", "family": self.family, "given": [self.given] }],
                "gender": "female", "birthDate": self.birth_date,
            }),
        )];
        if !self.care_team.is_empty() {
            let members: Vec<Value> = self
                .care_team
                .iter()
                .map(|number| {
                    let reference = format!("Practitioner?identifier={}", practitioner_reference(number));
                    json!({ "member": { "reference": reference } })
                })
                .collect();
            resources.push((
                self.url("team"),
                json!({
                    "resourceType": "CareTeam", "status": "active", "subject": { "reference": patient },
                    "identifier": [{ "system": SYSTEMS[2], "value": format!("{}-team", self.record_number) }],
                    "participant": members,
                }),
            ));
        }
        for result in &self.results {
            let mut resource = json!({
                "resourceType": "Observation", "status": "final", "subject": { "reference": patient },
                "identifier": [{
                    "system": SYSTEMS[2], "value": format!("{}-{}", self.record_number, result.number)
                }],
                "category": [{ "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"
                }]}],
                "code": {
                    "coding": [{ "system": "http://loinc.org", "code": result.code, "display": result.name }],
                    "text": result.name
                },
                "effectiveDateTime": result.at,
            });
            if let (Some(into), Some(from)) = (resource.as_object_mut(), result.members.as_object()) {
                into.extend(from.clone());
            }
            resources.push((self.url(&result.number), resource));
        }
        resources
    }

    /// A bundle of practitioners.
    pub fn practitioners(numbers: &[&str]) -> Value {
        let resources = numbers.iter().map(|number| {
            let name =
                uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, format!("practitioner/{number}").as_bytes());
            let resource = json!({
                "resourceType": "Practitioner", "active": true,
                "identifier": [{ "system": SYSTEMS[1], "value": number }],
                "name": [{ "family": format!("Doctor {number}"), "given": ["Test"] }],
            });
            (format!("urn:uuid:{name}"), resource)
        });
        transaction(resources.collect())
    }
}
