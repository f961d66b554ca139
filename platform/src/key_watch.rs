//! Whether the key service answers, as seen by the calls that are made anyway: asking costs a call to KMS each time.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use async_trait::async_trait;
use cloister_edge::{Problem, ReadinessCheck};
use cloister_kernel::Environment;
use cloister_vault::{DataKey, KeyOpener, KeyServiceError, Outage, WrappedKey};

use crate::error::away;

/// The metric that counts data keys that were not asked for, since the key service had just failed.
pub(crate) const NOT_ASKED: &str = "key_openings_not_asked_total";

/// How long, in seconds, an outage counts after the last call that met it. Then the next request may try again.
const REMEMBERED: i64 = 15;

/// A key service that remembers its last outage. Cheap to clone.
#[derive(Clone)]
pub(crate) struct KeyWatch {
    opener: Arc<dyn KeyOpener>,
    environment: Environment,
    /// Unix seconds of the last outage since a call succeeded; 0 for none.
    away_at: Arc<AtomicI64>,
}

impl KeyWatch {
    pub(crate) fn new(opener: Arc<dyn KeyOpener>, environment: Environment) -> Self {
        Self { opener, environment, away_at: Arc::default() }
    }
}

#[async_trait]
impl KeyOpener for KeyWatch {
    async fn open_data_key(&self, wrapped: &WrappedKey) -> Result<DataKey, KeyServiceError> {
        let opened = self.opener.open_data_key(wrapped).await;
        match &opened {
            // A refusal is an answer: one clinic's disabled key does not take the replica away.
            Ok(_) | Err(KeyServiceError::Refused(_) | KeyServiceError::Tampered) => {
                self.away_at.store(0, Ordering::Relaxed);
            }
            // Says nothing new about the service.
            Err(KeyServiceError::Unavailable(Outage::NotAsked)) => metrics::counter!(NOT_ASKED).increment(1),
            Err(KeyServiceError::Unavailable(_)) => {
                self.away_at.store(self.environment.now().unix_timestamp(), Ordering::Relaxed);
            }
        }
        opened
    }
}

#[async_trait]
impl ReadinessCheck for KeyWatch {
    fn name(&self) -> &'static str {
        "keys"
    }

    async fn check(&self) -> Result<(), Problem> {
        let since = self.environment.now().unix_timestamp() - self.away_at.load(Ordering::Relaxed);
        if since <= REMEMBERED { Err(away("the key service does not answer")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloister_kernel::{ManualClock, SystemRandomness};
    use cloister_vault::{KeyOwner, KeyVersion, KmsKeyId, Purpose, Refusal};
    use std::sync::Mutex;

    struct Scripted(Mutex<Vec<KeyServiceError>>);

    #[async_trait]
    impl KeyOpener for Scripted {
        async fn open_data_key(&self, _: &WrappedKey) -> Result<DataKey, KeyServiceError> {
            Err(self.0.lock().unwrap().remove(0))
        }
    }

    #[tokio::test]
    async fn an_outage_counts_until_the_service_answers_or_time_passes() {
        let clock = Arc::new(ManualClock::at(time::macros::datetime!(2026-11-22 09:30 UTC)));
        let environment = Environment::new(clock.clone(), Arc::new(SystemRandomness));
        let away = || KeyServiceError::Unavailable(Outage::Away);
        let not_asked = || KeyServiceError::Unavailable(Outage::NotAsked);
        let answers =
            vec![not_asked(), away(), KeyServiceError::Refused(Refusal::Denied), away(), not_asked()];
        let watch = KeyWatch::new(Arc::new(Scripted(Mutex::new(answers))), environment);
        let wrapped = WrappedKey {
            owner: KeyOwner::Platform,
            purpose: Purpose::Pii,
            version: KeyVersion(1),
            kms_key: KmsKeyId::new("k"),
            blob: vec![],
        };
        watch.check().await.unwrap();
        let _ = watch.open_data_key(&wrapped).await;
        watch.check().await.unwrap();
        let _ = watch.open_data_key(&wrapped).await;
        watch.check().await.unwrap_err();
        let _ = watch.open_data_key(&wrapped).await;
        watch.check().await.unwrap();
        let _ = watch.open_data_key(&wrapped).await;
        watch.check().await.unwrap_err();
        clock.advance(time::Duration::seconds(10));
        let _ = watch.open_data_key(&wrapped).await;
        clock.advance(time::Duration::seconds(6));
        watch.check().await.unwrap();
    }
}
