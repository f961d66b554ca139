//! Loopback ports.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use crate::ServiceError;

/// A loopback port that was free a moment ago. Another process may take it first: a service that finds it
/// taken fails its start, which the test then reports.
pub fn free_port() -> Result<u16, ServiceError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(ServiceError::system("finding a free port"))
}

/// Whether something accepts connections on this loopback port.
pub fn accepts_connections(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_accepts_nothing_until_somebody_listens() {
        let port = free_port().unwrap();
        assert!(!accepts_connections(port));
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(accepts_connections(port));
    }
}
