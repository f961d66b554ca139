//! Calls that nobody stands behind: each leaves an event, and a flood of them does not fill the log.

use std::net::IpAddr;

use cloister_access::Visitor;
use cloister_identity::{Noted, RefusedCall};
use cloister_kernel::{Audience, Failure, FailureKind, Phi};
use cloister_vault::testing::Behavior;
use time::Duration;

use crate::{Harness, Kind, clinic::Clinic, on_both};

on_both! {
    a_refused_call_leaves_an_event_that_says_whose_session_came_with_it,
    calls_that_come_too_often_leave_one_event_a_minute_for_each_source,
    many_sources_together_do_not_fill_the_log,
    a_suspended_clinic_has_the_event_of_turning_the_call_away,
    a_refused_call_that_cannot_be_written_down_is_told,
}

fn refused(code: &str, flood: bool) -> RefusedCall<'_> {
    let target = Phi::new("GET /api/v1/record/results".to_owned());
    RefusedCall { code, flood, user: None, target }
}

fn source(number: u8) -> IpAddr {
    IpAddr::from([198, 51, 100, number])
}

async fn noted(clinic: &Clinic<'_>, visitor: &Visitor, call: RefusedCall<'_>) -> Noted {
    clinic.identity.note_refused_call(visitor, call).await.unwrap()
}

/// Events of refused calls in the clinic's log.
async fn events(clinic: &Clinic<'_>) -> Vec<String> {
    let events = clinic.harness.events(clinic.tenant).await;
    events.into_iter().filter(|event| event.contains("call.refused")).collect()
}

async fn a_refused_call_leaves_an_event_that_says_whose_session_came_with_it(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let visitor = clinic.visitor(Audience::Portal);
    noted(&clinic, &visitor, refused("session.required", false)).await;
    let forged = RefusedCall { user: Some(clinic.admin), ..refused("csrf.refused", false) };
    noted(&clinic, &visitor, forged).await;
    assert_eq!(
        events(&clinic).await,
        ["call.refused refused csrf.refused", "call.refused refused session.required"]
    );
    let actors = "SELECT actor_kind || ' ' || reason FROM events WHERE action = 'call.refused' ORDER BY 1";
    let actors = harness.texts(actors).await;
    assert_eq!(actors, ["anonymous session.required", "user csrf.refused"]);
}

async fn calls_that_come_too_often_leave_one_event_a_minute_for_each_source(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let (one, other) =
        (clinic.visitor_from(Audience::Portal, source(1)), clinic.visitor_from(Audience::Portal, source(2)));
    let flood = || refused("rate.limited", true);
    assert_eq!(noted(&clinic, &one, flood()).await, Noted::Written);
    assert_eq!(noted(&clinic, &one, flood()).await, Noted::LeftOut);
    assert_eq!(noted(&clinic, &other, flood()).await, Noted::Written);
    assert_eq!(noted(&clinic, &one, refused("session.required", false)).await, Noted::Written);
    harness.clock.advance(Duration::MINUTE);
    assert_eq!(noted(&clinic, &one, flood()).await, Noted::Written);
    assert_eq!(events(&clinic).await.len(), 4);
}

async fn many_sources_together_do_not_fill_the_log(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let visitor = clinic.visitor(Audience::Portal);
    let mut left_out = 0;
    for _ in 0..620 {
        let note = noted(&clinic, &visitor, refused("session.required", false)).await;
        left_out += usize::from(note == Noted::LeftOut);
    }
    assert_eq!((events(&clinic).await.len(), left_out), (600, 20));
}

async fn a_suspended_clinic_has_the_event_of_turning_the_call_away(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    harness.execute("UPDATE tenants SET status = 'suspended'").await.unwrap();
    let visitor = clinic.visitor(Audience::Portal);
    assert_eq!(noted(&clinic, &visitor, refused("session.required", false)).await, Noted::Written);
    assert!(events(&clinic).await.is_empty(), "it is the event of a stopped clinic");
    assert_eq!(clinic.events("authorization.decided refused tenant.suspended").await, 1);
}

async fn a_refused_call_that_cannot_be_written_down_is_told(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let visitor = clinic.visitor(Audience::Portal);
    assert_eq!(noted(&clinic, &visitor, refused("session.required", false)).await, Noted::Written);
    harness.keys.behave(Behavior::Away);
    assert_eq!(noted(&clinic, &visitor, refused("session.required", false)).await, Noted::Written);
    harness.store.purge_keys(clinic.tenant).await;
    let error =
        clinic.identity.note_refused_call(&visitor, refused("session.required", false)).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unavailable);
    harness.keys.behave(Behavior::Healthy);
    assert_eq!(events(&clinic).await.len(), 2);
}
