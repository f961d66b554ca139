//! From an invitation to an account.

use cloister_access::{Role, action::Delete, resource::StaffInvitation};
use cloister_kernel::{Audience, ExposeSecret, Failure, FailureKind};
use cloister_store::{INVITATION_TRIES, InvitationStatus, Target};
use futures_util::future::join_all;
use time::{Duration, macros::date};

use crate::{
    Harness, Kind,
    clinic::{BORN, CODE, Clinic, Invited, PASSWORD, code_of},
    on_both,
    support::spellings,
};

on_both! {
    a_patient_proves_three_things_and_has_an_account,
    wrong_proofs_answer_alike_and_five_lock_the_invitation,
    many_who_guess_at_once_cannot_outrun_the_five_tries,
    who_guesses_waits_for_who_guessed_before,
    an_invitation_is_for_its_own_site,
    a_weak_password_is_refused_by_the_rule_that_it_breaks,
    an_invitation_taken_back_or_too_old_leads_nowhere,
    of_many_who_confirm_at_once_one_has_the_account,
    nothing_of_it_stands_in_clear,
    a_draft_admits_its_owner_to_her_activation_and_nobody_to_anything_else,
}

async fn a_patient_proves_three_things_and_has_an_account(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let invited = clinic.invite_patient("ana@example.org").await;
    let browser = clinic.browser(Audience::Portal).await;
    let started = browser.prove(&invited, Some(BORN), " k7mw-q3xd ").await.unwrap();
    assert_eq!((started.email_hint.as_str(), started.min_length), ("a…@example.org", 15));
    browser.choose(PASSWORD).await.unwrap();
    let before = harness.number("SELECT COUNT(*) FROM users").await;
    let first = browser.offered().await.unwrap();
    let secret = browser.offered().await.unwrap();
    assert_ne!(first.as_bytes(), secret.as_bytes());
    assert_eq!(code_of(browser.confirm(&clinic.code(&first)).await), "activation.refused");
    assert_eq!(harness.number("SELECT COUNT(*) FROM users").await, before, "no account before the last step");
    let activated = browser.confirm(&clinic.code(&secret)).await.unwrap();
    assert_eq!(activated.recovery_codes.len(), 10);
    assert_eq!(activated.recovery_codes[0].expose_secret().len(), 19);
    let caller = clinic.caller(&activated.session).await;
    let profile = clinic.identity.profile(&caller).await.unwrap();
    assert_eq!(profile.display_name.expose(), crate::clinic::NAME, "named as the record names them");
    assert!(profile.roles.holds(Role::Patient));
    for line in [
        "invitation.identity_proved success",
        "invitation.accepted success",
        "account.activated success",
        "password.set success",
        "totp.enrolment_started success",
        "totp.enrolled failed wrong_code",
        "totp.enrolled success",
        "recovery_codes.issued success",
        "sign_in.completed success",
        "session.created success",
    ] {
        assert!(clinic.events(line).await >= 1, "{line}");
    }
    // The code of the enrolment is spent.
    let browser = clinic.browser(Audience::Portal).await;
    browser.password("ana@example.org", PASSWORD).await.unwrap();
    assert_eq!(code_of(browser.totp(&clinic.code(&secret)).await), "sign_in.refused");
}

