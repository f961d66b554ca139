//! Panels follow from care teams and encounters, before and after there is an account.

use cloister_access::{Role, RoleSet, Visitor, action::Create, resource::StaffInvitation};
use cloister_clinical::{PageRequest, PanelPatient};
use cloister_kernel::{Audience, Pii, UserId};
use cloister_store::{InvitationSecrets, NewAccount, NewStaffInvitation, PanelSource, Target, VisitUnit};
use serde_json::{Value, json};

use crate::{
    clinic::{ANA, Clinic, Harness, Kind, NPI, NUMBER, ana, bundle, post, url},
    on_both,
};

on_both! {
    care_teams_and_encounters_make_panels_for_accounts_that_are_there,
    an_account_that_comes_later_finds_its_panel_and_one_at_the_same_moment_too,
    a_practitioner_of_an_earlier_bundle_counts_and_so_does_a_role,
    a_relative_under_a_practitioners_number_is_no_practitioner,
    what_the_record_no_longer_says_is_taken_off_and_what_was_given_by_hand_stays,
    a_panel_goes_by_name_in_parts,
}

fn doctor(number: &str) -> Value {
    json!({"resourceType": "Practitioner", "identifier": [{"system": NPI, "value": number}], "name": [{"family": "Doc"}]})
}

fn visit(number: &str, participant: &str) -> Value {
    json!({"resourceType": "Encounter", "identifier": [{"system": NUMBER, "value": number}], "status": "finished",
        "class": {"code": "AMB"}, "subject": {"reference": ANA}, "participant": [{"individual": {"reference": participant}}]})
}

fn team(number: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|member| json!({"member": {"reference": member}})).collect();
    let mut team = json!({"resourceType": "CareTeam", "identifier": [{"system": NUMBER, "value": number}],
        "status": "active", "subject": {"reference": ANA}});
    if !members.is_empty() {
        team["participant"] = json!(members);
    }
    team
}

/// A clinician who was invited as a practitioner of the record, and accepted.
async fn practitioner(clinic: &Clinic<'_>, number: &str) -> UserId {
    let visitor = clinic.harness.visitor(clinic.tenant, Audience::Console);
    let (visit, user) = joining(clinic, &visitor, number).await;
    visit.commit(()).await.unwrap();
    user
}

/// The same, while the acceptance is not committed yet.
async fn joining<'v>(clinic: &Clinic<'_>, visitor: &'v Visitor, number: &str) -> (VisitUnit<'v>, UserId) {
    let admin = clinic.staff(clinic.admin);
    let unit = clinic.harness.store.begin(&admin).await.unwrap();
    let (mut unit, permit) = unit.require::<Create, StaffInvitation>(Target::Clinic).await.unwrap();
    let invitation = NewStaffInvitation {
        email: Pii::new(format!("{number}@example.org")),
        display_name: Pii::new("Dr. Example".to_owned()),
        roles: RoleSet::NONE.with(Role::Clinician),
        is_owner: false,
        practitioner: Some(Pii::new(format!("{NPI}|{number}"))),
    };
    let secrets = InvitationSecrets { token: number, code: "ABCD" };
    let until = clinic.harness.environment.now() + time::Duration::days(1);
    let id = unit.invite_staff(permit, &invitation, &secrets, "en", until).await.unwrap();
    unit.commit(()).await.unwrap();
    let mut visit = clinic.harness.store.begin_visit(visitor).await.unwrap();
    let account =
        NewAccount { invitation: id, display_name: Pii::new("Dr. Example".to_owned()), locale: None };
    let user = visit.accept_invitation(&account).await.unwrap();
    (visit, user)
}

async fn panel(clinic: &Clinic<'_>, user: UserId) -> Vec<PanelPatient> {
    let page = clinic.clinical.panel(&clinic.staff(user), &PageRequest::default()).await.unwrap();
    page.into_exposed().items
}

async fn sources(clinic: &Clinic<'_>, user: UserId) -> Vec<(String, Vec<PanelSource>)> {
    panel(clinic, user).await.into_iter().map(|patient| (patient.name, patient.sources)).collect()
}

async fn care_teams_and_encounters_make_panels_for_accounts_that_are_there(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let user = practitioner(&clinic, "1111").await;
    let other = practitioner(&clinic, "2222").await;
    assert_eq!(sources(&clinic, user).await, []);
    let sent = bundle(&[
        post(ANA, ana("77-001")),
        post(&url(2), doctor("1111")),
        post(&url(4), visit("v1", &url(2))),
        post(&url(5), team("t1", &[&url(2), ANA])),
    ]);
    clinic.send(&sent).await;
    let expected = [("Ana Canária".to_owned(), vec![PanelSource::CareTeam, PanelSource::Encounter])];
    assert_eq!(sources(&clinic, user).await, expected);
    assert_eq!(sources(&clinic, other).await, []);
    clinic.send(&sent).await;
    assert_eq!(sources(&clinic, user).await, expected);
    let patient = panel(&clinic, user).await[0].patient_id;
    clinic.clinical.patient_record(&clinic.staff(user), patient).await.unwrap();
}

