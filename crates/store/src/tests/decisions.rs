//! Who gets a permit, who is turned away, and what is written down about it.

use cloister_access::{
    Relation,
    action::{Create, List, Read},
    resource::{LabResult, PanelMember, Record, StaffInvitation, StaffMember},
};
use cloister_kernel::{Audience, Failure, FailureKind, PatientId, TenantId, UserId};
use time::Duration;

use super::{Harness, Kind, insert_patient, nothing};
use crate::{StoreError, Target};

crate::on_both! {
    a_chart_opens_to_its_patient_and_to_the_panel_only,
    an_account_is_a_patients_where_both_its_kind_and_its_patient_say_so,
    what_one_may_not_know_of_is_answered_like_what_is_not_there,
    a_refusal_undoes_the_unit_and_leaves_its_event_alone,
    what_wants_a_fresh_factor_is_written_down_as_a_challenge,
    a_clinic_or_caller_that_ended_is_turned_away_with_an_event,
    a_draft_clinic_admits_nobody_who_has_an_account_and_no_record_system,
    a_target_of_another_type_is_refused,
    a_permit_is_good_for_its_own_caller_alone,
    a_policy_that_cannot_be_read_admits_nobody,
}

struct Scene {
    tenant: TenantId,
    patient: PatientId,
    other_patient: PatientId,
    of_patient: UserId,
    on_panel: UserId,
    off_panel: UserId,
    admin: UserId,
}

async fn scene(harness: &Harness) -> Scene {
    let tenant = harness.clinic("lakeside").await;
    let patient = harness.patient(tenant).await;
    let other_patient = harness.patient(tenant).await;
    let of_patient = harness.user(tenant, "patient", &["patient"], Some(patient)).await;
    let on_panel = harness.user(tenant, "staff", &["clinician"], None).await;
    let off_panel = harness.user(tenant, "staff", &["clinician"], None).await;
    let admin = harness.user(tenant, "staff", &["admin"], None).await;
    harness.assign(tenant, on_panel, patient).await;
    Scene { tenant, patient, other_patient, of_patient, on_panel, off_panel, admin }
}

async fn read_record(
    harness: &Harness,
    tenant: TenantId,
    audience: Audience,
    user: UserId,
    target: Target,
) -> Result<(), StoreError> {
    let caller = harness.caller(tenant, audience, user);
    let unit = harness.store.begin(&caller).await?;
    let (mut unit, permit) = unit.require::<Read, Record>(target).await?;
    let header = unit.sample_header(permit).await?;
    unit.commit(header).await.map(drop)
}

async fn a_chart_opens_to_its_patient_and_to_the_panel_only(harness: Harness) {
    let scene = scene(&harness).await;
    let target = Target::Patient(scene.patient);
    for (audience, user, opens) in [
        (Audience::Portal, scene.of_patient, true),
        (Audience::Console, scene.on_panel, true),
        (Audience::Console, scene.off_panel, false),
        (Audience::Console, scene.admin, false),
        (Audience::Portal, scene.on_panel, false),
        (Audience::Console, scene.of_patient, false),
    ] {
        let outcome = read_record(&harness, scene.tenant, audience, user, target).await;
        assert_eq!(outcome.is_ok(), opens, "{audience:?} {user} {outcome:?}");
    }
    let outcomes = harness.events(scene.tenant).await;
    assert_eq!(outcomes.iter().filter(|line| *line == "record.read success").count(), 2);
    assert_eq!(outcomes.iter().filter(|line| line.starts_with("record.read refused")).count(), 4);
    let other = read_record(
        &harness,
        scene.tenant,
        Audience::Portal,
        scene.of_patient,
        Target::Patient(scene.other_patient),
    )
    .await;
    assert_eq!(other.unwrap_err().kind(), FailureKind::NotFound);
}

async fn an_account_is_a_patients_where_both_its_kind_and_its_patient_say_so(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    for (kind, has_chart, opens) in
        [("staff", true, false), ("patient", false, false), ("patient", true, true)]
    {
        let patient = harness.patient(tenant).await;
        let named = has_chart.then_some(patient);
        let user = harness.user(tenant, kind, &[], named).await;
        let read = read_record(&harness, tenant, Audience::Portal, user, Target::OwnRecord).await;
        assert_eq!(read.is_ok(), opens, "{kind} {has_chart}: {read:?}");
    }
}

