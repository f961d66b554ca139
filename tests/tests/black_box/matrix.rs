//! Every operation of the platform with everybody who may try it: what the table says, and how to make the calls.

use cloister_testkit::app::{Call, Clinic, PatientFile, Person, TestApp};
use cloister_tests::World;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// An active clinic with a clinician and one of her patients, who is signed in.
pub(crate) async fn clinic_with_patient(app: &TestApp) -> (Clinic, Person) {
    let mut clinic = app.clinic("lakeside").await;
    let record = clinic.record_client(app).await;
    let file = PatientFile::ordinary(1, "P1");
    record.push(&PatientFile::practitioners(&["P1"])).await;
    record.push(&file.bundle()).await;
    let mut clinician = clinic.staff(app, "doctor@lakeside.example", "clinician", Some("P1")).await;
    let patient = clinic.patient(app, &mut clinician, &file).await;
    (clinic, patient)
}

/// Everybody who tries. The chart is Ann's; ids in paths and bodies are those of her clinic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// Nobody.
    Anonymous,
    /// The patient whose chart it is.
    Ann,
    /// Another patient of the clinic.
    Ben,
    /// A patient of another clinic.
    Cora,
    /// A clinician whose panel Ann is on.
    Clinician,
    /// A clinician of the clinic whose panel she is not on.
    OffPanel,
    /// The clinic's admin.
    Admin,
    /// A clinician of another clinic.
    ClinicianThere,
    /// The admin of another clinic.
    AdminThere,
}

use Who::{Admin, AdminThere, Ann, Anonymous, Ben, Clinician, ClinicianThere, Cora, OffPanel};

/// In the order in which they try: those whom an operation may allow for Ann's chart come last.
pub(crate) const EVERYBODY: [Who; 9] =
    [Anonymous, Ben, Cora, OffPanel, ClinicianThere, AdminThere, Admin, Clinician, Ann];

/// Who an operation is for.
const NOBODY: &[Who] = &[];
const ALL: &[Who] = &EVERYBODY;
const SIGNED_IN: &[Who] = &[Ben, Cora, OffPanel, ClinicianThere, AdminThere, Admin, Clinician, Ann];
const PATIENTS: &[Who] = &[Ben, Cora, Ann];
const CLINICIANS: &[Who] = &[OffPanel, ClinicianThere, Clinician];
const ADMINS: &[Who] = &[AdminThere, Admin];

/// One row of the table.
pub(crate) struct Row {
    /// Method and path template.
    pub operation: &'static str,
    /// Who is answered with success, in the person's own clinic; everybody else is refused.
    pub allowed: &'static [Who],
    /// What comes before it and fits path and body to the world.
    pub aim: fn(&Aim) -> (String, Option<Value>),
    /// The session does not outlive it.
    pub ends_session: bool,
    /// It needs a fresh factor.
    pub steps_up: bool,
}

/// What paths and bodies are made of.
pub(crate) struct Aim {
    pub ann: Uuid,
    pub dora: Uuid,
    pub result: Uuid,
    pub invitation: Uuid,
    pub staff_invitation: Uuid,
    pub machine_client: Uuid,
    pub quarantine: Uuid,
    pub session: Uuid,
    pub member: Uuid,
    pub number: usize,
}

fn row(operation: &'static str, allowed: &'static [Who], aim: fn(&Aim) -> (String, Option<Value>)) -> Row {
    Row { operation, allowed, aim, ends_session: false, steps_up: false }
}

fn jwks() -> Value {
    json!({ "keys": [{
        "kty": "EC", "crv": "P-384", "use": "sig", "alg": "ES384", "kid": "k",
        "x": "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3",
        "y": "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f"
    }]})
}

