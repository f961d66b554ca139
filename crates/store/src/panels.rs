//! Panels: which patients a member of staff cares for, from the record itself and by hand.
//!
//! What care teams and encounters say is kept in `care_links` under blind indexes of the practitioners' identifiers,
//! whether these have accounts or not. `panel_members` follows from it for those who have one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cloister_access::{Permit, action::List, resource::Panel};
use cloister_fhir::{
    EntryResult, Operation, Participant, RecordHeader, ResourceType, identifier_tokens, participants,
    practitioner_of_role,
};
use cloister_kernel::{PatientId, Phi};
use sea_orm::{DbBackend, Value};
use uuid::Uuid;

use crate::{
    CursorQuery, Pending, StoreError, UnitOfWork, core::Core, patients::header_of, resources::Applied,
};

/// The column whose blind index links accounts to the record's practitioners.
pub(crate) const PRACTITIONER: &str = "users.practitioner";

/// The most places on panels that are read for one list, which is sorted by name in memory.
const LARGEST_PANEL: i64 = 5_000;

/// How a patient came onto a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PanelSource {
    /// A care team names the practitioner.
    CareTeam,
    /// An encounter names the practitioner.
    Encounter,
    /// By hand.
    Assigned,
}

impl PanelSource {
    /// The stable spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CareTeam => "care_team",
            Self::Encounter => "encounter",
            Self::Assigned => "assigned",
        }
    }
}

impl std::str::FromStr for PanelSource {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::CareTeam, Self::Encounter, Self::Assigned].into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

/// A patient on a panel.
pub struct PanelRow {
    /// Who.
    pub patient: PatientId,
    /// Name, birth date, sex, whether deceased.
    pub header: Phi<RecordHeader>,
    /// Why on this panel.
    pub sources: Vec<PanelSource>,
}

/// A whole panel, unsorted, and which part of it was asked for once it is sorted by name.
pub struct PanelPage {
    /// Every patient.
    pub everyone: Vec<Pending<PanelRow>>,
    /// How many to pass over.
    pub skip: usize,
    /// The cursor of the next part, if there is one.
    pub next_cursor: Option<String>,
}

