//! Identifiers: one type for each thing that has one, so that a patient's id never stands where a user's belongs.

use std::{fmt, hash::Hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Names what an [`Id`] identifies.
pub trait IdKind: 'static {
    /// The word used in messages, for example `patient`.
    const NAME: &'static str;
}

/// A UUID (version 7, RFC 9562) that says in its type what it identifies.
pub struct Id<K: IdKind>(Uuid, PhantomData<fn() -> K>);

impl<K: IdKind> Id<K> {
    /// Takes an identifier that is already known, for example from a database row.
    pub const fn from_uuid(value: Uuid) -> Self {
        Self(value, PhantomData)
    }

    /// The bare UUID.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<K: IdKind> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: IdKind> Copy for Id<K> {}

impl<K: IdKind> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: IdKind> Eq for Id<K> {}

impl<K: IdKind> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: IdKind> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<K: IdKind> Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: IdKind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", K::NAME, self.0)
    }
}

impl<K: IdKind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<K: IdKind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, K: IdKind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from_uuid)
    }
}

/// The text is not a hyphenated UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0} id")]
pub struct ParseIdError(&'static str);

impl<K: IdKind> FromStr for Id<K> {
    type Err = ParseIdError;

    /// Accepts the 36-character hyphenated form only, so that an id has one spelling.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 36 {
            return Err(ParseIdError(K::NAME));
        }
        Uuid::parse_str(text).map(Self::from_uuid).map_err(|_| ParseIdError(K::NAME))
    }
}

macro_rules! identified {
    ($($(#[$doc:meta])* $kind:ident = $name:literal => $alias:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $kind {}
        impl IdKind for $kind {
            const NAME: &'static str = $name;
        }
        $(#[$doc])*
        pub type $alias = Id<$kind>;
    )*};
}

identified! {
    /// A clinic.
    TenantKind = "tenant" => TenantId;
    /// An account of a clinic: a patient's, a proxy's or a staff member's.
    UserKind = "user" => UserId;
    /// The person a record is about.
    PatientKind = "patient" => PatientId;
    /// A signed-in session, as shown to its owner (not the cookie's value).
    SessionKind = "session" => SessionId;
    /// One row of an audit log.
    EventKind = "event" => EventId;
    /// One HTTP request, as correlated in logs and events.
    RequestKind = "request" => RequestId;
    /// A FHIR resource held by a clinic, the same through all its versions.
    ResourceKind = "resource" => ResourceId;
    /// An invitation to activate an account.
    InvitationKind = "invitation" => InvitationId;
    /// A clinic's record system that pushes bundles in.
    MachineClientKind = "machine client" => MachineClientId;
    /// A person who runs the platform.
    OperatorKind = "operator" => OperatorId;
    /// A unit of background work.
    JobKind = "job" => JobId;
    /// An outgoing email or text message.
    MessageKind = "message" => MessageId;
    /// An incoming resource that waits for a person's decision.
    QuarantineKind = "quarantine entry" => QuarantineId;
    /// A role given to a user.
    RoleAssignmentKind = "role assignment" => RoleAssignmentId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_exactly_one_spelling() {
        let text = "018f3c1e-7b1a-7cc0-9d3e-2f1a5b6c7d8e";
        assert_eq!(text.parse::<PatientId>().unwrap().to_string(), text);
        for other in ["018f3c1e7b1a7cc09d3e2f1a5b6c7d8e", "{018f3c1e-7b1a-7cc0-9d3e-2f1a5b6c7d8e}", ""] {
            assert!(other.parse::<PatientId>().is_err(), "{other}");
        }
    }
}
