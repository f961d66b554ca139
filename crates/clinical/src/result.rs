//! Results as a reader sees them.

use cloister_access::{
    Caller, Relation,
    action::{List, Read},
    resource::LabResult,
};
use cloister_audit::ActionCode;
use cloister_fhir::{Interpretation, Reading, ReferenceRange};
use cloister_kernel::{PatientId, Phi, ResourceId};
use cloister_store::{Ahead, ResultRow, StoreError, Target};

use crate::{
    Clinical, ClinicalError, Page, PageRequest,
    clinical::{Sought, found},
};

/// A result in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultSummary {
    /// Its id.
    pub id: ResourceId,
    /// What was measured, in the source's words.
    pub name: String,
    /// Its code, LOINC before others.
    pub code: Option<String>,
    /// `laboratory`, `vital-signs` and so on.
    pub category: Option<String>,
    /// The value to show, without its unit.
    pub value_text: String,
    /// The unit to show.
    pub unit: Option<String>,
    /// What the value is against its range.
    pub interpretation: Interpretation,
    /// The range, as `3.5–5.0`, `≥ 3.5`, `≤ 5` or in the source's words.
    pub range_text: Option<String>,
    /// When it was measured, as precise as the source said it.
    pub effective_at: Option<String>,
    /// FHIR's observation status.
    pub status: String,
}

/// A range's limits.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeView {
    /// The lower limit, if it is a number.
    pub low: Option<f64>,
    /// The upper limit, if it is a number.
    pub high: Option<f64>,
    /// As [`ResultSummary::range_text`].
    pub text: String,
}

/// An earlier or the present value of the same thing.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    /// The result.
    pub id: ResourceId,
    /// When it was measured.
    pub effective_at: Option<String>,
    /// The value to show.
    pub value_text: String,
    /// The value to draw.
    pub value_number: Option<f64>,
    /// Its unit.
    pub unit: Option<String>,
    /// FHIR's observation status.
    pub status: String,
    /// What the value is against its range.
    pub interpretation: Interpretation,
}

/// One result with everything about it.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultDetail {
    /// What the list shows too.
    pub summary: ResultSummary,
    /// The range.
    pub range: Option<RangeView>,
    /// The value as a number, where it is one.
    pub value_number: Option<f64>,
    /// The parts of a panel in their order.
    pub components: Vec<Reading>,
    /// Values of the same thing, this one among them, newest first, at most two hundred.
    pub history: Vec<HistoryEntry>,
    /// What the laboratory remarked.
    pub note: Option<String>,
}

/// The chart that a result was asked for in: it answers only for what stands there, whatever else the caller may read.
#[derive(Clone, Copy)]
enum Chart {
    /// The record of the patient who asks.
    Own,
    /// The chart of a patient.
    Of(PatientId),
}

impl Clinical {
    /// The results of the patient who asks, newest first.
    ///
    /// # Errors
    /// `Invalid` limit, `Store` with `Cursor` or a denial.
    #[deny(clippy::large_futures, reason = "the most frequent request carries what is awaited here")]
    pub async fn own_results(
        &self,
        caller: &Caller,
        page: &PageRequest,
    ) -> Result<Phi<Page<ResultSummary>>, ClinicalError> {
        let limit = page.limit()?;
        if page.cursor.is_none()
            && let Some(list) = self.store.own_results(caller, limit).await?
        {
            let items = list.items.iter().map(summary).collect();
            return Ok(Phi::new(Page { items, next_cursor: list.next_cursor }));
        }
        Box::pin(self.results(caller, Target::OwnRecord, page)).await
    }

    /// One result of the patient who asks.
    ///
    /// # Errors
    /// `Store` with `NotFound` or a concealed denial, which answer alike.
    #[deny(clippy::large_futures, reason = "the most frequent request carries what is awaited here")]
    pub async fn own_result(
        &self,
        caller: &Caller,
        id: ResourceId,
    ) -> Result<Phi<ResultDetail>, ClinicalError> {
        if let Some(found) = self.store.own_result(caller, id).await? {
            return Ok(Phi::new(detail(found.result()?, &found.history)));
        }
        Box::pin(self.result(caller, id, Chart::Own)).await
    }

    /// The results of a patient on the caller's panel, newest first.
    ///
    /// # Errors
    /// As [`Clinical::own_results`].
    pub async fn patient_results(
        &self,
        caller: &Caller,
        patient: PatientId,
        page: &PageRequest,
    ) -> Result<Phi<Page<ResultSummary>>, ClinicalError> {
        self.results(caller, Target::Patient(patient), page).await
    }

