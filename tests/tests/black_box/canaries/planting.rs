//! What is planted: a record whose every value stands nowhere else, its people, and what they send.

use cloister_testkit::app::{
    Call, Clinic, Observed, PASSWORD, PatientFile, Person, SYSTEMS, TestApp, transaction,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::search::{Planted, whole};

const AGENT: &str = "Planted-Agent/7.3 (Quillfeather OS)";
const WRONG_PASSWORD: &str = "planted wrong password Vexillology 9";
const UNKNOWN_EMAIL: &str = "unknown.planted@mail.example";

/// A patient whose every value is known and stands nowhere else.
pub(super) fn file() -> PatientFile {
    let observed = |number: &str, members: Value| Observed {
        number: format!("Order-Wintermute-{number}"),
        code: "98877-6".to_owned(),
        name: "Planted Xylotide assay".to_owned(),
        members,
        at: format!("2026-03-0{number}T08:00:00Z"),
    };
    let quantity = json!({
        "valueQuantity": { "value": 8173.46, "unit": "mg/dL" },
        "referenceRange": [{ "low": { "value": 6021.77, "unit": "mg/dL" }, "text": "planted range Marzipan" }],
        "note": [{ "text": "planted remark Obsidian" }],
    });
    PatientFile {
        record_number: "CNR-774411-Quux".to_owned(),
        given: "Zephyrine".to_owned(),
        family: "Quackenbush".to_owned(),
        birth_date: "1937-11-23".to_owned(),
        care_team: vec!["Kestrel-88".to_owned()],
        results: vec![
            observed("1", quantity),
            observed("2", json!({ "valueString": "planted value Halcyon" })),
        ],
    }
}

/// Plants the file with everything that a patient's resource can say beside it.
pub(super) fn bundle(file: &PatientFile) -> Value {
    let mut resources = file.resources();
    let patient = &mut resources[0].1;
    patient["telecom"] = json!([
        { "system": "phone", "value": "+1-555-0142-8891" }, { "system": "email", "value": "zephyrine@planted.example" }
    ]);
    patient["address"] =
        json!([{ "line": ["17 Planted Lane"], "city": "Plantedville", "postalCode": "99501-7741" }]);
    patient["contact"] = json!([{ "name": { "family": "Plantedkin" } }]);
    transaction(resources)
}

pub(super) fn practitioner() -> Value {
    let resource = json!({
        "resourceType": "Practitioner", "active": true,
        "identifier": [{ "system": SYSTEMS[1], "value": "Kestrel-88" }],
        "name": [{ "family": "Doctor Plantagenet", "given": ["Ignatia"] }],
    });
    transaction(vec![("urn:uuid:5f2f7cbe-3f07-4a1c-8f51-0cb1a0d7a201".to_owned(), resource)])
}

pub(super) fn plant_file(planted: &mut Planted) {
    for (what, value) in [
        ("record number", "CNR-774411-Quux"),
        ("given name", "Zephyrine"),
        ("family name", "Quackenbush"),
        ("birth date", "1937-11-23"),
        ("practitioner number", "Kestrel-88"),
        ("practitioner name", "Plantagenet"),
        ("order number", "Order-Wintermute"),
        ("name of a test", "Xylotide"),
        ("value", "8173.46"),
        ("limit of a range", "6021.77"),
        ("text of a range", "Marzipan"),
        ("remark", "Obsidian"),
        ("value in words", "planted value Halcyon"),
        ("phone number", "555-0142-8891"),
        ("email in the record", "zephyrine@planted.example"),
        ("address", "Planted Lane"),
        ("city", "Plantedville"),
        ("postal code", "99501-7741"),
        ("contact", "Plantedkin"),
        ("name in quarantine", "Thistlewood"),
        ("birth date in quarantine", "1931-03-04"),
        ("password", PASSWORD),
        ("wrong password", WRONG_PASSWORD),
        ("unknown email", UNKNOWN_EMAIL),
        ("user agent", "Quillfeather OS"),
        ("referrer", "planted-referrer"),
        ("forwarded address", "203.0.113.77"),
    ] {
        planted.add(what, value);
    }
}

pub(super) fn plant_person(planted: &mut Planted, who: &str, person: &Person) {
    planted.add(&format!("email of {who}"), &person.email);
    planted.add(&format!("TOTP secret of {who}"), &person.secret);
    for code in &person.recovery_codes {
        planted.add(&format!("recovery code of {who}"), code);
    }
    plant_cookies(planted, who, person);
}

pub(super) fn plant_cookies(planted: &mut Planted, who: &str, person: &Person) {
    for (name, value) in person.browser.cookies() {
        planted.add(&format!("{name} of {who}"), value);
    }
    if let Some(token) = person.browser.csrf_token() {
        planted.add(&format!("CSRF token of {who}"), token);
    }
}

/// Signs somebody in by requests that carry a user agent and other headers that name a person.
pub(super) async fn sign_in_with_headers(
    app: &TestApp,
    clinic: &Clinic,
    person: &mut Person,
    planted: &mut Planted,
) {
    let mut browser = app.browser(&clinic.portal);
    browser.open("/sign-in").await.unwrap();
    browser.look_at_session().await.unwrap();
    for (name, value) in browser.cookies() {
        planted.add(&format!("flow {name}"), value);
    }
    let offer = |path: &str, body: Value| {
        Call::new(Method::POST, &clinic.portal, path)
            .as_page_of(&browser)
            .with("user-agent", AGENT)
            .with("referer", "https://planted-referrer.example/Quackenbush")
            .with("x-forwarded-for", "203.0.113.77")
            .with("forwarded", "for=203.0.113.77")
            .json(&body)
    };
    let wire = app.wire();
    let path = "/api/v1/sign-in/password";
    for (email, password) in [(person.email.as_str(), WRONG_PASSWORD), (UNKNOWN_EMAIL, PASSWORD)] {
        let refused = wire.send(&offer(path, json!({ "email": email, "password": password }))).await;
        assert_eq!(refused.status, 401, "{}", refused.text());
        planted.absent_from("a refused password", &whole(&refused));
    }
    let accepted = wire.send(&offer(path, json!({ "email": person.email, "password": PASSWORD }))).await;
    assert_eq!(accepted.status, 200, "{}", accepted.text());
    let code = person.code(app);
    let opened = wire.send(&offer("/api/v1/sign-in/totp", json!({ "code": code }))).await;
    assert_eq!(opened.status, 200, "{}", opened.text());
    for cookie in opened.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().unwrap();
        let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
        if !value.is_empty() {
            planted.add(&format!("{name} of a session with headers"), value);
        }
    }
    let listed = person.browser.get("/api/v1/sessions").await.unwrap();
    listed.ok("sessions").unwrap();
}
