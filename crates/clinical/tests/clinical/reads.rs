//! Who may read what, and that everything else is not there.

use std::collections::BTreeSet;

use cloister_clinical::{ClinicalError, PageRequest};
use cloister_kernel::{Failure, PatientId, ResourceId};
use serde_json::json;

use crate::{
    clinic::{ANA, Clinic, Harness, Kind, ana, ana_with_values, bundle, glucose, post, url},
    on_both,
    statements::counted,
};

on_both! {
    a_patient_and_a_clinician_of_hers_read_the_same_record,
    lists_go_newest_first_and_their_cursors_belong_to_one_reader,
    a_list_that_ends_with_the_last_result_has_no_next_part,
    a_history_holds_results_of_the_same_code_or_name_alone,
    what_is_not_the_callers_is_not_there_and_each_try_leaves_an_event,
    reads_cost_the_same_few_statements_however_much_there_is,
    a_birth_date_is_matched_inside_the_store,
    a_kept_version_cannot_be_put_back,
}

async fn a_patient_and_a_clinician_of_hers_read_the_same_record(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let answers = clinic.send(&ana_with_values()).await;
    let patient = answers[0].patient();
    let account = clinic.account(patient).await;
    let clinician = clinic.clinician_of(patient).await;
    let own = clinic.clinical.own_record(&account).await.unwrap().into_exposed();
    let theirs = clinic.clinical.patient_record(&clinician, patient).await.unwrap().into_exposed();
    for record in [own, theirs] {
        assert_eq!(record.patient_id, patient);
        assert_eq!((record.name.as_str(), record.birth_date.as_deref()), ("Ana Canária", Some("1980-02-03")));
        assert_eq!((record.sex.as_deref(), record.deceased, record.results), (Some("female"), false, 2));
    }
    let id = ResourceId::from_uuid(answers[2].id.unwrap());
    let own = clinic.clinical.own_result(&account, id).await.unwrap().into_exposed();
    let theirs = clinic.clinical.patient_result(&clinician, patient, id).await.unwrap().into_exposed();
    assert_eq!(own, theirs);
    assert_eq!((own.summary.name.as_str(), own.summary.code.as_deref()), ("Glucose", Some("2345-7")));
    assert_eq!(own.summary.interpretation, cloister_fhir::Interpretation::Above);
    assert_eq!((own.summary.range_text.as_deref(), own.value_number), (Some("70–99"), Some(104.0)));
    for line in ["record.read success", "result.read success"] {
        assert_eq!(clinic.events(line).await, 2, "{line}");
    }
}

async fn lists_go_newest_first_and_their_cursors_belong_to_one_reader(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let mut entries = vec![post(ANA, ana("1"))];
    for n in 0..25u32 {
        // Several at one moment, some without one.
        let mut value = glucose(&format!("n{n}"), &format!("2026-01-{:02}", 1 + n / 3), json!(n));
        if n % 10 == 9 {
            value.as_object_mut().unwrap().remove("effectiveDateTime");
        }
        entries.push(post(&url(10 + n), value));
    }
    let patient = clinic.send(&bundle(&entries)).await[0].patient();
    let account = clinic.account(patient).await;
    let clinician = clinic.clinician_of(patient).await;
    let (mut seen, mut cursor) = (Vec::new(), None);
    let mut cursors = Vec::new();
    loop {
        let page = PageRequest { limit: Some(4), cursor: cursor.clone() };
        let page = clinic.clinical.own_results(&account, &page).await.unwrap().into_exposed();
        assert!(page.items.len() <= 4);
        seen.extend(page.items);
        cursor = page.next_cursor;
        cursors.extend(cursor.clone());
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), cursors.len()), (25, 6));
    assert_eq!(seen.iter().map(|item| item.id).collect::<BTreeSet<_>>().len(), 25);
    let times: Vec<String> = seen.iter().map(|item| item.effective_at.clone().unwrap_or_default()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    let stolen = PageRequest { limit: Some(4), cursor: Some(cursors[0].clone()) };
    let error = clinic.clinical.patient_results(&clinician, patient, &stolen).await.unwrap_err();
    assert_eq!(error.code(), "cursor.invalid");
    let error = clinic.clinical.panel(&clinician, &stolen).await.unwrap_err();
    assert_eq!(error.code(), "cursor.invalid");
    for line in ["result.list failed cursor.invalid", "panel.list failed cursor.invalid"] {
        assert_eq!(clinic.events(line).await, 1, "{line}");
    }
    for limit in [0, 201] {
        let page = PageRequest { limit: Some(limit), cursor: None };
        let error = clinic.clinical.own_results(&account, &page).await.unwrap_err();
        assert!(matches!(error, ClinicalError::Invalid(_)), "{limit}");
    }
}

