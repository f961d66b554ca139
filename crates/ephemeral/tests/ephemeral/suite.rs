//! The same promises on both stores.

use crate::support::{Bench, benches};
use cloister_ephemeral::{
    Activity, ClaimKey, Elevation, FLOW_LIFETIME, MOST_SESSIONS, NewFlow, NewSession, RateKey, RateLimit,
    SessionLimits, SessionRecord, Token, Touched,
};
use cloister_kernel::{Audience, Environment, TenantId, UserId};
use time::Duration;
use tokio::task::JoinSet;

fn tenant() -> TenantId {
    Environment::system().id()
}

fn new_session(tenant: TenantId, user: UserId) -> NewSession {
    NewSession {
        tenant,
        audience: Audience::Portal,
        user,
        assurance: "two_factor".to_owned(),
        epoch: 3,
        limits: SessionLimits::default(),
        sealed_client: Some(vec![0, 255, 7]),
        step_up_until: None,
        last_sign_in_at: None,
    }
}

async fn touch(bench: &Bench, tenant: TenantId, token: &Token) -> Option<SessionRecord> {
    let touched = bench.store.touch_session(tenant, &token.hash(), Activity::Extends, None).await.unwrap();
    match touched {
        Touched::Active(record, _) => Some(record),
        Touched::Absent | Touched::Ended(_) => None,
        Touched::Limited(..) => panic!("no limit was given"),
    }
}

#[tokio::test]
async fn a_session_lives_by_activity_and_ends_at_its_limits() {
    for bench in benches() {
        let (tenant, user) = (tenant(), Environment::system().id());
        let (token, made) = bench.store.create_session(new_session(tenant, user)).await.unwrap();
        assert_eq!(touch(&bench, tenant, &token).await, Some(made.clone()), "{}", bench.name);

        bench.clock.advance(Duration::seconds(14 * 60 + 59));
        let seen = touch(&bench, tenant, &token).await.unwrap();
        assert_eq!(seen.last_seen_at, made.last_seen_at + Duration::seconds(14 * 60 + 59));
        bench.clock.advance(Duration::minutes(10));
        let observed = bench.store.touch_session(tenant, &token.hash(), Activity::Observes, None).await;
        assert!(matches!(observed.unwrap(), Touched::Active(record, _) if record == seen), "{}", bench.name);
        bench.clock.advance(Duration::minutes(5));
        assert_eq!(touch(&bench, tenant, &token).await, None, "{}: idle", bench.name);

        let (token, _) = bench.store.create_session(new_session(tenant, user)).await.unwrap();
        for _ in 0..47 {
            bench.clock.advance(Duration::minutes(10));
            assert!(touch(&bench, tenant, &token).await.is_some(), "{}", bench.name);
        }
        bench.clock.advance(Duration::minutes(10));
        assert_eq!(touch(&bench, tenant, &token).await, None, "{}: absolute", bench.name);
    }
}

#[tokio::test]
async fn a_session_is_nothing_at_another_tenant() {
    for bench in benches() {
        let (token, _) =
            bench.store.create_session(new_session(tenant(), Environment::system().id())).await.unwrap();
        assert_eq!(touch(&bench, tenant(), &token).await, None, "{}", bench.name);
    }
}

#[tokio::test]
async fn rotation_kills_the_old_token_and_happens_once() {
    for bench in benches() {
        let (tenant, user) = (tenant(), Environment::system().id());
        let (old, record) = bench.store.create_session(new_session(tenant, user)).await.unwrap();
        bench.clock.advance(Duration::minutes(1));
        let mut tasks = JoinSet::new();
        for _ in 0..20 {
            let (store, old, record) = (bench.store.clone(), old.hash(), record.clone());
            let until = record.created_at + Duration::minutes(10);
            tasks.spawn(async move {
                let elevation = Elevation { assurance: "stepped_up".to_owned(), step_up_until: Some(until) };
                store.rotate_session(&old, &record, elevation).await.unwrap()
            });
        }
        let made: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        assert_eq!(made.len(), 1, "{}", bench.name);
        let (new, rotated) = &made[0];
        assert_eq!(touch(&bench, tenant, &old).await, None, "{}", bench.name);
        assert_eq!(touch(&bench, tenant, new).await.as_ref(), Some(rotated), "{}", bench.name);
        assert_eq!(rotated.id, record.id);
        assert_eq!(rotated.absolute_expires_at, record.absolute_expires_at);
        assert_ne!(rotated.csrf_secret, record.csrf_secret);
        assert_eq!(bench.store.sessions_of(tenant, user).await.unwrap(), vec![rotated.clone()]);
        assert!(bench.store.revoke_session(tenant, user, record.id).await.unwrap());
        assert_eq!(touch(&bench, tenant, new).await, None, "{}", bench.name);
    }
}

