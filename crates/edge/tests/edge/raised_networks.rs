//! A clinic's network that operators raised: more calls from there, before anybody is known, and nothing else.

use cloister_edge::{Limits, Network, TrustedHops};
use cloister_ephemeral::RateLimit;
use cloister_kernel::{RaisedNetwork, SourceLimits};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::support::{App, Setup};

const START: OffsetDateTime = datetime!(2026-03-01 08:00 UTC);

fn raised(network: &str, anonymous: u32, sign_in_pages: u32, until: Option<OffsetDateTime>) -> RaisedNetwork {
    let network = network.parse().unwrap();
    RaisedNetwork { network, limits: SourceLimits { anonymous, sign_in_pages }, until }
}

/// An app behind one proxy, which says where each call came from.
async fn behind_proxy(raised: Vec<RaisedNetwork>, limits: Limits) -> App {
    let mut setup = Setup { raised, ..Setup::default() };
    setup.edge.limits = limits;
    let networks = vec![Network::parse("127.0.0.0/8").unwrap()];
    setup.edge.trusted_hops = TrustedHops { networks, hops: 1 };
    App::with(setup).await
}

/// How many of these calls are let through, up to `most`.
async fn let_through(app: &App, start: &str, headers: &[(&str, &str)], most: usize) -> usize {
    for call in 0..most {
        if app.ask(start, headers, "").await.status == 429 {
            return call;
        }
    }
    most
}

async fn anonymous(app: &App, source: &str) -> usize {
    let_through(app, "GET /api/v1/session", &[("X-Forwarded-For", source)], 120).await
}

#[test]
fn the_usual_limits_are_those_that_operators_raise_from() {
    let limits = Limits::default();
    assert_eq!(limits.anonymous, RateLimit::per_minute(SourceLimits::USUAL.anonymous));
    assert_eq!(limits.flow_pages, RateLimit::per_minute(SourceLimits::USUAL.sign_in_pages));
}

#[tokio::test]
async fn more_calls_pass_from_a_raised_network_up_to_its_limit_and_from_no_other() {
    let list = vec![raised("203.0.113.0/24", 25, 70, None), raised("2001:db8:1::/48", 15, 60, None)];
    let app = behind_proxy(list, Limits::default()).await;
    for (source, passes) in [
        ("203.0.113.7", 25),
        ("203.0.113.8", 25),
        ("::ffff:203.0.113.9", 25),
        ("203.0.114.7", 10),
        ("::ffff:203.0.114.8", 10),
        ("2001:db8:1:5::1", 15),
        ("2001:db8:2::1", 10),
    ] {
        assert_eq!(anonymous(&app, source).await, passes, "{source}");
    }
    assert_eq!(anonymous(&app, "203.0.113.9").await, 0, "mapped or not, it is one source");
    for (source, passes) in [("203.0.113.7", 70), ("203.0.114.7", 60)] {
        let found = let_through(&app, "GET /sign-in", &[("X-Forwarded-For", source)], 80).await;
        assert_eq!(found, passes, "{source}");
    }
}

#[tokio::test]
async fn what_a_client_invents_left_of_our_proxies_word_raises_nothing() {
    let app = behind_proxy(vec![raised("203.0.113.0/24", 25, 70, None)], Limits::default()).await;
    assert_eq!(anonymous(&app, "203.0.113.7, 198.51.100.7").await, 10);
}

#[tokio::test]
async fn a_raised_network_ends_at_its_time() {
    let until = START + Duration::minutes(10);
    let app = behind_proxy(vec![raised("203.0.113.0/24", 25, 70, Some(until))], Limits::default()).await;
    assert_eq!(anonymous(&app, "203.0.113.7").await, 25);
    app.clock.advance(Duration::minutes(10) - Duration::MILLISECOND);
    assert_eq!(anonymous(&app, "203.0.113.7").await, 25);
    app.clock.advance(Duration::MILLISECOND);
    assert_eq!(anonymous(&app, "203.0.113.7").await, 0, "those of the minute before count");
    app.clock.advance(Duration::MINUTE);
    assert_eq!(anonymous(&app, "203.0.113.7").await, 10);
}

#[tokio::test]
async fn no_row_raises_above_the_ceiling_and_none_lowers_a_limit_that_was_set_higher() {
    let list = || vec![raised("203.0.113.0/24", 5000, 5000, None)];
    let app = behind_proxy(list(), Limits::default()).await;
    assert_eq!(anonymous(&app, "203.0.113.7").await, 100);
    let higher = Limits { anonymous: RateLimit::per_minute(110), ..Limits::default() };
    let app = behind_proxy(list(), higher).await;
    assert_eq!(anonymous(&app, "203.0.113.7").await, 110);
}

#[tokio::test]
async fn record_systems_are_counted_as_before() {
    let few = Limits { bearer: RateLimit::per_minute(3), ..Limits::default() };
    let app = behind_proxy(vec![raised("203.0.113.0/24", 25, 70, None)], few).await;
    let headers = [("X-Forwarded-For", "203.0.113.7"), ("Authorization", "Bearer abc")];
    assert_eq!(let_through(&app, "POST /fhir/R4", &headers, 30).await, 3);
}
