//! Connections that die without saying so are given up in time, and their places in the pool are free again.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use cloister_access::{action::Read, resource::Record};
use cloister_kernel::{Audience, Environment, FailureKind, TenantId, UserId};
use cloister_testkit::fault_proxy::{Fault, FaultProxy, Moment, Plan};
use cloister_vault::KeyCache;
use sqlx::postgres::PgPoolOptions;

use super::{Harness, Kind};
use crate::{Store, StoreConfig, StoreError, Target, trip::give_back};

crate::on_postgres! {
    silent_connections_are_given_up,
    what_a_silent_connection_held_is_free_again,
    one_silent_connection_has_the_others_looked_at,
    a_second_silence_costs_nobody_an_answer,
    a_silent_connection_that_is_given_back_leaves_its_place_free,
    a_unit_that_meets_silence_frees_its_place_at_once,
}

/// Within this everything is served again, however busy the machine.
const LIMIT: Duration = Duration::from_secs(10);

/// A proxy before the database, and the URL that goes through it.
async fn proxy_before(harness: &Harness) -> (FaultProxy, String) {
    let url = harness.serve_url();
    let (head, rest) = url.rsplit_once('@').unwrap();
    let (place, database) = rest.split_once('/').unwrap();
    let port: u16 = place.rsplit_once(':').unwrap().1.parse().unwrap();
    let proxy = FaultProxy::before(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap();
    let url = format!("{head}@{}/{database}", proxy.address());
    (proxy, url)
}

/// A store with so many connections behind a proxy.
pub(super) async fn behind_a_proxy(harness: &Harness, connections: u32) -> (FaultProxy, Store) {
    let (proxy, url) = proxy_before(harness).await;
    let mut config = StoreConfig::new(url);
    config.max_connections = connections;
    let cache = KeyCache::new(harness.keys.clone(), Environment::system(), 1000);
    let store = Store::connect(&config, cache, harness.environment.clone()).await.unwrap();
    (proxy, store)
}

async fn reader(harness: &Harness) -> (TenantId, UserId) {
    let tenant = harness.clinic("lakeside").await;
    let patient = harness.patient(tenant).await;
    (tenant, harness.user(tenant, "patient", &[], Some(patient)).await)
}

async fn read(
    harness: &Harness,
    store: &Store,
    (tenant, user): (TenantId, UserId),
) -> Result<(), StoreError> {
    let caller = harness.caller(tenant, Audience::Portal, user);
    let mut unit = store.begin(&caller).await?;
    let permit = match unit.permit::<Read, Record>(Target::OwnRecord).await {
        Ok(permit) => permit,
        Err(refusal) => return Err(unit.refuse(refusal).await),
    };
    let header = unit.sample_header(permit).await?;
    unit.commit(header).await.map(drop)
}

async fn reads_in_time(harness: &Harness, store: &Store, who: (TenantId, UserId)) -> Result<(), StoreError> {
    tokio::time::timeout(LIMIT, read(harness, store, who)).await.expect("an answer in time")
}

async fn silent_connections_are_given_up(harness: Harness) {
    let who = reader(&harness).await;
    for moment in [Moment::Before, Moment::During] {
        let (proxy, store) = behind_a_proxy(&harness, 2).await;
        reads_in_time(&harness, &store, who).await.unwrap();
        proxy.switch(Plan::always(Fault::BlackHole, moment));
        let (one, other) =
            tokio::join!(reads_in_time(&harness, &store, who), reads_in_time(&harness, &store, who));
        for failed in [one, other] {
            assert_eq!(cloister_kernel::Failure::kind(&failed.unwrap_err()), FailureKind::Unavailable);
        }
        proxy.heal();
        // Closing what is dead takes a few seconds in the background; then both places are free.
        let healed = Instant::now();
        while reads_in_time(&harness, &store, who).await.is_err() {
            assert!(healed.elapsed() < LIMIT, "{moment:?}");
        }
        let (one, other) =
            tokio::join!(reads_in_time(&harness, &store, who), reads_in_time(&harness, &store, who));
        one.and(other).unwrap();
    }
}

async fn what_a_silent_connection_held_is_free_again(harness: Harness) {
    let who = reader(&harness).await;
    let (proxy, store) = behind_a_proxy(&harness, 1).await;
    reads_in_time(&harness, &store, who).await.unwrap();
    // The answer to the commit is the last that this connection says: only the pool finds out.
    for _ in 0..4 {
        proxy.switch(Plan {
            chance: 0.2,
            seed: proxy.struck(),
            ..Plan::always(Fault::BlackHole, Moment::After)
        });
        let _ = reads_in_time(&harness, &store, who).await;
        proxy.heal();
        let healed = Instant::now();
        while reads_in_time(&harness, &store, who).await.is_err() {
            assert!(healed.elapsed() < LIMIT);
        }
    }
}

async fn one_silent_connection_has_the_others_looked_at(harness: Harness) {
    let who = reader(&harness).await;
    let (proxy, store) = behind_a_proxy(&harness, 6).await;
    let (harness, store) = (&harness, &store);
    futures_util::future::join_all((0..6).map(|_| reads_in_time(harness, store, who))).await;
    proxy.silence();
    let began = Instant::now();
    let failed = reads_in_time(harness, store, who).await.unwrap_err();
    assert_eq!(cloister_kernel::Failure::kind(&failed), FailureKind::Unavailable);
    // Each of the five others would have cost somebody as long as the first one did.
    reads_in_time(harness, store, who).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

async fn a_second_silence_costs_nobody_an_answer(harness: Harness) {
    let who = reader(&harness).await;
    let (proxy, store) = behind_a_proxy(&harness, 6).await;
    let (harness, store) = (&harness, &store);
    reads_in_time(harness, store, who).await.unwrap();
    proxy.silence();
    reads_in_time(harness, store, who).await.unwrap_err();
    futures_util::future::join_all((0..6).map(|_| reads_in_time(harness, store, who))).await;
    proxy.silence();
    // Since the first one was found, none is believed to live.
    reads_in_time(harness, store, who).await.unwrap();
}

async fn a_silent_connection_that_is_given_back_leaves_its_place_free(harness: Harness) {
    let (proxy, url) = proxy_before(&harness).await;
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(LIMIT).connect(&url).await.unwrap();
    let connection = pool.acquire().await.unwrap();
    proxy.silence();
    give_back(connection);
    pool.acquire().await.unwrap();
}

async fn a_unit_that_meets_silence_frees_its_place_at_once(harness: Harness) {
    let (tenant, user) = reader(&harness).await;
    let (proxy, store) = behind_a_proxy(&harness, 1).await;
    let caller = harness.caller(tenant, Audience::Portal, user);
    let mut unit = store.begin(&caller).await.unwrap();
    let permit = unit.permit::<Read, Record>(Target::OwnRecord).await.unwrap();
    proxy.silence();
    assert!(unit.sample_header(permit).await.is_err());
    drop(unit);
    // To roll back what nobody answers would keep the only place for as long again.
    let free = Instant::now();
    reads_in_time(&harness, &store, (tenant, user)).await.unwrap();
    assert!(free.elapsed() < Duration::from_secs(4), "{:?}", free.elapsed());
}