async fn what_one_may_not_know_of_is_answered_like_what_is_not_there(harness: Harness) {
    let scene = scene(&harness).await;
    let elsewhere = harness.clinic("riverside").await;
    let stranger = harness.patient(elsewhere).await;
    let absent = PatientId::from_uuid(nothing(&harness));
    for user in [scene.off_panel, scene.admin] {
        let mut answers = Vec::new();
        for patient in [scene.patient, scene.other_patient, stranger, absent] {
            let error =
                read_record(&harness, scene.tenant, Audience::Console, user, Target::Patient(patient))
                    .await
                    .unwrap_err();
            answers.push((error.code(), error.kind(), error.to_string()));
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
        assert_eq!(answers[0].1, FailureKind::NotFound);
        assert_eq!(answers[0].0, StoreError::NotFound.code());
        assert_eq!(answers[0].2, StoreError::NotFound.to_string());
    }
    assert_eq!(harness.events(scene.tenant).await.len(), 8);
}

async fn what_wants_a_fresh_factor_is_written_down_as_a_challenge(harness: Harness) {
    let scene = scene(&harness).await;
    let at_once = harness.request();
    harness.clock.advance(Duration::minutes(5));
    let too_late = harness.request();
    harness.clock.advance(-Duration::minutes(5));
    for (request, events) in [
        (at_once, vec!["staff.invited success"]),
        (too_late, vec!["staff.invited success", "session.step_up_challenged refused step_up_required"]),
    ] {
        let caller = harness.caller_asking(scene.tenant, Audience::Console, scene.admin, request);
        let mut unit = harness.store.begin(&caller).await.unwrap();
        match unit.permit::<Create, StaffInvitation>(Target::Clinic).await {
            Ok(_) => unit.commit(()).await.map(drop).unwrap(),
            Err(refusal) => assert!(matches!(unit.refuse(refusal).await, StoreError::Denied(_))),
        }
        assert_eq!(harness.events(scene.tenant).await, events);
    }
}

async fn a_refusal_undoes_the_unit_and_leaves_its_event_alone(harness: Harness) {
    let scene = scene(&harness).await;
    let caller = harness.caller(scene.tenant, Audience::Console, scene.off_panel);
    let mut unit = harness.store.begin(&caller).await.unwrap();
    let permit = unit.permit::<List, cloister_access::resource::Panel>(Target::OwnPanel).await.unwrap();
    drop(permit);
    let id = unit.environment().uuid();
    insert_patient(&mut unit.core, id).await.unwrap();
    let refusal = unit.permit::<Read, LabResult>(Target::Patient(scene.patient)).await.unwrap_err();
    assert_eq!(
        refusal.denied().map(|denied| denied.relation),
        Some(Relation::Unrelated),
        "nobody's panel, nobody's business"
    );
    assert!(matches!(unit.refuse(refusal).await, StoreError::Denied(_)));
    assert_eq!(harness.events(scene.tenant).await, ["result.read refused not_allowed"]);
    assert_eq!(harness.number("SELECT count(*) FROM patients").await, 2);
}

async fn a_clinic_or_caller_that_ended_is_turned_away_with_an_event(harness: Harness) {
    let scene = scene(&harness).await;
    let begin = async || {
        let caller = harness.caller(scene.tenant, Audience::Portal, scene.of_patient);
        match harness.store.begin(&caller).await {
            Ok(_) => "admitted",
            Err(error) => error.code(),
        }
    };
    assert_eq!(begin().await, "admitted");
    for (change, back, code) in [
        ("UPDATE users SET revocation_epoch = 1", "UPDATE users SET revocation_epoch = 0", "session.revoked"),
        ("UPDATE users SET status = 'disabled'", "UPDATE users SET status = 'active'", "account.disabled"),
        (
            "UPDATE tenants SET status = 'suspended'",
            "UPDATE tenants SET status = 'active'",
            "tenant.suspended",
        ),
        (
            "UPDATE tenants SET kill_switch = true",
            "UPDATE tenants SET kill_switch = false",
            "tenant.switched_off",
        ),
    ] {
        harness.execute(change).await.unwrap();
        assert_eq!(begin().await, code);
        let last = harness.events(scene.tenant).await;
        assert_eq!(
            last.iter().filter(|line| **line == format!("authorization.decided refused {code}")).count(),
            1,
            "{last:?}"
        );
        if change.contains("tenants") {
            let visitor = harness.visitor(scene.tenant, Audience::Portal);
            assert_eq!(harness.store.begin_visit(&visitor).await.unwrap_err().code(), code);
        }
        harness.execute(back).await.unwrap();
        assert_eq!(begin().await, "admitted");
    }
    let absent = harness.caller(scene.tenant, Audience::Portal, UserId::from_uuid(nothing(&harness)));
    assert!(matches!(harness.store.begin(&absent).await, Err(StoreError::AccountDisabled)));
}

async fn a_draft_clinic_admits_nobody_who_has_an_account_and_no_record_system(harness: Harness) {
    let scene = scene(&harness).await;
    let client = harness.machine_client(scene.tenant).await;
    let machine = harness.machine(scene.tenant, client);
    drop(harness.store.begin(&machine).await.unwrap());
    harness.execute("UPDATE tenants SET status = 'draft'").await.unwrap();
    let admin = harness.caller(scene.tenant, Audience::Console, scene.admin);
    assert!(matches!(harness.store.begin(&admin).await, Err(StoreError::TenantNotOpen)));
    assert!(matches!(harness.store.begin(&machine).await, Err(StoreError::TenantNotOpen)));
    let visitor = harness.visitor(scene.tenant, Audience::Console);
    assert!(matches!(harness.store.begin_visit(&visitor).await, Err(StoreError::TenantNotOpen)));
    assert!(matches!(harness.store.begin_activation(&visitor).await, Err(StoreError::TenantNotOpen)));
    let turned_away = "authorization.decided refused tenant.not_open";
    assert_eq!(harness.events(scene.tenant).await, [turned_away; 4]);
    harness.execute("UPDATE tenants SET status = 'unheard-of'").await.unwrap();
    assert!(matches!(harness.store.begin(&admin).await, Err(StoreError::TenantSuspended)));
}

async fn a_target_of_another_type_is_refused(harness: Harness) {
    let scene = scene(&harness).await;
    let caller = harness.caller(scene.tenant, Audience::Console, scene.admin);
    let mut unit = harness.store.begin(&caller).await.unwrap();
    let refusal = unit.permit::<Read, Record>(Target::Clinic).await.unwrap_err();
    assert!(refusal.denied().is_none());
    assert!(matches!(unit.refuse(refusal).await, StoreError::TargetMismatch));
    let mut unit = harness.store.begin(&caller).await.unwrap();
    let list = unit.permit::<List, StaffMember>(Target::Clinic).await.unwrap();
    let panel = unit.permit::<List, PanelMember>(Target::Patient(scene.patient)).await.unwrap();
    assert_eq!(panel.patient(), Some(scene.patient));
    drop((list, panel));
    unit.commit(()).await.unwrap();
    assert_eq!(harness.events(scene.tenant).await, ["panel_member.list success", "staff.list success"]);
}

async fn a_policy_that_cannot_be_read_admits_nobody(harness: Harness) {
    let scene = scene(&harness).await;
    let empty = cloister_access::PolicyDocument { rules: Vec::new() };
    let hash = empty.hash().to_string();
    harness.execute(&format!("UPDATE tenants SET policy_hash = '{hash}'")).await.unwrap();
    let caller = harness.caller(scene.tenant, Audience::Portal, scene.of_patient);
    assert!(matches!(harness.store.begin(&caller).await, Err(StoreError::Policy)));
    let document = serde_json::to_string(&empty).unwrap();
    let tenant = match harness.kind {
        Kind::Postgres => format!("'{}'", scene.tenant),
        Kind::Sqlite => format!("x'{}'", scene.tenant.uuid().simple()),
    };
    let store = async |hash: &str| {
        let sql = format!(
            "INSERT INTO policy_versions (tenant_id, policy_hash, document, created_at) VALUES ({tenant}, '{hash}', '{document}', 0)"
        );
        harness.execute(&sql).await.unwrap();
    };
    store(&hash).await;
    let mut unit = harness.store.begin(&caller).await.unwrap();
    assert!(unit.permit::<Read, Record>(Target::OwnRecord).await.unwrap_err().denied().is_some());
    drop(unit);
    // A document under a hash that is not its own.
    let wrong = "00".repeat(32);
    store(&wrong).await;
    harness.execute(&format!("UPDATE tenants SET policy_hash = '{wrong}'")).await.unwrap();
    assert!(matches!(harness.store.begin(&caller).await, Err(StoreError::Policy)));
}

async fn a_permit_is_good_for_its_own_caller_alone(harness: Harness) {
    let scene = scene(&harness).await;
    let [owner, other] =
        [scene.on_panel, scene.off_panel].map(|user| harness.caller(scene.tenant, Audience::Console, user));
    let mut unit = harness.store.begin(&owner).await.unwrap();
    let permit = unit.permit::<Read, Record>(Target::Patient(scene.patient)).await.unwrap();
    drop(unit);
    let mut unit = harness.store.begin(&other).await.unwrap();
    assert!(matches!(unit.sample_header(permit).await, Err(StoreError::ForeignPermit)));
}
