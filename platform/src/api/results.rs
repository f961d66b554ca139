//! Results as JSON; the routes that answer them are a patient's own and those of a chart.

use cloister_clinical::{self as clinical, Page, PageRequest, RangeView};
use poem_openapi::{Enum, Object, param::Query};
use uuid::Uuid;

/// What a value is against its reference range.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum Interpretation {
    /// Within the limits.
    InRange,
    /// Above the upper limit.
    Above,
    /// Below the lower limit.
    Below,
    /// Not as expected, in no single direction.
    Outside,
    /// The source gave no range.
    NoRange,
    /// There is a range, and nothing certain can be said.
    NotComparable,
}

impl From<cloister_fhir::Interpretation> for Interpretation {
    fn from(interpretation: cloister_fhir::Interpretation) -> Self {
        use cloister_fhir::Interpretation as Given;
        match interpretation {
            Given::InRange => Self::InRange,
            Given::Above => Self::Above,
            Given::Below => Self::Below,
            Given::Outside => Self::Outside,
            Given::NoRange => Self::NoRange,
            Given::NotComparable => Self::NotComparable,
        }
    }
}

/// A result in a list.
#[derive(Debug, Object)]
pub(crate) struct ResultSummary {
    /// The result.
    id: Uuid,
    /// What was measured, in the source's words.
    name: String,
    /// Its code, LOINC before others.
    code: Option<String>,
    /// `laboratory`, `vital-signs` and so on.
    category: Option<String>,
    /// The value to show, without its unit.
    value_text: String,
    /// The unit.
    unit: Option<String>,
    /// What the value is against its range.
    interpretation: Interpretation,
    /// The range to show.
    range_text: Option<String>,
    /// When it was measured, as precise as the source said it.
    effective_at: Option<String>,
    /// FHIR's observation status.
    status: String,
}

impl From<clinical::ResultSummary> for ResultSummary {
    fn from(result: clinical::ResultSummary) -> Self {
        Self {
            id: result.id.uuid(),
            name: result.name,
            code: result.code,
            category: result.category,
            value_text: result.value_text,
            unit: result.unit,
            interpretation: result.interpretation.into(),
            range_text: result.range_text,
            effective_at: result.effective_at,
            status: result.status,
        }
    }
}

/// A part of a list of results, newest first.
#[derive(Debug, Object)]
pub(crate) struct ResultPage {
    /// The results.
    items: Vec<ResultSummary>,
    /// The cursor of the next part, if there is one.
    next_cursor: Option<String>,
}

impl From<Page<clinical::ResultSummary>> for ResultPage {
    fn from(page: Page<clinical::ResultSummary>) -> Self {
        let items = page.items.into_iter().map(ResultSummary::from).collect();
        Self { items, next_cursor: page.next_cursor }
    }
}

/// A reference range.
#[derive(Debug, Object)]
pub(crate) struct ResultRange {
    /// The lower limit, if it is a number.
    low: Option<f64>,
    /// The upper limit, if it is a number.
    high: Option<f64>,
    /// The range to show.
    text: String,
}

impl From<RangeView> for ResultRange {
    fn from(range: RangeView) -> Self {
        Self { low: range.low, high: range.high, text: range.text }
    }
}

/// A value of the same thing at another time.
#[derive(Debug, Object)]
pub(crate) struct HistoryEntry {
    /// The result.
    id: Uuid,
    /// When it was measured.
    effective_at: Option<String>,
    /// The value to show.
    value_text: String,
    /// The value to draw.
    value_number: Option<f64>,
    /// Its unit.
    unit: Option<String>,
    /// FHIR's observation status.
    status: String,
    /// What the value is against its range.
    interpretation: Interpretation,
}

impl From<clinical::HistoryEntry> for HistoryEntry {
    fn from(entry: clinical::HistoryEntry) -> Self {
        Self {
            id: entry.id.uuid(),
            effective_at: entry.effective_at,
            value_text: entry.value_text,
            value_number: entry.value_number,
            unit: entry.unit,
            status: entry.status,
            interpretation: entry.interpretation.into(),
        }
    }
}

/// A part of a panel of results, such as the systolic pressure.
#[derive(Debug, Object)]
pub(crate) struct ResultComponent {
    /// What was measured, in the source's words.
    name: String,
    /// The value to show.
    value_text: String,
    /// Its unit.
    unit: Option<String>,
    /// What the value is against its range.
    interpretation: Interpretation,
}

/// One result with everything about it.
#[derive(Debug, Object)]
pub(crate) struct Result {
    /// What the list shows too.
    #[oai(flatten)]
    summary: ResultSummary,
    /// The range.
    range: Option<ResultRange>,
    /// The value as a number, where it is one.
    value_number: Option<f64>,
    /// The parts of a panel in their order.
    components: Vec<ResultComponent>,
    /// Values of the same thing, this one among them, newest first.
    history: Vec<HistoryEntry>,
    /// What the laboratory remarked.
    note: Option<String>,
}

impl From<clinical::ResultDetail> for Result {
    fn from(result: clinical::ResultDetail) -> Self {
        let component = |reading: cloister_fhir::Reading| ResultComponent {
            name: reading.name,
            value_text: reading.value_text,
            unit: reading.unit,
            interpretation: reading.interpretation.into(),
        };
        Self {
            summary: result.summary.into(),
            range: result.range.map(ResultRange::from),
            value_number: result.value_number,
            components: result.components.into_iter().map(component).collect(),
            history: result.history.into_iter().map(HistoryEntry::from).collect(),
            note: result.note,
        }
    }
}

/// What a list's query parameters ask for.
pub(super) fn page(limit: Query<Option<u16>>, cursor: Query<Option<String>>) -> PageRequest {
    PageRequest { limit: limit.0, cursor: cursor.0 }
}
