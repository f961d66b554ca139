//! The client's address, believed only as far as our own proxies wrote it.

use std::net::IpAddr;

use ipnet::IpNet;
use poem::http::HeaderMap;

use crate::EdgeError;

/// A block of addresses, such as `10.0.0.0/8` or `2001:db8::/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Reads `address/bits`.
    pub fn parse(text: &str) -> Result<Self, EdgeError> {
        let refused = || EdgeError::Network(text.to_owned());
        let (address, bits) = text.split_once('/').ok_or_else(refused)?;
        let address: IpAddr = address.parse().map_err(|_| refused())?;
        let bits: u8 = bits.parse().map_err(|_| refused())?;
        IpNet::new(address, bits).map(Self).map_err(|_| refused())
    }

    /// Whether the address lies within; an IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

/// Which proxies stand before us. Without any, the peer is the client and no header is read.
#[derive(Debug, Clone, Default)]
pub struct TrustedHops {
    /// The networks our proxies call from.
    pub networks: Vec<Network>,
    /// How many of them each request passes: 1 for a load balancer alone.
    pub hops: usize,
}

impl TrustedHops {
    /// The client's address: walks `X-Forwarded-For` from the right, one entry for each hop, and stops at the first
    /// address that is not one of our proxies. Whatever stands left of that the client may have invented.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = |address: IpAddr| self.networks.iter().any(|network| network.contains(address));
        let values: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        let mut client = peer.to_canonical();
        for entry in values.iter().rev().take(self.hops) {
            if !trusted(client) {
                break;
            }
            match entry.trim().parse::<IpAddr>() {
                Ok(address) => client = address.to_canonical(),
                Err(_) => break,
            }
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(hops: usize, peer: &str, forwarded: &[&str]) -> String {
        let trusted = TrustedHops {
            networks: vec![Network::parse("10.0.0.0/8").unwrap(), Network::parse("fd00::/8").unwrap()],
            hops,
        };
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        trusted.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_our_own_proxies_are_believed() {
        assert_eq!(client(0, "10.0.0.1", &["192.0.2.1"]), "10.0.0.1");
        assert_eq!(client(1, "198.51.100.9", &["192.0.2.1"]), "198.51.100.9");
        assert_eq!(client(1, "10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client(1, "10.0.0.1", &["203.0.113.5, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(client(1, "10.0.0.1", &["203.0.113.5", "192.0.2.1"]), "192.0.2.1");
        assert_eq!(client(2, "10.0.0.1", &["203.0.113.5, 192.0.2.1, 10.0.0.2"]), "192.0.2.1");
        assert_eq!(client(2, "10.0.0.1", &["203.0.113.5, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(client(1, "10.0.0.1", &["unknown"]), "10.0.0.1");
        assert_eq!(client(1, "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client(1, "::ffff:10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client(1, "fd00::1", &["2001:db8::7"]), "2001:db8::7");
    }

    #[test]
    fn a_network_is_read_strictly() {
        for text in ["10.0.0.0", "10.0.0.0/33", "::/129", "x/8", "10.0.0.0/-1"] {
            assert!(Network::parse(text).is_err(), "{text}");
        }
        assert!(Network::parse("0.0.0.0/0").unwrap().contains("192.0.2.1".parse().unwrap()));
        assert!(!Network::parse("192.0.2.0/25").unwrap().contains("192.0.2.128".parse().unwrap()));
    }
}
