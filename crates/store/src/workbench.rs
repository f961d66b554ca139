//! Where long calculations are done: on threads of their own, a few at a time, so that requests that only wait for the
//! database are not kept waiting by a bundle of ten thousand entries.

use std::{num::NonZero, sync::Arc, thread};

use tokio::sync::Semaphore;

use crate::StoreError;

/// Half of the machine's processors, at least one, may calculate at the same time. Cheap to clone; clones share places.
#[derive(Clone)]
pub(crate) struct Workbench(Arc<Semaphore>);

impl Workbench {
    pub(crate) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Semaphore::new((processors / 2).max(1))))
    }

    /// Does the work on a thread of its own once there is a place, or here and now if it is short. The place is kept
    /// until the work is done, whether anybody still waits for it or not.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        is_long: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        if !is_long {
            return Ok(work());
        }
        let place = Arc::clone(&self.0).acquire_owned().await.map_err(|_| StoreError::Stopped)?;
        let task = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        task.await.map_err(|_| StoreError::Stopped)
    }
}
