//! Redis that comes back with an older state: what the database knows to be over stays over.

use std::time::{Duration as RealDuration, Instant};

use cloister_ephemeral::SessionRecord;
use cloister_identity::{IdentityError, OpenedSession};
use cloister_kernel::Audience;
use cloister_store::StoreError;
use time::Duration;

use crate::{Harness, Kind, clinic::Clinic, on_postgres};

on_postgres! {
    what_the_database_ended_stays_ended_with_an_older_redis,
    a_single_session_that_was_signed_out_lives_again_with_an_older_redis_until_its_idle_time_is_over,
}

/// Kills Redis and has it come back as it was when the copy was kept.
async fn fall_back(clinic: &mut Clinic<'_>) {
    let redis = clinic.redis.as_mut().unwrap();
    redis.kill().unwrap();
    redis.start_again_from_copy().unwrap();
    // The connection that died is noticed by whoever asks first.
    let began = Instant::now();
    while clinic.ephemeral.ping().await.is_err() {
        assert!(began.elapsed() < RealDuration::from_secs(20));
    }
}

async fn outcome_of(clinic: &Clinic<'_>, session: &SessionRecord) -> Result<(), IdentityError> {
    let caller = clinic.identity.caller(&clinic.visitor(Audience::Console), session)?;
    clinic.identity.profile(&caller).await.map(drop)
}

async fn revived(clinic: &Clinic<'_>, opened: &OpenedSession) -> SessionRecord {
    clinic.touch(opened).await.expect("the older copy has it")
}

async fn what_the_database_ended_stays_ended_with_an_older_redis(harness: Harness) {
    let mut clinic = Clinic::with_own_redis(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let stopped = clinic.clinician("stopped@example.org").await;
    let untouched = clinic.clinician("untouched@example.org").await;
    let stolen = clinic.sign_in(&person).await;
    let mine = clinic.sign_in(&person).await;
    let theirs = clinic.sign_in(&stopped).await;
    clinic.touch(&untouched.session).await.unwrap();
    clinic.redis.as_ref().unwrap().keep_copy().unwrap();

    let caller = clinic.caller(&mine).await;
    clinic.identity.revoke_other_sessions(&caller, &mine.token.hash(), &mine.session).await.unwrap();
    let user = clinic.literal(theirs.session.user.uuid());
    harness.execute(&format!("UPDATE users SET status = 'suspended' WHERE id = {user}")).await.unwrap();
    let later = clinic.sign_in(&untouched).await;
    fall_back(&mut clinic).await;

    let record = revived(&clinic, &stolen).await;
    let error = outcome_of(&clinic, &record).await.unwrap_err();
    assert!(matches!(error, IdentityError::Store(StoreError::SessionRevoked)), "{error:?}");
    let record = revived(&clinic, &theirs).await;
    let error = outcome_of(&clinic, &record).await.unwrap_err();
    assert!(matches!(error, IdentityError::Store(StoreError::AccountDisabled)), "{error:?}");
    // Nothing is let in by the fall back either: who signed in since must do so again.
    assert!(clinic.touch(&later).await.is_none());
    let record = revived(&clinic, &untouched.session).await;
    outcome_of(&clinic, &record).await.unwrap();
}

/// What SESS-7 in SECURITY.md says is missing: Redis alone knows of the end of a single session. Whoever closes the gap
/// turns this around.
async fn a_single_session_that_was_signed_out_lives_again_with_an_older_redis_until_its_idle_time_is_over(
    harness: Harness,
) {
    let mut clinic = Clinic::with_own_redis(&harness).await;
    let person = clinic.clinician("noor@example.org").await;
    let opened = clinic.sign_in(&person).await;
    let caller = clinic.caller(&opened).await;
    clinic.redis.as_ref().unwrap().keep_copy().unwrap();
    clinic.identity.sign_out(&caller).await.unwrap();
    assert!(clinic.touch(&opened).await.is_none());
    fall_back(&mut clinic).await;

    harness.clock.advance(Duration::minutes(9));
    let record = revived(&clinic, &opened).await;
    outcome_of(&clinic, &record).await.unwrap();
    harness.clock.advance(Duration::minutes(10));
    assert!(clinic.touch(&opened).await.is_none());
}
