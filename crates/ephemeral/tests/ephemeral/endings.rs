//! Sessions that run out are nothing to their tokens, and their ends are told once, on both stores.

use crate::support::{Bench, private_benches};
use cloister_ephemeral::{
    Activity, Elevation, EndedSession, MOST_SESSIONS, NewSession, SessionEnd, SessionLimits, SessionRecord,
    Token, Touched,
};
use cloister_kernel::{Audience, Environment, SessionId, TenantId, UserId};
use time::Duration;
use tokio::task::JoinSet;

fn new_session(tenant: TenantId, user: UserId) -> NewSession {
    NewSession {
        tenant,
        audience: Audience::Console,
        user,
        assurance: "two_factor".to_owned(),
        epoch: 0,
        limits: SessionLimits::default(),
        sealed_client: None,
        step_up_until: None,
        last_sign_in_at: None,
    }
}

fn somebody() -> (TenantId, UserId) {
    (Environment::system().id(), Environment::system().id())
}

async fn open(bench: &Bench, tenant: TenantId, user: UserId) -> (Token, SessionRecord) {
    bench.clock.advance(Duration::milliseconds(1));
    bench.store.create_session(new_session(tenant, user)).await.unwrap()
}

async fn touched(bench: &Bench, tenant: TenantId, token: &Token) -> Touched {
    bench.store.touch_session(tenant, &token.hash(), Activity::Extends, None).await.unwrap()
}

/// All that are due, forgotten as if they were written down.
async fn told(bench: &Bench) -> Vec<EndedSession> {
    let mut told = Vec::new();
    while let Some(ended) = bench.store.claim_ended(7).await.unwrap() {
        bench.store.forget_ended(&ended).await.unwrap();
        assert!(ended.sessions.iter().all(|session| session.tenant == ended.tenant), "{}", bench.name);
        told.extend(ended.sessions);
    }
    told
}

