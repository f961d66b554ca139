//! What only Redis can do wrong: die, answer late, answer something else, be read by a thief.

use std::{sync::Arc, time::Duration};

use crate::support::PrivateRedis;
use cloister_ephemeral::{
    Activity, Ephemeral, EphemeralError, NewSession, RateKey, RateLimit, RedisSettings, SessionLimits,
    Touched,
};
use cloister_kernel::{Audience, Environment, ManualClock, SystemRandomness, TenantId};
use deadpool_redis::redis::{Client, TlsCertificates, Value, aio::MultiplexedConnection, cmd};
use time::macros::datetime;
use tokio::task::JoinSet;

fn new_session(tenant: TenantId) -> NewSession {
    NewSession {
        tenant,
        audience: Audience::Portal,
        user: Environment::system().id(),
        assurance: "two_factor".to_owned(),
        epoch: 0,
        limits: SessionLimits::default(),
        sealed_client: None,
        step_up_until: None,
        last_sign_in_at: None,
    }
}

fn connect(redis: &PrivateRedis) -> Ephemeral {
    Ephemeral::redis(&redis.settings(), Environment::system()).unwrap()
}

async fn directly(redis: &PrivateRedis) -> MultiplexedConnection {
    use cloister_kernel::ExposeSecret;
    let settings = redis.settings();
    let ca = std::fs::read(settings.trusted_certificates.unwrap()).unwrap();
    let certificates = TlsCertificates { client_tls: None, root_cert: Some(ca) };
    let client = Client::build_with_tls(settings.url.expose_secret(), certificates).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// Where it stands which clinics to look at for sessions that ran out.
const CLINICS: &str = "cloister:{platform}:session-deadlines";

#[tokio::test]
async fn redis_away_is_unavailable_and_back_is_usable_without_a_restart() {
    let Some(mut redis) = PrivateRedis::start() else { return };
    let (store, tenant) = (connect(&redis), Environment::system().id());
    let (token, _) = store.create_session(new_session(tenant)).await.unwrap();
    redis.kill();
    let key = RateKey::subject(None, "test", b"x");
    for _ in 0..3 {
        let touched = store.touch_session(tenant, &token.hash(), Activity::Extends, None).await;
        assert!(matches!(touched, Err(EphemeralError::Unavailable(_))), "{touched:?}");
        assert!(store.hit(&key, RateLimit::per_minute(1)).await.is_err());
        assert!(store.ping().await.is_err());
    }
    redis.revive();
    tokio::time::sleep(Duration::from_millis(700)).await;
    store.ping().await.unwrap();
    let touched = store.touch_session(tenant, &token.hash(), Activity::Extends, None).await;
    assert_eq!(touched.unwrap(), Touched::Absent, "an empty Redis knows nobody");
}

#[tokio::test]
async fn an_unknown_authority_is_refused() {
    let Some(redis) = PrivateRedis::start() else { return };
    let mut settings = redis.settings();
    settings.trusted_certificates = None;
    let store = Ephemeral::redis(&settings, Environment::system()).unwrap();
    assert!(matches!(store.ping().await, Err(EphemeralError::Unavailable(_))));
}

#[tokio::test]
async fn a_redis_that_never_answers_is_unavailable_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = RedisSettings::new(format!("redis://{}", listener.local_addr().unwrap()));
    settings.answer_within = Duration::from_millis(200);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            open.push(socket);
        }
    });
    let store = Ephemeral::redis(&settings, Environment::system()).unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let store = store.clone();
        tasks.spawn(async move {
            let started = tokio::time::Instant::now();
            let answer = store.hit(&RateKey::subject(None, "test", b"x"), RateLimit::per_minute(1)).await;
            (answer.is_err(), started.elapsed())
        });
    }
    for (refused, took) in tasks.join_all().await {
        assert!(refused && took < Duration::from_millis(600), "{took:?}");
    }
}

