//! The finite space that a policy speaks about: roles, relations, resource types and actions.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A word that is not in a vocabulary. The policy or row that holds it grants nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a known {0}")]
pub struct UnknownWord(pub(crate) &'static str);

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$item_doc:meta])* $item:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$item_doc])* #[serde(rename = $word)] $item,)*
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$item,)*];

            /// The stable spelling used in policies, in the database and in events.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$item => $word,)*
                }
            }

            pub(crate) const fn index(self) -> usize {
                self as usize
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            /// Accepts the exact spelling only.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$item),)*
                    _ => Err(UnknownWord($what)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

vocabulary! {
    /// What a principal is in a clinic. "Owner" is an [`Role::Admin`] with the ownership flag, not a role.
    Role, "role" {
        /// The person a record is about.
        Patient = "patient",
        /// Someone who acts for a patient.
        Proxy = "proxy",
        /// Treats the patients of a panel.
        Clinician = "clinician",
        /// Handles charges and insurance.
        Billing = "billing",
        /// Answers patients' questions about the portal.
        Support = "support",
        /// Runs the clinic's portal and never sees clinical data.
        Admin = "admin",
        /// The clinic's record system.
        RecordsIntegration = "records_integration",
        /// A background job with a grant that names its purpose.
        Worker = "worker",
    }
}

vocabulary! {
    /// How the caller stands to the thing asked for. Everything closer than [`Relation::Unrelated`] is also
    /// [`Relation::SameTenant`], so a rule for `same_tenant` holds for it too.
    Relation, "relation" {
        /// The caller is the patient of that record.
        OwnRecord = "own_record",
        /// The patient is on the caller's panel, or the thing is that panel.
        Panel = "panel",
        /// The thing belongs to the caller's own account.
        OwnAccount = "own_account",
        /// The thing belongs to the caller's clinic as an organization: its staff, clients, settings.
        SameTenant = "same_tenant",
        /// Nothing ties the caller to it, or it does not exist.
        Unrelated = "unrelated",
    }
}

impl Relation {
    /// Whether a rule written for `other` holds for a caller in this relation.
    pub const fn implies(self, other: Self) -> bool {
        self.index() == other.index()
            || matches!((self, other), (Self::OwnRecord | Self::Panel | Self::OwnAccount, Self::SameTenant))
    }
}

vocabulary! {
    /// The type of thing asked for.
    ResourceType, "resource type" {
        /// A patient's demographics and chart header.
        Record = "record",
        /// A laboratory result.
        LabResult = "lab_result",
        /// Any FHIR resource held for the clinic, as such.
        ClinicalResource = "clinical_resource",
        /// A clinician's list of patients.
        Panel = "panel",
        /// One staff member's place on one patient's panel.
        PanelMember = "panel_member",
        /// A patient's invitation to the portal.
        Invitation = "invitation",
        /// A member of the clinic's staff.
        StaffMember = "staff_member",
        /// An invitation to join the clinic's staff.
        StaffInvitation = "staff_invitation",
        /// A record system's registration.
        MachineClient = "machine_client",
        /// A FHIR transaction sent in by a record system.
        Bundle = "bundle",
        /// An incoming resource that waits for a person's decision.
        QuarantineEntry = "quarantine_entry",
        /// A signed-in session.
        Session = "session",
        /// A user's account.
        Account = "account",
        /// An outgoing email or text message.
        Message = "message",
        /// A row of the audit log.
        Event = "event",
    }
}

vocabulary! {
    /// What is done to a thing.
    ActionType, "action" {
        /// See one.
        Read = "read",
        /// See many.
        List = "list",
        /// Make one.
        Create = "create",
        /// Change one.
        Update = "update",
        /// Remove or revoke one.
        Delete = "delete",
        /// Settle a question that waits for a person.
        Decide = "decide",
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleSet(u16);

impl RoleSet {
    /// No role at all: everything is denied.
    pub const NONE: Self = Self(0);

    /// The set with one more role.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | 1 << role.index())
    }

    /// Whether the role is in the set.
    pub const fn holds(self, role: Role) -> bool {
        self.0 & (1 << role.index()) != 0
    }

    /// The roles that are in both sets.
    #[must_use]
    pub const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether no role is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The roles in the order of [`Role::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.iter().copied().filter(move |role| self.holds(*role))
    }
}

impl FromIterator<Role> for RoleSet {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::NONE, Self::with)
    }
}

/// A resource type as a type, for [`crate::Permit`]. Sealed: the markers of [`resource`] are all there are.
pub trait Resource: sealed::Sealed + 'static {
    /// The value that the policy speaks about.
    const TYPE: ResourceType;
}

/// An action as a type, for [`crate::Permit`]. Sealed: the markers of [`action`] are all there are.
pub trait Action: sealed::Sealed + 'static {
    /// The value that the policy speaks about.
    const TYPE: ActionType;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! markers {
    ($(#[$doc:meta])* $module:ident, $marker_trait:ident, $kind:ident { $($item:ident)* }) => {
        $(#[$doc])*
        pub mod $module {
            use super::{$kind, $marker_trait, sealed::Sealed};
            $(
                #[doc = concat!("[`", stringify!($kind), "::", stringify!($item), "`] as a type.")]
                #[derive(Debug)]
                pub enum $item {}
                impl Sealed for $item {}
                impl $marker_trait for $item {
                    const TYPE: $kind = $kind::$item;
                }
            )*
        }
    };
}

markers! {
    /// Actions as types.
    action, Action, ActionType { Read List Create Update Delete Decide }
}

markers! {
    /// Resource types as types.
    resource, Resource, ResourceType {
        Record LabResult ClinicalResource Panel PanelMember Invitation StaffMember StaffInvitation
        MachineClient Bundle QuarantineEntry Session Account Message Event
    }
}
