//! Bundles that contradict who a patient is.

use cloister_clinical::{PageRequest, QuarantineDecision, QuarantineItem};
use cloister_kernel::{Failure, FailureKind};
use cloister_store::HeldBecause;
use serde_json::{Value, json};

use crate::{
    clinic::{ANA, Clinic, Harness, Kind, MRN, ana, ana_with_values, bundle, glucose, post, url},
    on_both,
};

on_both! {
    a_clash_is_held_whole_and_the_chart_stays,
    accepting_takes_the_whole_bundle_in,
    keeping_discards_it_for_good,
    while_who_it_is_is_in_dispute_nothing_else_lands_on_the_record,
    nobody_but_the_patients_clinicians_sees_or_decides,
    each_patients_clinicians_decide_for_their_own,
}

/// The number is Ana's, the person is not.
fn somebody_else() -> Value {
    let mut other = ana("77-001");
    other["birthDate"] = json!("1951-11-30");
    other["gender"] = json!("male");
    other["name"] = json!([{"family": "Brandt", "given": ["Otto"]}]);
    bundle(&[post(ANA, other), post(&url(7), glucose("g7", "2026-07-07", json!(300)))])
}

async fn values(clinic: &Clinic<'_>, caller: &cloister_access::Caller) -> Vec<String> {
    let page = clinic.clinical.own_results(caller, &PageRequest::default()).await.unwrap().into_exposed();
    page.items.into_iter().map(|item| item.value_text).collect()
}

async fn waiting(clinic: &Clinic<'_>, caller: &cloister_access::Caller) -> Vec<QuarantineItem> {
    clinic.clinical.quarantine(caller).await.unwrap().into_exposed()
}

async fn a_clash_is_held_whole_and_the_chart_stays(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let patient = clinic.send(&ana_with_values()).await[0].patient();
    let account = clinic.account(patient).await;
    let clinician = clinic.clinician_of(patient).await;
    let answers = clinic.send(&somebody_else()).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [202, 202]);
    let issue = &answers[0].outcome.as_ref().unwrap()["issue"][0];
    assert_eq!((&issue["severity"], &issue["code"]), (&json!("information"), &json!("informational")));
    let why = issue["diagnostics"].as_str().unwrap();
    assert!(why.starts_with("The demographics contradict the record."), "{why}");
    assert_eq!(answers[1].outcome, None, "it is said of the patient's entry");
    assert_eq!(clinic.clinical.own_record(&account).await.unwrap().expose().name, "Ana Canária");
    assert_eq!(values(&clinic, &account).await, ["104", "91"]);
    assert_eq!(clinic.events("resource.quarantined success conflicting_demographics").await, 1);
    let waiting = waiting(&clinic, &clinician).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].patient_id, waiting[0].name.as_str()), (patient, "Ana Canária"));
    assert_eq!(waiting[0].source, "Main record system");
    let differences: Vec<(&str, Option<&str>, Option<&str>)> = waiting[0]
        .differences
        .iter()
        .map(|d| (d.field, d.current.as_deref(), d.incoming.as_deref()))
        .collect();
    assert_eq!(
        differences,
        [
            ("name", Some("Ana Canária"), Some("Otto Brandt")),
            ("birth_date", Some("1980-02-03"), Some("1951-11-30")),
            ("sex", Some("female"), Some("male")),
        ]
    );
    // The same again waits once.
    clinic.send(&somebody_else()).await;
    assert_eq!(clinic.number("SELECT count(*) FROM quarantine").await, 1);
}

async fn accepting_takes_the_whole_bundle_in(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let patient = clinic.send(&ana_with_values()).await[0].patient();
    let account = clinic.account(patient).await;
    let clinician = clinic.clinician_of(patient).await;
    clinic.send(&somebody_else()).await;
    let id = waiting(&clinic, &clinician).await[0].id;
    let decide = clinic.clinical.decide_quarantine(&clinician, id, QuarantineDecision::AcceptIncoming).await;
    decide.unwrap();
    assert_eq!(clinic.clinical.own_record(&account).await.unwrap().expose().name, "Otto Brandt");
    assert_eq!(values(&clinic, &account).await, ["300", "104", "91"]);
    assert!(waiting(&clinic, &clinician).await.is_empty());
    assert_eq!(clinic.events("quarantine.decided success").await, 1);
    let by = "SELECT count(*) FROM events WHERE action = 'resource.updated' AND actor_kind = 'user'";
    assert_eq!(clinic.number(by).await, 1);
    let again = clinic.clinical.decide_quarantine(&clinician, id, QuarantineDecision::KeepCurrent).await;
    assert!(matches!(again.unwrap_err().kind(), FailureKind::Conflict));
    assert_eq!(clinic.events("quarantine.decided failed store.conflict").await, 1);
    let answers = clinic.send(&somebody_else()).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 200]);
}

async fn keeping_discards_it_for_good(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let patient = clinic.send(&ana_with_values()).await[0].patient();
    let account = clinic.account(patient).await;
    let clinician = clinic.clinician_of(patient).await;
    clinic.send(&somebody_else()).await;
    let id = waiting(&clinic, &clinician).await[0].id;
    clinic.clinical.decide_quarantine(&clinician, id, QuarantineDecision::KeepCurrent).await.unwrap();
    assert!(waiting(&clinic, &clinician).await.is_empty());
    assert_eq!(clinic.send(&somebody_else()).await[0].status, 202);
    assert!(waiting(&clinic, &clinician).await.is_empty(), "decided once is decided");
    assert_eq!(values(&clinic, &account).await, ["104", "91"]);
    assert_eq!(clinic.clinical.own_record(&account).await.unwrap().expose().name, "Ana Canária");
}

