//! Invitations, staff, panels and messages over real databases.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test stops")]

#[path = "../../store/tests/support/mod.rs"]
mod support;

use std::sync::Arc;

use cloister_access::Caller;
use cloister_audit::{Actor, EventContext, Log};
use cloister_grants::{
    Delivery, Grants, GrantsError, InvitationStatus, Links, MessageDelivery, OwnerActivated,
    OwnerInvitationSender, StaffInvitationRequest,
};
use cloister_kernel::{
    Audience, CLINIC_CODE_LENGTH, Failure, FailureKind, PatientId, Pii, TenantId, UserId,
    canonical_spoken_code,
};
use cloister_notify::{BaaGate, CollectedMail, Mailer};
use cloister_store::{LeasedJob, MESSAGE_DELIVERY_JOB, NewAccount, NewJob, OWNER_ACTIVATED_JOB, StoreError};
use cloister_vault::{KeyOwner, Purpose};
use support::{Harness, Kind};
use time::Duration;

on_both! {
    an_administrator_invites_staff_who_activate_once_with_link_and_code,
    five_wrong_answers_lock_an_invitation,
    a_newer_invitation_replaces_the_one_that_waits,
    only_clinicians_are_put_on_panels,
    who_was_put_on_a_panel_by_hand_is_taken_off_again,
    what_was_permitted_and_did_not_work_leaves_its_event,
    an_invitation_ends_after_a_week,
    nobody_is_invited_twice_and_no_administrator_invites_a_clinician,
    bad_requests_name_their_fields_and_leave_nothing,
    patients_and_clinicians_invite_no_staff,
    without_a_contact_no_owner_is_invited,
    an_activated_owner_is_told_to_the_platform,
    mail_waits_behind_the_agreement_and_goes_out_once,
    nothing_of_an_invitation_stands_in_clear,
}

struct Clinic {
    tenant: TenantId,
    grants: Grants,
    admin: UserId,
}

impl Clinic {
    async fn open(harness: &Harness) -> Self {
        let tenant = harness.clinic("lakeside").await;
        for (host, audience) in
            [("lakeside.example", Audience::Portal), ("lakeside-staff.example", Audience::Console)]
        {
            harness
                .execute(&format!(
                    "INSERT INTO hosts (host, tenant_id, audience, is_primary, created_at) \
                     VALUES ('{host}', {}, '{}', {}, 0)",
                    uuid_literal(harness, tenant),
                    audience.as_str(),
                    if harness.kind == Kind::Postgres { "true" } else { "1" },
                ))
                .await
                .unwrap();
        }
        let admin = harness.user(tenant, "staff", &["admin"], None).await;
        Self { tenant, grants: Grants::new(harness.store.clone(), Links::https()), admin }
    }

    fn caller(&self, harness: &Harness) -> Caller {
        harness.caller(self.tenant, Audience::Console, self.admin)
    }

    /// A patient whose record nobody opens here.
    async fn patient(&self, harness: &Harness) -> PatientId {
        let patient: PatientId = harness.environment.id();
        let (tenant, id) = (uuid_literal(harness, self.tenant), literal(harness, patient.uuid()));
        let simple = patient.uuid().simple();
        let hash = match harness.kind {
            Kind::Postgres => format!("'{simple}'"),
            Kind::Sqlite => format!("x'{simple}{simple}'"),
        };
        let sql = format!(
            "INSERT INTO patients (tenant_id, id, status, demographics_sealed, header_sealed, content_hash, \
             created_at, updated_at) VALUES ({tenant}, {id}, 'active', {id}, {id}, {hash}, 0, 0)"
        );
        harness.execute(&sql).await.unwrap();
        patient
    }

    async fn visit_jobs(&self, harness: &Harness, kind: &str) -> Vec<LeasedJob> {
        let worker = harness.environment.uuid();
        harness.platform.lease_jobs(worker, &[kind], Duration::minutes(1), 50).await.unwrap()
    }

    async fn deliver(&self, harness: &Harness, mailer: Arc<dyn Mailer>) -> Vec<Delivery> {
        let delivery = MessageDelivery::new(harness.store.clone(), mailer, harness.environment.clone());
        let mut ended = Vec::new();
        for job in self.visit_jobs(harness, MESSAGE_DELIVERY_JOB).await {
            ended.push(delivery.deliver(&job).await.unwrap());
            harness.platform.finish_job(job).await.unwrap();
        }
        ended
    }
}

fn uuid_literal(harness: &Harness, tenant: TenantId) -> String {
    literal(harness, tenant.uuid())
}