async fn wrong_proofs_answer_alike_and_five_lock_the_invitation(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let invited = clinic.invite_patient("ana@example.org").await;
    let unknown = Invited { token: "nobody's token".into(), email: String::new(), ..invited };
    let wrong_day = date!(1980 - 02 - 04);
    let browser = clinic.browser(Audience::Portal).await;
    let mut answers = Vec::new();
    for (token, born, code) in [
        (&invited.token, Some(wrong_day), CODE),
        (&invited.token, None, CODE),
        (&invited.token, Some(BORN), "K7MWQ3XE"),
        (&invited.token, Some(BORN), ""),
        (&unknown.token, Some(BORN), CODE),
        (&invited.token, Some(wrong_day), "nonsense"),
    ] {
        let tried = Invited { token: token.clone(), email: String::new(), ..invited };
        let error = browser.prove(&tried, born, code).await.unwrap_err();
        answers.push((error.code(), error.kind(), error.to_string()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].1, FailureKind::Unauthenticated);
    assert_eq!(clinic.events("invitation.locked success").await, 1);
    assert_eq!(code_of(browser.prove(&invited, Some(BORN), CODE).await), "activation.refused");
    assert_eq!(clinic.events("invitation.identity_proved failed wrong_proof").await, 5);
    assert_eq!(clinic.events("invitation.identity_proved failed invitation_locked").await, 1);
    assert_eq!(clinic.events("invitation.identity_proved failed unknown_invitation").await, 1);
}

async fn many_who_guess_at_once_cannot_outrun_the_five_tries(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let invited = clinic.invite_patient("ana@example.org").await;
    let guesses = (0..24u8).map(|number| {
        let (clinic, invited) = (&clinic, &invited);
        async move {
            let source = std::net::IpAddr::from([198, 51, 100, number]);
            let browser = clinic.browser_from(Audience::Portal, source).await;
            code_of(browser.prove(invited, Some(BORN), "K7MWQ3XE").await)
        }
    });
    let answers = join_all(guesses).await;
    assert!(answers.iter().all(|answer| *answer == "activation.refused"), "{answers:?}");
    assert_eq!(clinic.events("invitation.identity_proved failed wrong_proof").await, 5);
    assert_eq!(clinic.events("invitation.identity_proved failed invitation_locked").await, 19);
    assert_eq!(clinic.events("invitation.locked success").await, 1);
}

async fn who_guesses_waits_for_who_guessed_before(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let invited = clinic.invite_patient("ana@example.org").await;
    let token = invited.token.expose_secret();
    let (first, second) = (clinic.visitor(Audience::Portal), clinic.visitor(Audience::Portal));
    let mut before = harness.store.begin_activation(&first).await.unwrap();
    let found = before.invitation_by_token(token).await.unwrap().unwrap();
    let mut after = std::pin::pin!(async {
        let mut unit = harness.store.begin_activation(&second).await.unwrap();
        unit.invitation_by_token(token).await.unwrap().unwrap().status
    });
    let early = tokio::time::timeout(std::time::Duration::from_millis(700), &mut after).await;
    assert!(early.is_err(), "the second saw the invitation before the first had counted its tries");
    for _ in 0..INVITATION_TRIES {
        before.count_invitation_try(found.id).await.unwrap();
    }
    before.commit(()).await.unwrap();
    assert_eq!(after.await, InvitationStatus::Locked);
}

async fn an_invitation_is_for_its_own_site(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let patient = clinic.invite_patient("ana@example.org").await;
    let staff = clinic.invite_staff("noor@example.org").await;
    let portal = clinic.browser(Audience::Portal).await;
    let console = clinic.browser(Audience::Console).await;
    assert_eq!(code_of(console.prove(&patient, Some(BORN), CODE).await), "activation.refused");
    assert_eq!(code_of(portal.prove(&staff, Some(BORN), CODE).await), "activation.refused");
    console.prove(&staff, None, CODE).await.unwrap();
    portal.prove(&patient, Some(BORN), CODE).await.unwrap();
}

async fn a_weak_password_is_refused_by_the_rule_that_it_breaks(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let invited = clinic.invite_patient("marisol.vega@example.org").await;
    let browser = clinic.browser(Audience::Portal).await;
    browser.prove(&invited, Some(BORN), CODE).await.unwrap();
    let before = clinic.pool.hashes();
    for (password, code) in [
        ("Tq9#vLw2", "password.too_short"),
        ("tqvlwzhxkbrnmfy", "password.composition"),
        ("passwordpassword", "password.breached"),
        ("boats of LAKESIDE sail at 7", "password.context_word"),
        ("marisol walks her dog at 7", "password.context_word"),
        ("canária birds sing at seven", "password.context_word"),
        (&"long enough ".repeat(11), "password.too_long"),
    ] {
        let error = browser.choose(password).await.unwrap_err();
        let FailureKind::Invalid(fields) = error.kind() else { panic!("{password}: {error:?}") };
        assert!(
            fields.iter().any(|field| field.code == code && field.field == "password"),
            "{password}: {fields:?}"
        );
    }
    assert_eq!(clinic.pool.hashes(), before, "a refused password is not hashed");
    browser.choose(PASSWORD).await.unwrap();
    assert_eq!(clinic.pool.hashes() - before, 1);
}

async fn an_invitation_taken_back_or_too_old_leads_nowhere(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let invited = clinic.invite_staff("noor@example.org").await;
    let browser = clinic.browser(Audience::Console).await;
    browser.prove(&invited, None, CODE).await.unwrap();
    browser.choose(PASSWORD).await.unwrap();
    let secret = browser.offered().await.unwrap();
    let admin = harness.caller(clinic.tenant, Audience::Console, clinic.admin);
    let unit = harness.store.begin(&admin).await.unwrap();
    let target = Target::StaffInvitation(invited.id);
    let (mut unit, permit) = unit.require::<Delete, StaffInvitation>(target).await.unwrap();
    unit.revoke_staff_invitation(permit).await.unwrap();
    unit.commit(()).await.unwrap();
    assert_eq!(code_of(browser.confirm(&clinic.code(&secret)).await), "activation.refused");
    let again = clinic.browser(Audience::Console).await;
    assert_eq!(code_of(again.prove(&invited, None, CODE).await), "activation.refused");
    assert_eq!(clinic.events("invitation.identity_proved failed invitation_revoked").await, 1);

    let invited = clinic.invite_staff("late@example.org").await;
    harness.clock.advance(Duration::days(7));
    let browser = clinic.browser(Audience::Console).await;
    assert_eq!(code_of(browser.prove(&invited, None, CODE).await), "activation.refused");
    assert_eq!(clinic.events("invitation.identity_proved failed invitation_expired").await, 1);
}

async fn of_many_who_confirm_at_once_one_has_the_account(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let invited = clinic.invite_staff("noor@example.org").await;
    let mut browsers = Vec::new();
    for _ in 0..5 {
        let browser = clinic.browser(Audience::Console).await;
        browser.prove(&invited, None, CODE).await.unwrap();
        browser.choose(PASSWORD).await.unwrap();
        let secret = browser.offered().await.unwrap();
        browsers.push((browser, clinic.code(&secret)));
    }
    let attempts = (0..20).map(|number| {
        let (browser, code) = &browsers[number % 5];
        browser.confirm(code)
    });
    let activated = join_all(attempts).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(activated, 1);
    assert_eq!(harness.number("SELECT COUNT(*) FROM credentials").await, 1);
    assert_eq!(clinic.events("account.activated success").await, 1);
}

async fn nothing_of_it_stands_in_clear(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let invited = clinic.invite_patient("canary.address@example.org").await;
    let browser = clinic.browser(Audience::Portal).await;
    browser.prove(&invited, Some(BORN), CODE).await.unwrap();
    browser.choose(PASSWORD).await.unwrap();
    let secret = browser.offered().await.unwrap();
    let state = String::from_utf8_lossy(&browser.flow().await.unwrap().state).into_owned();
    let sealed_hex = crate::clinic::hex(secret.as_bytes());
    for canary in ["argon2", "canary.address", sealed_hex.as_str(), secret.base32().expose_secret()] {
        assert!(!state.contains(canary), "{canary}");
    }
    let person = clinic.activate_with(&browser, &secret).await;
    let client = person.session.session.sealed_client.clone().unwrap();
    assert!(!String::from_utf8_lossy(&client).contains("Canary-Agent"));
    let dump = harness.dump().await;
    let secret = String::from_utf8_lossy(secret.as_bytes()).into_owned();
    let codes = person.recovery_codes.iter().map(|code| code.expose_secret().replace('-', ""));
    let canaries =
        ["canary.address@example.org", "argon2id", CODE, PASSWORD, crate::clinic::NAME, "Canary-Agent"];
    for canary in canaries.into_iter().map(str::to_owned).chain(codes).chain([secret]) {
        for spelling in spellings(&canary) {
            assert!(!dump.contains(&spelling), "{canary}");
        }
    }
}

async fn a_draft_admits_its_owner_to_her_activation_and_nobody_to_anything_else(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let ada = clinic.clinician("ada@example.org").await;
    let ada_calls = clinic.caller(&ada.session).await;
    let staff = clinic.invite_staff("noor@example.org").await;
    let owner = clinic.invite_to_console("owner@example.org", true).await;
    harness.execute("UPDATE tenants SET status = 'draft'").await.unwrap();
    let browser = clinic.browser(Audience::Console).await;
    assert_eq!(code_of(browser.prove(&owner, None, CODE).await), "tenant.not_open", "no agreement");
    let today = harness.environment.now().date();
    clinic.agreement(today - Duration::DAY).await;
    assert_eq!(code_of(browser.prove(&owner, None, CODE).await), "tenant.not_open", "it ended yesterday");
    harness.clock.advance(Duration::seconds(1));
    clinic.agreement(today).await;

    let other = clinic.browser(Audience::Console).await;
    assert_eq!(code_of(other.prove(&staff, None, CODE).await), "activation.refused", "the owner comes first");
    let owner = clinic.activate(&owner).await;
    let session = clinic.touch(&owner.session).await.unwrap();
    let calls = clinic.identity.caller(&clinic.visitor(Audience::Console), &session).unwrap();
    clinic.identity.profile(&calls).await.expect("the account is hers");
    assert_eq!(code_of(clinic.identity.sessions(&calls).await), "tenant.not_open");
    assert_eq!(clinic.events("session.list refused tenant.not_open").await, 1);
    assert_eq!(code_of(clinic.identity.profile(&ada_calls).await), "tenant.not_open");
    for person in [&owner, &ada] {
        let browser = clinic.browser(Audience::Console).await;
        assert_eq!(code_of(browser.password(&person.email, PASSWORD).await), "tenant.not_open");
    }
    assert_eq!(clinic.events("authorization.decided refused tenant.not_open").await, 5);
    harness.execute("UPDATE tenants SET status = 'active'").await.unwrap();
    clinic.identity.profile(&calls).await.unwrap();
    clinic.sign_in(&owner).await;
}
