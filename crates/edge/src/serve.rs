//! The listener: connections with deadlines, TLS, and a shutdown that lets requests finish.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, header::CONNECTION};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use poem::{
    Endpoint, EndpointExt, IntoEndpoint, Response,
    endpoint::{DynEndpoint, ToDynEndpoint},
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{Instant, sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    Certificates, EdgeError, OldestTls,
    unparsed::{Answering, Unparsed},
};

/// How connections are treated.
#[derive(Debug, Clone)]
pub struct ServeSettings {
    /// How long the TLS handshake, and then each request's headers, may take to arrive.
    pub headers_within: Duration,
    /// How long a connection may stay open without a request.
    pub idle_within: Duration,
    /// How long new connections and requests are still taken after shutdown began, so that load balancers leave first.
    pub notice: Duration,
    /// How long requests may take to finish after that.
    pub drain_within: Duration,
    /// Connections held at once; more wait to be accepted.
    pub most_connections: usize,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            headers_within: Duration::from_secs(10),
            idle_within: Duration::from_secs(60),
            notice: Duration::ZERO,
            drain_within: Duration::from_secs(25),
            most_connections: 10_000,
        }
    }
}

/// A bound socket, with TLS or without.
pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    local: SocketAddr,
}

impl Listener {
    /// Binds without TLS: behind a proxy of our own on the same host, for the embedded size, and for metrics.
    pub async fn plain(address: &str) -> Result<Self, EdgeError> {
        let refused = |source| EdgeError::Listen { address: address.to_owned(), source };
        let socket = TcpListener::bind(address).await.map_err(refused)?;
        let local = socket.local_addr().map_err(refused)?;
        Ok(Self { socket, tls: None, local })
    }

    /// Binds with TLS.
    pub async fn tls(
        address: &str,
        certificates: &Certificates,
        oldest: OldestTls,
    ) -> Result<Self, EdgeError> {
        let plain = Self::plain(address).await?;
        Ok(Self { tls: Some(TlsAcceptor::from(certificates.server_config(oldest)?)), ..plain })
    }

    /// Where it listens: the port that the system chose when 0 was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.local
    }
}

type Routes = Arc<dyn DynEndpoint<Output = Response>>;

/// How far along its end the server is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// Told to stop: everything is still answered, and connections are given up one by one.
    Leaving,
    /// No more connections; what is under way finishes.
    Closing,
}