fn literal(harness: &Harness, id: uuid::Uuid) -> String {
    match harness.kind {
        Kind::Postgres => format!("'{id}'"),
        Kind::Sqlite => format!("x'{}'", id.simple()),
    }
}

fn request(email: &str, roles: &[&str]) -> StaffInvitationRequest {
    StaffInvitationRequest {
        email: email.into(),
        display_name: "Billie Holt".into(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        practitioner_identifier: None,
    }
}

fn token_in(mail: &str) -> String {
    let (_, after) = mail.split_once("/activate#token=").unwrap();
    after.split_whitespace().next().unwrap().to_owned()
}

async fn token_mailed_to(clinic: &Clinic, harness: &Harness, address: &str) -> String {
    let mails = CollectedMail::new(10);
    clinic.deliver(harness, Arc::new(mails.clone())).await;
    token_in(&mails.newest_to(address).unwrap().text)
}

async fn accept(clinic: &Clinic, harness: &Harness, token: &str) -> Result<UserId, StoreError> {
    let visitor = harness.visitor(clinic.tenant, Audience::Console);
    let mut visit = harness.store.begin_visit(&visitor).await?;
    let found = visit.invitation_by_token(token).await?.ok_or(StoreError::NotFound)?;
    let account = NewAccount {
        invitation: found.id,
        display_name: found.display_name.unwrap_or_else(|| Pii::new("Owner".into())),
        locale: None,
    };
    let user = visit.accept_invitation(&account).await?;
    visit.commit(()).await?;
    Ok(user)
}

async fn an_administrator_invites_staff_who_activate_once_with_link_and_code(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let issued = clinic
        .grants
        .invite_staff(&clinic.caller(&harness), &request("billie@example.org", &["billing"]))
        .await
        .unwrap();
    let token = token_mailed_to(&clinic, &harness, "billie@example.org").await;
    let code = canonical_spoken_code(issued.clinic_code.expose(), CLINIC_CODE_LENGTH).unwrap();

    let at_the_portal = harness.visitor(clinic.tenant, Audience::Portal);
    let mut visit = harness.store.begin_visit(&at_the_portal).await.unwrap();
    assert!(
        visit.invitation_by_token(&token).await.unwrap().is_none(),
        "a staff link is nothing at the portal"
    );
    drop(visit);
    let visitor = harness.visitor(clinic.tenant, Audience::Console);
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    assert!(visit.invitation_code_matches(issued.id, &code).await.unwrap());
    assert!(!visit.invitation_code_matches(issued.id, "33333333").await.unwrap());
    assert!(!visit.invitation_code_matches(harness.environment.id(), &code).await.unwrap());
    drop(visit);

    let user = accept(&clinic, &harness, &token).await.unwrap();
    assert!(matches!(accept(&clinic, &harness, &token).await, Err(StoreError::Conflict)));
    let colleague = harness.caller(clinic.tenant, Audience::Console, user);
    assert!(clinic.grants.staff(&colleague).await.is_err(), "billing sees no staff list");
    let statuses = clinic.grants.staff_invitations(&clinic.caller(&harness)).await.unwrap();
    assert_eq!((statuses.len(), statuses[0].row.status), (1, InvitationStatus::Accepted));
    assert_eq!(statuses[0].email_hint, "b…@example.org");
    let events = harness.events(clinic.tenant).await;
    for event in [
        "staff.invited success",
        "message.sent success",
        "account.activated success",
        "role.granted success billing",
    ] {
        assert!(events.iter().any(|line| line == event), "{event} in {events:?}");
    }
}

async fn five_wrong_answers_lock_an_invitation(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    clinic
        .grants
        .invite_staff(&clinic.caller(&harness), &request("billie@example.org", &["billing"]))
        .await
        .unwrap();
    let token = token_mailed_to(&clinic, &harness, "billie@example.org").await;
    let visitor = harness.visitor(clinic.tenant, Audience::Console);
    for tries in 1..=5 {
        let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
        let found = visit.invitation_by_token(&token).await.unwrap().unwrap();
        assert_eq!(found.status, InvitationStatus::Pending, "before try {tries}");
        visit.count_invitation_try(found.id).await.unwrap();
        visit.commit(()).await.unwrap();
    }
    assert!(matches!(accept(&clinic, &harness, &token).await, Err(StoreError::Conflict)));
    let locked =
        harness.events(clinic.tenant).await.into_iter().filter(|line| line == "invitation.locked success");
    assert_eq!(locked.count(), 1);
}

async fn a_newer_invitation_replaces_the_one_that_waits(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let caller = clinic.caller(&harness);
    clinic.grants.invite_staff(&caller, &request("billie@example.org", &["billing"])).await.unwrap();
    let first = token_mailed_to(&clinic, &harness, "billie@example.org").await;
    clinic.grants.invite_staff(&caller, &request("Billie@Example.org", &["support"])).await.unwrap();
    let second = token_mailed_to(&clinic, &harness, "billie@example.org").await;
    assert!(matches!(accept(&clinic, &harness, &first).await, Err(StoreError::Conflict)));
    accept(&clinic, &harness, &second).await.unwrap();
    assert_eq!(superseded(&harness, "staff.invitation_revoked").await, 1);

    let clinician = harness.user(clinic.tenant, "staff", &["clinician"], None).await;
    let patient = clinic.patient(&harness).await;
    harness.assign(clinic.tenant, clinician, patient).await;
    let caller = harness.caller(clinic.tenant, Audience::Console, clinician);
    for email in ["ana@example.org", "anna@example.org", "ana.vega@example.org"] {
        clinic.grants.invite_patient(&caller, patient, email).await.unwrap();
    }
    assert_eq!(superseded(&harness, "invitation.revoked").await, 2);
    let of_patient =
        "SELECT COUNT(*) FROM events WHERE action = 'invitation.revoked' AND patient_id IS NOT NULL";
    assert_eq!(harness.number(of_patient).await, 2);
}

/// Events that say of a revoked invitation that a newer one took its place.
async fn superseded(harness: &Harness, action: &str) -> i64 {
    harness
        .number(&format!(
            "SELECT COUNT(*) FROM events WHERE action = '{action}' AND outcome = 'success' AND \
             reason = 'superseded' AND resource_id IN (SELECT id FROM invitations WHERE status = 'revoked')"
        ))
        .await
}

async fn only_clinicians_are_put_on_panels(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let patient = clinic.patient(&harness).await;
    let clinician = harness.user(clinic.tenant, "staff", &["clinician"], None).await;
    let former = harness.user(clinic.tenant, "staff", &["clinician", "billing"], None).await;
    harness
        .execute(
            "UPDATE role_assignments SET status = 'revoked' WHERE role = 'clinician' AND user_id IN \
                  (SELECT user_id FROM role_assignments WHERE role = 'billing')",
        )
        .await
        .unwrap();
    let caller = clinic.caller(&harness);
    for member in [clinic.admin, former] {
        let error = clinic.grants.assign_panel_member(&caller, patient, member).await.unwrap_err();
        let FailureKind::Invalid(errors) = error.kind() else { panic!("{error:?}") };
        assert_eq!((errors[0].field.as_str(), errors[0].code), ("user_id", "panel_member.not_a_clinician"));
    }
    assert_eq!(harness.number("SELECT COUNT(*) FROM panel_members").await, 0);
    clinic.grants.assign_panel_member(&caller, patient, clinician).await.unwrap();
    assert_eq!(harness.number("SELECT COUNT(*) FROM panel_members").await, 1);
    let events = harness.events(clinic.tenant).await;
    let refused = events.iter().filter(|line| *line == "panel_member.assigned failed request.invalid");
    assert_eq!(refused.count(), 2, "{events:?}");
}

async fn who_was_put_on_a_panel_by_hand_is_taken_off_again(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let [first, second] = [clinic.patient(&harness).await, clinic.patient(&harness).await];
    let clinician = harness.user(clinic.tenant, "staff", &["clinician"], None).await;
    let other = harness.user(clinic.tenant, "staff", &["clinician"], None).await;
    let caller = clinic.caller(&harness);
    for (patient, member) in [(first, clinician), (first, other), (second, clinician)] {
        clinic.grants.assign_panel_member(&caller, patient, member).await.unwrap();
    }
    clinic.grants.unassign_panel_member(&caller, first, clinician).await.unwrap();
    let left = "SELECT COUNT(*) FROM panel_members";
    assert_eq!(harness.number(left).await, 2);
    let (patient, member) = (literal(&harness, first.uuid()), literal(&harness, clinician.uuid()));
    let gone = format!("{left} WHERE patient_id = {patient} AND user_id = {member}");
    assert_eq!(harness.number(&gone).await, 0);
    // What the record says of the care team is not the administrator's to change.
    harness.execute("UPDATE panel_members SET source = 'care_team'").await.unwrap();
    clinic.grants.unassign_panel_member(&caller, second, clinician).await.unwrap();
    assert_eq!(harness.number(left).await, 2);
}

async fn what_was_permitted_and_did_not_work_leaves_its_event(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let patient = clinic.patient(&harness).await;
    let clinician = harness.user(clinic.tenant, "staff", &["clinician"], None).await;
    harness.assign(clinic.tenant, clinician, patient).await;
    let (caller, admin) =
        (harness.caller(clinic.tenant, Audience::Console, clinician), clinic.caller(&harness));
    clinic.grants.invite_patient(&caller, patient, "no address").await.unwrap_err();
    let issued = clinic.grants.invite_patient(&caller, patient, "ana@example.org").await.unwrap();
    clinic.grants.revoke_invitation(&caller, issued.id).await.unwrap();
    clinic.grants.revoke_invitation(&caller, issued.id).await.unwrap_err();
    harness.user(clinic.tenant, "patient", &["patient"], Some(patient)).await;
    clinic.grants.invite_patient(&caller, patient, "ana@example.org").await.unwrap_err();
    let issued =
        clinic.grants.invite_staff(&admin, &request("billie@example.org", &["billing"])).await.unwrap();
    clinic.grants.revoke_staff_invitation(&admin, issued.id).await.unwrap();
    clinic.grants.revoke_staff_invitation(&admin, issued.id).await.unwrap_err();
    let events = harness.events(clinic.tenant).await;
    for line in [
        "invitation.created failed request.invalid",
        "invitation.created failed invitation.account_exists",
        "invitation.revoked failed invitation.settled",
        "staff.invitation_revoked failed invitation.settled",
    ] {
        assert_eq!(events.iter().filter(|event| *event == line).count(), 1, "{line}: {events:?}");
    }
}

async fn an_invitation_ends_after_a_week(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    clinic
        .grants
        .invite_staff(&clinic.caller(&harness), &request("billie@example.org", &["billing"]))
        .await
        .unwrap();
    let token = token_mailed_to(&clinic, &harness, "billie@example.org").await;
    harness.clock.advance(Duration::days(7));
    assert!(matches!(accept(&clinic, &harness, &token).await, Err(StoreError::Conflict)));
}

async fn nobody_is_invited_twice_and_no_administrator_invites_a_clinician(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let caller = clinic.caller(&harness);
    clinic.grants.invite_staff(&caller, &request("billie@example.org", &["billing"])).await.unwrap();
    let token = token_mailed_to(&clinic, &harness, "billie@example.org").await;
    accept(&clinic, &harness, &token).await.unwrap();
    let again = clinic.grants.invite_staff(&caller, &request("billie@example.org", &["admin"])).await;
    assert!(matches!(again, Err(GrantsError::AccountExists)));
    let clinician = clinic.grants.invite_staff(&caller, &request("doc@example.org", &["clinician"])).await;
    assert!(matches!(clinician, Err(GrantsError::OwnerOnly)));
    let events = harness.events(clinic.tenant).await;
    for line in
        ["staff.invited failed invitation.account_exists", "staff.invited refused invitation.owner_only"]
    {
        assert_eq!(events.iter().filter(|event| *event == line).count(), 1, "{line}: {events:?}");
    }
}

async fn bad_requests_name_their_fields_and_leave_nothing(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let caller = clinic.caller(&harness);
    let before = harness.number("SELECT count(*) FROM invitations").await;
    for (bad, field) in [
        (request("nobody", &["billing"]), "email"),
        (
            StaffInvitationRequest {
                display_name: "a\u{202e}b".into(),
                ..request("a@example.org", &["billing"])
            },
            "display_name",
        ),
        (request("a@example.org", &[]), "roles"),
        (request("a@example.org", &["patient"]), "roles"),
        (request("a@example.org", &["Billing"]), "roles"),
        (request("a@example.org", &["admin", "clinician"]), "roles"),
        (
            StaffInvitationRequest {
                practitioner_identifier: Some("P001".into()),
                ..request("a@example.org", &["billing"])
            },
            "practitioner_identifier",
        ),
    ] {
        let error = clinic.grants.invite_staff(&caller, &bad).await.unwrap_err();
        let FailureKind::Invalid(errors) = error.kind() else { panic!("{error:?}") };
        assert_eq!(errors[0].field, field);
    }
    assert_eq!(harness.number("SELECT count(*) FROM invitations").await, before);
    let events = harness.events(clinic.tenant).await;
    assert_eq!(events.iter().filter(|line| *line == "staff.invited failed request.invalid").count(), 7);
    assert!(!events.iter().any(|line| line.starts_with("staff.invited success")), "{events:?}");
}

async fn patients_and_clinicians_invite_no_staff(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let clinician = harness.user(clinic.tenant, "staff", &["clinician"], None).await;
    let caller = harness.caller(clinic.tenant, Audience::Console, clinician);
    let refused =
        clinic.grants.invite_staff(&caller, &request("a@example.org", &["billing"])).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Forbidden);
    let nobody: PatientId = harness.environment.id();
    let unknown = clinic.grants.invite_patient(&caller, nobody, "a@example.org").await.unwrap_err();
    assert_eq!((unknown.kind(), unknown.code()), (FailureKind::NotFound, cloister_access::CONCEALED_CODE));
    let events = harness.events(clinic.tenant).await;
    assert!(events.iter().any(|line| line.starts_with("staff.invited refused")), "{events:?}");
    assert!(events.iter().any(|line| line.starts_with("invitation.created refused")), "{events:?}");
}

