//! Liveness and readiness.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::join_all;
use poem::{Body, Response, http::StatusCode};
use tokio::time::timeout;

use crate::Problem;

/// How long a dependency may take to answer before it counts as away.
const CHECK_WITHIN: Duration = Duration::from_secs(2);

/// Something a replica needs before it may get traffic.
#[async_trait]
pub trait ReadinessCheck: Send + Sync + 'static {
    /// A stable name such as `database`; shown to whoever asks.
    fn name(&self) -> &'static str;
    /// Whether it answers; why not goes to the log.
    async fn check(&self) -> Result<(), Problem>;
}

#[async_trait]
impl ReadinessCheck for cloister_ephemeral::Ephemeral {
    fn name(&self) -> &'static str {
        "ephemeral"
    }

    async fn check(&self) -> Result<(), Problem> {
        Ok(self.ping().await?)
    }
}

pub(crate) fn alive() -> Response {
    document(StatusCode::OK, &serde_json::json!({ "status": "ok" }))
}

/// Asks all checks at once; 503 names those that do not answer.
pub(crate) async fn readiness(checks: &[Arc<dyn ReadinessCheck>]) -> Response {
    let asked = checks.iter().map(|check| async move {
        let answer = timeout(CHECK_WITHIN, check.check()).await;
        match answer {
            Ok(Ok(())) => None,
            Ok(Err(problem)) => {
                tracing::warn!(check = check.name(), cause = problem.cause_chain(), "not ready");
                Some(check.name())
            }
            Err(_) => {
                tracing::warn!(check = check.name(), "no answer in time");
                Some(check.name())
            }
        }
    });
    let away: Vec<&str> = join_all(asked).await.into_iter().flatten().collect();
    if away.is_empty() {
        document(StatusCode::OK, &serde_json::json!({ "status": "ready" }))
    } else {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        document(status, &serde_json::json!({ "status": "not_ready", "away": away }))
    }
}

fn document(status: StatusCode, value: &serde_json::Value) -> Response {
    Response::builder().status(status).content_type("application/json").body(Body::from(value.to_string()))
}
