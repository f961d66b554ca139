//! Sessions: how long they live, who ends them, and fresh proofs.

use cloister_identity::IdentityError;
use cloister_kernel::{Audience, Failure, FailureKind};
use cloister_store::StoreError;
use cloister_vault::testing::Behavior;
use time::Duration;

use crate::{
    Harness, Kind,
    clinic::{Clinic, code_of},
    on_both,
};

on_both! {
    sessions_end_idle_and_over_age_by_site,
    a_copy_of_a_session_is_worth_nothing_from_the_moment_it_ends,
    a_session_is_nothing_at_another_site_or_without_a_second_factor,
    a_fresh_code_changes_the_token_and_opens_key_actions_for_five_minutes,
    wrong_fresh_codes_count_as_failures_to_sign_in,
    sessions_are_listed_and_ended_by_their_owner,
    sessions_that_were_ended_together_are_not_shown,
    ended_sessions_do_not_come_back_with_an_old_copy,
    signing_out_ends_the_session_even_of_a_stopped_account,
    signing_out_while_nothing_can_be_written_down_ends_nothing,
}

async fn sessions_end_idle_and_over_age_by_site(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let staff = clinic.clinician("noor@example.org").await;
    let invited = clinic.invite_patient("ana@example.org").await;
    let patient = clinic.activate(&invited).await;
    let at_console = clinic.sign_in(&staff).await;
    let at_portal = clinic.sign_in(&patient).await;
    clinic.touch(&at_console).await.unwrap();
    clinic.touch(&at_portal).await.unwrap();
    harness.clock.advance(Duration::minutes(10));
    assert!(clinic.touch(&at_console).await.is_none(), "staff: ten minutes");
    harness.clock.advance(Duration::minutes(4));
    let still = clinic.touch(&at_portal).await.expect("patients: fifteen minutes");
    harness.clock.advance(Duration::minutes(15));
    assert!(clinic.touch(&at_portal).await.is_none());
    let late = clinic.identity.caller(&clinic.visitor(Audience::Portal), &still);
    assert_eq!(code_of(late), "session.ended", "a copy held on to is worth nothing");

    let opened = clinic.sign_in(&patient).await;
    let mut minutes = 1;
    while clinic.touch(&opened).await.is_some() {
        harness.clock.advance(Duration::minutes(7));
        minutes += 7;
        assert!(minutes < 600);
    }
    assert!((480..488).contains(&minutes), "eight hours in all, not {minutes} minutes");
}

async fn a_copy_of_a_session_is_worth_nothing_from_the_moment_it_ends(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let copy = clinic.touch(&person.session).await.unwrap();
    let now = harness.environment.now();
    let second = Duration::seconds(1);
    for (seen, idle, expires, ends) in [
        (now, second, now + second, false),
        (now - second, second, now + second, true),
        (now, second, now, true),
        (now - second, second * 2, now + second, false),
    ] {
        let mut copy = copy.clone();
        (copy.last_seen_at, copy.idle, copy.absolute_expires_at) = (seen, idle, expires);
        let outcome = clinic.identity.caller(&clinic.visitor(Audience::Console), &copy);
        assert_eq!(outcome.is_err(), ends, "{seen} {idle} {expires}");
    }
}

async fn a_session_is_nothing_at_another_site_or_without_a_second_factor(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let other = Clinic::with_settings(&harness, "riverside", Default::default()).await;
    let person = clinic.clinician("noor@example.org").await;
    let session = clinic.touch(&person.session).await.unwrap();
    clinic.identity.caller(&clinic.visitor(Audience::Console), &session).unwrap();
    for visitor in [clinic.visitor(Audience::Portal), other.visitor(Audience::Console)] {
        assert_eq!(code_of(clinic.identity.caller(&visitor, &session)), "session.ended");
    }
    for assurance in ["password", "totp", "", "password+otp", "client_assertion"] {
        let mut weak = session.clone();
        weak.assurance = assurance.to_owned();
        let outcome = clinic.identity.caller(&clinic.visitor(Audience::Console), &weak);
        assert_eq!(code_of(outcome), "session.ended", "{assurance}");
    }
}

async fn a_fresh_code_changes_the_token_and_opens_key_actions_for_five_minutes(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let opened = clinic.sign_in(&person).await;
    let caller = clinic.caller(&opened).await;
    assert!(!caller.assurance().is_stepped_up(harness.environment.now()));
    let session = clinic.touch(&opened).await.unwrap();
    let code = clinic.code(&person.secret).into();
    let stepped = clinic.identity.step_up(&caller, &opened.token.hash(), &session, &code).await.unwrap();
    assert_ne!(stepped.token.expose(), opened.token.expose());
    assert!(clinic.touch(&opened).await.is_none(), "the old token is dead");
    assert_eq!(stepped.session.id, session.id);
    let caller = clinic.caller(&stepped).await;
    let now = harness.environment.now();
    assert!(caller.assurance().is_stepped_up(now + Duration::seconds(299)));
    assert!(!caller.assurance().is_stepped_up(now + Duration::minutes(5)));
    let replay = clinic.identity.step_up(&caller, &stepped.token.hash(), &stepped.session, &code).await;
    assert_eq!(code_of(replay), "session.step_up_refused");
    assert_eq!(clinic.events("session.step_up success").await, 1);
    assert_eq!(clinic.events("session.step_up failed replayed_code").await, 1);
}

