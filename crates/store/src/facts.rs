//! What a permit is asked for, and how the caller stands to it according to the rows of the open transaction.

use cloister_access::{Caller, Facts, Principal, Relation, ResourceType, RoleSet};
use cloister_kernel::{
    InvitationId, MachineClientId, MessageId, PatientId, QuarantineId, ResourceId, SessionId, UserId,
};
use sea_orm::Value;
use uuid::Uuid;

use crate::{
    StoreError, ahead::ReadAhead, core::Core, foresight::Foreseen, named_statement::NamedStatement,
    standing::Standing, statement::Row,
};

/// What a permit is asked for. Ids come from the client; whose they are is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The record that the caller's own account belongs to.
    OwnRecord,
    /// A patient: the record, its results and resources, the invitations and panel places about it.
    Patient(PatientId),
    /// A stored resource, and with it the patient it belongs to.
    Resource(ResourceId),
    /// The caller's own panel as a whole, and what waits for a decision on it.
    OwnPanel,
    /// One staff member's place on one patient's panel.
    PanelMember(UserId, PatientId),
    /// A patient's invitation, and with it the patient.
    Invitation(InvitationId),
    /// A staff member's invitation.
    StaffInvitation(InvitationId),
    /// A staff member.
    StaffMember(UserId),
    /// A record system's registration.
    MachineClient(MachineClientId),
    /// A quarantined resource, and with it the patient.
    Quarantine(QuarantineId),
    /// A message in the outbox.
    Message(MessageId),
    /// The caller's own account.
    OwnAccount,
    /// One of the caller's own sessions, found among them.
    OwnSession(SessionId),
    /// The clinic as an organization: its lists, and things that do not exist yet.
    Clinic,
}

impl Target {
    /// Whether a thing of this type can be meant.
    fn fits(self, resource: ResourceType) -> bool {
        use ResourceType as R;
        match self {
            Self::OwnRecord => matches!(resource, R::Record | R::LabResult | R::ClinicalResource),
            Self::Patient(_) => matches!(
                resource,
                R::Record | R::LabResult | R::ClinicalResource | R::Invitation | R::PanelMember
            ),
            Self::Resource(_) => matches!(resource, R::LabResult | R::ClinicalResource),
            Self::OwnPanel => matches!(resource, R::Panel | R::QuarantineEntry),
            Self::PanelMember(..) => matches!(resource, R::PanelMember),
            Self::Invitation(_) => matches!(resource, R::Invitation),
            Self::StaffInvitation(_) => matches!(resource, R::StaffInvitation),
            Self::StaffMember(_) => matches!(resource, R::StaffMember),
            Self::MachineClient(_) => matches!(resource, R::MachineClient),
            Self::Quarantine(_) => matches!(resource, R::QuarantineEntry),
            Self::Message(_) => matches!(resource, R::Message),
            Self::OwnAccount => matches!(resource, R::Account | R::Session),
            Self::OwnSession(_) => matches!(resource, R::Session),
            Self::Clinic => matches!(
                resource,
                R::StaffMember
                    | R::StaffInvitation
                    | R::MachineClient
                    | R::Invitation
                    | R::Bundle
                    | R::ClinicalResource
                    | R::Message
                    | R::Event
                    | R::QuarantineEntry
                    | R::Panel
            ),
        }
    }
}

pub(crate) static PATIENT: NamedStatement = NamedStatement {
    name: "cloister_patient",
    types: "uuid, uuid, uuid",
    text: "SELECT p.id AS patient_id, EXISTS (SELECT 1 FROM panel_members m WHERE m.tenant_id = $1 \
     AND m.patient_id = p.id AND m.user_id = $3) AS on_panel FROM patients p WHERE p.tenant_id = $1 AND p.id = $2",
};
const PANEL_MEMBER: &str = "SELECT p.id AS patient_id, EXISTS (SELECT 1 FROM panel_members m WHERE m.tenant_id = $1 \
     AND m.patient_id = p.id AND m.user_id = $3) AS on_panel FROM patients p JOIN users u ON u.tenant_id = $1 \
     AND u.id = $4 AND u.kind = 'staff' WHERE p.tenant_id = $1 AND p.id = $2";

fn located_in(table: &str, condition: &str) -> String {
    format!(
        "SELECT x.patient_id, EXISTS (SELECT 1 FROM panel_members m WHERE m.tenant_id = $1 \
         AND m.patient_id = x.patient_id AND m.user_id = $3) AS on_panel \
         FROM {table} x WHERE x.tenant_id = $1 AND x.id = $2{condition}"
    )
}

fn exists_in(table: &str, condition: &str) -> String {
    format!("SELECT id FROM {table} WHERE tenant_id = $1 AND id = $2{condition}")
}

/// What was found.
struct Found {
    relation: Relation,
    patient: Option<PatientId>,
    row: Option<Uuid>,
}

/// Reads the facts about caller and target.
pub(crate) async fn observe(
    core: &Core,
    caller: &Caller,
    standing: &Standing,
    resource: ResourceType,
    target: Target,
    ahead: Option<&ReadAhead>,
) -> Result<Facts, StoreError> {
    if !target.fits(resource) {
        return Err(StoreError::TargetMismatch);
    }
    let found = find(
        &Reader { core, caller, standing, resource, ahead: ahead.and_then(|ahead| ahead.facts(target)) },
        target,
    )
    .await?;
    Ok(observed(caller, standing.roles, found))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that states facts, from rows of the open transaction"
)]
fn observed(caller: &Caller, roles: RoleSet, found: Found) -> Facts {
    Facts::observed(caller, roles, found.relation, found.patient, found.row)
}

