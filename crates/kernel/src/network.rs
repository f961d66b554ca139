//! A clinic's own network: one address from which many people call, and how much more of it is let through.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use time::OffsetDateTime;

/// The widest IPv4 network that can be raised: 65,536 addresses.
pub const WIDEST_IPV4: u8 = 16;
/// The widest IPv6 network that can be raised: what a provider gives to an organisation at most.
pub const WIDEST_IPV6: u8 = 32;

/// Why a text names no network that can be raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Not an address, a slash and a prefix length.
    #[error("write a network such as 203.0.113.0/24 or 2001:db8::/48")]
    Format,
    /// IPv4 in the spelling of IPv6.
    #[error("write an IPv4 network as IPv4")]
    Mapped,
    /// Bits are set beyond the prefix: it is not clear what is meant.
    #[error("the address has bits beyond the prefix; write the first address of the network")]
    BeyondPrefix,
    /// Wider than any one organisation.
    #[error("too wide: use at least /{WIDEST_IPV4} for IPv4 and /{WIDEST_IPV6} for IPv6")]
    TooWide,
}

impl NetworkError {
    /// A stable code that a client can translate.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Format => "network.format",
            Self::Mapped => "network.mapped",
            Self::BeyondPrefix => "network.beyond_prefix",
            Self::TooWide => "network.too_wide",
        }
    }
}

/// A network in its one spelling, such as `203.0.113.0/24`, and no wider than one organisation's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClinicNetwork(IpNet);

impl ClinicNetwork {
    /// Whether the address lies within; an IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for ClinicNetwork {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = text.split_once('/').ok_or(NetworkError::Format)?;
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Format)?;
        let bits = prefix.parse().ok().filter(|bits: &u8| bits.to_string() == prefix);
        let bits = bits.ok_or(NetworkError::Format)?;
        if address != address.to_canonical() {
            return Err(NetworkError::Mapped);
        }
        let network = IpNet::new(address, bits).map_err(|_| NetworkError::Format)?;
        if network.network() != address {
            return Err(NetworkError::BeyondPrefix);
        }
        let widest = if address.is_ipv4() { WIDEST_IPV4 } else { WIDEST_IPV6 };
        if bits < widest { Err(NetworkError::TooWide) } else { Ok(Self(network)) }
    }
}

impl fmt::Display for ClinicNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What one source may do at one clinic in a minute before anybody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceLimits {
    /// Calls without session or flow.
    pub anonymous: u32,
    /// Sign-in pages that open a flow.
    pub sign_in_pages: u32,
}

impl SourceLimits {
    /// What every source may do.
    pub const USUAL: Self = Self { anonymous: 10, sign_in_pages: 60 };
    /// The most that operators can raise a network to: ten times the usual.
    pub const CEILING: Self = Self { anonymous: 100, sign_in_pages: 600 };

    /// Of each limit the larger one, and never more than the ceiling.
    #[must_use]
    pub fn larger(self, other: Self) -> Self {
        Self {
            anonymous: self.anonymous.max(other.anonymous).min(Self::CEILING.anonymous),
            sign_in_pages: self.sign_in_pages.max(other.sign_in_pages).min(Self::CEILING.sign_in_pages),
        }
    }
}

/// The most networks of one clinic that are raised at a time.
pub const MOST_RAISED_NETWORKS: usize = 20;

/// A clinic's network whose limits operators raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RaisedNetwork {
    /// The network.
    pub network: ClinicNetwork,
    /// What a source in it may do.
    pub limits: SourceLimits,
    /// Until when; none for until it is lowered.
    pub until: Option<OffsetDateTime>,
}

