//! Password hashing: Argon2id (RFC 9106) at OWASP's parameters, on a pool that cannot take the service down.
//!
//! Its threads run at a low priority: they take all that is left of the processors, and whoever reads a record does not
//! wait for somebody else's sign-in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc},
};
use cloister_kernel::{Environment, ExposeSecret, SecretString};
use rayon_core::{ThreadPool, ThreadPoolBuilder};
use rustix::process::{getpriority_process, setpriority_process};
use tokio::sync::{Semaphore, oneshot};
use unicode_normalization::UnicodeNormalization;

/// How much work one hash is. OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Copy)]
pub struct HashingCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for HashingCost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

/// A password's hash as a PHC string. Sealed at rest, never printed.
#[derive(Clone)]
pub struct PasswordHash(SecretString);

impl PasswordHash {
    /// Takes a hash back from storage.
    pub fn from_phc(text: String) -> Self {
        Self(text.into())
    }

    /// The PHC string, to be sealed.
    pub fn phc(&self) -> &str {
        self.0.expose_secret()
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[password hash]")
    }
}

/// Why no hash was computed.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    /// More people sign in than the machine can hash for, and the queue is full.
    #[error("too many sign-ins at once")]
    Busy,
    /// The parameters or a stored hash are not ones that Argon2 accepts.
    #[error("the password could not be hashed")]
    Broken,
}

/// How much later than others a hashing thread has its turn: Linux's nice value, 0 to 19. At 10 it still gets a tenth of
/// what another thread gets, so that sign-ins go on however busy the machine is.
const NICENESS: i32 = 10;

/// Hashes passwords beside the request threads: a bounded number at once, a bounded queue, a bounded wait.
pub struct HashingPool {
    cost: HashingCost,
    threads: ThreadPool,
    running: Arc<Semaphore>,
    queue: Semaphore,
    longest_wait: Duration,
    hashes: AtomicU64,
    decoy: PasswordHash,
}

impl HashingPool {
    /// A pool that runs `at_once` hashes at a time and lets `queued` more wait.
    ///
    /// # Errors
    /// [`HashingError::Broken`] when Argon2 refuses the cost, or no thread can be started.
    pub fn new(
        cost: HashingCost,
        at_once: usize,
        queued: usize,
        environment: &Environment,
    ) -> Result<Self, HashingError> {
        let nobody = SecretString::from(data_encoding::HEXLOWER.encode(&environment.bytes::<32>()));
        let decoy = derive(cost, &nobody, environment.bytes())?;
        let threads = ThreadPoolBuilder::new()
            .num_threads(at_once.max(1))
            .thread_name(|number| format!("hashing-{number}"))
            .start_handler(|_| yield_to_others())
            // Whoever waits for a hash that panicked learns that there is none.
            .panic_handler(|_| ())
            .build()
            .map_err(|_| HashingError::Broken)?;
        Ok(Self {
            cost,
            threads,
            running: Arc::new(Semaphore::new(at_once.max(1))),
            queue: Semaphore::new(at_once.max(1) + queued),
            longest_wait: Duration::from_secs(10),
            hashes: AtomicU64::new(0),
            decoy,
        })
    }

    /// Hashes a new password under a fresh salt.
    ///
    /// # Errors
    /// See [`HashingError`].
    pub async fn hash(
        &self,
        environment: &Environment,
        password: &SecretString,
    ) -> Result<PasswordHash, HashingError> {
        let (cost, password, salt) = (self.cost, normalize(password), environment.bytes());
        self.run(move || derive(cost, &password, salt)).await?
    }

    /// Compares a password with a stored hash, or with a decoy when there is none, so that an attempt on an account
    /// that does not exist costs what any other attempt costs: exactly one hash.
    ///
    /// # Errors
    /// See [`HashingError`].
    pub async fn verify(
        &self,
        password: &SecretString,
        stored: Option<&PasswordHash>,
    ) -> Result<bool, HashingError> {
        let known = stored.is_some();
        let stored = stored.unwrap_or(&self.decoy).clone();
        let password = normalize(password);
        let matches = self.run(move || matches(&password, &stored)).await??;
        Ok(matches && known)
    }

