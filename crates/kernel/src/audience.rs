//! Hosts and audiences: which clinic and which of its two sites a request is for.

use std::fmt;

/// Which of a clinic's two sites a host serves. They are separate origins with separate cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// `SLUG.DOMAIN`: patients and their proxies.
    Portal,
    /// `SLUG-staff.DOMAIN`: clinic staff.
    Console,
}

impl Audience {
    /// The stable spelling used in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Console => "console",
        }
    }

    /// Reads the stable spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Portal, Self::Console].into_iter().find(|audience| audience.as_str() == text)
    }
}

/// The most hosts of one clinic, the two under the platform's domain among them.
pub const MOST_HOSTS: usize = 10;

/// A host name in its one canonical spelling: lower-case ASCII, no port, no trailing dot, no address literal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalHost(String);

/// Why a host was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Empty, over 253 characters, or a label over 63.
    #[error("the host is empty or too long")]
    Length,
    /// A character other than letters, digits, hyphen and dot, or a misplaced hyphen.
    #[error("the host holds a character that no host name has")]
    Character,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number")]
    Port,
    /// An IPv4 or IPv6 literal.
    #[error("the host is an address, not a name")]
    Address,
}

impl HostError {
    /// A stable code that a client can translate.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Length => "host.length",
            Self::Character => "host.character",
            Self::Port => "host.port",
            Self::Address => "host.address",
        }
    }
}

impl CanonicalHost {
    /// Canonicalises the value of `Host` or `:authority` (RFC 9110, section 7.2). A port is checked and dropped.
    pub fn parse(authority: &str) -> Result<Self, HostError> {
        if authority.starts_with('[') {
            return Err(HostError::Address);
        }
        let name = match authority.split_once(':') {
            None => authority,
            Some((name, port)) => {
                let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                match port.parse::<u16>() {
                    Ok(number) if digits && number > 0 => name,
                    _ => return Err(HostError::Port),
                }
            }
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.is_empty() || name.len() > 253 {
            return Err(HostError::Length);
        }
        for label in name.split('.') {
            if label.is_empty() || label.len() > 63 {
                return Err(HostError::Length);
            }
            let known = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if !known || label.starts_with('-') || label.ends_with('-') {
                return Err(HostError::Character);
            }
        }
        let last = name.rsplit('.').next().unwrap_or(name);
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(HostError::Address);
        }
        Ok(Self(name.to_ascii_lowercase()))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CanonicalHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_has_one_spelling() {
        for spelling in ["Lakeside.Example.org", "lakeside.example.org:443", "LAKESIDE.example.org."] {
            assert_eq!(CanonicalHost::parse(spelling).unwrap().as_str(), "lakeside.example.org");
        }
    }

    #[test]
    fn what_is_not_a_host_name_is_refused() {
        for (text, error) in [
            ("", HostError::Length),
            ("a..b", HostError::Length),
            ("a_b.example", HostError::Character),
            ("-a.example", HostError::Character),
            ("lakeside.example.org@evil.example", HostError::Character),
            ("lakeside.example.org/x", HostError::Character),
            ("lakeside.exämple", HostError::Character),
            ("lakeside.example:", HostError::Port),
            ("lakeside.example:+80", HostError::Port),
            ("lakeside.example:0", HostError::Port),
            ("lakeside.example:99999", HostError::Port),
            ("127.0.0.1", HostError::Address),
            ("[::1]:80", HostError::Address),
        ] {
            assert_eq!(CanonicalHost::parse(text), Err(error), "{text}");
        }
    }
}
