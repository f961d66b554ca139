//! A failpoint at every step that a program takes with PostgreSQL, without a hook in the program: a proxy that reads the
//! protocol, so that it knows where one trip ends and the next begins, and breaks exactly one of them.
//!
//! Connections through it must not be encrypted (`sslmode=disable`).

mod connection;
#[cfg(test)]
mod tests;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::ServiceError;

/// What happens to a trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// PostgreSQL answers with an error.
    Fails,
    /// The connection is reset.
    Lost,
    /// It is held until [`TripProxy::release`].
    Held,
}

/// When.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// PostgreSQL has done nothing of it.
    Asked,
    /// PostgreSQL has done all of it, and the client has seen no answer.
    Done,
}

/// Which trip is struck, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failpoint {
    /// The trip, counted from 0 since [`TripProxy::arm`].
    pub trip: usize,
    /// When it is struck.
    pub side: Side,
    /// What happens to it.
    pub strike: Strike,
}

#[derive(Default)]
struct State {
    failpoint: Option<Failpoint>,
    trips: Vec<String>,
}

struct Shared {
    state: Mutex<State>,
    held: watch::Sender<bool>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a trip; the strike that is meant for it. A failpoint strikes once.
    fn count(&self, text: String) -> Option<(Side, Strike)> {
        let mut state = self.state();
        state.trips.push(text);
        let number = state.trips.len() - 1;
        let struck = state.failpoint.take_if(|failpoint| failpoint.trip == number)?;
        Some((struck.side, struck.strike))
    }

    /// Says that a trip is held, and waits until it is let go.
    async fn hold(&self) {
        self.held.send_replace(true);
        // The proxy holds the other end for as long as this runs.
        let _ = self.held.subscribe().wait_for(|held| !held).await;
    }
}

/// The proxy while it runs; it ends with this value, and its connections with it.
pub struct TripProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl TripProxy {
    /// Stands in front of PostgreSQL, on a loopback port of its own, and breaks nothing yet.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn before(service: SocketAddr) -> Result<Self, ServiceError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(ServiceError::system("opening a trip proxy"))?;
        let address =
            listener.local_addr().map_err(ServiceError::system("reading a trip proxy's address"))?;
        let shared = Arc::new(Shared { state: Mutex::default(), held: watch::channel(false).0 });
        let task = tokio::spawn(accept(listener, service, shared.clone()));
        Ok(Self { address, shared, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Counts trips from 0 again, and strikes one of them, once. What is held is let go.
    pub fn arm(&self, failpoint: Option<Failpoint>) {
        *self.shared.state() = State { failpoint, trips: Vec::new() };
        self.release();
    }

    /// The trips since then, by their statements' text. What a pool asks to see whether a connection lives is none.
    pub fn trips(&self) -> Vec<String> {
        self.shared.state().trips.clone()
    }

    /// Whether the failpoint has been reached.
    pub fn has_struck(&self) -> bool {
        self.shared.state().failpoint.is_none()
    }

    /// Waits until a trip is held.
    pub async fn held(&self) {
        // The other end is this value's.
        let _ = self.shared.held.subscribe().wait_for(|held| *held).await;
    }

    /// Lets go of what is held.
    pub fn release(&self) {
        self.shared.held.send_replace(false);
    }
}

impl Drop for TripProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, service: SocketAddr, shared: Arc<Shared>) {
    // Ends its tasks when it is dropped, which is when the proxy is.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                connections.spawn(connection::carry(client, service, shared.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
