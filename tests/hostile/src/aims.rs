//! Calls that should succeed: for each operation somebody who may make it, and what fits the world at this moment.

use std::collections::BTreeMap;

use cloister_testkit::app::{PatientFile, SYSTEMS, WireAnswer};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::{
    case::Case,
    document::{Operation, Takes},
    people::{People, Who},
};

/// Files of record systems are told again: so many different ones.
const FILES: usize = 40;
/// Numbers of files that nobody of the world has.
const FIRST_FILE: usize = 50_000;
/// Clinics that are taken to their activation, each with an owner.
const ACTIVATED: usize = 4;

/// What exists and may be named, as answers told it.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Ids that may be used up, by what they are of.
    pools: BTreeMap<&'static str, Vec<String>>,
    /// The last cursor of each list.
    cursors: BTreeMap<String, String>,
    number: usize,
    activated: usize,
    draft: Option<String>,
}

impl Known {
    /// A number that was not used.
    pub(crate) fn next(&mut self) -> usize {
        self.number += 1;
        self.number
    }

    fn take(&mut self, pool: &'static str) -> String {
        self.pools.get_mut(pool).and_then(Vec::pop).unwrap_or_else(|| Uuid::nil().to_string())
    }

    /// Keeps what an answer tells of things that calls may name.
    pub(crate) fn learn(&mut self, operation: &Operation, answer: &WireAnswer) {
        if !(200..300).contains(&answer.status) {
            return;
        }
        let body = answer.json();
        if let Some(cursor) = body["next_cursor"].as_str() {
            self.cursors.insert(operation.id.clone(), cursor.to_owned());
        }
        let pool = match operation.id.as_str() {
            "invite_patient" => "invitation",
            "invite_staff" => "staff invitation",
            "register_machine_client" => "machine client",
            "list_quarantine" => "quarantine",
            _ => return,
        };
        let listed = body["items"].as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
        let ids = listed.iter().filter_map(|item| item["id"].as_str()).map(str::to_owned);
        let kept = self.pools.entry(pool).or_default();
        if pool == "quarantine" {
            kept.clear();
        }
        kept.extend(ids);
        kept.truncate(500);
    }
}

/// Whom an operation is for.
pub(crate) fn entitled(operation: &Operation) -> Who {
    let path = operation.template.as_str();
    match operation.takes {
        Takes::OperatorToken => Who::Operator,
        Takes::Bearer => Who::Record,
        Takes::Flow => Who::Visitor,
        Takes::Nothing => Who::Anonymous,
        Takes::Session => match operation.id.as_str() {
            "sign_out" | "revoke_other_sessions" | "revoke_session" => Who::Ben,
            "step_up_session" => Who::OffPanel,
            id if id.contains("staff") || id.contains("machine_client") || id.contains("panel_member") => {
                Who::Admin
            }
            "get_panel" | "list_invitations" | "invite_patient" | "revoke_invitation" => Who::Clinician,
            _ if path.contains("quarantine") || path.contains("/patients/") => Who::Clinician,
            _ => Who::Ann,
        },
    }
}

/// A call that should succeed. Steps of a sign-in or an activation are in `steps.rs`.
pub(crate) async fn aim(operation: &Operation, people: &mut People, known: &mut Known) -> Case {
    let world = &people.world;
    let (ann, dora, result) = (world.ann_patient(), world.dora, world.result);
    let case = Case::empty();
    match operation.id.as_str() {
        "get_panel" | "list_own_results" => listed(case, operation, known),
        "list_patient_results" => listed(case.at("patient_id", ann), operation, known),
        "list_tenants" => listed(case, operation, known).asking("status", "draft"),
        "get_patient_record" => case.at("patient_id", ann),
        "get_patient_result" => case.at("patient_id", ann).at("result_id", result),
        "get_own_result" => case.at("result_id", result),
        "list_invitations" => case.at("patient_id", dora),
        "invite_patient" => {
            case.at("patient_id", dora).with(json!({ "email": format!("dora{}@mail.example", known.next()) }))
        }
        "revoke_invitation" => case.at("id", known.take("invitation")),
        "revoke_staff_invitation" => case.at("id", known.take("staff invitation")),
        "remove_machine_client" => case.at("id", known.take("machine client")),
        "decide_quarantine" => case.at("id", known.take("quarantine")).with(json!({ "decision": "keep_current" })),
        "assign_panel_member" | "unassign_panel_member" => {
            case.at("patient_id", dora).at("user_id", world.off_panel.id)
        }
        "invite_staff" => case.with(json!({
            "email": format!("new{}@staff.example", known.next()), "display_name": "New Person", "roles": ["clinician"],
            "practitioner_identifier": format!("{}|P9", SYSTEMS[1]),
        })),
        "register_machine_client" => case.with(json!({
            "name": format!("System {}", known.next()), "jwks": world.record.system.jwks().expect("keys"),
            "identifier_systems": ["https://more.example/ids"],
        })),
        "revoke_session" => case.at("id", other_session(people).await),
        "step_up_session" => {
            let (app, person) = people.with_app(Who::OffPanel).expect("a person");
            case.with(json!({ "code": person.code(app) }))
        }
        "take_bundle" => case.with(bundle(known.next())),
        "read_resource" => {
            let (kind, id) = &world.ann_resources[known.next() % world.ann_resources.len()];
            case.at("type", kind).at("id", id)
        }
        "issue_access_token" => case.with(json!({
            "grant_type": "client_credentials", "scope": "system/*.cruds",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": world.record.system.assertion(&world.record.id).expect("an assertion"),
        })),
        _ if operation.takes == Takes::OperatorToken => of_operators(operation, people, known).await,
        _ => case,
    }
}

