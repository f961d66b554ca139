//! The processes: `serve`, `work` and `migrate`.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cloister_edge::{
    Certificates, Listener, Measurements, Problem, ReadinessCheck, ServeSettings, metrics_routes,
    serve as serve_routes, start_logs,
};
use cloister_jobs::{WorkerSettings, repeat};
use cloister_kernel::{Environment, ExposeSecret};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

use crate::{
    Platform, StartError,
    compose::{mailer, parts},
    error::away,
    key_watch::NOT_ASKED,
    refused_calls::LEFT_OUT,
    settings::{ListenSettings, Settings, Transport, database_from_environment},
};

/// How often certificates are read again.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(300);

/// Not ready as soon as the process is told to stop, so that load balancers turn away from it while it still answers.
struct Staying(watch::Receiver<bool>);

#[async_trait]
impl ReadinessCheck for Staying {
    fn name(&self) -> &'static str {
        "staying"
    }

    async fn check(&self) -> Result<(), Problem> {
        if *self.0.borrow() { Err(away("the process was told to stop")) } else { Ok(()) }
    }
}

/// Answers the clinics' sites and APIs until the process is told to stop.
///
/// # Errors
/// Why it does not start.
pub async fn serve() -> Result<(), StartError> {
    let settings = Settings::from_environment()?;
    start_logs(&settings.log)?;
    let measurements = Measurements::start()?;
    // At nothing before the first time: an alert compares with what was there before.
    for counted in [LEFT_OUT, NOT_ASKED] {
        metrics::counter!(counted).increment(0);
    }
    let stop = stop_signal()?;
    let mut parts = parts(&settings, Environment::system()).await?;
    parts.checks.push(Arc::new(Staying(stop.clone())));
    let platform = Platform::assemble(parts);
    let routes = platform.routes()?;
    let (listener, certificates) = listener(&settings.listen).await?;
    let serving = ServeSettings { notice: settings.notice, ..ServeSettings::default() };
    tracing::info!(address = %listener.address(), "serving");
    let internal = show_metrics(&settings.listen, measurements, &stop, serving.clone()).await?;
    let fresh = certificates
        .map(|certificates| tokio::spawn(async move { certificates.keep_fresh(CERTIFICATES_EVERY).await }));
    // A worker in another process does not see them.
    let own_sessions = platform.parts().ephemeral.is_of_this_process().then(|| {
        let rest = WorkerSettings::default().rest;
        tokio::spawn(repeat(platform.session_endings(), rest, stop.clone()))
    });
    serve_routes(listener, serving, routes, stopped(stop)).await;
    if let Some(task) = fresh {
        task.abort();
    }
    if let Some(task) = own_sessions {
        let _ = task.await;
    }
    if let Some(task) = internal {
        let _ = task.await;
    }
    close(&platform).await;
    Ok(())
}

/// Runs jobs until the process is told to stop.
///
/// # Errors
/// Why it does not start.
pub async fn work() -> Result<(), StartError> {
    let settings = Settings::from_environment()?;
    start_logs(&settings.log)?;
    let measurements = Measurements::start()?;
    let environment = Environment::system();
    let mailer = mailer(&settings, environment.clone())?;
    let platform = Platform::assemble(parts(&settings, environment).await?);
    let worker = platform
        .worker(mailer, WorkerSettings { at_once: settings.jobs_at_once, ..WorkerSettings::default() });
    let stop = stop_signal()?;
    let internal = show_metrics(&settings.listen, measurements, &stop, ServeSettings::default()).await?;
    tracing::info!("working");
    worker.run(stop).await;
    if let Some(task) = internal {
        let _ = task.await;
    }
    close(&platform).await;
    Ok(())
}

/// Brings the database to the newest schema.
///
/// # Errors
/// Why it cannot.
pub async fn migrate() -> Result<(), StartError> {
    let database = database_from_environment()?;
    let now = Environment::system().now().unix_timestamp_nanos() / 1000;
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    cloister_migrations::migrate(database.url.expose_secret(), now)
        .await
        .map_err(StartError::of("the database"))
}

/// Serves `/metrics` on the internal listener until the process stops, if there is one.
async fn show_metrics(
    settings: &ListenSettings,
    measurements: Measurements,
    stop: &watch::Receiver<bool>,
    serving: ServeSettings,
) -> Result<Option<JoinHandle<()>>, StartError> {
    let Some(address) = &settings.internal else { return Ok(None) };
    let listener = Listener::plain(address).await?;
    let routes = metrics_routes(measurements);
    let serving = serve_routes(listener, serving, routes, stopped(stop.clone()));
    Ok(Some(tokio::spawn(serving)))
}

async fn listener(settings: &ListenSettings) -> Result<(Listener, Option<Certificates>), StartError> {
    match (&settings.certificate, settings.transport) {
        (Some((chain, key)), Transport::Tls) => {
            let certificates = Certificates::from_files(chain, key)?;
            let listener = Listener::tls(&settings.address, &certificates, settings.oldest).await?;
            Ok((listener, Some(certificates)))
        }
        _ => Ok((Listener::plain(&settings.address).await?, None)),
    }
}

/// Turns true when the process is told to stop: by SIGTERM or from the keyboard.
pub(crate) fn stop_signal() -> Result<watch::Receiver<bool>, StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::of("signals"))?;
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::info!("stopping");
        let _ = stop.send(true);
        // Kept until the end: receivers must not take a dropped sender for a signal.
        std::future::pending::<()>().await;
    });
    Ok(stopping)
}

pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopping| *stopping).await;
}

async fn close(platform: &Platform) {
    if let Err(error) = platform.parts().store.close().await {
        tracing::warn!(%error, "the database's connections did not close");
    }
}