async fn a_list_that_ends_with_the_last_result_has_no_next_part(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let patient = clinic.send(&ana_with_values()).await[0].patient();
    let account = clinic.account(patient).await;
    let clinician = clinic.clinician_of(patient).await;
    // The second time, the patient is foreseen.
    for (limit, goes_on) in [(2, false), (2, false), (1, true), (1, true)] {
        let page = PageRequest { limit: Some(limit), cursor: None };
        let own = clinic.clinical.own_results(&account, &page).await.unwrap().into_exposed();
        assert_eq!((own.items.len(), own.next_cursor.is_some()), (limit.into(), goes_on));
        let theirs = clinic.clinical.patient_results(&clinician, patient, &page).await.unwrap();
        let theirs = theirs.into_exposed();
        assert_eq!((theirs.items.len(), theirs.next_cursor.is_some()), (limit.into(), goes_on));
    }
}

async fn a_history_holds_results_of_the_same_code_or_name_alone(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let codes = [
        json!({"coding": [{"system": "http://loinc.org", "code": "2345-7"}]}),
        json!({"coding": [{"system": "http://loinc.org", "code": "718-7"}]}),
        json!({"text": "Ferritin"}),
        json!({"text": " ferritin"}),
        json!({"text": " "}),
        json!({"text": " "}),
    ];
    let mut entries = vec![post(ANA, ana("77-001"))];
    for (n, code) in (10..).zip(codes) {
        let mut value = glucose(&format!("c{n}"), "2026-01-05", json!(n));
        value["code"] = code;
        entries.push(post(&url(n), value));
    }
    let answers = clinic.send(&bundle(&entries)).await;
    let account = clinic.account(answers[0].patient()).await;
    let mut together = Vec::new();
    for answer in &answers[1..] {
        let id = ResourceId::from_uuid(answer.id.unwrap());
        let result = clinic.clinical.own_result(&account, id).await.unwrap().into_exposed();
        together.push(result.history.len());
    }
    assert_eq!(together, [1, 1, 2, 2, 1, 1]);
}

/// How many events there are, and how many of them tell of a refusal.
fn counts(events: &[String]) -> (usize, usize) {
    (events.len(), events.iter().filter(|event| event.contains(" refused ")).count())
}

fn told(error: &ClinicalError) -> (&'static str, cloister_kernel::FailureKind, String) {
    (error.code(), error.kind(), error.to_string())
}

async fn what_is_not_the_callers_is_not_there_and_each_try_leaves_an_event(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let other = Clinic::open(&harness, "riverside").await;
    let answers = clinic.send(&ana_with_values()).await;
    let (patient, result) = (answers[0].patient(), ResourceId::from_uuid(answers[1].id.unwrap()));
    let mut bea = ana("77-002");
    bea["name"] = json!([{"family": "Other"}]);
    let bea = clinic.send(&bundle(&[post(ANA, bea)])).await[0].patient();
    let theirs = other.send(&ana_with_values()).await[0].patient();
    let clinical = &clinic.clinical;
    let absent = || (harness.environment.id::<cloister_kernel::PatientKind>(), harness.environment.id());
    let callers = [
        ("another patient", clinic.account(bea).await),
        ("a clinician off the panel", clinic.clinician_of(bea).await),
        ("the administrator", clinic.staff(clinic.admin)),
        ("another clinic's patient", other.account(theirs).await),
        ("another clinic's clinician", other.clinician_of(theirs).await),
        ("a record system", clinic.machine()),
    ];
    for (who, caller) in &callers {
        let before = counts(&harness.events(caller.tenant()).await);
        let page = PageRequest::default();
        let (nobody, nothing): (PatientId, ResourceId) = absent();
        let pairs = [
            (
                clinical.patient_record(caller, patient).await.map(drop),
                clinical.patient_record(caller, nobody).await.map(drop),
            ),
            (
                clinical.patient_results(caller, patient, &page).await.map(drop),
                clinical.patient_results(caller, nobody, &page).await.map(drop),
            ),
            (
                clinical.patient_result(caller, patient, result).await.map(drop),
                clinical.patient_result(caller, nobody, nothing).await.map(drop),
            ),
            (
                clinical.own_result(caller, result).await.map(drop),
                clinical.own_result(caller, nothing).await.map(drop),
            ),
        ];
        let tries = pairs.len() * 2;
        for (real, unreal) in pairs {
            let (real, unreal) = (real.unwrap_err(), unreal.unwrap_err());
            assert_eq!(told(&real), told(&unreal), "{who}");
            assert_eq!(real.code(), "resource.not_found", "{who}");
        }
        let after = counts(&harness.events(caller.tenant()).await);
        assert_eq!((after.0 - before.0, after.1 - before.1), (tries, tries), "{who}");
    }
    // A result of hers under another panel patient's address, and things that are no results.
    let clinician = clinic.clinician_of(bea).await;
    let user = clinician.user().unwrap();
    harness.assign(clinic.tenant, user, patient).await;
    let elsewhere = clinical.patient_result(&clinician, bea, result).await.unwrap_err();
    let no_result = ResourceId::from_uuid(patient.uuid());
    let of_another_type = clinical.patient_result(&clinician, patient, no_result).await.unwrap_err();
    for error in [elsewhere, of_another_type] {
        assert_eq!(error.code(), "resource.not_found");
    }
    assert_eq!(clinic.events("result.read failed not_found").await, 2);
    let not_own = clinical.own_result(&clinician, result).await.unwrap_err();
    assert_eq!(not_own.code(), "resource.not_found", "a panel is not one's own record");
    clinical.patient_result(&clinician, patient, result).await.unwrap();
    for (kind, id) in
        [("Observation", patient.to_string()), ("Bot", patient.to_string()), ("Patient", "x".into())]
    {
        let error = clinical.read_resource(&clinic.machine(), kind, &id).await.unwrap_err();
        assert_eq!(error.code(), "resource.not_found", "{kind}/{id}");
    }
    assert_eq!(clinic.events("resource.read failed not_found").await, 3);
}

