//! The entrance to the use cases.

use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{Failure, FieldError, PatientId};
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

/// What was asked for, for the event of its failure.
#[derive(Clone, Copy)]
pub(crate) struct Sought {
    pub(crate) action: ActionCode,
    pub(crate) resource: &'static str,
    pub(crate) row: Option<Uuid>,
    pub(crate) patient: Option<PatientId>,
}

impl Sought {
    pub(crate) const fn new(action: ActionCode, resource: &'static str) -> Self {
        Self { action, resource, row: None, patient: None }
    }

    /// The event of a failure for this reason.
    pub(crate) fn failed(self, reason: &'static str) -> EventDraft {
        EventDraft::failed(self.action, reason).on(self.resource, self.row).of_patient(self.patient)
    }
}

/// Goes on with what a statement gave. What was permitted and still did not work, because there is no such thing, its
/// state forbids it or the cursor is wrong, leaves an event of its own.
pub(crate) async fn found<'c, T>(
    unit: UnitOfWork<'c>,
    outcome: Result<T, StoreError>,
    sought: Sought,
) -> Result<(UnitOfWork<'c>, T), ClinicalError> {
    let error = match outcome {
        Ok(value) => return Ok((unit, value)),
        Err(error) => error,
    };
    let reason = match &error {
        StoreError::NotFound => "not_found",
        StoreError::Conflict | StoreError::Cursor => error.code(),
        _ => return Err(error.into()),
    };
    unit.fail(sought.failed(reason)).await?;
    Err(error.into())
}