#[tokio::test]
async fn sessions_are_listed_and_revoked_by_their_user_only() {
    for bench in benches() {
        let (tenant, user, other) = (tenant(), Environment::system().id(), Environment::system().id());
        let mut made = Vec::new();
        for _ in 0..3 {
            bench.clock.advance(Duration::milliseconds(1));
            made.push(bench.store.create_session(new_session(tenant, user)).await.unwrap());
        }
        let (foreign, foreign_record) = bench.store.create_session(new_session(tenant, other)).await.unwrap();
        let ids =
            |sessions: Vec<SessionRecord>| sessions.iter().map(|session| session.id).collect::<Vec<_>>();
        let all: Vec<_> = made.iter().map(|(_, record)| record.id).collect();
        assert_eq!(ids(bench.store.sessions_of(tenant, user).await.unwrap()), all, "{}", bench.name);

        assert!(!bench.store.revoke_session(tenant, user, foreign_record.id).await.unwrap());
        assert!(touch(&bench, tenant, &foreign).await.is_some(), "{}", bench.name);
        assert!(bench.store.revoke_session(tenant, user, all[0]).await.unwrap());
        assert_eq!(bench.store.revoke_other_sessions(tenant, user, all[2]).await.unwrap(), 1);
        assert!(touch(&bench, tenant, &made[1].0).await.is_none());
        assert!(touch(&bench, tenant, &made[2].0).await.is_some());
        assert_eq!(bench.store.revoke_all_sessions(tenant, user).await.unwrap(), 1);
        assert!(bench.store.sessions_of(tenant, user).await.unwrap().is_empty());
        assert!(touch(&bench, tenant, &foreign).await.is_some(), "{}", bench.name);
    }
}

#[tokio::test]
async fn the_oldest_session_gives_way() {
    for bench in benches() {
        let (tenant, user) = (tenant(), Environment::system().id());
        let mut tokens = Vec::new();
        for _ in 0..MOST_SESSIONS + 2 {
            bench.clock.advance(Duration::milliseconds(1));
            tokens.push(bench.store.create_session(new_session(tenant, user)).await.unwrap().0);
        }
        assert_eq!(bench.store.sessions_of(tenant, user).await.unwrap().len(), MOST_SESSIONS);
        assert!(touch(&bench, tenant, &tokens[1]).await.is_none(), "{}", bench.name);
        assert!(touch(&bench, tenant, &tokens[2]).await.is_some(), "{}", bench.name);
    }
}

#[tokio::test]
async fn a_rate_window_slides_and_refused_calls_do_not_count() {
    for bench in benches() {
        let key = RateKey::source(Some(tenant()), "anonymous", "192.0.2.7".parse().unwrap());
        let limit = RateLimit::per_minute(10);
        for call in 0..10 {
            let answer = bench.store.hit(&key, limit).await.unwrap();
            assert!(answer.allowed && answer.remaining == 9 - call, "{} {answer:?}", bench.name);
            bench.clock.advance(Duration::seconds(1));
        }
        let eleventh = bench.store.hit(&key, limit).await.unwrap();
        assert!(!eleventh.allowed, "{}", bench.name);
        assert_eq!(eleventh.retry_after, Duration::seconds(50), "{}", bench.name);
        bench.clock.advance(Duration::seconds(50));
        assert!(bench.store.hit(&key, limit).await.unwrap().allowed, "{}", bench.name);
        assert!(!bench.store.hit(&key, limit).await.unwrap().allowed, "{}", bench.name);
    }
}