async fn reads_cost_the_same_few_statements_however_much_there_is(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let patient = clinic.send(&ana_with_values()).await[0].patient();
    let account = clinic.account(patient).await;
    let clinician = clinic.clinician_of(patient).await;
    let clinical = &clinic.clinical;
    let page = PageRequest { limit: Some(200), cursor: None };
    let measure = async || {
        let (list, statements) = counted(clinical.own_results(&account, &page)).await;
        let id = list.unwrap().expose().items[0].id;
        let mut all = vec![statements];
        all.push(counted(clinical.own_record(&account)).await.1);
        let (result, statements) = counted(clinical.own_result(&account, id)).await;
        all.push(statements);
        all.push(counted(clinical.patient_results(&clinician, patient, &page)).await.1);
        all.push(counted(clinical.patient_result(&clinician, patient, id)).await.1);
        all.push(counted(clinical.patient_record(&clinician, patient)).await.1);
        all.push(counted(clinical.panel(&clinician, &page)).await.1);
        (all, result.unwrap().expose().history.len())
    };
    // What a first read learns of a patient saves later ones a trip.
    measure().await;
    let (few, short) = measure().await;
    let mut entries = vec![post(ANA, ana("77-001"))];
    entries.extend((0..300).map(|n| post(&url(10 + n), glucose(&format!("m{n}"), "2026-04-04", json!(n)))));
    clinic.send(&bundle(&entries)).await;
    let (many, long) = measure().await;
    println!("{:?}: statements of each read: {few:?}", harness.kind);
    assert_eq!(few, many);
    assert!(few.iter().all(|statements| (1..=5).contains(statements)), "{few:?}");
    assert_eq!((short, long), (2, 200), "a history is bounded");
}

async fn a_birth_date_is_matched_inside_the_store(harness: Harness) {
    use time::macros::date;
    let clinic = Clinic::open(&harness, "lakeside").await;
    let mut vague = ana("2");
    vague["birthDate"] = json!("1980-02");
    let mut silent = ana("3");
    silent.as_object_mut().unwrap().remove("birthDate");
    let answers =
        clinic.send(&bundle(&[post(&url(1), ana("1")), post(&url(2), vague), post(&url(3), silent)])).await;
    let visitor = harness.visitor(clinic.tenant, cloister_kernel::Audience::Portal);
    let visit = harness.store.begin_visit(&visitor).await.unwrap();
    let asked =
        async |answer: usize, day| visit.birth_date_matches(answers[answer].patient(), day).await.unwrap();
    assert!(asked(0, date!(1980 - 02 - 03)).await);
    assert!(!asked(0, date!(1980 - 02 - 04)).await);
    assert!(!asked(1, date!(1980 - 02 - 01)).await);
    assert!(!asked(2, date!(1980 - 02 - 03)).await);
    let nobody = harness.environment.id();
    assert!(!visit.birth_date_matches(nobody, date!(1980 - 02 - 03)).await.unwrap());
}

async fn a_kept_version_cannot_be_put_back(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let answers = clinic.send(&ana_with_values()).await;
    let other = bundle(&[post(ANA, ana("77-001")), post(&url(2), glucose("g1", "2026-01-05", json!(500)))]);
    clinic.send(&other).await;
    // Whoever can write to the database swaps the old body in; its place says which version it is of.
    let sql = "UPDATE resources SET body_sealed = (SELECT v.body_sealed FROM resource_versions v \
               WHERE v.resource_id = resources.id) WHERE version = 2";
    harness.execute(sql).await.unwrap();
    let caller = clinic.machine();
    let id = answers[1].id.unwrap().to_string();
    let error = clinic.clinical.read_resource(&caller, "Observation", &id).await.unwrap_err();
    assert!(matches!(error, ClinicalError::Store(cloister_store::StoreError::Keys(_))), "{error:?}");
}