    /// How many hashes were computed since the start; a metric, and the proof of "one hash per attempt".
    pub fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashingError> {
        let _place = self.queue.try_acquire().map_err(|_| HashingError::Busy)?;
        let turn = tokio::time::timeout(self.longest_wait, self.running.clone().acquire_owned())
            .await
            .map_err(|_| HashingError::Busy)?
            .map_err(|_| HashingError::Busy)?;
        self.hashes.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.threads.spawn(move || {
            // Nobody may be waiting any more.
            let _ = answer.send(work());
            drop(turn);
        });
        answered.await.map_err(|_| HashingError::Broken)
    }
}

/// Lowers the priority of the calling thread. Where that is not possible it hashes at the others' priority.
fn yield_to_others() {
    // On Linux the priority is a thread's, and nobody named means the one that calls.
    let lowered =
        getpriority_process(None).and_then(|niceness| setpriority_process(None, niceness.max(NICENESS)));
    if let Err(error) = lowered {
        tracing::warn!(%error, "hashing threads have the priority of all others");
    }
}

/// NFC, so that a password typed on another keyboard is the same password (NIST SP 800-63B, section 5.1.1.2).
fn normalize(password: &SecretString) -> SecretString {
    password.expose_secret().nfc().collect::<String>().into()
}

fn derive(cost: HashingCost, password: &SecretString, salt: [u8; 16]) -> Result<PasswordHash, HashingError> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|_| HashingError::Broken)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: phc::PasswordHash = argon2
        .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
        .map_err(|_| HashingError::Broken)?;
    Ok(PasswordHash::from_phc(hash.to_string()))
}

fn matches(password: &SecretString, stored: &PasswordHash) -> Result<bool, HashingError> {
    let parsed = phc::PasswordHash::new(stored.phc()).map_err(|_| HashingError::Broken)?;
    Ok(Argon2::default().verify_password(password.expose_secret().as_bytes(), &parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: HashingCost = HashingCost { memory_kib: 64, passes: 1 };

    fn pool(at_once: usize, queued: usize) -> HashingPool {
        HashingPool::new(CHEAP, at_once, queued, &Environment::system()).unwrap()
    }

    #[tokio::test]
    async fn a_hash_holds_for_its_password_however_the_accents_were_typed() {
        let pool = pool(1, 4);
        let hash = pool.hash(&Environment::system(), &"contraseña segura".into()).await.unwrap();
        assert!(pool.verify(&"contrasen\u{303}a segura".into(), Some(&hash)).await.unwrap());
        assert!(!pool.verify(&"contrasena segura".into(), Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_account_costs_exactly_one_hash_too_and_never_matches() {
        let pool = pool(1, 4);
        let hash = pool.hash(&Environment::system(), &"a".into()).await.unwrap();
        for stored in [Some(&hash), None] {
            let before = pool.hashes();
            assert!(!pool.verify(&"b".into(), stored).await.unwrap());
            assert_eq!(pool.hashes() - before, 1);
        }
    }

    #[tokio::test]
    async fn beyond_the_queue_an_attempt_is_refused_at_once() {
        let pool = Arc::new(
            HashingPool::new(HashingCost { memory_kib: 32 * 1024, passes: 3 }, 1, 1, &Environment::system())
                .unwrap(),
        );
        let attempts: Vec<_> = (0..8)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.verify(&"a".into(), None).await })
            })
            .collect();
        let mut busy = 0;
        for attempt in attempts {
            busy += usize::from(matches!(attempt.await.unwrap(), Err(HashingError::Busy)));
        }
        assert!(busy >= 1, "some of eight attempts find the queue of two full");
    }

    #[tokio::test]
    async fn hashing_yields_to_others_and_this_thread_does_not() {
        let pool = pool(2, 4);
        let of_this_thread = || getpriority_process(None).unwrap();
        let before = of_this_thread();
        let hashing = pool.run(of_this_thread).await.unwrap();
        assert_eq!((hashing, of_this_thread()), (before.max(NICENESS), before));
    }

    #[tokio::test]
    async fn a_hash_that_panics_is_no_hash_and_its_place_is_free_again() {
        let pool = pool(1, 0);
        for _ in 0..3 {
            let broken = pool.run(|| assert!(std::hint::black_box(false))).await;
            assert!(matches!(broken, Err(HashingError::Broken)));
        }
        assert!(!pool.verify(&"a".into(), None).await.unwrap());
    }

    #[test]
    fn the_default_cost_is_owasps() {
        let stored = derive(HashingCost::default(), &"a".into(), [7; 16]).unwrap();
        assert!(stored.phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }
}