#[tokio::test]
async fn a_users_sessions_share_one_rate_and_a_refused_touch_does_not_extend() {
    for bench in benches() {
        let (tenant, user) = (tenant(), Environment::system().id());
        let limit = Some(RateLimit::per_minute(3));
        let (first, made) = bench.store.create_session(new_session(tenant, user)).await.unwrap();
        let (second, _) = bench.store.create_session(new_session(tenant, user)).await.unwrap();
        for token in [&first, &second, &second] {
            let touched = bench.store.touch_session(tenant, &token.hash(), Activity::Extends, limit).await;
            assert!(matches!(touched.unwrap(), Touched::Active(..)), "{}", bench.name);
        }
        bench.clock.advance(Duration::seconds(5));
        let touched = bench.store.touch_session(tenant, &first.hash(), Activity::Extends, limit).await;
        let Touched::Limited(record, rate) = touched.unwrap() else { panic!("{}", bench.name) };
        assert_eq!((record.last_seen_at, rate.retry_after), (made.last_seen_at, Duration::seconds(55)));
        let by_key = bench.store.hit(&RateKey::user(tenant, user), RateLimit::per_minute(3)).await.unwrap();
        assert!(!by_key.allowed, "{}: the same count", bench.name);
    }
}

#[tokio::test]
async fn of_a_hundred_only_one_claims() {
    for bench in benches() {
        let key = ClaimKey::new(Some(tenant()), "jti", b"assertion-1");
        let mut tasks = JoinSet::new();
        for _ in 0..100 {
            let (store, key) = (bench.store.clone(), key.clone());
            tasks.spawn(async move { store.claim_once(&key, Duration::minutes(5)).await.unwrap() });
        }
        let won = tasks.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1, "{}", bench.name);
        bench.clock.advance(Duration::minutes(5));
        assert!(bench.store.claim_once(&key, Duration::minutes(5)).await.unwrap(), "{}", bench.name);
    }
}

#[tokio::test]
async fn a_flow_counts_calls_advances_in_order_and_is_taken_once() {
    for bench in benches() {
        let tenant_id = tenant();
        let new = NewFlow {
            tenant: tenant_id,
            audience: Audience::Console,
            step: "password".to_owned(),
            state: vec![0, 159, 146, 150],
        };
        let (token, opened) = bench.store.open_flow(new.clone()).await.unwrap();
        let hash = token.hash();
        assert_eq!(bench.store.flow(tenant_id, &hash).await.unwrap(), Some(opened.clone()), "{}", bench.name);
        for calls in 1..=3 {
            let flow = bench.store.call_flow(tenant_id, &hash).await.unwrap().unwrap();
            assert_eq!(flow.calls, calls, "{}", bench.name);
        }
        assert!(bench.store.advance_flow(&hash, &opened, "totp", vec![1]).await.unwrap());
        assert!(
            !bench.store.advance_flow(&hash, &opened, "signed_in", vec![2]).await.unwrap(),
            "{}",
            bench.name
        );
        let flow = bench.store.flow(tenant_id, &hash).await.unwrap().unwrap();
        assert_eq!((flow.step.as_str(), flow.version, flow.calls, flow.state), ("totp", 1, 3, vec![1]));
        assert_eq!(bench.store.flow(tenant(), &hash).await.unwrap(), None, "{}", bench.name);

        let mut tasks = JoinSet::new();
        for _ in 0..100 {
            let store = bench.store.clone();
            tasks.spawn(async move { store.take_flow(tenant_id, &hash).await.unwrap().is_some() });
        }
        let taken = tasks.join_all().await.into_iter().filter(|taken| *taken).count();
        assert_eq!(taken, 1, "{}", bench.name);

        let (token, _) = bench.store.open_flow(new).await.unwrap();
        bench.clock.advance(FLOW_LIFETIME);
        assert_eq!(bench.store.call_flow(tenant_id, &token.hash()).await.unwrap(), None, "{}", bench.name);
    }
}