impl RaisedNetwork {
    /// What a source may do at a moment where these networks are raised; none where it is in none of them.
    pub fn limits_of(raised: &[Self], source: IpAddr, at: OffsetDateTime) -> Option<SourceLimits> {
        raised
            .iter()
            .filter(|one| one.until.is_none_or(|until| at < until) && one.network.contains(source))
            .map(|one| one.limits)
            .reduce(SourceLimits::larger)
            .map(|limits| limits.larger(limits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::{Duration, macros::datetime};

    const NOW: OffsetDateTime = datetime!(2026-11-22 09:30 UTC);

    fn network(text: &str) -> ClinicNetwork {
        text.parse().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn raised(
        text: &str,
        anonymous: u32,
        sign_in_pages: u32,
        until: Option<OffsetDateTime>,
    ) -> RaisedNetwork {
        RaisedNetwork { network: network(text), limits: SourceLimits { anonymous, sign_in_pages }, until }
    }

    #[test]
    fn a_network_has_one_spelling_and_is_no_wider_than_an_organisation() {
        for text in [
            "203.0.113.0/24",
            "203.0.113.7/32",
            "10.20.0.0/16",
            "2001:db8::/32",
            "2001:db8:1::/48",
            "2001:db8::1/128",
        ] {
            assert_eq!(network(text).to_string(), text);
        }
        assert_eq!(network("2001:DB8:0:0::/48").to_string(), "2001:db8::/48");
        for (text, error) in [
            ("", NetworkError::Format),
            ("203.0.113.0", NetworkError::Format),
            ("203.0.113.0/", NetworkError::Format),
            ("203.0.113.0/33", NetworkError::Format),
            ("203.0.113.0/+24", NetworkError::Format),
            ("203.0.113.0/024", NetworkError::Format),
            ("203.0.113.0/24/24", NetworkError::Format),
            ("203.0.113.0/24 ", NetworkError::Format),
            ("203.0.113/24", NetworkError::Format),
            ("0203.0.113.0/24", NetworkError::Format),
            ("2001:db8::/129", NetworkError::Format),
            ("fe80::1%eth0/128", NetworkError::Format),
            ("clinic.example/24", NetworkError::Format),
            ("::ffff:203.0.113.0/120", NetworkError::Mapped),
            ("203.0.113.7/24", NetworkError::BeyondPrefix),
            ("2001:db8::1/64", NetworkError::BeyondPrefix),
            ("203.1.0.0/15", NetworkError::BeyondPrefix),
            ("202.0.0.0/15", NetworkError::TooWide),
            ("0.0.0.0/0", NetworkError::TooWide),
            ("2001:db8::/31", NetworkError::TooWide),
            ("::/0", NetworkError::TooWide),
        ] {
            assert_eq!(text.parse::<ClinicNetwork>(), Err(error), "{text}");
        }
    }

    #[test]
    fn an_address_lies_within_by_its_prefix_and_mapped_ipv4_is_ipv4() {
        for (net, inside, outside) in [
            ("203.0.113.0/24", "203.0.113.255", "203.0.114.0"),
            ("203.0.113.0/24", "::ffff:203.0.113.9", "::ffff:203.0.112.9"),
            ("203.0.113.7/32", "203.0.113.7", "203.0.113.6"),
            ("2001:db8:1::/48", "2001:db8:1:ffff::1", "2001:db8:2::1"),
            ("2001:db8::/32", "2001:db8::203.0.113.7", "203.0.113.7"),
        ] {
            assert!(network(net).contains(address(inside)), "{inside} in {net}");
            assert!(!network(net).contains(address(outside)), "{outside} in {net}");
        }
    }

    #[test]
    fn a_source_gets_the_largest_limit_of_the_networks_it_is_in_while_they_last() {
        let until = NOW + Duration::HOUR;
        let list = [
            raised("203.0.113.0/24", 20, 500, None),
            raised("203.0.0.0/16", 80, 70, Some(until)),
            raised("2001:db8::/48", 30, 90, None),
        ];
        let of = |text: &str, at| {
            RaisedNetwork::limits_of(&list, address(text), at)
                .map(|limits| (limits.anonymous, limits.sign_in_pages))
        };
        assert_eq!(of("203.0.113.9", NOW), Some((80, 500)));
        assert_eq!(of("::ffff:203.0.113.9", NOW), Some((80, 500)));
        assert_eq!(of("203.0.7.9", NOW), Some((80, 70)));
        assert_eq!(of("203.0.7.9", until - Duration::MICROSECOND), Some((80, 70)));
        assert_eq!(of("203.0.7.9", until), None);
        assert_eq!(of("203.0.113.9", until), Some((20, 500)));
        assert_eq!(of("2001:db8::9", NOW), Some((30, 90)));
        assert_eq!(of("198.51.100.9", NOW), None);
    }

    #[test]
    fn no_row_raises_a_network_above_the_ceiling() {
        for list in [
            vec![raised("203.0.113.0/24", u32::MAX, u32::MAX, None)],
            vec![raised("203.0.113.0/24", u32::MAX, 1, None), raised("203.0.113.9/32", 1, u32::MAX, None)],
        ] {
            let limits = RaisedNetwork::limits_of(&list, address("203.0.113.9"), NOW);
            assert_eq!(limits, Some(SourceLimits::CEILING));
        }
    }
}