impl UnitOfWork<'_> {
    /// The caller's panel. Names are sealed, so sorting by them and taking `limit` of them after the first
    /// [`PanelPage::skip`] is left to who commits.
    ///
    /// # Errors
    /// `Cursor`.
    pub async fn panel(
        &mut self,
        permit: Permit<List, Panel>,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<PanelPage, StoreError> {
        self.check(&permit)?;
        let user = self.caller().user().ok_or(StoreError::ForeignPermit)?;
        let query = CursorQuery::new("panel");
        let skip = match cursor {
            None => 0,
            Some(cursor) => {
                let position: [u8; 4] =
                    self.position(&query, cursor)?.try_into().map_err(|_| StoreError::Cursor)?;
                u32::from_be_bytes(position)
            }
        };
        let sql = "SELECT m.patient_id, m.source, p.header_sealed FROM panel_members m \
                   JOIN patients p ON p.tenant_id = m.tenant_id AND p.id = m.patient_id \
                   WHERE m.tenant_id = $1 AND m.user_id = $2 AND p.status = 'active' \
                   ORDER BY m.patient_id LIMIT $3";
        let values: Vec<Value> = vec![user.uuid().into(), LARGEST_PANEL.into()];
        let rows = self.core.rows(sql, values).await?;
        let mut sources: BTreeMap<Uuid, (usize, Vec<PanelSource>)> = BTreeMap::new();
        for (position, row) in rows.iter().enumerate() {
            sources
                .entry(row.get("patient_id")?)
                .or_insert((position, Vec::new()))
                .1
                .push(row.word("source")?);
        }
        let next = skip.saturating_add(u32::from(limit));
        let next_cursor = (usize::try_from(next).is_ok_and(|next| next < sources.len()))
            .then(|| self.cursor(&query, &next.to_be_bytes()))
            .transpose()?;
        let everyone = sources
            .into_iter()
            .map(|(id, (position, mut sources))| {
                sources.sort_unstable();
                let sealed = rows[position].sealed("header_sealed")?;
                Ok(self.core.pending("patients", "header_sealed", id, sealed, move |bytes| {
                    Ok(PanelRow { patient: PatientId::from_uuid(id), header: header_of(bytes)?, sources })
                }))
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(PanelPage { everyone, skip: usize::try_from(skip).unwrap_or(usize::MAX), next_cursor })
    }
}

/// Which source a resource of this type is.
fn source_of(resource_type: ResourceType) -> Option<PanelSource> {
    match resource_type {
        ResourceType::CARE_TEAM => Some(PanelSource::CareTeam),
        ResourceType::ENCOUNTER => Some(PanelSource::Encounter),
        _ => None,
    }
}

fn is_role(participant: &Participant) -> bool {
    participant.resource_type.as_str() == "PractitionerRole"
}

fn is_practitioner(participant: &Participant) -> bool {
    participant.resource_type == ResourceType::PRACTITIONER
}

impl Core {
    /// Makes whoever brings accounts and care links together queue until the other has committed: else an account and
    /// a link that are made at the same moment would not see each other. SQLite has one writer.
    async fn queue_for_panels(&self) -> Result<(), StoreError> {
        if self.backend() == DbBackend::Postgres {
            let sql = "SELECT true AS queued FROM pg_advisory_xact_lock(hashtextextended('panels ' || $1::text, 0))";
            self.row(sql, vec![]).await?;
        }
        Ok(())
    }

    /// Puts the patients whose records name a practitioner on the panel of the account that is this practitioner.
    pub(crate) async fn link_practitioner_panel(
        &mut self,
        user: Uuid,
        practitioner_index: &[u8],
    ) -> Result<(), StoreError> {
        self.queue_for_panels().await?;
        let now = self.now_microseconds();
        let sql = "INSERT INTO panel_members (tenant_id, user_id, patient_id, source, created_at) \
                   SELECT DISTINCT l.tenant_id, $2, l.patient_id, l.source, $4 FROM care_links l \
                   WHERE l.tenant_id = $1 AND l.practitioner_index = $3 ON CONFLICT DO NOTHING";
        let values: Vec<Value> = vec![user.into(), practitioner_index.to_vec().into(), now.into()];
        self.execute(sql, values).await?;
        Ok(())
    }

    /// Brings care links and panels to what the written care teams and encounters say.
    pub(crate) async fn write_care_links(
        &mut self,
        written: &[(&Operation, Applied)],
    ) -> Result<(), StoreError> {
        let changed: Vec<(&Operation, PanelSource)> = written
            .iter()
            .filter(|(_, applied)| applied.version.is_some() && applied.result != EntryResult::Unchanged)
            .filter_map(|(operation, _)| Some((*operation, source_of(operation.resource_type)?)))
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        let named: Vec<(&Operation, PanelSource, Vec<Participant>)> = changed
            .iter()
            .map(|(operation, source)| {
                let named = operation.resource.as_ref().map(|r| participants(operation.resource_type, r));
                (*operation, *source, named.unwrap_or_default())
            })
            .collect();
        let identifiers = self.practitioner_indexes(&named, written).await?;
        let mut patients: BTreeSet<Uuid> = BTreeSet::new();
        patients.extend(changed.iter().filter_map(|(operation, _)| operation.patient));
        patients.extend(changed.iter().filter_map(|(operation, _)| operation.known.and_then(|k| k.patient)));
        let now = self.now_microseconds();
        let mut links = Vec::new();
        for (operation, source, named) in &named {
            let Some(patient) = operation.patient else { continue };
            let indexes: BTreeSet<&Vec<u8>> =
                named.iter().filter_map(|who| identifiers.get(who)).flatten().collect();
            links.extend(indexes.into_iter().map(|index| {
                let row: Vec<Value> = vec![
                    index.clone().into(),
                    patient.into(),
                    source.as_str().into(),
                    operation.id.into(),
                    now.into(),
                ];
                row
            }));
        }
        let resources = changed
            .iter()
            .filter(|(operation, _)| operation.known.is_some())
            .map(|(operation, _)| operation.id.into())
            .collect();
        let sql = "DELETE FROM care_links WHERE tenant_id = $1 AND resource_id IN ({set})";
        self.execute_among(sql, &[], resources).await?;
        let columns = ["practitioner_index", "patient_id", "source", "resource_id", "created_at"];
        self.insert_rows("care_links", &columns, links, "").await?;
        self.follow_care_links(patients).await
    }

    /// The blind indexes of the identifiers of everyone who is named: of resources in the bundle by the bundle, of
    /// others by what is kept.
    async fn practitioner_indexes(
        &self,
        named: &[(&Operation, PanelSource, Vec<Participant>)],
        written: &[(&Operation, Applied)],
    ) -> Result<BTreeMap<Participant, Vec<Vec<u8>>>, StoreError> {
        let everyone: BTreeSet<Participant> = named
            .iter()
            .flat_map(|(.., named)| named.iter().copied())
            .filter(|who| is_role(who) || is_practitioner(who))
            .collect();
        let mut bodies: HashMap<Uuid, serde_json::Value> = HashMap::new();
        let in_bundle: HashMap<Uuid, &serde_json::Value> = written
            .iter()
            .filter(|(operation, _)| {
                matches!(operation.resource_type.as_str(), "Practitioner" | "PractitionerRole")
            })
            .filter_map(|(operation, _)| Some((operation.id, operation.resource.as_ref()?)))
            .collect();
        let absent = |id: &Uuid| !in_bundle.contains_key(id);
        let outside = everyone.iter().map(|who| who.id).filter(absent).collect();
        bodies.extend(self.bodies(outside).await?);
        let body = |bodies: &HashMap<Uuid, serde_json::Value>, id: &Uuid| {
            in_bundle.get(id).map(|value| (*value).clone()).or_else(|| bodies.get(id).cloned())
        };
        let mut practitioners: Vec<(Participant, Uuid)> =
            everyone.iter().filter(|who| is_practitioner(who)).map(|who| (*who, who.id)).collect();
        for who in everyone.iter().filter(|who| is_role(who)) {
            let behind = body(&bodies, &who.id).as_ref().and_then(practitioner_of_role);
            practitioners.extend(behind.map(|behind| (*who, behind.id)));
        }
        let behind: BTreeSet<Uuid> = practitioners.iter().map(|(_, id)| *id).collect();
        let behind = behind.into_iter().filter(|id| absent(id) && !bodies.contains_key(id)).collect();
        bodies.extend(self.bodies(behind).await?);
        let mut indexes = BTreeMap::new();
        for (who, id) in practitioners {
            let tokens = body(&bodies, &id).map(|body| identifier_tokens(&body)).unwrap_or_default();
            let of_one =
                tokens.iter().map(|token| self.blind_index(PRACTITIONER, token)).collect::<Result<_, _>>()?;
            indexes.insert(who, of_one);
        }
        Ok(indexes)
    }

    /// Makes the panels' places for these patients follow from the care links. Places given by hand stay.
    async fn follow_care_links(&mut self, patients: BTreeSet<Uuid>) -> Result<(), StoreError> {
        self.queue_for_panels().await?;
        let set: Vec<Value> = patients.into_iter().map(Value::from).collect();
        let linked = "FROM care_links l JOIN users u ON u.tenant_id = l.tenant_id \
                      AND u.practitioner_index = l.practitioner_index AND u.kind = 'staff' \
                      WHERE l.tenant_id = $1";
        let sql = format!(
            "DELETE FROM panel_members WHERE tenant_id = $1 AND patient_id IN ({{set}}) AND source <> 'assigned' \
             AND NOT EXISTS (SELECT 1 {linked} AND u.id = panel_members.user_id \
             AND l.patient_id = panel_members.patient_id AND l.source = panel_members.source)"
        );
        self.execute_among(&sql, &[], set.clone()).await?;
        let sql = format!(
            "INSERT INTO panel_members (tenant_id, user_id, patient_id, source, created_at) \
             SELECT DISTINCT l.tenant_id, u.id, l.patient_id, l.source, CAST($2 AS bigint) {linked} \
             AND l.patient_id IN ({{set}}) ON CONFLICT DO NOTHING"
        );
        let now = self.now_microseconds();
        self.execute_among(&sql, &[now.into()], set).await
    }
}
