//! Liveness and readiness.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::join_all;
use poem::{Body, Response, http::StatusCode};
use time::OffsetDateTime;
use tokio::{sync::Mutex, time::timeout};

use crate::Problem;

/// How long a dependency may take to answer before it counts as away.
const CHECK_WITHIN: Duration = Duration::from_secs(2);
/// How long an answer holds for those who ask after it.
const BELIEVED: Duration = Duration::from_millis(500);

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

/// All checks. Whoever can reach the port may ask, as load balancers do: so dependencies are asked once for all who ask
/// within [`BELIEVED`].
pub(crate) struct Readiness {
    checks: Vec<Arc<dyn ReadinessCheck>>,
    last: Mutex<Option<(OffsetDateTime, Vec<&'static str>)>>,
}

impl Readiness {
    pub(crate) fn of(checks: Vec<Arc<dyn ReadinessCheck>>) -> Self {
        Self { checks, last: Mutex::new(None) }
    }

    /// 200, or 503 with the names of those that do not answer.
    pub(crate) async fn answer(&self, now: OffsetDateTime) -> Response {
        let mut last = self.last.lock().await;
        let away = match last.take().filter(|(asked, _)| (*asked..*asked + BELIEVED).contains(&now)) {
            Some((asked, away)) => last.insert((asked, away)),
            None => last.insert((now, self.ask().await)),
        };
        if away.1.is_empty() {
            document(StatusCode::OK, &serde_json::json!({ "status": "ready" }))
        } else {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            document(status, &serde_json::json!({ "status": "not_ready", "away": away.1 }))
        }
    }

    async fn ask(&self) -> Vec<&'static str> {
        let asked = self.checks.iter().map(|check| async move {
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
        join_all(asked).await.into_iter().flatten().collect()
    }
}

fn document(status: StatusCode, value: &serde_json::Value) -> Response {
    Response::builder().status(status).content_type("application/json").body(Body::from(value.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use cloister_kernel::Environment;

    struct Counted(Arc<AtomicUsize>);

    #[async_trait]
    impl ReadinessCheck for Counted {
        fn name(&self) -> &'static str {
            "counted"
        }

        async fn check(&self) -> Result<(), Problem> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(Problem::internal("away"))
        }
    }

    #[tokio::test]
    async fn dependencies_are_asked_once_for_all_who_ask_within_half_a_second() {
        let asked = Arc::new(AtomicUsize::new(0));
        let readiness = Readiness::of(vec![Arc::new(Counted(asked.clone()))]);
        let now = Environment::system().now();
        for later in [0, 10, 499, 500, 600] {
            let answer = readiness.answer(now + Duration::from_millis(later)).await;
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}