/// A part of a list: from its beginning, or where the last one ended.
fn listed(case: Case, operation: &Operation, known: &mut Known) -> Case {
    let case = case.asking("limit", 1 + known.next() % 3);
    match known.cursors.remove(&operation.id) {
        Some(cursor) => case.asking("cursor", cursor),
        None => case,
    }
}

/// A second session of the one who ends sessions.
async fn other_session(people: &mut People) -> String {
    let (app, person) = people.with_app(Who::Ben).expect("a person");
    let listed = person.browser.get("/api/v1/sessions").await.expect("an answer").body;
    let other = |listed: &Value| {
        let items = listed["items"].as_array().into_iter().flatten();
        items.filter(|item| item["current"] == false).find_map(|item| item["id"].as_str().map(str::to_owned))
    };
    if let Some(id) = other(&listed) {
        return id;
    }
    // The session before stays open.
    person.sign_in(app).await;
    let listed = person.browser.get("/api/v1/sessions").await.expect("an answer").body;
    other(&listed).unwrap_or_default()
}

/// A file told again with other values, or a patient's that clashes with what is known.
fn bundle(number: usize) -> Value {
    if number.is_multiple_of(8) {
        let birth_date = format!("19{:02}-01-0{}", 10 + number % 80, 1 + number % 9);
        return PatientFile { birth_date, results: Vec::new(), ..PatientFile::ordinary(3, "P1") }.bundle();
    }
    let mut file = PatientFile::ordinary(FIRST_FILE + number % FILES, "P1");
    for result in &mut file.results {
        result.members["valueQuantity"]["value"] = json!(70 + number % 60);
    }
    file.bundle()
}

async fn of_operators(operation: &Operation, people: &People, known: &mut Known) -> Case {
    let case = Case::empty();
    let app = people.app();
    let today = app.environment.now().date();
    let number = known.next();
    let own = people.world.here.id;
    // Numbers of four apps at once meet in no address.
    let network = |case: Case| case.at("tenant_id", own).at("address", "203.0.113.0").at("prefix_length", 24);
    let brought = |case: Case| case.at("tenant_id", own).at("host", "portal.own-clinic.example");
    match operation.id.as_str() {
        "create_tenant" => {
            let mut case = case.with(new_tenant(&format!("made{number}")));
            case.headers.push(("idempotency-key".to_owned(), format!("key-{number}")));
            case
        }
        "read_tenant" | "list_networks" | "list_hosts" => case.at("tenant_id", own),
        "raise_network" => network(case).with(json!({
            "anonymous_per_minute": 20, "sign_in_pages_per_minute": 60, "reason": "One address for all",
        })),
        "lower_network" => network(case),
        "map_host" => brought(case).with(json!({ "site": "portal" })),
        "remove_host" => brought(case),
        // The one that is primary already: mails go on naming a host that is served.
        "make_host_primary" => {
            case.at("tenant_id", own).at("host", format!("{}.localhost", people.world.here.slug))
        }
        "activate_tenant" if known.activated < ACTIVATED => {
            known.activated += 1;
            let (id, _) = app.clinic_until_activation(&format!("begun{number}")).await;
            case.at("tenant_id", id)
        }
        "activate_tenant" => case.at("tenant_id", own),
        "record_baa" => case.at("tenant_id", draft(people, known).await).with(json!({
            "signed_on": today.to_string(), "expires_on": (today + Duration::days(365)).to_string(),
            "counterparty": "Connie Contact", "document_reference": format!("BAA-{number}"),
        })),
        "invite_owner" => case.at("tenant_id", draft(people, known).await).with(json!({
            "email": format!("owner{number}@draft.example"), "display_name": "Olive Owner",
        })),
        "revoke_own_token" => case.at("token_id", people.new_operator_token().await.0),
        _ => case,
    }
}

fn new_tenant(slug: &str) -> Value {
    json!({
        "slug": slug, "name": format!("Clinic {slug}"), "region": "us-east-1", "time_zone": "America/New_York",
        "default_locale": "en", "contact": { "name": "Connie Contact", "email": format!("contact@{slug}.example") },
    })
}

/// A clinic that is not active: a new one now and then.
async fn draft(people: &People, known: &mut Known) -> String {
    let number = known.next();
    if let Some(id) = known.draft.clone().filter(|_| !number.is_multiple_of(40)) {
        return id;
    }
    let (slug, operators) = (format!("draft{number}"), people.app().operators());
    let created =
        operators.call(reqwest::Method::POST, "/v1/tenants", Some(&new_tenant(&slug)), Some(&slug)).await;
    let id =
        created.ok().and_then(|answer| answer.body["id"].as_str().map(str::to_owned)).unwrap_or_default();
    known.draft = Some(id.clone());
    id
}
