//! One connection, checked out once and shared by all requests; replaced when it fails.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use deadpool_redis::{
    Connection, Manager, Pool, PoolConfig, Runtime,
    redis::{
        AsyncConnectionConfig, Client, RedisError, ScriptInvocation, TlsCertificates, Value,
        aio::MultiplexedConnection, cmd,
    },
};
use tokio::time::{Instant, timeout};

use super::RedisSettings;
use crate::{
    EphemeralError,
    error::{Cause, SettingsError},
};
use cloister_kernel::ExposeSecret;

pub(super) struct Link {
    pool: Pool,
    current: Mutex<Option<Held>>,
    connecting: tokio::sync::Mutex<LastFailure>,
    answer_within: Duration,
    retry_after: Duration,
}

type LastFailure = Option<(Instant, String)>;

struct Held {
    generation: u64,
    connection: Connection,
}

impl Link {
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, EphemeralError> {
        let pool = prepare(settings).map_err(EphemeralError::Settings)?;
        Ok(Self {
            pool,
            current: Mutex::new(None),
            connecting: tokio::sync::Mutex::new(None),
            answer_within: settings.answer_within,
            retry_after: settings.retry_after,
        })
    }

    pub(super) async fn ping(&self) -> Result<(), EphemeralError> {
        self.within(async |connection| cmd("PING").query_async::<Value>(connection).await).await.map(drop)
    }

    /// The script's answer, and the generation of the connection that gave it.
    pub(super) async fn run(&self, call: &ScriptInvocation<'_>) -> Result<(u64, Value), EphemeralError> {
        self.within(async |connection| call.invoke_async::<Value>(connection).await).await
    }

    /// Gives up the connection of this generation; the next request makes a new one.
    pub(super) async fn drop_connection(&self, generation: u64) {
        let dropped = {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            current.take_if(|held| held.generation == generation)
        };
        if let Some(held) = dropped {
            tracing::warn!(generation, "redis connection replaced");
            drop(Connection::take(held.connection));
        }
    }

    async fn within<T>(
        &self,
        ask: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<(u64, T), EphemeralError> {
        let mut used = None;
        let asked = timeout(self.answer_within, async {
            let (generation, mut connection) = self.connection().await?;
            used = Some(generation);
            let value = ask(&mut connection).await.map_err(|error| unavailable(&error.to_string()))?;
            Ok((generation, value))
        })
        .await;
        let answer = asked.unwrap_or_else(|_| {
            Err(EphemeralError::Unavailable(Cause::Late(self.answer_within.as_millis())))
        });
        if let (Err(_), Some(generation)) = (&answer, used) {
            self.drop_connection(generation).await;
        }
        answer
    }

    async fn connection(&self) -> Result<(u64, MultiplexedConnection), EphemeralError> {
        if let Some(held) = self.held() {
            return Ok(held);
        }
        let mut last_failure = self.connecting.lock().await;
        if let Some(held) = self.held() {
            return Ok(held);
        }
        if let Some((at, error)) = &*last_failure
            && at.elapsed() < self.retry_after
        {
            return Err(unavailable(error));
        }
        // Stands until the connection is there, also when this request is dropped halfway.
        *last_failure = Some((Instant::now(), "connecting took too long".to_owned()));
        // In a box of its own: every call would carry the room that connecting takes.
        match Box::pin(self.pool.get()).await {
            Err(error) => {
                let error = error.to_string();
                tracing::warn!(error, "redis cannot be reached");
                *last_failure = Some((Instant::now(), error.clone()));
                Err(unavailable(&error))
            }
            Ok(connection) => {
                *last_failure = None;
                let shared = connection.as_ref().clone();
                let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
                let generation = GENERATIONS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                *current = Some(Held { generation, connection });
                Ok((generation, shared))
            }
        }
    }

    fn held(&self) -> Option<(u64, MultiplexedConnection)> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().map(|held| (held.generation, held.connection.as_ref().clone()))
    }
}

static GENERATIONS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

fn unavailable(error: &str) -> EphemeralError {
    EphemeralError::Unavailable(Cause::Redis(error.to_owned()))
}

fn prepare(settings: &RedisSettings) -> Result<Pool, SettingsError> {
    // Redis over TLS panics without a process-wide provider; it is an error only if one was installed before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let url = settings.url.expose_secret();
    if !url.starts_with("redis://") && !url.starts_with("rediss://") {
        return Err(SettingsError::Url);
    }
    let client = match &settings.trusted_certificates {
        None => Client::open(url),
        Some(path) => {
            let root_cert = std::fs::read(path)
                .map_err(|source| SettingsError::TrustedCertificates { path: path.clone(), source })?;
            Client::build_with_tls(url, TlsCertificates { client_tls: None, root_cert: Some(root_cert) })
        }
    };
    let client = client.map_err(|error| SettingsError::Connection(error.to_string()))?;
    let waits = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(settings.answer_within))
        .set_response_timeout(Some(settings.answer_within));
    let manager = Manager::new_with_config(client.get_connection_info().clone(), waits)
        .map_err(|error| SettingsError::Connection(error.to_string()))?;
    let mut config = PoolConfig::new(2);
    config.timeouts.wait = Some(settings.answer_within);
    config.timeouts.create = Some(settings.answer_within);
    config.timeouts.recycle = Some(settings.answer_within);
    Pool::builder(manager)
        .config(config)
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| SettingsError::Connection(error.to_string()))
}
