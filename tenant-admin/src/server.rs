//! The server: routes behind the edge, and the work that goes on beside them.

use std::{
    future::{Future, pending},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use cloister_edge::{
    Certificates, Edge, EdgeEndpoint, EdgeSettings, Listener, Measurements, Operations, Problem,
    ReadinessCheck, ServeSettings, metrics_routes, serve,
};
use cloister_ephemeral::{Ephemeral, RateLimit};
use cloister_kernel::{CanonicalHost, Environment};
use cloister_tenancy::{CallFacts, Platform};
use poem::{EndpointExt, Route, get};

use crate::{
    Recorded, Settings, Transport, api,
    docs::{self, Documents},
    hosts::OperatorsHost,
    settings::OLDEST_TLS,
};

/// How often onboardings that were left behind are looked for.
const CLEAN_UP_EVERY: Duration = Duration::from_secs(60);
/// How often the certificate's files are read again.
const CERTIFICATE_EVERY: Duration = Duration::from_secs(300);

/// The metric that counts onboardings that stopped half-way and were undone.
const UNDONE: &str = "onboardings_undone_total";

/// What handlers work with.
#[derive(Clone)]
pub struct AdminState {
    /// The platform.
    pub platform: Platform,
    /// Where calls are counted.
    pub ephemeral: Ephemeral,
    /// Calls of one operator.
    pub calls: RateLimit,
}

struct Database(Platform);

#[async_trait]
impl ReadinessCheck for Database {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Result<(), Problem> {
        Ok(self.0.ping().await?)
    }
}

/// Every route, behind the edge, for one host and origin.
///
/// # Errors
/// When the OpenAPI document is not what the edge reads.
pub fn routes(
    state: AdminState,
    host: &CanonicalHost,
    origin: &str,
    edge: EdgeSettings,
    environment: Environment,
) -> Result<EdgeEndpoint, cloister_edge::EdgeError> {
    let document = api::document();
    let openapi = format!("{document:#}\n");
    let operations = Operations::default().with_spec("", &openapi)?;
    let documents = Documents { page: docs::render(&document), openapi };
    let hosts = OperatorsHost::new(host.clone(), origin, state.platform.clone(), environment.clone());
    let checks: Vec<Arc<dyn ReadinessCheck>> = vec![Arc::new(Database(state.platform.clone()))];
    let around = Edge::new(edge, Arc::new(hosts), state.ephemeral.clone(), environment, checks);
    let routes = Route::new()
        .at("/docs", get(docs::page))
        .at("/docs/style.css", get(docs::style))
        .at("/openapi.json", get(docs::openapi))
        .nest("/", api::service())
        .data(documents)
        .with(Recorded { platform: state.platform.clone(), ephemeral: state.ephemeral.clone() })
        .data(state);
    Ok(around.around(routes).documented(operations))
}

/// Serves until `shutdown` completes.
///
/// # Errors
/// When the address or the certificate cannot be used.
pub async fn serve_until(
    settings: &Settings,
    state: AdminState,
    environment: Environment,
    shutdown: impl Future<Output = ()>,
) -> Result<(), cloister_edge::EdgeError> {
    let edge = EdgeSettings {
        trusted_hops: settings.hops.clone(),
        strict_transport: settings.transport != Transport::Loopback,
        ..EdgeSettings::default()
    };
    let platform = state.platform.clone();
    let endpoint = routes(state, &settings.host, &settings.origin, edge, environment.clone())?;
    let (listener, certificates) = match &settings.transport {
        Transport::Tls(chain, key) => {
            let certificates = Certificates::from_files(chain, key)?;
            (Listener::tls(&settings.listen, &certificates, OLDEST_TLS).await?, Some(certificates))
        }
        Transport::BehindProxy | Transport::Loopback => (Listener::plain(&settings.listen).await?, None),
    };
    tracing::info!(address = %listener.address(), origin = settings.origin, "serving the operators' API");
    tokio::select! {
        () = serve(listener, ServeSettings::default(), endpoint, shutdown) => {}
        () = clean_up(&platform, &environment) => {}
        () = keep_fresh(certificates) => {}
    }
    Ok(())
}

/// Counts from now on, once in a process, and gives what shows the counts on the internal listener, for ever.
///
/// # Errors
/// When the address cannot be used.
pub async fn measured(settings: &Settings) -> Result<impl Future<Output = ()>, cloister_edge::EdgeError> {
    let measurements = Measurements::start()?;
    // At nothing before the first time: an alert compares with what was there before.
    metrics::counter!(UNDONE).increment(0);
    let listener = match &settings.internal_listen {
        Some(address) => Some(Listener::plain(address).await?),
        None => None,
    };
    Ok(async move {
        match listener {
            Some(listener) => {
                serve(listener, ServeSettings::default(), metrics_routes(measurements), pending()).await;
            }
            None => pending().await,
        }
    })
}

/// Undoes onboardings that were left behind, for ever.
async fn clean_up(platform: &Platform, environment: &Environment) {
    loop {
        let facts = CallFacts { request: environment.id(), source: None, user_agent: None };
        match platform.clean_up_onboardings(&facts).await {
            Ok(0) => {}
            Ok(undone) => {
                metrics::counter!(UNDONE).increment(u64::try_from(undone).unwrap_or(u64::MAX));
                tracing::warn!(undone, "onboardings that were left behind were undone");
            }
            Err(cloister_tenancy::TenancyError::NoPlatformKeys) => {}
            Err(error) => tracing::warn!(error = ?error, "onboardings could not be cleaned up"),
        }
        tokio::time::sleep(CLEAN_UP_EVERY).await;
    }
}

async fn keep_fresh(certificates: Option<Certificates>) {
    match certificates {
        Some(certificates) => certificates.keep_fresh(CERTIFICATE_EVERY).await,
        None => std::future::pending().await,
    }
}