/// The table. Bearer operations are in `operators.rs` and `isolation.rs`, which the coverage test counts in.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = vec![
        row("GET /api/v1/clinic", ALL, |_| ("/api/v1/clinic".into(), None)),
        row("GET /api/v1/session", ALL, |_| ("/api/v1/session".into(), None)),
        row("POST /api/v1/session/keep-alive", SIGNED_IN, |_| ("/api/v1/session/keep-alive".into(), None)),
        row("POST /api/v1/session/step-up", NOBODY, |_| {
            ("/api/v1/session/step-up".into(), Some(json!({ "code": "000000" })))
        }),
        row("POST /api/v1/sign-in/password", NOBODY, |_| {
            let body = json!({ "email": "ann@mail.example", "password": "x" });
            ("/api/v1/sign-in/password".into(), Some(body))
        }),
        row("POST /api/v1/sign-in/totp", NOBODY, |_| {
            ("/api/v1/sign-in/totp".into(), Some(json!({ "code": "000000" })))
        }),
        row("POST /api/v1/sign-in/recovery-code", NOBODY, |_| {
            ("/api/v1/sign-in/recovery-code".into(), Some(json!({ "code": "AAAA-AAAA-AAAA-AAAA" })))
        }),
        row("POST /api/v1/activation/identity", NOBODY, |_| {
            ("/api/v1/activation/identity".into(), Some(json!({ "token": "x", "clinic_code": "x" })))
        }),
        row("POST /api/v1/activation/password", NOBODY, |_| {
            ("/api/v1/activation/password".into(), Some(json!({ "password": "x" })))
        }),
        row("POST /api/v1/activation/totp", NOBODY, |_| ("/api/v1/activation/totp".into(), Some(json!({})))),
        row("POST /api/v1/activation/totp/confirm", NOBODY, |_| {
            ("/api/v1/activation/totp/confirm".into(), Some(json!({ "code": "000000" })))
        }),
        row("GET /api/v1/sessions", SIGNED_IN, |_| ("/api/v1/sessions".into(), None)),
        row("DELETE /api/v1/sessions/{id}", &[Ann], |aim| {
            (format!("/api/v1/sessions/{}", aim.session), None)
        }),
        row("GET /api/v1/record", PATIENTS, |_| ("/api/v1/record".into(), None)),
        row("GET /api/v1/record/results", PATIENTS, |_| ("/api/v1/record/results".into(), None)),
        row("GET /api/v1/record/results/{result_id}", &[Ann], |aim| {
            (format!("/api/v1/record/results/{}", aim.result), None)
        }),
        row("GET /api/v1/panel", CLINICIANS, |_| ("/api/v1/panel".into(), None)),
        row("GET /api/v1/patients/{patient_id}", &[Clinician, Ann], |aim| {
            (format!("/api/v1/patients/{}", aim.ann), None)
        }),
        row("GET /api/v1/patients/{patient_id}/results", &[Clinician, Ann], |aim| {
            (format!("/api/v1/patients/{}/results", aim.ann), None)
        }),
        row("GET /api/v1/patients/{patient_id}/results/{result_id}", &[Clinician, Ann], |aim| {
            (format!("/api/v1/patients/{}/results/{}", aim.ann, aim.result), None)
        }),
        row("POST /api/v1/patients/{patient_id}/invitations", &[Clinician], |aim| {
            let body = json!({ "email": format!("dora{}@mail.example", aim.number) });
            (format!("/api/v1/patients/{}/invitations", aim.dora), Some(body))
        }),
        row("GET /api/v1/patients/{patient_id}/invitations", &[Clinician, Admin], |aim| {
            (format!("/api/v1/patients/{}/invitations", aim.dora), None)
        }),
        row("DELETE /api/v1/invitations/{id}", &[Clinician], |aim| {
            (format!("/api/v1/invitations/{}", aim.invitation), None)
        }),
        row("PUT /api/v1/patients/{patient_id}/panel-members/{user_id}", &[Admin], |aim| {
            (format!("/api/v1/patients/{}/panel-members/{}", aim.dora, aim.member), None)
        }),
        row("DELETE /api/v1/patients/{patient_id}/panel-members/{user_id}", &[Admin], |aim| {
            (format!("/api/v1/patients/{}/panel-members/{}", aim.dora, aim.member), None)
        }),
        row("GET /api/v1/staff", ADMINS, |_| ("/api/v1/staff".into(), None)),
        row("POST /api/v1/staff-invitations", ADMINS, |aim| {
            let email = format!("new{}@staff.example", aim.number);
            let body = json!({ "email": email, "display_name": "New Person", "roles": ["clinician"] });
            ("/api/v1/staff-invitations".into(), Some(body))
        }),
        row("GET /api/v1/staff-invitations", ADMINS, |_| ("/api/v1/staff-invitations".into(), None)),
        row("DELETE /api/v1/staff-invitations/{id}", &[Admin], |aim| {
            (format!("/api/v1/staff-invitations/{}", aim.staff_invitation), None)
        }),
        row("GET /api/v1/machine-clients", ADMINS, |_| ("/api/v1/machine-clients".into(), None)),
        row("POST /api/v1/machine-clients", ADMINS, |aim| {
            let body = json!({
                "name": format!("System {}", aim.number), "jwks": jwks(),
                "identifier_systems": ["https://more.example/ids"],
            });
            ("/api/v1/machine-clients".into(), Some(body))
        }),
        row("DELETE /api/v1/machine-clients/{id}", &[Admin], |aim| {
            (format!("/api/v1/machine-clients/{}", aim.machine_client), None)
        }),
        row("GET /api/v1/quarantine", CLINICIANS, |_| ("/api/v1/quarantine".into(), None)),
        row("POST /api/v1/quarantine/{id}/decision", &[Clinician], |aim| {
            let body = json!({ "decision": "keep_current" });
            (format!("/api/v1/quarantine/{}/decision", aim.quarantine), Some(body))
        }),
        Row {
            ends_session: true,
            ..row("DELETE /api/v1/sessions", SIGNED_IN, |_| ("/api/v1/sessions".into(), None))
        },
        Row {
            ends_session: true,
            ..row("DELETE /api/v1/session", SIGNED_IN, |_| ("/api/v1/session".into(), None))
        },
    ];
    for row in &mut rows {
        let gated = ["POST /api/v1/staff-invitations", "POST /api/v1/machine-clients"];
        row.steps_up = gated.contains(&row.operation)
            || row.operation.starts_with("DELETE /api/v1/machine-clients")
            || row.operation.starts_with("DELETE /api/v1/staff-invitations")
            || row.operation.contains("panel-members");
    }
    rows
}

