//! Jobs: written down with the change that wants them, leased to one worker at a time, tried again.

use cloister_access::{
    Principal, action::Create, action::Update, resource::Message, resource::StaffInvitation,
};
use cloister_audit::{ActionCode, Actor, EventContext, EventDraft, Log};
use cloister_kernel::Audience;
use cloister_vault::{KeyOwner, Purpose};
use sea_orm::{ConnectionTrait, TransactionTrait};
use time::Duration;

use super::{Harness, Kind};
use crate::{JobState, NewJob, StoreError, Target};

crate::on_postgres! {
    a_job_that_somebody_is_about_to_lease_is_passed_over,
}

crate::on_both! {
    a_job_exists_when_its_unit_is_committed_and_not_before,
    two_workers_never_hold_the_same_job,
    a_job_that_fails_is_tried_again_and_then_given_up,
    a_leased_job_acts_for_its_purpose_only_and_while_its_lease_holds,
    the_platform_writes_events_and_sealed_inputs_under_its_own_keys,
}

const LEASE: Duration = Duration::seconds(30);

async fn a_job_exists_when_its_unit_is_committed_and_not_before(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let other = harness.clinic("riverside").await;
    let visitor = harness.visitor(tenant, Audience::Portal);
    let job = || NewJob::new("deliver_message", "deliver_message", other, harness.environment.now());
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    visit.enqueue(job()).await.unwrap();
    drop(visit);
    let worker = harness.environment.uuid();
    let lease = async || harness.platform.lease_jobs(worker, &["deliver_message"], LEASE, 10).await.unwrap();
    assert!(lease().await.is_empty());
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    let id = visit.enqueue(NewJob { dedupe_key: Some("once".into()), ..job() }).await.unwrap();
    visit.commit(()).await.unwrap();
    assert!(harness.platform.lease_jobs(worker, &["something_else"], LEASE, 10).await.unwrap().is_empty());
    let leased = lease().await;
    assert_eq!((leased.len(), leased[0].id, leased[0].tenant), (1, id, Some(tenant)));
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    let twice = visit.enqueue(NewJob { dedupe_key: Some("once".into()), ..job() }).await;
    assert!(matches!(twice, Err(StoreError::Conflict)));
}

