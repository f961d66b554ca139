//! What identity keeps in the ephemeral store about people, sealed under the clinic's keys: flows under way, and where
//! a session was opened from.

use cloister_kernel::UserId;
use cloister_vault::{KeyOwner, Place, Purpose, SealedValue};
use zeroize::Zeroizing;

use crate::{StoreError, UnitOfWork, VisitUnit};

impl VisitUnit<'_> {
    fn flow_place(&self, flow: &str) -> Place {
        let tenant = self.tenant();
        Place::new(KeyOwner::Tenant(tenant), "flows", "state", tenant.uuid()).with(flow.as_bytes().to_vec())
    }

    /// Seals the state of a flow, bound to the key that the flow is kept under.
    ///
    /// # Errors
    /// `Keys`.
    pub fn seal_flow(&self, flow: &str, state: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.core.seal_in(Purpose::Credentials, &self.flow_place(flow), state)
    }

    /// Opens what [`VisitUnit::seal_flow`] sealed for the same flow.
    ///
    /// # Errors
    /// `Keys`.
    pub fn open_flow(&self, flow: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.core.open_in(&self.flow_place(flow), &SealedValue::from_bytes(sealed.to_vec())?)
    }

    /// Seals where a user's session is opened from.
    ///
    /// # Errors
    /// `Keys`.
    pub fn seal_session_client(&self, user: UserId, client: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.core.seal(Purpose::Pii, "sessions", "client", user.uuid(), client)
    }
}

impl UnitOfWork<'_> {
    /// Opens what [`VisitUnit::seal_session_client`] sealed for the caller.
    ///
    /// # Errors
    /// `NotFound` when no person is calling; `Keys`.
    pub fn open_own_session_client(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let user = self.caller().user().ok_or(StoreError::NotFound)?;
        let sealed = SealedValue::from_bytes(sealed.to_vec())?;
        self.core.open("sessions", "client", user.uuid(), &sealed)
    }
}
