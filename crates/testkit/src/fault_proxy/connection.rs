//! One connection through the proxy.

use std::{io, net::SocketAddr, ops::ControlFlow, sync::atomic::Ordering};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Fault, Moment, Orders, Plan};

const CHUNK: usize = 16 * 1024;

/// Whether the connection goes on.
type Fate = ControlFlow<()>;

pub(super) struct Connection {
    client: TcpStream,
    orders: Orders,
    draws: u64,
}

/// Both ends, once the service has accepted.
struct Carried {
    connection: Connection,
    service: TcpStream,
}

#[derive(Clone, Copy)]
enum Toward {
    Client,
    Service,
}

impl Connection {
    pub(super) fn new(client: TcpStream, orders: Orders) -> Self {
        Self { client, orders, draws: 0 }
    }

    /// Carries bytes until one end or the plan ends it.
    pub(super) async fn carry_to(self, service: SocketAddr) {
        let Ok(upstream) = TcpStream::connect(service).await else {
            // As if the service itself had refused.
            let _ = self.client.set_zero_linger();
            return;
        };
        let _ = (self.client.set_nodelay(true), upstream.set_nodelay(true));
        let mut carried = Carried { connection: self, service: upstream };
        // An end that fails is an end that is gone: the other is told by being closed.
        let _ = carried.carry().await;
    }

    /// The fault that strikes now, at this moment of an exchange.
    fn drawn(&mut self, moment: Moment) -> Option<Fault> {
        let plan = (*self.orders.plans.borrow_and_update())?;
        if plan.moment != moment {
            return None;
        }
        self.draws += 1;
        let struck = fraction(plan.seed ^ self.draws.rotate_left(32)) < plan.chance;
        struck.then(|| {
            self.orders.struck.fetch_add(1, Ordering::SeqCst);
            plan.fault
        })
    }
}

impl Carried {
    async fn carry(&mut self) -> io::Result<()> {
        let (mut asked, mut answered) = (vec![0; CHUNK], vec![0; CHUNK]);
        loop {
            let fate = tokio::select! {
                read = self.connection.client.read(&mut asked) => {
                    let bytes = &asked[..read?];
                    self.pass(bytes, Moment::Before, Toward::Service).await?
                }
                read = self.service.read(&mut answered) => {
                    let bytes = &answered[..read?];
                    match self.pass(bytes, Moment::During, Toward::Client).await? {
                        ControlFlow::Continue(()) => self.strike_after().await?,
                        end => end,
                    }
                }
                silenced = self.connection.orders.silences.changed() => match silenced {
                    Ok(()) => self.swallow().await?,
                    Err(_) => ControlFlow::Break(()),
                },
                changed = self.connection.orders.plans.changed() => match changed {
                    Ok(()) if Plan::refuses(*self.connection.orders.plans.borrow()) => self.reset(),
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                },
            };
            if fate.is_break() {
                return Ok(());
            }
        }
    }

    async fn pass(&mut self, bytes: &[u8], moment: Moment, toward: Toward) -> io::Result<Fate> {
        if bytes.is_empty() {
            return Ok(ControlFlow::Break(()));
        }
        match self.connection.drawn(moment) {
            Some(fault) => self.strike(fault, bytes, toward).await,
            None => self.write(bytes, toward).await.map(ControlFlow::Continue),
        }
    }

    /// What strikes once the client has its answer has nothing left to cut or to hold but the connection.
    async fn strike_after(&mut self) -> io::Result<Fate> {
        match self.connection.drawn(Moment::After) {
            None => Ok(ControlFlow::Continue(())),
            Some(fault) => self.strike(fault, &[], Toward::Client).await,
        }
    }

    async fn strike(&mut self, fault: Fault, bytes: &[u8], toward: Toward) -> io::Result<Fate> {
        match fault {
            Fault::Delay(by) => {
                tokio::time::sleep(by).await;
                self.write(bytes, toward).await.map(ControlFlow::Continue)
            }
            Fault::Stall => {
                // An error is the end of the proxy, and of this connection with it.
                let _ = self.connection.orders.plans.changed().await;
                self.write(bytes, toward).await.map(ControlFlow::Continue)
            }
            Fault::BlackHole => self.swallow().await,
            Fault::Truncate(after) => {
                let kept = after.min(bytes.len().saturating_sub(1));
                self.write(&bytes[..kept], toward).await?;
                Ok(ControlFlow::Break(()))
            }
            Fault::Reset | Fault::Refuse => Ok(self.reset()),
        }
    }

    async fn write(&mut self, bytes: &[u8], toward: Toward) -> io::Result<()> {
        match toward {
            Toward::Client => self.connection.client.write_all(bytes).await,
            Toward::Service => self.service.write_all(bytes).await,
        }
    }

    /// Takes everything and gives nothing, until the client gives up. The service is left waiting as well.
    async fn swallow(&mut self) -> io::Result<Fate> {
        let mut bytes = vec![0; CHUNK];
        while self.connection.client.read(&mut bytes).await? > 0 {}
        Ok(ControlFlow::Break(()))
    }

    fn reset(&self) -> Fate {
        // Where it cannot be set, the end is in order instead of abrupt.
        let _ = (self.connection.client.set_zero_linger(), self.service.set_zero_linger());
        ControlFlow::Break(())
    }
}

/// A number from 0 to 1 that follows from another, evenly spread (SplitMix64).
fn fraction(of: u64) -> f64 {
    let mut mixed = of.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