async fn two_workers_never_hold_the_same_job(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let visitor = harness.visitor(tenant, Audience::Portal);
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    for _ in 0..40 {
        visit
            .enqueue(NewJob::new("count", "deliver_message", tenant, harness.environment.now()))
            .await
            .unwrap();
    }
    visit.commit(()).await.unwrap();
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let (platform, worker) = (harness.platform.clone(), harness.environment.uuid());
        tasks.push(tokio::spawn(async move {
            let mut held = Vec::new();
            loop {
                let leased = platform.lease_jobs(worker, &["count"], LEASE, 3).await.unwrap();
                if leased.is_empty() {
                    return held;
                }
                held.extend(leased.into_iter().map(|job| job.id));
            }
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    assert_eq!(all.len(), 40);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 40);
}

async fn a_job_that_somebody_is_about_to_lease_is_passed_over(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let visitor = harness.visitor(tenant, Audience::Portal);
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    let mut jobs = Vec::new();
    for second in 0..2 {
        let due = harness.environment.now() - Duration::seconds(2 - second);
        jobs.push(visit.enqueue(NewJob::new("count", "deliver_message", tenant, due)).await.unwrap());
    }
    visit.commit(()).await.unwrap();
    let another = harness.admin.begin().await.unwrap();
    let held = format!("SELECT id FROM jobs WHERE id = '{}' FOR UPDATE", jobs[0].uuid());
    another.execute_unprepared(&held).await.unwrap();
    let worker = harness.environment.uuid();
    let leasing = harness.platform.lease_jobs(worker, &["count"], LEASE, 2);
    let leased = tokio::time::timeout(std::time::Duration::from_secs(2), leasing).await;
    another.rollback().await.unwrap();
    let leased = leased.expect("nobody waits for another worker").unwrap();
    assert_eq!(leased.iter().map(|job| job.id).collect::<Vec<_>>(), [jobs[1]]);
}

async fn a_job_that_fails_is_tried_again_and_then_given_up(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let visitor = harness.visitor(tenant, Audience::Portal);
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    let job = NewJob {
        max_attempts: 2,
        ..NewJob::new("count", "deliver_message", tenant, harness.environment.now())
    };
    let id = visit.enqueue(job).await.unwrap();
    visit.commit(()).await.unwrap();
    let lease = async || {
        let worker = harness.environment.uuid();
        harness.platform.lease_jobs(worker, &["count"], LEASE, 1).await.unwrap().pop()
    };
    let waiting = async || {
        let (due, _) = harness.platform.due_jobs().await.unwrap();
        due.first().map(|due| (due.kind.clone(), due.count, due.oldest))
    };
    assert_eq!(waiting().await, Some(("count".to_owned(), 1, harness.environment.now())));
    let first = lease().await.unwrap();
    assert!(lease().await.is_none(), "leased to another");
    assert_eq!(waiting().await, None, "somebody works on it");
    assert!(!harness.platform.fail_job(first, "mail.refused", true).await.unwrap());
    assert!(lease().await.is_none(), "not before its time");
    assert_eq!(waiting().await, None, "it is not late");
    harness.clock.advance(Duration::seconds(5));
    let mut second = lease().await.unwrap();
    assert_eq!(second.attempts, 2);
    harness.clock.advance(LEASE);
    harness.platform.renew_job(&mut second, LEASE, 3, Some(9)).await.unwrap();
    assert_eq!(second.lease_until, harness.environment.now() + LEASE);
    harness.clock.advance(LEASE - Duration::seconds(1));
    assert!(lease().await.is_none(), "it is held for longer");
    let progress = harness.platform.job_progress(id).await.unwrap().unwrap();
    assert_eq!((progress.state, progress.progress, progress.total), (JobState::Leased, 3, Some(9)));
    // Its lease runs out and another worker takes it: the first may not report any more.
    harness.clock.advance(Duration::seconds(2));
    assert_eq!(waiting().await.map(|(_, count, _)| count), Some(1), "whoever had it died");
    let third = lease().await.unwrap();
    assert!(matches!(harness.platform.finish_job(second).await, Err(StoreError::LeaseLost)));
    assert!(harness.platform.fail_job(third, "mail.refused", true).await.unwrap());
    let state = harness.platform.job_progress(id).await.unwrap().unwrap().state;
    assert_eq!(state, JobState::Failed("mail.refused".into()));
}

async fn a_leased_job_acts_for_its_purpose_only_and_while_its_lease_holds(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let visitor = harness.visitor(tenant, Audience::Portal);
    let mut visit = harness.store.begin_visit(&visitor).await.unwrap();
    let now = harness.environment.now();
    visit.enqueue(NewJob::new("invite", "invite_owner", tenant, now)).await.unwrap();
    visit.commit(()).await.unwrap();
    let worker = harness.environment.uuid();
    let leased = harness.platform.lease_jobs(worker, &["invite"], LEASE, 1).await.unwrap().pop().unwrap();
    let caller = leased.caller(&harness.environment).unwrap();
    assert_eq!(caller.principal(), Principal::Job(leased.id));
    let mut unit = harness.store.begin(&caller).await.unwrap();
    unit.permit::<Create, StaffInvitation>(Target::Clinic).await.map(drop).unwrap();
    let refusal = unit.permit::<Update, Message>(Target::Clinic).await.unwrap_err();
    assert!(matches!(unit.refuse(refusal).await, StoreError::Denied(_)));
    assert_eq!(harness.events(tenant).await, ["authorization.decided refused outside_purpose"]);
    harness.clock.advance(LEASE);
    assert!(matches!(leased.caller(&harness.environment), Err(StoreError::LeaseLost)));
}

async fn the_platform_writes_events_and_sealed_inputs_under_its_own_keys(harness: Harness) {
    let tenant = harness.clinic("lakeside").await;
    let context = || EventContext {
        log: Log::Tenant(tenant),
        at: harness.environment.now(),
        actor: Actor::CommandLine,
        session_id: None,
        request_id: harness.environment.id(),
        source: None,
        user_agent: None,
    };
    assert!(matches!(harness.platform.begin(context()).await, Err(StoreError::TenantNotReady)));
    harness.issue_keys(KeyOwner::Platform, &[Purpose::Pii, Purpose::Index]).await;
    harness.issue_keys(KeyOwner::PlatformLog, &[Purpose::Log]).await;

    let mut unit = harness.platform.begin(context()).await.unwrap();
    unit.note(EventDraft::success(ActionCode::TenantOwnerInvited).on("tenant", Some(tenant.uuid())));
    let job = NewJob::new("invite", "invite_owner", tenant, unit.now());
    let id = unit.enqueue(job, Some(b"owner@canary.example")).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(harness.texts("SELECT action FROM platform_events").await, ["tenant.owner_invited"]);
    assert_eq!(harness.events(tenant).await, [""; 0]);
    for spelling in super::spellings("owner@canary.example") {
        assert!(!harness.dump().await.contains(&spelling));
    }
    let worker = harness.environment.uuid();
    let leased = harness.platform.lease_jobs(worker, &["invite"], LEASE, 1).await.unwrap().pop().unwrap();
    assert_eq!(*harness.platform.job_input(&leased).await.unwrap(), b"owner@canary.example");
    harness.platform.finish_job(leased).await.unwrap();
    assert_eq!(harness.platform.job_progress(id).await.unwrap().unwrap().state, JobState::Done);
    assert_eq!(harness.number("SELECT count(*) FROM jobs WHERE input_sealed IS NOT NULL").await, 0);

    // `serve` leaves events in the platform's log that it cannot read, and cannot take jobs.
    let serve = harness.store.platform();
    serve
        .note_without_details(EventDraft::refused(ActionCode::HostUnknown, "unknown_host"), context())
        .await
        .unwrap();
    assert_eq!(harness.number("SELECT count(*) FROM platform_events WHERE details_sealed IS NULL").await, 1);
    if harness.kind == Kind::Postgres {
        assert!(serve.rows("SELECT id FROM platform_events", vec![]).await.is_err());
        assert!(serve.lease_jobs(worker, &["invite"], LEASE, 1).await.is_err());
        assert!(serve.rows("SELECT id FROM operators", vec![]).await.is_err());
    }
}