async fn wrong_fresh_codes_count_as_failures_to_sign_in(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let opened = clinic.sign_in(&person).await;
    let caller = clinic.caller(&opened).await;
    let token = opened.token.hash();
    let wrong = clinic.wrong_code(&person.secret).into();
    for _ in 0..5 {
        let outcome = clinic.identity.step_up(&caller, &token, &opened.session, &wrong).await;
        assert_eq!(code_of(outcome), "session.step_up_refused");
    }
    let right = clinic.code(&person.secret).into();
    let outcome = clinic.identity.step_up(&caller, &token, &opened.session, &right).await;
    assert_eq!(code_of(outcome), "sign_in.locked");
    let browser = clinic.browser(Audience::Console).await;
    let outcome = browser.password(&person.email, crate::clinic::PASSWORD).await;
    assert_eq!(code_of(outcome), "sign_in.locked");
}

async fn sessions_are_listed_and_ended_by_their_owner(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let other = clinic.clinician("other@example.org").await;
    let first = clinic.sign_in(&person).await;
    let second = clinic.sign_in(&person).await;
    let caller = clinic.caller(&second).await;
    let shown = clinic.identity.sessions(&caller).await.unwrap();
    assert_eq!(shown.len(), 3);
    assert_eq!(shown.iter().filter(|session| session.is_current).count(), 1);
    assert_eq!(shown[0].source.as_ref().unwrap().expose(), "203.0.113.77");
    assert_eq!(shown[0].user_agent.as_ref().unwrap().expose(), "Canary-Agent/1.0");
    clinic.identity.revoke_session(&caller, first.session.id).await.unwrap();
    assert!(clinic.touch(&first).await.is_none());
    for absent in [first.session.id, other.session.session.id, harness.environment.id()] {
        let error = clinic.identity.revoke_session(&caller, absent).await.unwrap_err();
        assert!(matches!(error, IdentityError::Store(StoreError::NotFound)), "{error:?}");
    }
    clinic.touch(&other.session).await.expect("another's session is out of reach");
    assert_eq!(clinic.events("session.revoked success").await, 1);
    assert_eq!(clinic.events("session.revoked failed not_found").await, 3);
    assert_eq!(clinic.identity.sessions(&caller).await.unwrap().len(), 2);
}

async fn sessions_that_were_ended_together_are_not_shown(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    clinic.sign_in(&person).await;
    harness.execute("UPDATE users SET revocation_epoch = revocation_epoch + 1").await.unwrap();
    let now = clinic.sign_in(&person).await;
    let caller = clinic.caller(&now).await;
    let shown = clinic.identity.sessions(&caller).await.unwrap();
    assert_eq!(shown.iter().map(|session| session.id).collect::<Vec<_>>(), [now.session.id]);
}

async fn ended_sessions_do_not_come_back_with_an_old_copy(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let stolen = clinic.sign_in(&person).await;
    let mine = clinic.sign_in(&person).await;
    let caller_of_stolen = clinic.caller(&stolen).await;
    let caller = clinic.caller(&mine).await;
    clinic.identity.revoke_other_sessions(&caller, &mine.token.hash(), &mine.session).await.unwrap();
    assert!(clinic.touch(&stolen).await.is_none());
    // Even if a stale copy of the ephemeral store brought it back, the epoch in the database is another.
    let error = clinic.identity.profile(&caller_of_stolen).await.unwrap_err();
    assert!(matches!(error, IdentityError::Store(StoreError::SessionRevoked)), "{error:?}");
    let caller = clinic.caller(&mine).await;
    clinic.identity.profile(&caller).await.unwrap();
    assert_eq!(clinic.identity.sessions(&caller).await.unwrap().len(), 1);
    assert_eq!(clinic.events("session.revoked success").await, 1);
    clinic.sign_in(&person).await;
}

async fn signing_out_while_nothing_can_be_written_down_ends_nothing(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let opened = clinic.sign_in(&person).await;
    let caller = clinic.caller(&opened).await;
    harness.clock.advance(Duration::minutes(2));
    harness.keys.behave(Behavior::Away);
    let error = clinic.identity.sign_out(&caller).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unavailable);
    harness.keys.behave(Behavior::Healthy);
    assert!(clinic.touch(&opened).await.is_some(), "it ended without an event");
    assert_eq!(clinic.events("session.ended success").await, 0);
    clinic.identity.sign_out(&caller).await.unwrap();
    assert!(clinic.touch(&opened).await.is_none());
    assert_eq!(clinic.events("session.ended success").await, 1);
}

async fn signing_out_ends_the_session_even_of_a_stopped_account(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let opened = clinic.sign_in(&person).await;
    let caller = clinic.caller(&opened).await;
    clinic.identity.sign_out(&caller).await.unwrap();
    assert!(clinic.touch(&opened).await.is_none());
    assert_eq!(clinic.events("session.ended success").await, 1);

    let opened = clinic.sign_in(&person).await;
    let caller = clinic.caller(&opened).await;
    harness.execute("UPDATE users SET status = 'suspended'").await.unwrap();
    let error = clinic.identity.profile(&caller).await.unwrap_err();
    assert_eq!(error.code(), "account.disabled");
    clinic.identity.sign_out(&caller).await.unwrap();
    assert!(clinic.touch(&opened).await.is_none());
}
