//! Who was given what: invitations of patients and staff, roles, panel assignments, and the jobs that send them out.
//!
//! Promises: nobody invites themselves or gives a role that their own does not reach; an invitation is proved by a link
//! sent to one address and a code that only the clinic hands over; every grant is a decision with an event.

mod error;
mod invitation;
mod links;
mod message_delivery;
mod owner_invitation;
mod panel_assignment;
mod secrets;
mod staff;

use cloister_store::Store;

pub use cloister_store::{InvitationStatus, StaffRow};
pub use error::GrantsError;
pub use invitation::{IssuedInvitation, ShownInvitation};
pub use links::Links;
pub use message_delivery::{Delivery, MessageDelivery};
pub use owner_invitation::{OwnerActivated, OwnerInvitationSender};
pub use staff::StaffInvitationRequest;

/// The use cases of this crate over one store.
#[derive(Clone)]
pub struct Grants {
    store: Store,
    links: Links,
}

impl Grants {
    /// Over a store, with links built for the scheme and port that clients see.
    pub fn new(store: Store, links: Links) -> Self {
        Self { store, links }
    }
}
