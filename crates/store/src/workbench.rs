//! Where long calculations are done: on threads of their own, a few at a time, so that requests that only wait for the
//! database are not kept waiting by a bundle of ten thousand entries; and how much of such bundles is in memory at once.

use std::{num::NonZero, sync::Arc, thread};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::StoreError;

/// How many bytes of the texts of long bundles are worked on at the same time. What is made of a text takes some
/// thirty times its length.
const ROOM: u32 = 1 << 20;

/// Half of the machine's processors, at least one, may calculate at the same time. Cheap to clone; clones share places.
#[derive(Clone)]
pub(crate) struct Workbench {
    places: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

/// Room that something takes on the workbench until it is dropped.
pub(crate) struct Room {
    _taken: OwnedSemaphorePermit,
}

impl Workbench {
    pub(crate) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let room = usize::try_from(ROOM).unwrap_or(usize::MAX);
        Self {
            places: Arc::new(Semaphore::new((processors / 2).max(1))),
            room: Arc::new(Semaphore::new(room)),
        }
    }

    /// Waits for room for a text of so many bytes, in the order in which it was asked for. A text that needs more than
    /// there is gets all of it.
    pub(crate) async fn room(&self, bytes: usize) -> Result<Room, StoreError> {
        let needed = u32::try_from(bytes).unwrap_or(ROOM).min(ROOM);
        let taken = Arc::clone(&self.room).acquire_many_owned(needed).await;
        Ok(Room { _taken: taken.map_err(|_| StoreError::Stopped)? })
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
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| StoreError::Stopped)?;
        let task = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        task.await.map_err(|_| StoreError::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_texts_wait_until_there_is_room_for_them() {
        let bench = Workbench::new();
        let whole = usize::try_from(ROOM).unwrap();
        let first = bench.room(whole * 3 / 4).await.unwrap();
        let small = bench.room(whole / 4).await.unwrap();
        let waits = |bytes| {
            let bench = bench.clone();
            async move {
                tokio::time::timeout(std::time::Duration::from_millis(20), bench.room(bytes)).await.is_err()
            }
        };
        assert!(waits(1).await);
        drop((first, small));
        let larger_than_all = bench.room(whole * 5).await.unwrap();
        assert!(waits(1).await);
        drop(larger_than_all);
        assert!(!waits(whole).await);
    }
}
