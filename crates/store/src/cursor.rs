//! Cursors of lists: sealed, and good only for the caller and the query that got them.

use cloister_access::{Caller, Principal};
use cloister_vault::{KeyOwner, Place, SealedValue};
use uuid::Uuid;

use crate::{StoreError, UnitOfWork, sealer::Sealer};

/// More than any position needs.
const LONGEST: usize = 1024;

/// What a cursor belongs to: the list and everything that chose its rows and order (patient, filters, sort).
#[derive(Debug, Clone)]
pub struct CursorQuery(Vec<u8>);

impl CursorQuery {
    /// Names the list.
    pub fn new(list: &'static str) -> Self {
        Self(Vec::new()).with(list.as_bytes())
    }

    /// Adds something that chose its rows or order.
    #[must_use]
    pub fn with(mut self, part: &[u8]) -> Self {
        self.0.extend_from_slice(&(part.len() as u64).to_be_bytes());
        self.0.extend_from_slice(part);
        self
    }
}

fn place(caller: &Caller, query: &CursorQuery) -> Place {
    let (kind, id): (u8, Uuid) = match caller.principal() {
        Principal::User(user) => (1, user.uuid()),
        Principal::Machine(client) => (2, client.uuid()),
        Principal::Job(job) => (3, job.uuid()),
    };
    let mut bound = vec![kind];
    bound.extend_from_slice(&query.0);
    Place::new(KeyOwner::Tenant(caller.tenant()), "cursors", "position", id).with(bound)
}

/// A cursor that continues a caller's query after a position.
pub(crate) fn cursor_after(
    sealer: &Sealer,
    caller: &Caller,
    query: &CursorQuery,
    position: &[u8],
) -> Result<String, StoreError> {
    Ok(sealer.seal_at(&place(caller, query), position)?.to_text())
}

impl UnitOfWork<'_> {
    /// A cursor that continues the query after a position, for this caller.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn cursor(&self, query: &CursorQuery, position: &[u8]) -> Result<String, StoreError> {
        cursor_after(self.core.sealer(), self.caller(), query, position)
    }

    /// The position in a cursor that this caller got for this query.
    ///
    /// # Errors
    /// `Cursor`, the same for every reason.
    pub fn position(&self, query: &CursorQuery, cursor: &str) -> Result<Vec<u8>, StoreError> {
        let sealed = SealedValue::from_text(cursor, LONGEST).map_err(|_| StoreError::Cursor)?;
        let position = self
            .core
            .sealer()
            .open_in(&place(self.caller(), query), &sealed)
            .map_err(|_| StoreError::Cursor)?;
        Ok(position.to_vec())
    }
}