/// Serves until `shutdown` completes, and on for the notice; then takes no more connections and lets the open requests
/// finish.
pub async fn serve<E>(
    listener: Listener,
    settings: ServeSettings,
    routes: E,
    shutdown: impl Future<Output = ()>,
) where
    E: IntoEndpoint,
    E::Endpoint: 'static,
{
    let routes: Routes = Arc::new(ToDynEndpoint(routes.into_endpoint().map_to_response()));
    let settings = Arc::new(settings);
    let unparsed = Arc::new(Unparsed::prepare(listener.tls.is_some()).await);
    let room = Arc::new(Semaphore::new(settings.most_connections.max(1)));
    let (phase, phases) = watch::channel(Phase::Serving);
    let mut shutdown = std::pin::pin!(async {
        shutdown.await;
        let _ = phase.send(Phase::Leaving);
        sleep(settings.notice).await;
    });
    loop {
        let next = async {
            let place = room.clone().acquire_owned().await.map_err(io::Error::other)?;
            listener.socket.accept().await.map(|(socket, remote)| (place, socket, remote))
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = next => accepted,
        };
        match accepted {
            Ok((place, socket, remote)) => {
                let connection = Connection {
                    tls: listener.tls.clone(),
                    local: listener.local,
                    remote,
                    routes: routes.clone(),
                    settings: settings.clone(),
                    unparsed: unparsed.clone(),
                    phases: phases.clone(),
                };
                tokio::spawn(async move {
                    let _place = place;
                    if let Err(error) = connection.run(socket).await {
                        tracing::debug!(%error, "connection ended");
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors and the like: wait for some to be given back.
                tracing::warn!(%error, "cannot accept");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let _ = phase.send(Phase::Closing);
    drop(phases);
    if timeout(settings.drain_within, phase.closed()).await.is_err() {
        tracing::warn!("connections were cut off after the time to drain");
    }
}

struct Connection {
    tls: Option<TlsAcceptor>,
    local: SocketAddr,
    remote: SocketAddr,
    routes: Routes,
    settings: Arc<ServeSettings>,
    unparsed: Arc<Unparsed>,
    phases: watch::Receiver<Phase>,
}

impl Connection {
    async fn run(self, socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        match self.tls.clone() {
            None => self.serve(socket, Scheme::HTTP).await,
            Some(tls) => {
                let handshake = timeout(self.settings.headers_within, tls.accept(socket));
                let stream = handshake.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                self.serve(stream, Scheme::HTTPS).await
            }
        }
    }

    async fn serve<S>(mut self, stream: S, scheme: Scheme) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let activity = Arc::new(Activity::new());
        let service = {
            let (routes, activity) = (self.routes.clone(), activity.clone());
            let (local, remote) = (LocalAddr(self.local.into()), RemoteAddr(self.remote.into()));
            let phases = self.phases.clone();
            hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
                let multiplexed = request.version() == http::Version::HTTP_2;
                let busy = activity.begin(multiplexed);
                let request = (request, local.clone(), remote.clone(), scheme.clone()).into();
                let (routes, phases) = (routes.clone(), phases.clone());
                async move {
                    let response = routes.get_response(request).await;
                    drop(busy);
                    let mut response: http::Response<_> = response.into();
                    if !multiplexed && *phases.borrow() > Phase::Serving {
                        // The client's next request takes a new connection, which its balancer leads elsewhere.
                        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                    }
                    Ok::<_, Infallible>(response)
                }
            })
        };
        let builder = builder(&self.settings);
        let stream = Answering::new(stream, self.unparsed.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => return ended.map_err(io::Error::other),
            () = activity.silence(&self.settings) => {}
            () = leave(&mut self.phases, &activity) => {}
        }
        connection.as_mut().graceful_shutdown();
        // A client that trickles a header now would hold on for ever: it has as long as headers may take,
        // and requests under way as long as shutdown may take.
        loop {
            tokio::select! {
                ended = connection.as_mut() => return ended.map_err(io::Error::other),
                () = sleep(self.settings.headers_within) => {
                    if activity.is_quiet() {
                        return Ok(());
                    }
                }
            }
        }
    }
}

/// Completes when a connection is to be given up although it may be idle. One of HTTP/2 is at once: its client learns which
/// requests were taken. One of HTTP/1.1 could be closed just as its next request is sent, so it ends with an answer, and
/// unasked only when the time for leaving is over.
async fn leave(phases: &mut watch::Receiver<Phase>, activity: &Activity) {
    let _ = phases.wait_for(|phase| *phase > Phase::Serving).await;
    if !activity.multiplexed.load(Ordering::Relaxed) {
        let _ = phases.wait_for(|phase| *phase == Phase::Closing).await;
    }
}

fn builder(settings: &ServeSettings) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.headers_within)
        .max_buf_size(32 * 1024)
        .max_headers(100);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(100)
        .max_header_list_size(16 * 1024)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// Whether a connection does anything: requests under way, and when the last one ended.
struct Activity {
    busy: AtomicUsize,
    served: AtomicUsize,
    multiplexed: AtomicBool,
    quiet_since: Mutex<Instant>,
}

struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        *self.0.quiet_since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Activity {
    fn new() -> Self {
        let quiet_since = Mutex::new(Instant::now());
        Self {
            busy: AtomicUsize::new(0),
            served: AtomicUsize::new(0),
            multiplexed: AtomicBool::new(false),
            quiet_since,
        }
    }

    fn begin(self: &Arc<Self>, multiplexed: bool) -> Busy {
        self.multiplexed.store(multiplexed, Ordering::Relaxed);
        self.busy.fetch_add(1, Ordering::AcqRel);
        self.served.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    fn is_quiet(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0
    }

    /// Completes when no request was under way for too long: before the first one, the time for headers.
    async fn silence(&self, settings: &ServeSettings) {
        loop {
            let patience = if self.served.load(Ordering::Relaxed) == 0 {
                settings.headers_within
            } else {
                settings.idle_within
            };
            let since = *self.quiet_since.lock().unwrap_or_else(PoisonError::into_inner);
            let left = (since + patience).saturating_duration_since(Instant::now());
            if self.is_quiet() && left.is_zero() {
                return;
            }
            sleep(left.max(Duration::from_millis(50))).await;
        }
    }
}
