//! Clients that go away before their answers, many at once.

use std::{sync::Arc, time::Duration};

use cloister_testkit::fault_proxy::{Fault, Moment, Plan};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

use crate::{
    asking::{Call, SESSION_COOKIE, Shared},
    cluster::Cluster,
    draws::Draws,
    people::{Session, canaries_in, canary},
    round::{Storm, Way},
    rules::Rule,
};

const LANES: u64 = 24;
const REQUESTS: u64 = 25;

/// Rages against both replicas with the sessions of readers, by their numbers.
pub(crate) async fn rage(
    storm: Storm,
    cluster: &Cluster,
    shared: &Arc<Shared>,
    sessions: &[(usize, Session)],
    seed: u64,
) -> u64 {
    if sessions.is_empty() {
        return 0;
    }
    if storm == Storm::LateRedis {
        let plan = Plan {
            chance: 0.5,
            seed,
            ..Plan::always(Fault::Delay(Duration::from_millis(8)), Moment::During)
        };
        cluster.break_way(Way::Redis, plan);
    }
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let (number, session) = sessions[usize::try_from(lane).unwrap_or_default() % sessions.len()].clone();
        let (shared, draws) = (shared.clone(), Draws::of(seed, lane));
        let replica = usize::from(lane % 2 == 1);
        if storm == Storm::Streams {
            lanes.spawn(streams(shared, replica, number, session, draws));
        } else {
            lanes.spawn(connections(shared, replica, session, draws));
        }
    }
    let sent = lanes.join_all().await.into_iter().sum();
    if storm == Storm::LateRedis {
        cluster.heal(Way::Redis).await;
    }
    sent
}

async fn connections(shared: Arc<Shared>, replica: usize, session: Session, mut draws: Draws) -> u64 {
    let mut sent = 0;
    for _ in 0..REQUESTS {
        let path = draws.one_of(&["/api/v1/record", "/api/v1/record/results?limit=20", "/api/v1/session"]);
        let call =
            Call { cookie: Some((SESSION_COOKIE, &session.cookie)), ..Call::get(&shared.portal, path) };
        let Ok(mut stream) = TcpStream::connect(shared.replicas[replica]).await else { continue };
        if stream.write_all(&call.bytes()).await.is_ok() {
            sent += 1;
            tokio::time::sleep(Duration::from_micros(draws.below(25_000))).await;
            let _ = stream.set_zero_linger();
        }
    }
    sent
}

/// Streams of one connection; the answers that are waited for must be the asker's own.
async fn streams(
    shared: Arc<Shared>,
    replica: usize,
    number: usize,
    session: Session,
    mut draws: Draws,
) -> u64 {
    let host = shared.portal.host.split(':').next().unwrap_or_default();
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .resolve(host, shared.replicas[replica])
        .no_proxy()
        .build()
        .expect("a client");
    let mut sent = 0;
    for _ in 0..REQUESTS {
        let request = client
            .get(format!("{}/api/v1/record", shared.portal.origin))
            .header("cookie", format!("{SESSION_COOKIE}={}", session.cookie))
            .header("sec-fetch-site", "same-origin");
        let limit = Duration::from_micros(draws.below(60_000));
        sent += 1;
        let Ok(Ok(answer)) = tokio::time::timeout(limit, request.send()).await else { continue };
        let status = answer.status().as_u16();
        let Ok(body) = answer.bytes().await else { continue };
        let (has_own, others) = canaries_in(&body, &canary(number));
        if !others.is_empty() || (status == 200 && !has_own) {
            shared.violations.report(Rule::NotCrossed, format!("a stream of {number} told {others:?}"));
        }
        if ![200, 401, 503].contains(&status) {
            shared.violations.report(Rule::Clear, format!("a stream was answered {status}"));
        }
    }
    sent
}
