//! Bundles that contradict who a patient is, and wait for a clinician.

use cloister_clinical::{self as clinical, QuarantineItem};
use cloister_edge::StrictJson;
use cloister_kernel::QuarantineId;
use poem_openapi::{Enum, Object, OpenApi, param::Path, payload::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    answers::{Answer, Change, Done},
    context::User,
};

/// One point in which bundle and record differ.
#[derive(Debug, Object)]
pub(crate) struct QuarantineDifference {
    /// `name`, `birth_date`, `sex` or `deceased`.
    field: String,
    /// What the record says.
    current: Option<String>,
    /// What the bundle says.
    incoming: Option<String>,
}

/// A held bundle.
#[derive(Debug, Object)]
pub(crate) struct QuarantineEntry {
    /// The entry.
    id: Uuid,
    /// Whose record it is about.
    patient_id: Uuid,
    /// The patient's name in the record.
    name: Option<String>,
    /// The record system that sent it.
    source: Option<String>,
    /// When it came.
    received_at: OffsetDateTime,
    /// Why it is held: `conflicting_demographics` or `patient_in_dispute`.
    reason: String,
    /// In what bundle and record differ.
    differences: Vec<QuarantineDifference>,
}

impl From<QuarantineItem> for QuarantineEntry {
    fn from(item: QuarantineItem) -> Self {
        let difference = |difference: clinical::QuarantineDifference| QuarantineDifference {
            field: difference.field.to_owned(),
            current: difference.current,
            incoming: difference.incoming,
        };
        Self {
            id: item.id.uuid(),
            patient_id: item.patient_id.uuid(),
            name: Some(item.name).filter(|name| !name.is_empty()),
            source: Some(item.source).filter(|source| !source.is_empty()),
            received_at: item.received_at,
            reason: item.reason.as_str().to_owned(),
            differences: item.differences.into_iter().map(difference).collect(),
        }
    }
}

/// What waits for a decision.
#[derive(Debug, Object)]
pub(crate) struct QuarantineList {
    /// The held bundles.
    items: Vec<QuarantineEntry>,
}

/// What can be decided.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum QuarantineVerdict {
    /// The record stays as it is; nothing of the bundle is taken in.
    KeepCurrent,
    /// The bundle is right about this patient; all of it is taken in.
    AcceptIncoming,
}

/// A decision.
#[derive(Debug, Object)]
pub(crate) struct QuarantineDecision {
    /// What is decided.
    decision: QuarantineVerdict,
}

pub(crate) struct QuarantineApi;

#[OpenApi]
impl QuarantineApi {
    /// What waits for a decision about patients of the caller's panel
    #[oai(path = "/api/v1/quarantine", method = "get", operation_id = "list_quarantine")]
    async fn list(&self, user: User) -> Answer<QuarantineList> {
        let items = user.platform.clinical().quarantine(&user.caller).await?.into_exposed();
        Ok(Json(QuarantineList { items: items.into_iter().map(QuarantineEntry::from).collect() }))
    }

    /// Decides about a held bundle
    #[oai(path = "/api/v1/quarantine/:id/decision", method = "post", operation_id = "decide_quarantine")]
    async fn decide(&self, user: User, id: Path<Uuid>, decision: StrictJson<QuarantineDecision>) -> Change {
        let decision = match decision.0.decision {
            QuarantineVerdict::KeepCurrent => clinical::QuarantineDecision::KeepCurrent,
            QuarantineVerdict::AcceptIncoming => clinical::QuarantineDecision::AcceptIncoming,
        };
        let id = QuarantineId::from_uuid(id.0);
        user.platform.clinical().decide_quarantine(&user.caller, id, decision).await?;
        Ok(Done::Done)
    }
}
