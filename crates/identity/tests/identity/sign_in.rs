//! Password, second factor, lockout.

use std::net::IpAddr;

use cloister_access::Factor;
use cloister_identity::{AttemptLimit, FlowStep, IdentityError, IdentitySettings};
use cloister_kernel::{Audience, ExposeSecret, Failure, FailureKind};
use futures_util::future::join_all;
use time::Duration;

use crate::{
    Harness, Kind,
    clinic::{Clinic, PASSWORD, Person, code_of},
    on_both,
};

on_both! {
    a_password_and_a_code_open_a_session,
    every_refusal_answers_alike_and_costs_one_hash,
    five_failures_lock_known_and_unknown_accounts_for_half_an_hour,
    many_at_once_cannot_outrun_the_limit,
    wrong_codes_lock_too_and_knowing_the_password_does_not_help,
    of_a_hundred_who_use_one_code_one_gets_in,
    a_code_is_good_once_and_an_older_one_is_dead,
    a_recovery_code_is_good_once,
    an_account_of_one_site_is_nobody_at_the_other,
    a_source_is_locked_and_others_are_not,
    what_is_kept_of_a_flow_names_nobody,
    steps_have_an_order_and_a_flow_has_one_site,
    what_ended_between_password_and_code_opens_no_session,
}

const WRONG: &str = "another quiet heron over water";

async fn a_password_and_a_code_open_a_session(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let invited = clinic.invite_patient("ana@example.org").await;
    let person = clinic.activate(&invited).await;
    let browser = clinic.browser(Audience::Portal).await;
    assert_eq!(browser.password(" Ana@Example.org ", PASSWORD).await.unwrap(), FlowStep::Totp);
    let opened = browser.totp(&clinic.code(&person.secret)).await.unwrap();
    assert_eq!(opened.session.user, person.user());
    assert_eq!(opened.session.assurance, "password+totp");
    assert_eq!(opened.session.last_sign_in_at, Some(harness.environment.now() - Duration::minutes(2)));
    assert_ne!(opened.session.id, person.session.session.id);
    let caller = clinic.caller(&opened).await;
    assert!(caller.assurance().factors.holds(Factor::Totp));
    let profile = clinic.identity.profile(&caller).await.unwrap();
    assert_eq!(profile.display_name.expose(), crate::clinic::NAME);
    assert_eq!(profile.locale.as_deref(), Some("es"));
    for line in ["sign_in.password success", "sign_in.factor_challenged success", "sign_in.totp success"] {
        assert_eq!(clinic.events(line).await, 1, "{line}");
    }
    assert_eq!(clinic.events("session.created success").await, 2);
    assert_eq!(code_of(browser.totp(&clinic.code(&person.secret)).await), "flow.required");
}

async fn every_refusal_answers_alike_and_costs_one_hash(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let disabled = clinic.clinician("disabled@example.org").await;
    let person = clinic.clinician("noor@example.org").await;
    harness.execute("UPDATE users SET status = 'suspended' WHERE last_sign_in_at = (SELECT MIN(last_sign_in_at) FROM users)").await.unwrap();
    let long = "x".repeat(4000);
    let mut answers = Vec::new();
    for (email, password) in [
        (person.email.as_str(), WRONG),
        ("nobody@example.org", PASSWORD),
        (disabled.email.as_str(), PASSWORD),
        ("not an address", PASSWORD),
        ("", ""),
        (long.as_str(), long.as_str()),
    ] {
        let browser = clinic.browser(Audience::Console).await;
        let before = clinic.pool.hashes();
        let error = browser.password(email, password).await.unwrap_err();
        assert_eq!(clinic.pool.hashes() - before, 1, "{email}");
        answers.push((error.code(), error.kind(), error.to_string()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].0, "sign_in.refused");
    for reason in ["wrong_password", "unknown_account", "account_disabled"] {
        assert!(clinic.events(&format!("sign_in.password failed {reason}")).await >= 1, "{reason}");
    }
    let before = clinic.pool.hashes();
    let browser = clinic.browser(Audience::Console).await;
    browser.password(&person.email, PASSWORD).await.unwrap();
    assert_eq!(clinic.pool.hashes() - before, 1);
}

async fn five_failures_lock_known_and_unknown_accounts_for_half_an_hour(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    for email in [person.email.as_str(), "nobody@example.org"] {
        let browser = clinic.browser(Audience::Console).await;
        for _ in 0..5 {
            assert_eq!(code_of(browser.password(email, WRONG).await), "sign_in.refused");
        }
        let before = clinic.pool.hashes();
        let error = browser.password(email, PASSWORD).await.unwrap_err();
        assert_eq!(error.code(), "sign_in.locked");
        assert_eq!(error.kind(), FailureKind::TooMany { retry_after: 1800 });
        assert_eq!(clinic.pool.hashes() - before, 1, "a locked account costs a hash too");
    }
    assert_eq!(clinic.events("sign_in.locked success").await, 2);
    harness.clock.advance(Duration::minutes(29));
    let browser = clinic.browser(Audience::Console).await;
    let error = browser.password(&person.email, PASSWORD).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::TooMany { retry_after: 60 }, "trying does not lock for longer");
    harness.clock.advance(Duration::minutes(1));
    let browser = clinic.browser(Audience::Console).await;
    browser.password(&person.email, PASSWORD).await.unwrap();
    assert_eq!(clinic.events("sign_in.unlocked success").await, 1);
    browser.totp(&clinic.code(&person.secret)).await.unwrap();
    // A whole sign-in forgets the failures before it: four more do not lock.
    for _ in 0..4 {
        let browser = clinic.browser(Audience::Console).await;
        assert_eq!(code_of(browser.password(&person.email, WRONG).await), "sign_in.refused");
    }
    harness.clock.advance(Duration::minutes(1));
    clinic.sign_in(&person).await;
    for _ in 0..4 {
        let browser = clinic.browser(Audience::Console).await;
        assert_eq!(code_of(browser.password(&person.email, WRONG).await), "sign_in.refused");
    }
    clinic.sign_in(&person).await;
}

