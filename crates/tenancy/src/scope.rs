//! What an operator's token may be used for.

use std::collections::BTreeSet;

use cloister_kernel::FieldError;

/// One permission of a token. There is deliberately none that approves anything, issues tokens or reaches into a
/// tenant: those need a person, not a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read and list tenants.
    TenantsRead,
    /// Create tenants.
    TenantsWrite,
    /// Open a tenant to its clinic.
    TenantsActivate,
    /// Record business associate agreements.
    BaaWrite,
    /// Have a clinic's owner invited.
    OwnersInvite,
    /// Raise and lower what may come from a tenant's networks.
    NetworksWrite,
    /// Map a tenant's own hosts, choose the primary ones and remove hosts.
    HostsWrite,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 7] = [
        Self::TenantsRead,
        Self::TenantsWrite,
        Self::TenantsActivate,
        Self::BaaWrite,
        Self::OwnersInvite,
        Self::NetworksWrite,
        Self::HostsWrite,
    ];

    /// The spelling used in requests and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantsRead => "tenants:read",
            Self::TenantsWrite => "tenants:write",
            Self::TenantsActivate => "tenants:activate",
            Self::BaaWrite => "baa:write",
            Self::OwnersInvite => "owners:invite",
            Self::NetworksWrite => "networks:write",
            Self::HostsWrite => "hosts:write",
        }
    }

    /// Reads one scope in its exact spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A non-empty set of scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Reads a list of scopes.
    ///
    /// # Errors
    /// `scope.required` for an empty list, `scope.unknown` for each entry that is no scope.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, Vec<FieldError>> {
        let mut scopes = BTreeSet::new();
        let mut errors = Vec::new();
        for (index, text) in texts.into_iter().enumerate() {
            match Scope::parse(text) {
                Some(scope) => {
                    scopes.insert(scope);
                }
                None => errors.push(FieldError::new(
                    format!("scopes/{index}"),
                    "scope.unknown",
                    format!("choose from {}", Scope::ALL.map(Scope::as_str).join(", ")),
                )),
            }
        }
        if errors.is_empty() && scopes.is_empty() {
            errors.push(FieldError::new("scopes", "scope.required", "name at least one scope"));
        }
        if errors.is_empty() { Ok(Self(scopes)) } else { Err(errors) }
    }

    /// Whether the scope is among them.
    pub fn holds(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// The scopes in their spelling, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|scope| scope.as_str()).collect()
    }
}

impl std::fmt::Display for Scopes {
    /// Space-separated, as in OAuth 2.0 (RFC 6749, section 3.3).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.names().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_reads_back_and_nothing_else_is_one() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
        for text in
            ["", "*", "tenants", "tenants:*", "TENANTS:READ", "tenants:read ", "approvals:write", "approve"]
        {
            assert_eq!(Scope::parse(text), None, "{text}");
        }
    }

    #[test]
    fn no_scope_approves_or_issues_tokens() {
        for scope in Scope::ALL {
            assert!(!scope.as_str().contains("approv") && !scope.as_str().starts_with("tokens"));
        }
    }

    #[test]
    fn a_list_names_each_wrong_entry_by_its_place() {
        let errors = Scopes::parse(["tenants:read", "root", "all"]).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["scopes/1", "scopes/2"]);
        assert_eq!(Scopes::parse([]).unwrap_err()[0].code, "scope.required");
        let scopes = Scopes::parse(["baa:write", "tenants:read", "baa:write"]).unwrap();
        assert_eq!(scopes.to_string(), "tenants:read baa:write");
        assert!(scopes.holds(Scope::BaaWrite) && !scopes.holds(Scope::TenantsWrite));
    }
}