#[tokio::test]
async fn a_value_moved_to_another_key_or_tenant_is_not_believed() {
    let Some(redis) = PrivateRedis::start() else { return };
    let store = connect(&redis);
    let (ours, theirs): (TenantId, TenantId) = (Environment::system().id(), Environment::system().id());
    let (token, _) = store.create_session(new_session(ours)).await.unwrap();
    let (other, _) = store.create_session(new_session(ours)).await.unwrap();
    let key = |tenant: TenantId, hash: String| format!("cloister:{{{tenant}}}:session:{hash}");
    let mut direct = directly(&redis).await;
    let from = key(ours, token.hash().to_hex());
    for to in [key(theirs, token.hash().to_hex()), key(ours, other.hash().to_hex())] {
        let copied: i64 =
            cmd("COPY").arg(&from).arg(&to).arg("REPLACE").query_async(&mut direct).await.unwrap();
        assert_eq!(copied, 1);
    }
    for (tenant, token) in [(theirs, &token), (ours, &other)] {
        let touched = store.touch_session(tenant, &token.hash(), Activity::Extends, None).await;
        assert!(matches!(touched, Err(EphemeralError::Unavailable(_))), "{touched:?}");
    }
}

#[tokio::test]
async fn a_dump_holds_neither_tokens_nor_addresses() {
    let Some(redis) = PrivateRedis::start() else { return };
    let (store, tenant) = (connect(&redis), Environment::system().id());
    let (token, _) = store.create_session(new_session(tenant)).await.unwrap();
    let source = "198.51.100.23".parse().unwrap();
    store.hit(&RateKey::source(Some(tenant), "anonymous", source), RateLimit::per_minute(5)).await.unwrap();
    let mut direct = directly(&redis).await;
    let keys: Vec<String> = cmd("KEYS").arg("*").query_async(&mut direct).await.unwrap();
    assert!(keys.len() >= 3, "{keys:?}");
    for key in keys {
        let own = key.starts_with(&format!("cloister:{{{tenant}}}:"));
        assert!(own || key == CLINICS, "{key}");
        let dump: Vec<u8> = cmd("DUMP").arg(&key).query_async(&mut direct).await.unwrap();
        let text = format!("{key}{}", String::from_utf8_lossy(&dump));
        assert!(!text.contains(&token.expose()) && !text.contains("198.51.100.23"), "{key}");
        let lives: i64 = cmd("PTTL").arg(&key).query_async(&mut direct).await.unwrap();
        assert!(lives > 0, "{key} never expires");
    }
}

#[tokio::test]
async fn a_lost_hint_is_set_right_by_the_next_session_and_a_lost_redis_harms_nothing() {
    let Some(redis) = PrivateRedis::start() else { return };
    let clock = Arc::new(ManualClock::at(datetime!(2026-03-01 08:00 UTC)));
    let environment = Environment::new(clock.clone(), Arc::new(SystemRandomness));
    let store = Ephemeral::redis(&redis.settings(), environment).unwrap();
    let tenant = Environment::system().id();
    let (_, lost) = store.create_session(new_session(tenant)).await.unwrap();
    let mut direct = directly(&redis).await;
    let deleted: i64 = cmd("DEL").arg(CLINICS).query_async(&mut direct).await.unwrap();
    assert_eq!(deleted, 1);
    clock.advance(time::Duration::minutes(20));
    assert!(store.claim_ended(10).await.unwrap().is_none());
    let (token, second) = store.create_session(new_session(tenant)).await.unwrap();
    clock.advance(time::Duration::minutes(20));
    let told = store.claim_ended(10).await.unwrap().unwrap();
    let ids: Vec<_> = told.sessions.iter().map(|ended| ended.id).collect();
    assert_eq!(ids, [lost.id, second.id]);

    let _: Value = cmd("FLUSHALL").query_async(&mut direct).await.unwrap();
    store.forget_ended(&told).await.unwrap();
    let touched = store.touch_session(tenant, &token.hash(), Activity::Extends, None).await.unwrap();
    assert_eq!(touched, Touched::Absent);
    assert!(store.claim_ended(10).await.unwrap().is_none());
    let (token, _) = store.create_session(new_session(tenant)).await.unwrap();
    let touched = store.touch_session(tenant, &token.hash(), Activity::Extends, None).await.unwrap();
    assert!(matches!(touched, Touched::Active(..)));
}

