//! What no job is written for: looked for again and again while a process runs.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio::sync::watch;

use crate::{JobFailure, measure};

/// The longest that one piece may take.
const LONGEST: Duration = Duration::from_secs(45);

/// Something to be done whenever there is some of it.
#[async_trait]
pub trait Chore: Send + Sync + 'static {
    /// What the log calls it.
    fn name(&self) -> &'static str;

    /// Does one bounded piece of it. Whether there may be more at once. Several processes may do it at the same time.
    ///
    /// # Errors
    /// Why this piece is not done; it is tried again.
    async fn run(&self) -> Result<bool, JobFailure>;
}

/// Does a chore until `stop` turns true, resting when there is nothing to do and after each failure. A piece that has
/// begun is finished.
pub async fn repeat(chore: Arc<dyn Chore>, rest: Duration, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let ended = piece(chore.as_ref()).await;
        measure::chore_ended(chore.name(), ended.is_ok());
        let more = match ended {
            Ok(more) => more,
            Err(failure) => {
                tracing::warn!(
                    chore = chore.name(),
                    code = failure.code,
                    cause = failure.cause.as_ref().map(|cause| cause.to_string()),
                    "a chore failed"
                );
                false
            }
        };
        if more {
            continue;
        }
        tokio::select! {
            changed = stop.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(rest) => {}
        }
    }
}

async fn piece(chore: &dyn Chore) -> Result<bool, JobFailure> {
    match tokio::time::timeout(LONGEST, AssertUnwindSafe(chore.run()).catch_unwind()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(JobFailure::later("chore.panicked")),
        Err(_) => Err(JobFailure::later("chore.too_slow")),
    }
}
