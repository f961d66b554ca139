//! The clock and the randomness that a part of the program was given.

use std::{fmt, sync::Arc};

use time::OffsetDateTime;
use uuid::{Builder, Uuid};

use crate::{Clock, Id, IdKind, Randomness, SystemClock, SystemRandomness};

/// What a use case may know of the outside world without asking a dependency: the time, and random bytes.
#[derive(Clone)]
pub struct Environment {
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
}

impl Environment {
    /// The machine's clock and the operating system's randomness.
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(SystemRandomness))
    }

    /// Any clock with any randomness.
    pub fn new(clock: Arc<dyn Clock>, randomness: Arc<dyn Randomness>) -> Self {
        Self { clock, randomness }
    }

    /// The present moment in UTC.
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.randomness.fill(&mut bytes);
        bytes
    }

    /// A new identifier: UUID version 7 (RFC 9562), ordered by the time it was made.
    pub fn id<K: IdKind>(&self) -> Id<K> {
        Id::from_uuid(self.uuid())
    }

    /// A new bare UUID, version 7, for rows that have no identifier type of their own.
    pub fn uuid(&self) -> Uuid {
        let milliseconds = self.now().unix_timestamp_nanos() / 1_000_000;
        let milliseconds = u64::try_from(milliseconds).unwrap_or(0);
        Builder::from_unix_timestamp_millis(milliseconds, &self.bytes()).into_uuid()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ManualClock, PatientKind, SeededRandomness};
    use time::{Duration, macros::datetime};

    #[test]
    fn ids_are_version_7_and_sort_by_the_clock_they_were_given() {
        let clock = Arc::new(ManualClock::at(datetime!(2026-01-01 00:00 UTC)));
        let environment = Environment::new(clock.clone(), Arc::new(SeededRandomness::new(1)));
        let first = environment.id::<PatientKind>();
        clock.advance(Duration::milliseconds(1));
        let second = environment.id::<PatientKind>();
        assert_eq!(first.uuid().get_version_num(), 7);
        assert!(first < second);
    }
}