#[tokio::test]
async fn a_sweeper_that_found_a_clinic_empty_does_not_settle_a_newer_session_away() {
    let Some(redis) = PrivateRedis::start() else { return };
    let clock = Arc::new(ManualClock::at(datetime!(2026-03-01 08:00 UTC)));
    let environment = Environment::new(clock.clone(), Arc::new(SystemRandomness));
    let store = Ephemeral::redis(&redis.settings(), environment).unwrap();
    let tenant = Environment::system().id();
    // A sweeper leased the clinic and found nothing; before it says so, somebody signs in.
    let lease = (datetime!(2026-03-01 08:01 UTC).unix_timestamp() * 1000).to_string();
    let mut direct = directly(&redis).await;
    let _: Value =
        cmd("ZADD").arg(CLINICS).arg(&lease).arg(tenant.to_string()).query_async(&mut direct).await.unwrap();
    let (_, made) = store.create_session(new_session(tenant)).await.unwrap();
    let settle = include_str!("../../src/redis/scripts/clinic_settle.lua");
    let mut call = cmd("EVAL");
    call.arg(settle).arg(1).arg(CLINICS).arg(7).arg(tenant.to_string()).arg(&lease).arg("-1");
    let _: Value = call.query_async(&mut direct).await.unwrap();
    clock.advance(time::Duration::minutes(20));
    let told = store.claim_ended(10).await.unwrap().unwrap();
    assert_eq!(told.sessions.iter().map(|ended| ended.id).collect::<Vec<_>>(), [made.id]);
}

#[tokio::test]
async fn a_value_that_cannot_be_read_keeps_no_other_end_from_being_told() {
    let Some(redis) = PrivateRedis::start() else { return };
    let clock = Arc::new(ManualClock::at(datetime!(2026-03-01 08:00 UTC)));
    let environment = Environment::new(clock.clone(), Arc::new(SystemRandomness));
    let store = Ephemeral::redis(&redis.settings(), environment).unwrap();
    let tenant: TenantId = Environment::system().id();
    let (broken, _) = store.create_session(new_session(tenant)).await.unwrap();
    let (_, sound) = store.create_session(new_session(tenant)).await.unwrap();
    let key = format!("cloister:{{{tenant}}}:session:{}", broken.hash().to_hex());
    let mut direct = directly(&redis).await;
    let _: Value = cmd("HSET").arg(key).arg("v").arg("{}").query_async(&mut direct).await.unwrap();
    clock.advance(time::Duration::minutes(20));
    let told = store.claim_ended(10).await.unwrap().unwrap();
    assert_eq!(told.sessions.iter().map(|ended| ended.id).collect::<Vec<_>>(), [sound.id]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_not_crossed_by_a_cancellation_storm() {
    let Some(redis) = PrivateRedis::start() else { return };
    let store = Arc::new(connect(&redis));
    let mut sessions = Vec::new();
    for _ in 0..20 {
        let tenant = Environment::system().id();
        sessions.push((tenant, store.create_session(new_session(tenant)).await.unwrap()));
    }
    let sessions = Arc::new(sessions);
    let mut tasks = JoinSet::new();
    for worker in 0..40_u64 {
        let (store, sessions) = (store.clone(), sessions.clone());
        tasks.spawn(async move {
            let (mut finished, mut dropped) = (0, 0);
            for round in 0..100_u64 {
                let (tenant, (token, record)) = &sessions[((worker + round) % 20) as usize];
                let hash = token.hash();
                let touch = store.touch_session(*tenant, &hash, Activity::Extends, None);
                let patience = Duration::from_micros((worker * 37 + round * 91) % 1500);
                match tokio::time::timeout(patience, touch).await {
                    Err(_) => dropped += 1,
                    Ok(touched) => {
                        let Touched::Active(seen, _) = touched.unwrap() else { panic!("a session was lost") };
                        assert_eq!((seen.id, seen.tenant, seen.user), (record.id, *tenant, record.user));
                        finished += 1;
                    }
                }
            }
            (finished, dropped)
        });
    }
    let counts = tasks.join_all().await;
    let finished: u64 = counts.iter().map(|count| count.0).sum();
    let dropped: u64 = counts.iter().map(|count| count.1).sum();
    println!("{finished} finished, {dropped} dropped");
    assert!(dropped > 100, "the storm must drop calls: {finished} finished, {dropped} dropped");
    let (tenant, (token, record)) = &sessions[0];
    let touched = store.touch_session(*tenant, &token.hash(), Activity::Extends, None).await;
    assert!(matches!(touched.unwrap(), Touched::Active(seen, _) if seen.id == record.id));
}
