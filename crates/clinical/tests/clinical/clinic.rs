//! A clinic with a registered record system, and bundles to send to it.

use cloister_access::Caller;
use cloister_clinical::{Clinical, ClinicalError, MachineClientRequest};
use cloister_kernel::{Audience, MachineClientId, PatientId, TenantId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use crate::support::{Harness, Kind, spellings};

pub(crate) const MRN: &str = "https://lakeside.example/mrn";
pub(crate) const NUMBER: &str = "https://lakeside.example/number";
pub(crate) const NPI: &str = "http://hl7.org/fhir/sid/us-npi";

pub(crate) struct Clinic<'h> {
    pub(crate) harness: &'h Harness,
    pub(crate) clinical: Clinical,
    pub(crate) tenant: TenantId,
    pub(crate) admin: UserId,
    pub(crate) client: MachineClientId,
}

/// A set of one sound public key.
pub(crate) fn key_set() -> Value {
    let modulus = data_encoding::BASE64URL_NOPAD.encode(&[0xff; 256]);
    json!({"keys": [{"kty": "RSA", "kid": "a", "alg": "RS384", "n": modulus, "e": "AQAB"}]})
}

impl<'h> Clinic<'h> {
    /// A clinic whose record system is known by [`MRN`], [`NUMBER`] and [`NPI`].
    pub(crate) async fn open(harness: &'h Harness, slug: &str) -> Self {
        Self::with_systems(harness, slug, &[MRN, NUMBER, NPI]).await
    }

    pub(crate) async fn with_systems(harness: &'h Harness, slug: &str, systems: &[&str]) -> Self {
        let tenant = harness.clinic(slug).await;
        let admin = harness.user(tenant, "staff", &["admin"], None).await;
        let clinical = Clinical::new(harness.store.clone());
        let request = MachineClientRequest {
            name: "Main record system".to_owned(),
            jwks: key_set(),
            identifier_systems: systems.iter().map(|system| (*system).to_owned()).collect(),
        };
        let caller = harness.caller(tenant, Audience::Console, admin);
        let client = clinical.register_machine_client(&caller, &request).await.unwrap().id;
        Self { harness, clinical, tenant, admin, client }
    }

    pub(crate) fn machine(&self) -> Caller {
        self.harness.machine(self.tenant, self.client)
    }

    pub(crate) fn staff(&self, user: UserId) -> Caller {
        self.harness.caller(self.tenant, Audience::Console, user)
    }

    pub(crate) fn portal(&self, user: UserId) -> Caller {
        self.harness.caller(self.tenant, Audience::Portal, user)
    }

    /// The account of a patient.
    pub(crate) async fn account(&self, patient: PatientId) -> Caller {
        let user = self.harness.user(self.tenant, "patient", &[], Some(patient)).await;
        self.portal(user)
    }

    /// A clinician with nobody on the panel.
    pub(crate) async fn clinician(&self) -> UserId {
        self.harness.user(self.tenant, "staff", &["clinician"], None).await
    }

    /// A clinician with this patient on the panel.
    pub(crate) async fn clinician_of(&self, patient: PatientId) -> Caller {
        let user = self.clinician().await;
        self.harness.assign(self.tenant, user, patient).await;
        self.staff(user)
    }

    /// Sends a bundle, which must be taken in; the answers to its entries.
    pub(crate) async fn send(&self, bundle: &Value) -> Vec<Answer> {
        match self.try_send(bundle).await {
            Ok(answers) => answers,
            Err(ClinicalError::Refused(refused)) => panic!("{:#?}", refused.0),
            Err(error) => panic!("{error:?}"),
        }
    }

    pub(crate) async fn try_send(&self, bundle: &Value) -> Result<Vec<Answer>, ClinicalError> {
        let bytes = serde_json::to_vec(bundle).unwrap();
        self.clinical
            .ingest_bundle(&self.machine(), bytes)
            .await
            .map(|response| answers(response.into_value()))
    }

    /// A resource as its record system reads it back.
    pub(crate) async fn read_back(&self, answer: &Answer) -> Value {
        let (kind, id) = (answer.kind.as_deref().unwrap(), answer.id.unwrap());
        let caller = self.machine();
        let read = self.clinical.read_resource(&caller, kind, &id.to_string()).await;
        read.unwrap_or_else(|error| panic!("{kind}/{id}: {error}")).into_exposed().body
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.harness.number(sql).await
    }

    /// How many events of an action stand in the log.
    pub(crate) async fn events(&self, line: &str) -> usize {
        self.harness.events(self.tenant).await.iter().filter(|event| *event == line).count()
    }
}

/// The answer to one entry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: Option<String>,
    pub(crate) id: Option<Uuid>,
    pub(crate) version: Option<i64>,
    pub(crate) outcome: Option<Value>,
}

impl Answer {
    pub(crate) fn patient(&self) -> PatientId {
        PatientId::from_uuid(self.id.unwrap())
    }
}

fn answers(response: Value) -> Vec<Answer> {
    assert_eq!(response["type"], "transaction-response");
    let Some(entries) = response.get("entry").and_then(Value::as_array) else { return Vec::new() };
    entries
        .iter()
        .map(|entry| {
            let response = &entry["response"];
            let location: Vec<&str> = response["location"].as_str().unwrap_or("").split('/').collect();
            Answer {
                status: response["status"].as_str().unwrap()[..3].parse().unwrap(),
                kind: Some(location[0].to_owned()).filter(|kind| !kind.is_empty()),
                id: location.get(1).and_then(|id| id.parse().ok()),
                version: location.get(3).and_then(|version| version.parse().ok()),
                outcome: response.get("outcome").cloned(),
            }
        })
        .collect()
}

pub(crate) fn bundle(entries: &[Value]) -> Value {
    json!({"resourceType": "Bundle", "type": "transaction", "entry": entries})
}

pub(crate) fn post(url: &str, resource: Value) -> Value {
    let kind = resource["resourceType"].clone();
    json!({"fullUrl": url, "resource": resource, "request": {"method": "POST", "url": kind}})
}

/// Ana, under a medical record number.
pub(crate) fn ana(number: &str) -> Value {
    json!({"resourceType": "Patient", "identifier": [{"system": MRN, "value": number}],
        "name": [{"use": "official", "family": "Canária", "given": ["Ana"]}],
        "gender": "female", "birthDate": "1980-02-03"})
}

pub(crate) const ANA: &str = "urn:uuid:00000000-0000-4000-8000-000000000001";

/// A glucose value of [`ANA`]'s, under a number of its own.
pub(crate) fn glucose(number: &str, day: &str, value: Value) -> Value {
    json!({"resourceType": "Observation", "identifier": [{"system": NUMBER, "value": number}], "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7"}], "text": "Glucose"},
        "subject": {"reference": ANA}, "effectiveDateTime": day,
        "valueQuantity": {"value": value, "unit": "mg/dL"},
        "referenceRange": [{"low": {"value": 70, "unit": "mg/dL"}, "high": {"value": 99, "unit": "mg/dL"}}]})
}

pub(crate) fn url(number: u32) -> String {
    format!("urn:uuid:00000000-0000-4000-8000-{number:012}")
}

/// Ana and two values of hers.
pub(crate) fn ana_with_values() -> Value {
    bundle(&[
        post(ANA, ana("77-001")),
        post(&url(2), glucose("g1", "2026-01-05", json!(91))),
        post(&url(3), glucose("g2", "2026-03-05", json!(104))),
    ])
}
