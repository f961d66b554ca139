//! The entrance to the use cases.

use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{FieldError, PatientId};
use cloister_store::{Store, StoreError, UnitOfWork};
use uuid::Uuid;

use crate::ClinicalError;

/// The most items of a part of a list.
pub const LARGEST_PAGE: u16 = 200;

/// The use cases of the record. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clinical {
    pub(crate) store: Store,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// The most items, 1 to [`LARGEST_PAGE`]; 50 where nothing is said.
    pub limit: Option<u16>,
    /// Where to go on.
    pub cursor: Option<String>,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next part, if there is one.
    pub next_cursor: Option<String>,
}

impl PageRequest {
    pub(crate) fn limit(&self) -> Result<u16, ClinicalError> {
        let limit = self.limit.unwrap_or(50);
        if (1..=LARGEST_PAGE).contains(&limit) {
            return Ok(limit);
        }
        let reason = format!("must be a number from 1 to {LARGEST_PAGE}");
        Err(ClinicalError::Invalid(vec![FieldError::new("limit", "page.limit", reason)]))
    }
}

impl Clinical {
    /// The use cases over a store.
    pub const fn new(store: Store) -> Self {
        Self { store }
    }
}

/// What a failed reading was of, for its event.
pub(crate) struct Sought {
    pub(crate) action: ActionCode,
    pub(crate) resource: &'static str,
    pub(crate) row: Option<Uuid>,
    pub(crate) patient: Option<PatientId>,
}

/// Goes on with what a statement found. What was permitted and is not there leaves an event of its own.
pub(crate) async fn found<'c, T>(
    unit: UnitOfWork<'c>,
    outcome: Result<T, StoreError>,
    sought: Sought,
) -> Result<(UnitOfWork<'c>, T), ClinicalError> {
    match outcome {
        Ok(value) => Ok((unit, value)),
        Err(StoreError::NotFound) => {
            let event = EventDraft::failed(sought.action, "not_found");
            unit.fail(event.on(sought.resource, sought.row).of_patient(sought.patient)).await?;
            Err(StoreError::NotFound.into())
        }
        Err(error) => Err(error.into()),
    }
}