async fn without_a_contact_no_owner_is_invited(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    harness.issue_keys(KeyOwner::Platform, &[Purpose::Pii, Purpose::Index]).await;
    harness.issue_keys(KeyOwner::PlatformLog, &[Purpose::Log]).await;
    let mut unit = harness
        .platform
        .begin(EventContext {
            log: Log::Platform,
            at: harness.environment.now(),
            actor: Actor::CommandLine,
            session_id: None,
            request_id: harness.environment.id(),
            source: None,
            user_agent: None,
        })
        .await
        .unwrap();
    let input = br#"{"email":"owner@example.org","display_name":"Olive Owner"}"#;
    let job = NewJob::new("invite_owner", "invite_owner", clinic.tenant, harness.environment.now());
    unit.enqueue(job, Some(input)).await.unwrap();
    unit.commit().await.unwrap();
    let sender = OwnerInvitationSender::new(clinic.grants.clone(), harness.environment.clone());
    let jobs = clinic.visit_jobs(&harness, "invite_owner").await;
    let refused = sender.send(&jobs[0]).await;
    assert!(
        matches!(refused, Err(GrantsError::Broken(_))),
        "without a contact there is nobody to send the code to"
    );
    assert_eq!(harness.number("SELECT count(*) FROM messages").await, 0);
    assert_eq!(harness.number("SELECT count(*) FROM invitations").await, 0);
}