async fn an_account_that_comes_later_finds_its_panel_and_one_at_the_same_moment_too(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let sent = |number: &str| {
        bundle(&[
            post(ANA, ana("77-001")),
            post(&url(2), doctor(number)),
            post(&url(4), visit(&format!("visit-{number}"), &url(2))),
        ])
    };
    clinic.send(&sent("1111")).await;
    let later = practitioner(&clinic, "1111").await;
    let expected = [("Ana Canária".to_owned(), vec![PanelSource::Encounter])];
    assert_eq!(sources(&clinic, later).await, expected);
    let number = "2222";
    let bundle = sent(number);
    let visitor = harness.visitor(clinic.tenant, Audience::Console);
    let (visit, user) = joining(&clinic, &visitor, number).await;
    let mut sending = std::pin::pin!(clinic.send(&bundle));
    let meanwhile = tokio::time::timeout(std::time::Duration::from_millis(500), &mut sending).await;
    visit.commit(()).await.unwrap();
    if meanwhile.is_err() {
        sending.await;
    }
    assert_eq!(sources(&clinic, user).await, expected);
}

async fn a_practitioner_of_an_earlier_bundle_counts_and_so_does_a_role(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let user = practitioner(&clinic, "1111").await;
    let by_number = format!("Practitioner?identifier={NPI}|1111");
    let role = json!({"resourceType": "PractitionerRole", "identifier": [{"system": NUMBER, "value": "role-1"}],
        "practitioner": {"reference": by_number}});
    clinic.send(&bundle(&[post(&url(2), doctor("1111"))])).await;
    clinic.send(&bundle(&[post(&url(6), role)])).await;
    let role = format!("PractitionerRole?identifier={NUMBER}|role-1");
    for (entry, expected) in [
        (team("t1", &[&role]), vec![PanelSource::CareTeam]),
        (visit("v1", &by_number), vec![PanelSource::CareTeam, PanelSource::Encounter]),
    ] {
        clinic.send(&bundle(&[post(ANA, ana("77-001")), post(&url(4), entry)])).await;
        assert_eq!(sources(&clinic, user).await, [("Ana Canária".to_owned(), expected)]);
    }
}

async fn a_relative_under_a_practitioners_number_is_no_practitioner(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let user = practitioner(&clinic, "1111").await;
    let relative = json!({"resourceType": "RelatedPerson", "identifier": [{"system": NPI, "value": "1111"}],
        "patient": {"reference": ANA}, "practitioner": {"reference": url(2)}});
    let bundle_of = |members: &[&str]| {
        bundle(&[
            post(ANA, ana("77-001")),
            post(&url(2), doctor("1111")),
            post(&url(7), relative.clone()),
            post(&url(5), team("t1", members)),
        ])
    };
    clinic.send(&bundle_of(&[&url(7)])).await;
    assert_eq!(sources(&clinic, user).await, []);
    clinic.send(&bundle_of(&[&url(7), &url(2)])).await;
    assert_eq!(sources(&clinic, user).await, [("Ana Canária".to_owned(), vec![PanelSource::CareTeam])]);
}

async fn what_the_record_no_longer_says_is_taken_off_and_what_was_given_by_hand_stays(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let user = practitioner(&clinic, "1111").await;
    let with = |members: &[&str]| {
        bundle(&[
            post(ANA, ana("77-001")),
            post(&url(2), doctor("1111")),
            post(&url(5), team("t1", members)),
            post(&url(6), visit("v1", &url(2))),
        ])
    };
    let patient = clinic.send(&with(&[&url(2)])).await[0].patient();
    clinic.send(&with(&[])).await;
    let expected = [("Ana Canária".to_owned(), vec![PanelSource::Encounter])];
    assert_eq!(sources(&clinic, user).await, expected);
    let delete = json!({"request": {"method": "DELETE", "url": format!("Encounter?identifier={NUMBER}|v1")}});
    clinic.send(&bundle(&[delete])).await;
    assert_eq!(sources(&clinic, user).await, []);
    assert!(clinic.clinical.patient_record(&clinic.staff(user), patient).await.is_err());
    clinic.send(&with(&[&url(2)])).await;
    harness.assign(clinic.tenant, user, patient).await;
    clinic.send(&with(&[])).await;
    let expected = [("Ana Canária".to_owned(), vec![PanelSource::Encounter, PanelSource::Assigned])];
    assert_eq!(sources(&clinic, user).await, expected);
}

async fn a_panel_goes_by_name_in_parts(harness: Harness) {
    let clinic = Clinic::open(&harness, "lakeside").await;
    let user = clinic.clinician().await;
    let names = ["žofia", "Ana", "mona", "Bea", "Carl"];
    let entries: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let mut patient = ana(&format!("n{n}"));
            patient["name"] = json!([{"given": [name]}]);
            post(&url(u32::try_from(n).unwrap()), patient)
        })
        .collect();
    for answer in clinic.send(&bundle(&entries)).await {
        harness.assign(clinic.tenant, user, answer.patient()).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    for expected in [2, 2, 1] {
        let page = PageRequest { limit: Some(2), cursor: cursor.clone() };
        let page = clinic.clinical.panel(&clinic.staff(user), &page).await.unwrap().into_exposed();
        assert_eq!(page.items.len(), expected);
        seen.extend(page.items.into_iter().map(|patient| patient.name));
        cursor = page.next_cursor;
    }
    assert_eq!((seen, cursor), (["Ana", "Bea", "Carl", "mona", "žofia"].map(str::to_owned).to_vec(), None));
    assert_eq!(clinic.events("panel.list success").await, 3);
    let all_at_once = PageRequest { limit: Some(5), cursor: None };
    let page = clinic.clinical.panel(&clinic.staff(user), &all_at_once).await.unwrap().into_exposed();
    assert_eq!((page.items.len(), page.next_cursor), (5, None));
}