    /// One result of a patient on the caller's panel.
    ///
    /// # Errors
    /// As [`Clinical::own_result`].
    pub async fn patient_result(
        &self,
        caller: &Caller,
        patient: PatientId,
        id: ResourceId,
    ) -> Result<Phi<ResultDetail>, ClinicalError> {
        self.result(caller, id, Chart::Of(patient)).await
    }

    async fn results(
        &self,
        caller: &Caller,
        target: Target,
        page: &PageRequest,
    ) -> Result<Phi<Page<ResultSummary>>, ClinicalError> {
        let limit = page.limit()?;
        let unit = match target {
            Target::Patient(patient) => self.store.begin_with(caller, Ahead::Patient(patient)).await?,
            _ => self.store.begin(caller).await?,
        };
        let (mut unit, permit) = unit.require::<List, LabResult>(target).await?;
        let patient = permit.patient();
        let outcome = unit.results(permit, limit, page.cursor.as_deref()).await;
        let sought = Sought { action: ActionCode::ResultListed, resource: "lab_result", row: None, patient };
        let (unit, list) = found(unit, outcome, sought).await?;
        let rows = unit.commit(list.items).await?;
        let items = rows.iter().map(summary).collect();
        Ok(Phi::new(Page { items, next_cursor: list.next_cursor }))
    }

    async fn result(
        &self,
        caller: &Caller,
        id: ResourceId,
        chart: Chart,
    ) -> Result<Phi<ResultDetail>, ClinicalError> {
        let unit = self.store.begin_with(caller, Ahead::Result(id)).await?;
        let (mut unit, permit) = unit.require::<Read, LabResult>(Target::Resource(id)).await?;
        let patient = permit.patient();
        let is_of_chart = match chart {
            Chart::Own => permit.relation() == Relation::OwnRecord,
            Chart::Of(named) => patient == Some(named),
        };
        let outcome = if is_of_chart { unit.result(permit).await } else { Err(StoreError::NotFound) };
        let row = Some(id.uuid());
        let sought = Sought { action: ActionCode::ResultRead, resource: "lab_result", row, patient };
        let (unit, found) = found(unit, outcome, sought).await?;
        let (row, history) = unit.commit(found).await?;
        Ok(Phi::new(detail(&row, &history)))
    }
}

fn summary(row: &ResultRow) -> ResultSummary {
    let view = row.view.expose();
    let reading = &view.reading;
    ResultSummary {
        id: row.id,
        name: reading.name.clone(),
        code: reading.code.clone(),
        category: view.category.clone(),
        value_text: reading.value_text.clone(),
        unit: reading.unit.clone(),
        interpretation: reading.interpretation,
        range_text: reading.range.as_ref().and_then(range_text),
        effective_at: view.effective_at.clone(),
        status: view.status.clone(),
    }
}

fn detail(row: &ResultRow, history: &[ResultRow]) -> ResultDetail {
    let view = row.view.expose();
    let range = view
        .reading
        .range
        .as_ref()
        .and_then(|range| Some(RangeView { low: range.low, high: range.high, text: range_text(range)? }));
    ResultDetail {
        summary: summary(row),
        range,
        value_number: view.reading.value_number,
        components: view.components.clone(),
        history: history.iter().map(entry).collect(),
        note: view.note.clone(),
    }
}

fn entry(row: &ResultRow) -> HistoryEntry {
    let view = row.view.expose();
    HistoryEntry {
        id: row.id,
        effective_at: view.effective_at.clone(),
        value_text: view.reading.value_text.clone(),
        value_number: view.reading.value_number,
        unit: view.reading.unit.clone(),
        status: view.status.clone(),
        interpretation: view.reading.interpretation,
    }
}

/// Limits in signs that read alike in every language; the source's own words where it gave no limits.
fn range_text(range: &ReferenceRange) -> Option<String> {
    match (&range.low_text, &range.high_text) {
        (Some(low), Some(high)) if low == high => Some(low.clone()),
        (Some(low), Some(high)) => Some(format!("{low}–{high}")),
        (Some(low), None) => Some(format!("≥ {low}")),
        (None, Some(high)) => Some(format!("≤ {high}")),
        (None, None) => range.text.clone(),
    }
}