async fn an_activated_owner_is_told_to_the_platform(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let job = NewJob::new(OWNER_ACTIVATED_JOB, "invite_owner", clinic.tenant, harness.environment.now());
    let visitor = harness.visitor(clinic.tenant, Audience::Console);
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    visit.enqueue(job).await.unwrap();
    visit.commit(()).await.unwrap();
    let jobs = clinic.visit_jobs(&harness, OWNER_ACTIVATED_JOB).await;
    let worker = Grants::new(harness.work_store().await, Links::https());
    OwnerActivated::new(worker).record(&jobs[0]).await.unwrap();
    assert_eq!(harness.texts("SELECT owner_state FROM tenants").await, ["active"]);
}

async fn mail_waits_behind_the_agreement_and_goes_out_once(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    clinic
        .grants
        .invite_staff(&clinic.caller(&harness), &request("billie@example.org", &["billing"]))
        .await
        .unwrap();
    let mails = CollectedMail::new(10);
    let delivery = |mailer: Arc<dyn Mailer>| {
        MessageDelivery::new(harness.store.clone(), mailer, harness.environment.clone())
    };
    let jobs = clinic.visit_jobs(&harness, MESSAGE_DELIVERY_JOB).await;
    let shut = BaaGate::new(mails.clone(), "SendGrid", None, harness.environment.clone());
    let blocked = delivery(Arc::new(shut)).deliver(&jobs[0]).await.unwrap();
    assert_eq!(blocked, Delivery::Waits("message.blocked_by_agreement"));
    assert!(mails.all().is_empty());
    for _ in 0..2 {
        let sent = delivery(Arc::new(mails.clone())).deliver(&jobs[0]).await.unwrap();
        assert_eq!(sent, Delivery::Sent);
    }
    assert_eq!(mails.all().len(), 1, "a job that runs again has nothing to send");
    let events = harness.events(clinic.tenant).await;
    assert!(
        events.iter().any(|line| line == "message.blocked failed message.blocked_by_agreement"),
        "{events:?}"
    );
}

async fn nothing_of_an_invitation_stands_in_clear(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let canary = "canary.address@example.org";
    let issued =
        clinic.grants.invite_staff(&clinic.caller(&harness), &request(canary, &["billing"])).await.unwrap();
    let token = token_mailed_to(&clinic, &harness, canary).await;
    accept(&clinic, &harness, &token).await.unwrap();
    let dump = harness.dump().await;
    let code = canonical_spoken_code(issued.clinic_code.expose(), CLINIC_CODE_LENGTH).unwrap();
    for secret in [canary, "Billie Holt", &token, &code] {
        for spelling in support::spellings(secret) {
            assert!(!dump.contains(&spelling), "{secret} stands in the database");
        }
    }
}
