//! A clinician's panel.

use cloister_access::{Caller, action::List, resource::Panel};
use cloister_audit::ActionCode;
use cloister_kernel::{PatientId, Phi};
use cloister_store::{PanelSource, Target};

use crate::{
    Clinical, ClinicalError, Page, PageRequest,
    clinical::{Sought, found},
};

/// A patient on a panel.
#[derive(Debug, Clone)]
pub struct PanelPatient {
    /// Who.
    pub patient_id: PatientId,
    /// The name to show.
    pub name: String,
    /// As precise as it is known.
    pub birth_date: Option<String>,
    /// FHIR's administrative gender.
    pub sex: Option<String>,
    /// Whether the patient has died.
    pub deceased: bool,
    /// Why on this panel.
    pub sources: Vec<PanelSource>,
}

impl Clinical {
    /// The caller's panel by name. Names are sealed in the database, so they are sorted here.
    ///
    /// # Errors
    /// `Invalid` limit, `Store` with `Cursor` or a denial.
    pub async fn panel(
        &self,
        caller: &Caller,
        page: &PageRequest,
    ) -> Result<Phi<Page<PanelPatient>>, ClinicalError> {
        let limit = page.limit()?;
        let unit = self.store.begin(caller).await?;
        let (mut unit, permit) = unit.require::<List, Panel>(Target::OwnPanel).await?;
        let outcome = unit.panel(permit, limit, page.cursor.as_deref()).await;
        let sought = Sought { action: ActionCode::PanelListed, resource: "panel", row: None, patient: None };
        let (unit, panel) = found(unit, outcome, sought).await?;
        let everyone = unit.commit(panel.everyone).await?;
        let mut everyone: Vec<(String, PanelPatient)> = everyone
            .into_iter()
            .map(|row| {
                let header = row.header.into_exposed();
                let patient = PanelPatient {
                    patient_id: row.patient,
                    name: header.name,
                    birth_date: header.birth_date,
                    sex: header.sex,
                    deceased: header.deceased,
                    sources: row.sources,
                };
                (patient.name.to_lowercase(), patient)
            })
            .collect();
        everyone.sort_by(|a, b| (&a.0, a.1.patient_id).cmp(&(&b.0, b.1.patient_id)));
        let items =
            everyone.into_iter().map(|(_, patient)| patient).skip(panel.skip).take(usize::from(limit));
        Ok(Phi::new(Page { items: items.collect(), next_cursor: panel.next_cursor }))
    }
}