async fn many_at_once_cannot_outrun_the_limit(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let attempts = (0..30).map(|_| async {
        let browser = clinic.browser(Audience::Console).await;
        browser.password(&person.email, WRONG).await.unwrap_err()
    });
    let answers = join_all(attempts).await;
    let refused = answers.iter().filter(|answer| answer.code() == "sign_in.refused").count();
    // Also of whom came while as many as may fail were being judged.
    let half_an_hour = IdentityError::SignInLocked { retry_after: 1800 };
    let locked = answers.iter().filter(|answer| format!("{answer:?}") == format!("{half_an_hour:?}")).count();
    assert_eq!((refused, locked), (5, 25), "{answers:?}");
    assert_eq!(clinic.events("sign_in.locked success").await, 1);
}

async fn wrong_codes_lock_too_and_knowing_the_password_does_not_help(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    for attempt in 0..5 {
        // Each time the password is right, which must not forgive the wrong codes.
        let browser = clinic.browser(Audience::Console).await;
        browser.password(&person.email, PASSWORD).await.unwrap();
        let outcome = if attempt % 2 == 0 {
            browser.totp(&clinic.wrong_code(&person.secret)).await
        } else {
            browser.recovery_code("K7MW-Q3XD-9ACH-RT4F").await
        };
        assert_eq!(code_of(outcome), "sign_in.refused");
    }
    let browser = clinic.browser(Audience::Console).await;
    assert_eq!(code_of(browser.password(&person.email, PASSWORD).await), "sign_in.locked");
    assert_eq!(clinic.events("sign_in.totp failed wrong_code").await, 3);
    assert_eq!(clinic.events("sign_in.recovery_code failed wrong_code").await, 2);
    assert_eq!(clinic.events("sign_in.locked success").await, 1);
}

async fn of_a_hundred_who_use_one_code_one_gets_in(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let mut browsers = Vec::new();
    for _ in 0..10 {
        let browser = clinic.browser(Audience::Console).await;
        browser.password(&person.email, PASSWORD).await.unwrap();
        browsers.push(browser);
    }
    let code = clinic.code(&person.secret);
    let attempts = (0..100).map(|number| browsers[number % 10].totp(&code));
    let opened = join_all(attempts).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(opened, 1);
    assert_eq!(clinic.events("sign_in.totp success").await, 1);
    assert_eq!(clinic.ephemeral.sessions_of(clinic.tenant, person.user()).await.unwrap().len(), 2);
}

async fn a_code_is_good_once_and_an_older_one_is_dead(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let earlier = clinic.code(&person.secret);
    harness.clock.advance(Duration::seconds(30));
    let code = clinic.code(&person.secret);
    let enter = async |code: &str| {
        let browser = clinic.browser(Audience::Console).await;
        browser.password(&person.email, PASSWORD).await.unwrap();
        code_of(browser.totp(code).await)
    };
    assert_eq!(enter(&code).await, "ok");
    assert_eq!(enter(&code).await, "sign_in.refused");
    assert_eq!(enter(&earlier).await, "sign_in.refused", "the step before the one used is within the drift");
    assert_eq!(clinic.events("sign_in.totp failed replayed_code").await, 2);
    harness.clock.advance(Duration::seconds(30));
    assert_eq!(enter(&clinic.code(&person.secret)).await, "ok");
}

async fn a_recovery_code_is_good_once(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let other = clinic.clinician("other@example.org").await;
    assert_eq!(person.recovery_codes.len(), 10);
    let enter = async |person: &Person, code: &str| {
        let browser = clinic.browser(Audience::Console).await;
        browser.password(&person.email, PASSWORD).await.unwrap();
        browser.recovery_code(code).await
    };
    let code = person.recovery_codes[3].expose_secret().to_lowercase().replace('-', " ");
    assert_eq!(code_of(enter(&other, &code).await), "sign_in.refused", "a code is its account's own");
    let opened = enter(&person, &code).await.unwrap();
    assert_eq!(opened.session.assurance, "password+recovery_code");
    assert_eq!(code_of(enter(&person, &code).await), "sign_in.refused");
    enter(&person, person.recovery_codes[4].expose_secret()).await.unwrap();
    assert_eq!(clinic.events("sign_in.recovery_code success").await, 2);
}