/// Operations of record systems, by access token or assertion: tried in `isolation.rs`.
pub(crate) const MACHINE_OPERATIONS: [&str; 5] = [
    "GET /.well-known/smart-configuration",
    "POST /oauth/token",
    "GET /fhir/R4/metadata",
    "POST /fhir/R4",
    "GET /fhir/R4/{type}/{id}",
];

/// The call of somebody from the page where they are signed in; nobody's comes from Ann's portal.
pub(crate) fn call(world: &World, who: Who, operation: &str, path: &str, body: Option<&Value>) -> Call {
    let method: Method = operation.split_once(' ').unwrap().0.parse().unwrap();
    let person = match who {
        Anonymous => None,
        Ann => Some(&world.ann),
        Ben => Some(&world.ben),
        Cora => Some(&world.cora),
        Clinician => Some(&world.clinician),
        OffPanel => Some(&world.off_panel),
        Admin => Some(&world.here.owner),
        ClinicianThere => Some(&world.clinician_there),
        AdminThere => Some(&world.there.owner),
    };
    let call = match person {
        Some(person) => person.call(method, path),
        None => {
            let portal = &world.here.portal;
            Call::new(method, portal, path).with("origin", portal).with("sec-fetch-site", "same-origin")
        }
    };
    match body {
        Some(body) => call.json(body),
        None => call,
    }
}

/// Signs in whoever is not, and gives a fresh factor where one is needed.
pub(crate) async fn ready(world: &mut World, who: Who, steps_up: bool) {
    let World { app, here, there, clinician, off_panel, clinician_there, ann, ben, cora, .. } = world;
    let person = match who {
        Anonymous => return,
        Ann => ann,
        Ben => ben,
        Cora => cora,
        Clinician => clinician,
        OffPanel => off_panel,
        Admin => &mut here.owner,
        ClinicianThere => clinician_there,
        AdminThere => &mut there.owner,
    };
    let session = person.browser.look_at_session().await.unwrap();
    if session["state"] != "signed_in" {
        person.sign_in(app).await;
    }
    if steps_up {
        person.step_up(app).await;
    }
}
