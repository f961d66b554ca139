//! A clinic's opened keys at work: sealing, opening and indexing. It needs no transaction.

use cloister_audit::{EventContext, EventDraft};
use cloister_kernel::{Environment, TenantId};
use cloister_vault::{KeyOwner, KeyRing, Place, Purpose, SealedValue};
use sea_orm::Value;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    StoreError,
    events::{self, SealedEvents},
    statement::microseconds,
};

/// The opened keys of one clinic.
#[derive(Clone)]
pub(crate) struct TenantKeys {
    pub(crate) data: KeyRing,
    pub(crate) log: KeyRing,
}

/// Seals and opens for one clinic. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sealer {
    tenant: TenantId,
    keys: TenantKeys,
    environment: Environment,
}

impl Sealer {
    pub(crate) fn new(tenant: TenantId, keys: TenantKeys, environment: Environment) -> Self {
        Self { tenant, keys, environment }
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The keys of the clinic's data.
    pub(crate) fn data(&self) -> &KeyRing {
        &self.keys.data
    }

    /// The present moment as stored.
    pub(crate) fn now_microseconds(&self) -> i64 {
        microseconds(self.environment.now())
    }

    /// Where a sealed column stands.
    pub(crate) fn place(&self, table: &'static str, column: &'static str, row: Uuid) -> Place {
        Place::new(KeyOwner::Tenant(self.tenant), table, column, row)
    }

    /// Seals a value for a column; the bytes to store.
    pub(crate) fn seal(
        &self,
        purpose: Purpose,
        table: &'static str,
        column: &'static str,
        row: Uuid,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        self.seal_in(purpose, &self.place(table, column, row), plaintext)
    }

    /// Seals a value for a place that is bound to more than table, column and row; the bytes to store.
    pub(crate) fn seal_in(
        &self,
        purpose: Purpose,
        place: &Place,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        Ok(self.keys.data.seal(&self.environment, purpose, place, plaintext)?.into_bytes())
    }

    /// Seals bytes that go out to a client and come back, bound to a place and further bytes; [`Sealer::open_in`] opens them.
    pub(crate) fn seal_at(&self, place: &Place, plaintext: &[u8]) -> Result<SealedValue, StoreError> {
        Ok(self.keys.data.seal(&self.environment, Purpose::Pii, place, plaintext)?)
    }

    /// Opens a value of a column.
    pub(crate) fn open(
        &self,
        table: &'static str,
        column: &'static str,
        row: Uuid,
        sealed: &SealedValue,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.open_in(&self.place(table, column, row), sealed)
    }

    /// As [`Sealer::open`], of a value that was sealed by [`Sealer::seal_in`].
    pub(crate) fn open_in(
        &self,
        place: &Place,
        sealed: &SealedValue,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        Ok(self.keys.data.open(place, sealed)?)
    }

    /// The blind index of a normalized value, as stored. `column` is `table.column`.
    pub(crate) fn blind_index(&self, column: &'static str, normalized: &str) -> Result<Vec<u8>, StoreError> {
        Ok(self.keys.data.blind_index(column, normalized)?.as_bytes().to_vec())
    }

    /// Makes one event of a draft and seals it for the clinic's log; the values of its row, as [`events::EVENT`] takes them.
    pub(crate) fn seal_event(
        &self,
        context: EventContext,
        draft: EventDraft,
    ) -> Result<Vec<Value>, StoreError> {
        let event = draft.into_event(self.environment.id(), context);
        events::row(&self.environment, Some(&self.keys.log), &event)
    }

    /// Makes events of drafts and seals them for the clinic's log.
    pub(crate) fn seal_events(
        &self,
        context: &EventContext,
        drafts: Vec<EventDraft>,
    ) -> Result<SealedEvents, StoreError> {
        let events: Vec<_> = drafts
            .into_iter()
            .map(|draft| draft.into_event(self.environment.id(), context.clone()))
            .collect();
        events::seal(&self.environment, Some(&self.keys.log), &events)
    }
}