async fn an_account_of_one_site_is_nobody_at_the_other(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let staff = clinic.clinician("noor@example.org").await;
    let invited = clinic.invite_patient("ana@example.org").await;
    let patient = clinic.activate(&invited).await;
    for (person, elsewhere) in [(&staff, Audience::Portal), (&patient, Audience::Console)] {
        let browser = clinic.browser(elsewhere).await;
        assert_eq!(code_of(browser.password(&person.email, PASSWORD).await), "sign_in.refused");
        clinic.sign_in(person).await;
    }
    assert_eq!(clinic.events("sign_in.password failed unknown_account").await, 2);
}

async fn a_source_is_locked_and_others_are_not(harness: Harness) {
    let source = AttemptLimit { failures: 8, within: Duration::minutes(30), lock: Duration::minutes(10) };
    let settings = IdentitySettings { source, ..IdentitySettings::default() };
    let clinic = Clinic::with_settings(&harness, "lakeside", settings).await;
    let person = clinic.clinician("noor@example.org").await;
    let from: IpAddr = "2001:db8:1:2::1".parse().unwrap();
    for number in 0..8 {
        let browser = clinic.browser_from(Audience::Console, from).await;
        let email = format!("guess{number}@example.org");
        assert_eq!(code_of(browser.password(&email, WRONG).await), "sign_in.refused");
    }
    let neighbour: IpAddr = "2001:db8:1:2:ffff::9".parse().unwrap();
    let browser = clinic.browser_from(Audience::Console, neighbour).await;
    let error = browser.password(&person.email, PASSWORD).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::TooMany { retry_after: 600 });
    let invited = clinic.invite_staff("third@example.org").await;
    assert_eq!(
        code_of(browser.prove(&invited, None, crate::clinic::CODE).await),
        "sign_in.locked",
        "activation counts by source too"
    );
    let elsewhere = clinic.browser_from(Audience::Console, "2001:db8:1:3::1".parse().unwrap()).await;
    elsewhere.password(&person.email, PASSWORD).await.unwrap();
    harness.clock.advance(Duration::minutes(10));
    let browser = clinic.browser_from(Audience::Console, from).await;
    browser.password(&person.email, PASSWORD).await.unwrap();
}

async fn what_is_kept_of_a_flow_names_nobody(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let browser = clinic.browser(Audience::Console).await;
    browser.password(&person.email, PASSWORD).await.unwrap();
    let flow = browser.flow().await.unwrap();
    let state = String::from_utf8_lossy(&flow.state).into_owned();
    assert!(!flow.state.is_empty());
    for canary in [person.email.as_str(), "noor", "argon2", &person.user().to_string()] {
        assert!(!state.contains(canary), "{canary}");
    }
    // What was sealed for one flow does not open in another.
    let other = clinic.browser(Audience::Console).await;
    let empty = other.flow().await.unwrap();
    assert!(clinic.ephemeral.advance_flow(&other.token, &empty, "totp", flow.state).await.unwrap());
    let error = other.totp(&clinic.code(&person.secret)).await.unwrap_err();
    assert!(matches!(error, IdentityError::Store(_)), "{error:?}");
}

async fn steps_have_an_order_and_a_flow_has_one_site(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let code = clinic.code(&person.secret);
    let browser = clinic.browser(Audience::Console).await;
    assert_eq!(code_of(browser.totp(&code).await), "flow.wrong_step");
    assert_eq!(code_of(browser.choose(PASSWORD).await), "flow.wrong_step");
    assert_eq!(code_of(browser.offered().await), "flow.wrong_step");
    assert_eq!(code_of(browser.confirm(&code).await), "flow.wrong_step");
    browser.password(&person.email, PASSWORD).await.unwrap();
    assert_eq!(code_of(browser.choose(PASSWORD).await), "flow.wrong_step");
    let elsewhere = crate::clinic::Browser { audience: Audience::Portal, ..browser };
    assert_eq!(code_of(elsewhere.totp(&code).await), "flow.required");
    assert_eq!(code_of(elsewhere.password(&person.email, PASSWORD).await), "flow.required");
}

async fn what_ended_between_password_and_code_opens_no_session(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    for (ending, reason) in [
        ("revocation_epoch = revocation_epoch + 1", "revoked_meanwhile"),
        ("status = 'suspended'", "account_disabled"),
    ] {
        let browser = clinic.browser(Audience::Console).await;
        browser.password(&person.email, PASSWORD).await.unwrap();
        harness.execute(&format!("UPDATE users SET {ending}")).await.unwrap();
        let refused = browser.totp(&clinic.code(&person.secret)).await;
        assert_eq!(code_of(refused), "sign_in.refused", "{reason}");
        assert_eq!(clinic.events(&format!("sign_in.totp failed {reason}")).await, 1);
    }
    assert_eq!(clinic.events("session.created success").await, 1, "of the activation alone");
}