/// The facts of a patient about the own record, as foreseen: for a decision that counts only where the statement that writes
/// its event finds the rows so.
#[expect(
    clippy::disallowed_methods,
    reason = "the statement that writes the event compares these facts with the rows"
)]
pub(crate) fn foreseen(caller: &Caller, foreseen: Foreseen, row: Option<Uuid>) -> Facts {
    Facts::observed(caller, Foreseen::ROLES, Relation::OwnRecord, Some(foreseen.patient), row)
}

struct Reader<'r> {
    core: &'r Core,
    caller: &'r Caller,
    standing: &'r Standing,
    resource: ResourceType,
    /// What was read of the target when the unit began: its row, or that there is none.
    ahead: Option<Option<&'r Row>>,
}

async fn find(reader: &Reader<'_>, target: Target) -> Result<Found, StoreError> {
    let of_clinic = reader.of_clinic();
    match target {
        Target::OwnRecord => Ok(match reader.standing.patient {
            Some(patient) if !reader.standing.is_of_clinic => {
                Found { relation: Relation::OwnRecord, patient: Some(patient), row: None }
            }
            _ => Found { relation: Relation::Unrelated, patient: None, row: None },
        }),
        Target::Patient(patient) => {
            let mut found = reader.of_patient(PATIENT.text, patient.uuid(), vec![]).await?;
            found.patient = Some(patient);
            found.row = None;
            Ok(found)
        }
        Target::PanelMember(user, patient) => {
            let found = reader.of_patient(PANEL_MEMBER, patient.uuid(), vec![user.uuid().into()]).await?;
            Ok(Found { patient: Some(patient), row: Some(user.uuid()), ..found })
        }
        Target::Resource(id) => reader.of_patient(&located_in("resources", ""), id.uuid(), vec![]).await,
        Target::Invitation(id) => {
            let sql = located_in("invitations", " AND x.kind = 'patient'");
            reader.of_patient(&sql, id.uuid(), vec![]).await
        }
        Target::Quarantine(id) => reader.of_patient(&located_in("quarantine", ""), id.uuid(), vec![]).await,
        Target::StaffInvitation(id) => {
            reader.of_organization(&exists_in("invitations", " AND kind = 'staff'"), id.uuid()).await
        }
        Target::StaffMember(id) => {
            reader.of_organization(&exists_in("users", " AND kind = 'staff'"), id.uuid()).await
        }
        Target::MachineClient(id) => {
            reader.of_organization(&exists_in("machine_clients", ""), id.uuid()).await
        }
        Target::Message(id) => reader.of_organization(&exists_in("messages", ""), id.uuid()).await,
        Target::OwnPanel => {
            let relation = match (reader.caller.principal(), reader.standing.is_of_clinic) {
                (Principal::User(_), true) => Relation::Panel,
                _ => Relation::Unrelated,
            };
            Ok(Found { relation, patient: None, row: None })
        }
        Target::OwnAccount => {
            let user = reader.caller.user();
            Ok(Found { relation: own_account(user), patient: None, row: user.map(UserId::uuid) })
        }
        Target::OwnSession(session) => Ok(Found {
            relation: own_account(reader.caller.user()),
            patient: None,
            row: Some(session.uuid()),
        }),
        Target::Clinic => Ok(Found { relation: of_clinic, patient: None, row: None }),
    }
}

const fn own_account(user: Option<UserId>) -> Relation {
    match user {
        Some(_) => Relation::OwnAccount,
        None => Relation::Unrelated,
    }
}

impl Reader<'_> {
    /// The relation of the clinic's own staff, record systems and jobs to what is the clinic's.
    fn of_clinic(&self) -> Relation {
        if self.standing.is_of_clinic { Relation::SameTenant } else { Relation::Unrelated }
    }

    /// A row that belongs to a patient. `$2` is the row, `$3` the caller's user.
    async fn of_patient(&self, sql: &str, row: Uuid, more: Vec<Value>) -> Result<Found, StoreError> {
        if let Some(found) = self.ahead {
            return self.found(found, row);
        }
        let user = self.caller.user().map(UserId::uuid);
        let mut values: Vec<Value> = vec![row.into(), user.into()];
        values.extend(more);
        self.found(self.core.row(sql, values).await?.as_ref(), row)
    }

    fn found(&self, found: Option<&Row>, row: Uuid) -> Result<Found, StoreError> {
        let Some(found) = found else {
            return Ok(Found { relation: Relation::Unrelated, patient: None, row: Some(row) });
        };
        let patient = found.get::<Option<Uuid>>("patient_id")?.map(PatientId::from_uuid);
        let on_panel: bool = found.get("on_panel")?;
        Ok(Found { relation: self.relation_to(patient, on_panel), patient, row: Some(row) })
    }

    fn relation_to(&self, patient: Option<PatientId>, on_panel: bool) -> Relation {
        if !self.standing.is_of_clinic {
            return match (self.standing.patient, patient) {
                (Some(own), Some(of_row)) if own == of_row => Relation::OwnRecord,
                _ => Relation::Unrelated,
            };
        }
        if on_panel {
            return Relation::Panel;
        }
        let is_clinical = matches!(
            self.resource,
            ResourceType::Record
                | ResourceType::LabResult
                | ResourceType::ClinicalResource
                | ResourceType::QuarantineEntry
        );
        match self.caller.principal() {
            // A patient who is not on a person's panel is nobody's business, however close the clinic is.
            Principal::User(_) if is_clinical => Relation::Unrelated,
            _ => Relation::SameTenant,
        }
    }

    /// A row that belongs to the clinic as an organization.
    async fn of_organization(&self, sql: &str, row: Uuid) -> Result<Found, StoreError> {
        let relation = match self.core.row(sql, vec![row.into()]).await? {
            Some(_) => self.of_clinic(),
            None => Relation::Unrelated,
        };
        Ok(Found { relation, patient: None, row: Some(row) })
    }
}
