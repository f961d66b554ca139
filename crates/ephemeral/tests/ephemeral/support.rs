//! Both stores for the suite: Redis from `CLOISTER_TEST_REDIS_URL`, else a private `redis-server` over TLS.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use cloister_ephemeral::{Ephemeral, InProcessCapacity, RedisSettings};
use cloister_kernel::{Clock, Environment, ManualClock, SystemRandomness};
use time::{OffsetDateTime, macros::datetime};

/// A running Redis that dies with this value.
pub(crate) struct PrivateRedis {
    process: Option<Child>,
    directory: tempfile::TempDir,
    port: u16,
}

impl PrivateRedis {
    /// Starts one over TLS with certificates of its own. `None` where redis-server is not installed.
    pub(crate) fn start() -> Option<Self> {
        let installed = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if installed.is_err() {
            println!("NOT RUN: redis-server is not installed");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        certificates(directory.path());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut redis = Self { process: None, directory, port };
        redis.revive();
        Some(redis)
    }

    /// Starts the server (again), empty.
    pub(crate) fn revive(&mut self) {
        let directory = self.directory.path();
        let file = |name: &str| directory.join(name).display().to_string();
        let process = Command::new("redis-server")
            .args(["--port", "0", "--tls-port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--tls-cert-file", &file("server.pem"), "--tls-key-file", &file("server.key")])
            .args(["--tls-ca-cert-file", &file("ca.pem"), "--tls-auth-clients", "no"])
            .args(["--save", "", "--appendonly", "no", "--dir", &file(".")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("redis-server did not start");
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub(crate) fn settings(&self) -> RedisSettings {
        let mut settings = RedisSettings::new(format!("rediss://localhost:{}", self.port));
        settings.trusted_certificates = Some(self.directory.path().join("ca.pem"));
        settings
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn certificates(directory: &Path) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(vec![]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &issuer).unwrap();
    std::fs::write(directory.join("ca.pem"), ca_certificate.pem()).unwrap();
    std::fs::write(directory.join("server.pem"), certificate.pem()).unwrap();
    std::fs::write(directory.join("server.key"), key.serialize_pem()).unwrap();
}

/// One store under test, with the clock in the test's hand.
pub(crate) struct Bench {
    pub(crate) name: &'static str,
    pub(crate) store: Ephemeral,
    pub(crate) clock: Arc<ManualClock>,
    /// Keeps the private server alive for as long as the bench.
    _redis: Option<PrivateRedis>,
}

impl Bench {
    /// The present moment, as the store sees it.
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }
}

/// Every store that this machine can run.
pub(crate) fn benches() -> Vec<Bench> {
    match std::env::var("CLOISTER_TEST_REDIS_URL") {
        Err(_) => private_benches(),
        Ok(url) => {
            let mut settings = RedisSettings::new(url);
            settings.trusted_certificates = std::env::var_os("CLOISTER_TEST_REDIS_CA").map(Into::into);
            vec![in_process(), bench("redis", None, |environment| in_redis(&settings, environment))]
        }
    }
}

/// As [`benches`], with a Redis that no other test sees: for what looks at all clinics.
pub(crate) fn private_benches() -> Vec<Bench> {
    let redis = PrivateRedis::start().map(|redis| {
        let settings = redis.settings();
        bench("redis", Some(redis), |environment| in_redis(&settings, environment))
    });
    [in_process()].into_iter().chain(redis).collect()
}

fn in_process() -> Bench {
    bench("in process", None, |environment| Ephemeral::in_process(InProcessCapacity::default(), environment))
}

fn in_redis(settings: &RedisSettings, environment: Environment) -> Ephemeral {
    Ephemeral::redis(settings, environment).unwrap()
}

fn bench(
    name: &'static str,
    redis: Option<PrivateRedis>,
    make: impl FnOnce(Environment) -> Ephemeral,
) -> Bench {
    let clock = Arc::new(ManualClock::at(datetime!(2026-03-01 08:00 UTC)));
    let environment = Environment::new(clock.clone(), Arc::new(SystemRandomness));
    Bench { name, store: make(environment), clock, _redis: redis }
}