fn ids(told: &[EndedSession]) -> Vec<SessionId> {
    let mut ids: Vec<SessionId> = told.iter().map(|ended| ended.id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn one_that_runs_out_is_never_live_again_and_its_end_is_told_once() {
    for bench in private_benches() {
        let (tenant, user) = somebody();
        let (token, made) = open(&bench, tenant, user).await;
        bench.clock.advance(Duration::minutes(10));
        assert!(matches!(touched(&bench, tenant, &token).await, Touched::Active(..)));
        bench.clock.advance(Duration::minutes(15) - Duration::milliseconds(1));
        assert!(told(&bench).await.is_empty(), "{}: live to its last moment", bench.name);
        bench.clock.advance(Duration::milliseconds(1));
        let Touched::Ended(ended) = touched(&bench, tenant, &token).await else { panic!("{}", bench.name) };
        assert_eq!((ended.id, ended.tenant, ended.user), (made.id, tenant, user), "{}", bench.name);
        assert_eq!((ended.audience, ended.reason), (Audience::Console, SessionEnd::Idle));
        assert_eq!(ended.ended_at, made.created_at + Duration::minutes(25), "{}", bench.name);
        bench.clock.advance(Duration::hours(3));
        assert_eq!(touched(&bench, tenant, &token).await, Touched::Ended(ended.clone()), "{}", bench.name);
        assert!(bench.store.sessions_of(tenant, user).await.unwrap().is_empty());
        let elevation = Elevation { assurance: "stepped_up".to_owned(), step_up_until: None };
        let rotated = bench.store.rotate_session(&token.hash(), &made, elevation).await.unwrap();
        assert!(rotated.is_none(), "{}", bench.name);
        assert!(!bench.store.revoke_session(tenant, user, made.id).await.unwrap(), "{}", bench.name);
        assert_eq!(told(&bench).await, [ended], "{}", bench.name);
        assert_eq!(touched(&bench, tenant, &token).await, Touched::Absent, "{}", bench.name);
        bench.clock.advance(Duration::minutes(5));
        assert!(told(&bench).await.is_empty(), "{}", bench.name);
        assert!(bench.store.claim_ended(7).await.unwrap().is_none(), "{}", bench.name);
    }
}

#[tokio::test]
async fn age_ends_a_session_that_is_used_all_day() {
    for bench in private_benches() {
        let (tenant, user) = somebody();
        let (token, made) = open(&bench, tenant, user).await;
        for _ in 0..48 {
            bench.clock.advance(Duration::minutes(10));
            touched(&bench, tenant, &token).await;
        }
        let told = told(&bench).await;
        assert_eq!(ids(&told), [made.id], "{}", bench.name);
        assert_eq!((told[0].reason, told[0].ended_at), (SessionEnd::Age, made.absolute_expires_at));
    }
}

#[tokio::test]
async fn only_what_ends_by_itself_is_told() {
    for bench in private_benches() {
        let (tenant, user) = somebody();
        let (_, signed_out) = open(&bench, tenant, user).await;
        let (old, stepped_up) = open(&bench, tenant, user).await;
        let (_, first) = open(&bench, tenant, user).await;
        let (_, other) = open(&bench, tenant, Environment::system().id()).await;
        assert!(bench.store.revoke_session(tenant, user, signed_out.id).await.unwrap());
        bench.clock.advance(Duration::minutes(14));
        let elevation = Elevation { assurance: "stepped_up".to_owned(), step_up_until: None };
        let rotated = bench.store.rotate_session(&old.hash(), &stepped_up, elevation).await.unwrap();
        let (new, _) = rotated.unwrap();
        bench.clock.advance(Duration::minutes(14));
        assert_eq!(ids(&told(&bench).await), [first.id, other.id], "{}", bench.name);
        assert!(matches!(touched(&bench, tenant, &new).await, Touched::Active(..)), "{}", bench.name);
        bench.clock.advance(Duration::minutes(15));
        assert_eq!(ids(&told(&bench).await), [stepped_up.id], "{}", bench.name);
    }
}

#[tokio::test]
async fn sweepers_share_what_ran_out_and_the_part_of_one_that_died_comes_again() {
    for bench in private_benches() {
        let tenant = Environment::system().id();
        let mut made = Vec::new();
        for _ in 0..40 {
            made.push(open(&bench, tenant, Environment::system().id()).await.1.id);
        }
        bench.clock.advance(Duration::hours(1));
        let mut sweepers = JoinSet::new();
        for _ in 0..4 {
            let store = bench.store.clone();
            sweepers.spawn(async move {
                let mut claimed = Vec::new();
                while let Some(ended) = store.claim_ended(3).await.unwrap() {
                    claimed.extend(ended.sessions);
                }
                claimed
            });
        }
        let claimed: Vec<EndedSession> = sweepers.join_all().await.into_iter().flatten().collect();
        assert_eq!(
            ids(&claimed).len(),
            ids(&claimed).iter().collect::<std::collections::BTreeSet<_>>().len()
        );
        assert!(bench.store.claim_ended(3).await.unwrap().is_none(), "{}: leased", bench.name);
        bench.clock.advance(Duration::seconds(60));
        assert_eq!(ids(&told(&bench).await), made, "{}: nobody wrote them down", bench.name);
    }
}

#[tokio::test]
async fn clinics_without_a_due_session_are_not_looked_at() {
    for bench in private_benches() {
        let (due, user) = somebody();
        let (_, ended) = open(&bench, due, user).await;
        bench.clock.advance(Duration::minutes(14));
        for _ in 0..30 {
            let (tenant, user) = somebody();
            open(&bench, tenant, user).await;
        }
        bench.clock.advance(Duration::minutes(1));
        let first = bench.store.claim_ended(100).await.unwrap().unwrap();
        assert_eq!((first.tenant, ids(&first.sessions)), (due, vec![ended.id]), "{}", bench.name);
        bench.store.forget_ended(&first).await.unwrap();
        assert!(bench.store.claim_ended(100).await.unwrap().is_none(), "{}", bench.name);
        bench.clock.advance(Duration::hours(1));
        assert_eq!(told(&bench).await.len(), 30, "{}", bench.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_opened_while_its_clinic_is_swept_is_not_overlooked() {
    for bench in private_benches() {
        let clinics: Vec<_> = (0..100).map(|_| somebody()).collect();
        for (tenant, user) in &clinics {
            open(&bench, *tenant, *user).await;
        }
        bench.clock.advance(Duration::minutes(20));
        assert_eq!(told(&bench).await.len(), 100, "{}", bench.name);
        // Now each is looked at once more and found empty, unless it is not.
        bench.clock.advance(Duration::minutes(1));
        let mut opening = JoinSet::new();
        for (tenant, user) in clinics {
            let store = bench.store.clone();
            opening.spawn(async move { store.create_session(new_session(tenant, user)).await.unwrap().1.id });
        }
        assert!(told(&bench).await.is_empty(), "{}", bench.name);
        let mut opened = opening.join_all().await;
        opened.sort();
        bench.clock.advance(Duration::minutes(20));
        assert_eq!(ids(&told(&bench).await), opened, "{}", bench.name);
    }
}

#[tokio::test]
async fn the_one_that_gives_way_is_told_at_once() {
    for bench in private_benches() {
        let (tenant, user) = somebody();
        let (token, oldest) = open(&bench, tenant, user).await;
        let mut newest = oldest.clone();
        for _ in 0..MOST_SESSIONS {
            newest = open(&bench, tenant, user).await.1;
        }
        assert!(matches!(touched(&bench, tenant, &token).await, Touched::Ended(_)), "{}", bench.name);
        let told = told(&bench).await;
        assert_eq!(ids(&told), [oldest.id], "{}", bench.name);
        assert_eq!((told[0].reason, told[0].ended_at), (SessionEnd::GaveWay, newest.created_at));
        assert_eq!(bench.store.sessions_of(tenant, user).await.unwrap().len(), MOST_SESSIONS);
    }
}
