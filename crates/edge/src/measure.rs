//! Prometheus metrics: recorded everywhere, shown on an internal listener only.

use std::sync::Arc;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use poem::{Endpoint, IntoEndpoint, Response, Route, endpoint::make_sync};

use crate::EdgeError;

/// Seconds at which the durations of requests are counted.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The process's metrics.
#[derive(Clone)]
pub struct Measurements(Arc<PrometheusHandle>);

impl Measurements {
    /// Starts recording; once in a process.
    pub fn start() -> Result<Self, EdgeError> {
        let named = Matcher::Suffix("_seconds".to_owned());
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(named, &BUCKETS)
            .and_then(PrometheusBuilder::install_recorder);
        let handle = recorder.map_err(|_| EdgeError::SetUpTwice("metrics"))?;
        Ok(Self(Arc::new(handle)))
    }

    /// Everything recorded, in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

/// `/metrics` for an internal listener. Never put it behind a public one.
pub fn metrics_routes(
    measurements: Measurements,
) -> impl IntoEndpoint<Endpoint: Endpoint<Output = Response> + 'static> {
    let show = make_sync(move |_| {
        Response::builder()
            .content_type("text/plain; version=0.0.4")
            .header("cache-control", "no-store")
            .body(measurements.render())
    });
    Route::new().at("/metrics", poem::get(show))
}
