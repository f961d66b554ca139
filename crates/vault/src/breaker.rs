//! A circuit breaker before a key service: one that does not answer is left alone for a while, and whoever needs it is told
//! at once instead of waiting in vain.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cloister_kernel::Environment;
use time::{Duration, OffsetDateTime};

use crate::{DataKey, KeyOpener, KeyServiceError, KmsKeyId, Outage, WrappedKey};

/// So many failures one after the other open a circuit. Calls that were under way together fail together and count as one.
const FAILURES: u32 = 2;

/// How long a key that failed is left alone before one call tries it again: short, since that is how much later
/// everything works again.
pub const LEFT_ALONE: Duration = Duration::seconds(2);

/// An opener that asks another one, unless that has just failed.
///
/// Each key of the key service has a circuit of its own: a clinic whose own key is out of reach costs no other clinic an
/// answer. Refusals are answers.
pub struct Breaker {
    opener: Arc<dyn KeyOpener>,
    environment: Environment,
    circuits: Mutex<Circuits>,
}

/// Only keys that have failed since they last answered have a circuit.
#[derive(Default)]
struct Circuits {
    /// Counts calls, to tell which began before a failure and which after it.
    moment: u64,
    failing: HashMap<KmsKeyId, Circuit>,
}

struct Circuit {
    failures: u32,
    /// The last call that had begun when the last failure was counted.
    failed: u64,
    failed_at: OffsetDateTime,
    /// Whether a call tries the key again.
    is_tried: bool,
}

impl Circuit {
    const fn is_open(&self) -> bool {
        self.failures >= FAILURES
    }
}

/// Leave to call. A call that is given up gives it back.
struct Leave<'b> {
    breaker: &'b Breaker,
    key: &'b KmsKeyId,
    began: u64,
    is_trial: bool,
}

impl Breaker {
    /// A breaker before this opener.
    pub fn new(opener: Arc<dyn KeyOpener>, environment: Environment) -> Self {
        Self { opener, environment, circuits: Mutex::default() }
    }

    fn circuits(&self) -> MutexGuard<'_, Circuits> {
        self.circuits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave<'b>(&'b self, key: &'b KmsKeyId) -> Option<Leave<'b>> {
        let now = self.environment.now();
        let mut circuits = self.circuits();
        circuits.moment += 1;
        let began = circuits.moment;
        let open = circuits.failing.get_mut(key).filter(|circuit| circuit.is_open());
        let is_trial = open.is_some();
        if let Some(circuit) = open {
            // Whichever way the clock was set, it is no reason to leave the key alone for longer.
            if circuit.is_tried || (now - circuit.failed_at).abs() < LEFT_ALONE {
                return None;
            }
            circuit.is_tried = true;
        }
        Some(Leave { breaker: self, key, began, is_trial })
    }
}

impl Leave<'_> {
    fn answered(&self) {
        self.breaker.circuits().failing.remove(self.key);
    }

    fn failed(&self) {
        let now = self.breaker.environment.now();
        let mut circuits = self.breaker.circuits();
        let moment = circuits.moment;
        let never = || Circuit { failures: 0, failed: 0, failed_at: now, is_tried: false };
        let circuit = circuits.failing.entry(self.key.clone()).or_insert_with(never);
        if self.began > circuit.failed {
            circuit.failures = circuit.failures.saturating_add(1);
            (circuit.failed, circuit.failed_at) = (moment, now);
        }
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.is_trial
            && let Some(circuit) = self.breaker.circuits().failing.get_mut(self.key)
        {
            circuit.is_tried = false;
        }
    }
}

#[async_trait]
impl KeyOpener for Breaker {
    async fn open_data_key(&self, wrapped: &WrappedKey) -> Result<DataKey, KeyServiceError> {
        let Some(leave) = self.leave(&wrapped.kms_key) else {
            return Err(KeyServiceError::Unavailable(Outage::NotAsked));
        };
        let opened = self.opener.open_data_key(wrapped).await;
        match &opened {
            Err(KeyServiceError::Unavailable(_)) => leave.failed(),
            Ok(_) | Err(KeyServiceError::Refused(_) | KeyServiceError::Tampered) => leave.answered(),
        }
        opened
    }
}
