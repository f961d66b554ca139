//! AWS KMS held in a test's hand, over HTTP: the operations that Cloister calls, in AWS's JSON protocol.
//!
//! Keys obey the table of "Key states of AWS KMS keys" ([`states`]); data keys are really wrapped, bound to their
//! encryption context. Denied policies, throttling, slowness and absence are switched on by [`KeyFake::behave`], and
//! whatever else a network does by the [`FaultProxy`] that it stands behind.

mod operations;
mod states;
#[cfg(test)]
mod tests;
mod wrapping;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cloister_kernel::Environment;
use cloister_vault::KeyState;
use poem::{
    EndpointExt, Request, Response, Route, Server, handler,
    http::StatusCode,
    listener::{Acceptor, Listener, TcpListener},
    post,
    web::Data,
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    ServiceError,
    fault_proxy::{Fault, FaultProxy, Moment, Plan},
};
use operations::Refused;
pub use states::{Operation, refusal};

/// How the whole service behaves, whatever the state of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Behavior {
    /// It answers.
    #[default]
    Healthy,
    /// It answers after this long.
    Slow(Duration),
    /// It answers every call that the rate is exceeded.
    Throttled,
    /// It denies every call, as a policy does.
    Denied,
    /// It answers every call that it failed.
    Failing,
    /// Its address refuses connections.
    Away,
}

/// A key of the service.
#[derive(Clone)]
struct Key {
    state: KeyState,
    secret: [u8; 32],
    tags: Value,
    rotates: bool,
    denied: bool,
}

#[derive(Default)]
struct State {
    keys: BTreeMap<String, Key>,
    behavior: Behavior,
}

#[derive(Clone)]
struct Shared {
    state: Arc<Mutex<State>>,
    calls: Arc<AtomicU64>,
    environment: Environment,
    region: &'static str,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The service while it runs; it ends with this value.
pub struct KeyFake {
    shared: Shared,
    proxy: FaultProxy,
    server: JoinHandle<()>,
}

impl KeyFake {
    /// Starts one without keys.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> Result<Self, ServiceError> {
        Self::start_in("us-east-1").await
    }

    /// As [`KeyFake::start`], in a region of the caller's choice.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start_in(region: &'static str) -> Result<Self, ServiceError> {
        let environment = Environment::system();
        let shared = Shared { state: Arc::default(), calls: Arc::default(), environment, region };
        let no_port = || ServiceError::system("opening the key fake");
        let acceptor = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).into_acceptor().await.map_err(no_port())?;
        let address = acceptor.local_addr().first().and_then(|address| address.as_socket_addr().copied());
        let address: SocketAddr =
            address.ok_or_else(|| no_port()(std::io::ErrorKind::AddrNotAvailable.into()))?;
        let routes = Route::new().at("/", post(call)).data(shared.clone());
        let server = tokio::spawn(async move {
            // It ends with the value, by being aborted.
            let _ = Server::new_with_acceptor(acceptor).run(routes).await;
        });
        Ok(Self { shared, proxy: FaultProxy::before(address).await?, server })
    }

    /// Where it listens. Any access key and secret are accepted.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.proxy.address())
    }

    /// The proxy that every call goes through.
    pub fn proxy(&self) -> &FaultProxy {
        &self.proxy
    }

    /// Changes how every call is answered from now on. A plan of the proxy ends by it.
    pub async fn behave(&self, behavior: Behavior) {
        self.shared.lock().behavior = behavior;
        match behavior {
            Behavior::Away => self.proxy.switch(Plan::always(Fault::Refuse, Moment::Before)),
            _ => self.proxy.heal_and_wait().await,
        }
    }

    /// Every key by its ARN, with its state and owner's tag.
    pub fn keys(&self) -> Vec<(String, KeyState, Value)> {
        let state = self.shared.lock();
        state.keys.iter().map(|(arn, key)| (arn.clone(), key.state, key.tags.clone())).collect()
    }

    /// Puts a key into a state, as what happens outside the API does. A key that is not there is left so.
    pub fn set_state(&self, arn: &str, state: KeyState) {
        if let Some(key) = self.shared.lock().keys.get_mut(arn) {
            key.state = state;
        }
    }

    /// Whether the key's policy denies its use from now on.
    pub fn deny(&self, arn: &str, denied: bool) {
        if let Some(key) = self.shared.lock().keys.get_mut(arn) {
            key.denied = denied;
        }
    }

    /// Holds copies of the other region's keys that can be copied, as ReplicateKey makes them: of the same id and secret, under
    /// an ARN of this region.
    pub fn copy_keys_of(&self, other: &Self) {
        let copied: Vec<(String, Key)> = other
            .shared
            .lock()
            .keys
            .iter()
            .filter(|(arn, _)| operations::id_of(arn).starts_with("mrk-"))
            .map(|(arn, key)| (arn.replace(other.shared.region, self.shared.region), key.clone()))
            .collect();
        self.shared.lock().keys.extend(copied);
    }

    /// Destroys a key, as the end of its waiting period does.
    pub fn destroy(&self, arn: &str) {
        self.shared.lock().keys.remove(arn);
    }

    /// How many calls it got, refused ones included.
    pub fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::SeqCst)
    }
}

impl Drop for KeyFake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[handler]
async fn call(request: &Request, body: Vec<u8>, Data(shared): Data<&Shared>) -> Response {
    shared.calls.fetch_add(1, Ordering::SeqCst);
    let name = request.header("x-amz-target").and_then(|target| target.strip_prefix("TrentService."));
    let asked: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let behavior = shared.lock().behavior;
    if let Behavior::Slow(delay) = behavior {
        tokio::time::sleep(delay).await;
    }
    let answer = match (behavior, name.and_then(Operation::named)) {
        (Behavior::Throttled, _) => Err(Refused::of("ThrottlingException")),
        (Behavior::Denied, _) => Err(Refused::of("AccessDeniedException")),
        (Behavior::Failing, _) => Err(Refused::of("KMSInternalException")),
        (_, None) => Err(Refused::of("UnknownOperationException")),
        (_, Some(operation)) => operations::answer(shared, operation, &asked),
    };
    let (status, answer) = match answer {
        Ok(answer) => (StatusCode::OK, answer),
        Err(refused) => (refused.status(), json!({ "__type": refused.code(), "message": refused.code() })),
    };
    Response::builder().status(status).content_type("application/x-amz-json-1.1").body(answer.to_string())
}
