//! A TCP proxy that breaks connections on purpose: in front of PostgreSQL, Redis, a key service or a mail server.
//!
//! What breaks is a [`Plan`], switched while the proxy runs: which fault, at which moment of an exchange, and how
//! often. What is drawn follows from the plan's seed alone.

mod connection;
#[cfg(test)]
mod tests;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::ServiceError;
use connection::Connection;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Bytes arrive this much later.
    Delay(Duration),
    /// Bytes are held until the plan changes, and then arrive: a network that heals.
    Stall,
    /// Bytes vanish, and the connection says nothing ever again, even once the plan has changed.
    BlackHole,
    /// So many bytes arrive, at most all but one, and then the end of the stream.
    Truncate(usize),
    /// The connection is reset.
    Reset,
    /// Connections are refused, and those that there are are reset. The moment does not matter.
    Refuse,
}

/// When it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The service has not seen the request.
    Before,
    /// The service has seen the request, the client has not seen the answer.
    During,
    /// The client has seen the answer, or the first part of it.
    After,
}

/// What goes wrong from now on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// What.
    pub fault: Fault,
    /// When.
    pub moment: Moment,
    /// How often, from 0 (never) to 1 (whenever it can).
    pub chance: f64,
    /// What the draws follow from.
    pub seed: u64,
}

impl Plan {
    /// A fault that strikes whenever it can.
    pub const fn always(fault: Fault, moment: Moment) -> Self {
        Self { fault, moment, chance: 1.0, seed: 0 }
    }

    fn refuses(plan: Option<Self>) -> bool {
        plan.is_some_and(|plan| plan.fault == Fault::Refuse)
    }
}

/// The proxy while it runs; it ends with this value, and its connections with it.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    plan: watch::Sender<Option<Plan>>,
    silence: watch::Sender<()>,
    struck: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// Stands in front of a service, on a loopback port of its own, and breaks nothing yet.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn before(service: SocketAddr) -> Result<Self, ServiceError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(ServiceError::system("opening a fault proxy"))?;
        let address =
            listener.local_addr().map_err(ServiceError::system("reading a fault proxy's address"))?;
        let (plan, plans) = watch::channel(None);
        let (silence, silences) = watch::channel(());
        let struck = Arc::new(AtomicU64::new(0));
        let orders = Orders { plans, silences, struck: struck.clone() };
        let task = tokio::spawn(accept(listener, address, service, orders));
        Ok(Self { address, plan, silence, struck, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks connections by a plan from now on.
    pub fn switch(&self, plan: Plan) {
        self.plan.send_replace(Some(plan));
    }

    /// Has the connections that there are say nothing ever again, idle ones too, as where a network has forgotten them.
    /// New ones are carried.
    pub fn silence(&self) {
        self.silence.send_replace(());
    }

    /// Breaks nothing from now on. What is broken stays so.
    pub fn heal(&self) {
        self.plan.send_replace(None);
    }

    /// The same, and waits until connections are accepted again.
    pub async fn heal_and_wait(&self) {
        self.heal();
        while tokio::net::TcpStream::connect(self.address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How often a fault has struck.
    pub fn struck(&self) -> u64 {
        self.struck.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What every connection is told.
#[derive(Clone)]
struct Orders {
    plans: watch::Receiver<Option<Plan>>,
    silences: watch::Receiver<()>,
    struck: Arc<AtomicU64>,
}

async fn accept(listener: TcpListener, address: SocketAddr, service: SocketAddr, mut orders: Orders) {
    // Ends its tasks when it is dropped, which is when the proxy is.
    let mut connections = JoinSet::new();
    let mut listener = Some(listener);
    loop {
        if Plan::refuses(*orders.plans.borrow_and_update()) {
            listener = None;
        } else if listener.is_none() {
            // The address stays the same; the system gives it back at once.
            listener = TcpListener::bind(address).await.ok();
        }
        let Some(open) = &listener else {
            tokio::select! {
                changed = orders.plans.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
            continue;
        };
        tokio::select! {
            changed = orders.plans.changed() => if changed.is_err() { return },
            accepted = open.accept() => if let Ok((client, _)) = accepted {
                let mut orders = orders.clone();
                // Silence is for those that were there before.
                orders.silences.mark_unchanged();
                let connection = Connection::new(client, orders);
                connections.spawn(connection.carry_to(service));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
