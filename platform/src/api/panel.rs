//! The panel of the clinician who asks.

use cloister_clinical::PanelPatient;
use cloister_store::PanelSource as Source;
use poem_openapi::{Enum, Object, OpenApi, param::Query, payload::Json};
use uuid::Uuid;

use super::{answers::Answer, context::User, results::page};

/// Why a patient is on a panel.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum PanelSource {
    /// A care team names the clinician.
    CareTeam,
    /// An encounter names the clinician.
    Encounter,
    /// By hand.
    Assigned,
}

/// A patient on the panel.
#[derive(Debug, Object)]
pub(crate) struct PanelMember {
    /// The patient.
    patient_id: Uuid,
    /// The name to show; empty where the source gave none.
    name: String,
    /// As precise as it is known.
    birth_date: Option<String>,
    /// FHIR's administrative gender.
    sex: Option<String>,
    /// Whether the patient has died.
    deceased: bool,
    /// Why on this panel.
    sources: Vec<PanelSource>,
}

impl From<PanelPatient> for PanelMember {
    fn from(patient: PanelPatient) -> Self {
        let source = |source: Source| match source {
            Source::CareTeam => PanelSource::CareTeam,
            Source::Encounter => PanelSource::Encounter,
            Source::Assigned => PanelSource::Assigned,
        };
        Self {
            patient_id: patient.patient_id.uuid(),
            name: patient.name,
            birth_date: patient.birth_date,
            sex: patient.sex,
            deceased: patient.deceased,
            sources: patient.sources.into_iter().map(source).collect(),
        }
    }
}

/// A part of the panel, by name.
#[derive(Debug, Object)]
pub(crate) struct PanelPage {
    /// The patients.
    items: Vec<PanelMember>,
    /// The cursor of the next part, if there is one.
    next_cursor: Option<String>,
}

pub(crate) struct PanelApi;

#[OpenApi]
impl PanelApi {
    /// The panel of the clinician who asks, by name
    #[oai(path = "/api/v1/panel", method = "get", operation_id = "get_panel")]
    async fn get(
        &self,
        user: User,
        /// How many, 1 to 200; 50 when not said.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u16>>,
        /// The next_cursor of the part before; good for the same person and list only.
        #[oai(validator(max_length = 2048))]
        cursor: Query<Option<String>>,
    ) -> Answer<PanelPage> {
        let panel = user.platform.clinical().panel(&user.caller, &page(limit, cursor)).await?.into_exposed();
        let items = panel.items.into_iter().map(PanelMember::from).collect();
        Ok(Json(PanelPage { items, next_cursor: panel.next_cursor }))
    }
}