async fn while_who_it_is_is_in_dispute_nothing_else_lands_on_the_record(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let patient = clinic.send(&ana_with_values()).await[0].patient();
    let account = clinic.account(patient).await;
    let clinician = clinic.clinician_of(patient).await;
    let unsaid = |number: &str, value: u32| {
        let mut value = glucose(number, "2026-08-08", json!(value));
        value["subject"]["reference"] = json!(format!("Patient?identifier={MRN}|77-001"));
        bundle(&[post(&url(8), value)])
    };
    assert_eq!(clinic.send(&unsaid("g8", 108)).await[0].status, 201);
    clinic.send(&somebody_else()).await;
    harness.clock.advance(time::Duration::seconds(1));
    let held = clinic.send(&unsaid("g9", 109)).await;
    assert_eq!(held[0].status, 202);
    assert_eq!(clinic.events("resource.quarantined success patient_in_dispute").await, 1);
    // Who says that it is Ana is believed.
    let said = bundle(&[post(ANA, ana("77-001")), post(&url(10), glucose("g10", "2026-10-10", json!(110)))]);
    assert_eq!(clinic.send(&said).await[1].status, 201);
    assert_eq!(values(&clinic, &account).await, ["110", "108", "104", "91"]);
    let waiting = waiting(&clinic, &clinician).await;
    let reasons: Vec<HeldBecause> = waiting.iter().map(|item| item.reason).collect();
    assert_eq!(reasons, [HeldBecause::ConflictingDemographics, HeldBecause::PatientInDispute]);
    assert_eq!(waiting[1].differences, []);
    for item in &waiting {
        let decision = match item.reason {
            HeldBecause::ConflictingDemographics => QuarantineDecision::KeepCurrent,
            HeldBecause::PatientInDispute => QuarantineDecision::AcceptIncoming,
        };
        clinic.clinical.decide_quarantine(&clinician, item.id, decision).await.unwrap();
    }
    assert_eq!(values(&clinic, &account).await, ["110", "109", "108", "104", "91"]);
    assert_eq!(clinic.send(&unsaid("g11", 111)).await[0].status, 201);
}

async fn nobody_but_the_patients_clinicians_sees_or_decides(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let patient = clinic.send(&ana_with_values()).await[0].patient();
    let account = clinic.account(patient).await;
    let clinician = clinic.clinician_of(patient).await;
    clinic.send(&somebody_else()).await;
    let id = waiting(&clinic, &clinician).await[0].id;
    let off_panel = clinic.staff(clinic.clinician().await);
    assert!(waiting(&clinic, &off_panel).await.is_empty());
    let admin = clinic.staff(clinic.admin);
    assert!(clinic.clinical.quarantine(&admin).await.is_err());
    assert!(clinic.clinical.quarantine(&account).await.is_err());
    let nothing = harness.environment.id();
    for caller in [&off_panel, &admin, &account, &clinic.machine()] {
        let real = clinic.clinical.decide_quarantine(caller, id, QuarantineDecision::AcceptIncoming).await;
        let unreal =
            clinic.clinical.decide_quarantine(caller, nothing, QuarantineDecision::AcceptIncoming).await;
        let (real, unreal) = (real.unwrap_err(), unreal.unwrap_err());
        assert_eq!((real.code(), real.to_string()), (unreal.code(), unreal.to_string()));
        assert_eq!(real.code(), "resource.not_found");
    }
    assert_eq!(clinic.events("quarantine.decided success").await, 0);
    assert!(
        clinic.events("quarantine.decided refused not_allowed").await
            + clinic.events("quarantine.decided refused forbidden_by_rule").await
            >= 8
    );
}

async fn each_patients_clinicians_decide_for_their_own(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let mut bea = ana("77-002");
    bea["name"] = json!([{"family": "Zander"}]);
    let both = |ana_born: &str, bea_born: &str| {
        let (mut first, mut second) = (ana("77-001"), bea.clone());
        first["birthDate"] = json!(ana_born);
        second["birthDate"] = json!(bea_born);
        bundle(&[post(&url(1), first), post(&url(2), second)])
    };
    let answers = clinic.send(&both("1980-02-03", "1990-01-01")).await;
    let of_ana = clinic.clinician_of(answers[0].patient()).await;
    let of_bea = clinic.clinician_of(answers[1].patient()).await;
    clinic.send(&both("1980-03-02", "1991-01-01")).await;
    let (for_ana, for_bea) = (waiting(&clinic, &of_ana).await, waiting(&clinic, &of_bea).await);
    assert_eq!(for_ana.len() + for_bea.len(), 1);
    let (first, second) = if for_ana.is_empty() { (&of_bea, &of_ana) } else { (&of_ana, &of_bea) };
    let id = waiting(&clinic, first).await[0].id;
    clinic.clinical.decide_quarantine(first, id, QuarantineDecision::AcceptIncoming).await.unwrap();
    assert!(waiting(&clinic, first).await.is_empty());
    // Nothing is taken in until the other said yes too.
    let versions = "SELECT CAST(sum(version) AS bigint) FROM resources";
    assert_eq!(clinic.number(versions).await, 2);
    let id = waiting(&clinic, second).await[0].id;
    clinic.clinical.decide_quarantine(second, id, QuarantineDecision::AcceptIncoming).await.unwrap();
    assert_eq!(clinic.number(versions).await, 4, "the first yes was not asked for again");
}
