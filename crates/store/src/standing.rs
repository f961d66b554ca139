//! How clinic and caller stand right now, read by the call that begins every unit of work.

use cloister_access::{
    ActionType, Caller, PolicyHash, Principal, ResourceType, RevocationEpoch, Role, RoleSet,
};
use cloister_kernel::{PatientId, TenantId};
use uuid::Uuid;

use crate::{
    StoreError,
    core::Core,
    named_statement::{Call, NamedStatement},
    platform::{NEWEST_AGREEMENT, agreement_holds},
    statement::Row,
};

/// What the rows say of clinic and caller.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) stage: Stage,
    pub(crate) policy: PolicyHash,
    pub(crate) roles: RoleSet,
    /// The record that the caller's account belongs to.
    pub(crate) patient: Option<PatientId>,
    /// Works for the clinic, so that its organization is in relation to the caller.
    pub(crate) is_of_clinic: bool,
}

impl Standing {
    /// Whether this clinic, at its stage, lets anything of this kind be decided: in a draft its owner sees that the
    /// account is hers, and nothing else.
    pub(crate) fn admits(&self, principal: Principal, action: ActionType, resource: ResourceType) -> bool {
        self.stage == Stage::Active
            || !matches!(principal, Principal::User(_))
            || (action, resource) == (ActionType::Read, ResourceType::Account)
    }
}

/// The clinic alone.
pub(crate) static CLINIC: NamedStatement = NamedStatement {
    name: "cloister_clinic",
    types: "uuid",
    text: "SELECT status, kill_switch, policy_hash FROM tenants WHERE id = $1",
};

pub(crate) static WITH_USER: NamedStatement = NamedStatement {
    name: "cloister_clinic_and_user",
    types: "uuid, uuid",
    text: "SELECT t.status, t.kill_switch, t.policy_hash, u.status AS principal_status, u.kind, \
     u.revocation_epoch, u.patient_id, u.is_owner, r.role \
     FROM tenants t LEFT JOIN users u ON u.tenant_id = t.id AND u.id = $2 \
     LEFT JOIN role_assignments r ON r.tenant_id = t.id AND r.user_id = u.id AND r.status = 'active' \
     WHERE t.id = $1",
};

pub(crate) static WITH_MACHINE: NamedStatement = NamedStatement {
    name: "cloister_clinic_and_machine",
    types: "uuid, uuid",
    text: "SELECT t.status, t.kill_switch, t.policy_hash, m.status AS principal_status, \
     m.revocation_epoch FROM tenants t \
     LEFT JOIN machine_clients m ON m.tenant_id = t.id AND m.id = $2 WHERE t.id = $1",
};

/// What tells how a clinic stands.
pub(crate) fn asked_of_clinic(tenant: TenantId) -> Call {
    CLINIC.call(vec![tenant.uuid().into()])
}

/// What tells how a clinic and a caller stand.
pub(crate) fn asked_of_caller(caller: &Caller) -> Call {
    let tenant = caller.tenant().uuid().into();
    match caller.principal() {
        Principal::User(user) => WITH_USER.call(vec![tenant, user.uuid().into()]),
        Principal::Machine(client) => WITH_MACHINE.call(vec![tenant, client.uuid().into()]),
        Principal::Job(_) => CLINIC.call(vec![tenant]),
    }
}

/// How far a clinic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Its operator has not opened it.
    Draft,
    /// Open.
    Active,
}

/// What the clinic's state says.
fn check_clinic(row: &Row) -> Result<(Stage, PolicyHash), StoreError> {
    if row.get::<bool>("kill_switch")? {
        return Err(StoreError::KillSwitch);
    }
    let stage = match row.get::<String>("status")?.as_str() {
        "active" => Stage::Active,
        "draft" => Stage::Draft,
        _ => return Err(StoreError::TenantSuspended),
    };
    let hash =
        const_hex::decode(row.get::<String>("policy_hash")?).ok().and_then(|bytes| bytes.try_into().ok());
    Ok((stage, hash.map(PolicyHash).ok_or(StoreError::Policy)?))
}

fn check_open(row: &Row) -> Result<PolicyHash, StoreError> {
    match check_clinic(row)? {
        (Stage::Active, policy) => Ok(policy),
        (Stage::Draft, _) => Err(StoreError::TenantNotOpen),
    }
}

/// Whether a visitor may stand at this clinic's door.
pub(crate) fn of_visitor(rows: &[Row]) -> Result<(), StoreError> {
    check_open(clinic(rows)?).map(drop)
}

fn clinic(rows: &[Row]) -> Result<&Row, StoreError> {
    rows.first().ok_or(StoreError::TenantNotReady)
}

/// Whether a visitor may activate an account here. A draft needs an agreement that holds today.
pub(crate) async fn of_activation(core: &Core, rows: &[Row]) -> Result<Stage, StoreError> {
    let (stage, _) = check_clinic(clinic(rows)?)?;
    if stage == Stage::Draft
        && !agreement_holds(core.row(NEWEST_AGREEMENT, vec![]).await?, core.now().date())?
    {
        return Err(StoreError::TenantNotOpen);
    }
    Ok(stage)
}

/// How a caller stands.
///
/// A draft clinic admits jobs, one of which invites its owner, and that owner to what [`Standing::admits`].
pub(crate) fn of_caller(rows: &[Row], caller: &Caller) -> Result<Standing, StoreError> {
    match caller.principal() {
        Principal::User(_) => of_user(rows, caller),
        Principal::Machine(_) => {
            let row = clinic(rows)?;
            let policy = check_open(row)?;
            check_principal(row, caller)?;
            Ok(Standing {
                stage: Stage::Active,
                policy,
                roles: RoleSet::NONE.with(Role::RecordsIntegration),
                patient: None,
                is_of_clinic: true,
            })
        }
        Principal::Job(_) => {
            let (stage, policy) = check_clinic(clinic(rows)?)?;
            let roles = RoleSet::NONE.with(Role::Worker);
            Ok(Standing { stage, policy, roles, patient: None, is_of_clinic: true })
        }
    }
}

fn of_user(rows: &[Row], caller: &Caller) -> Result<Standing, StoreError> {
    let row = clinic(rows)?;
    let (stage, policy) = check_clinic(row)?;
    if stage == Stage::Draft && row.get::<Option<bool>>("is_owner")? != Some(true) {
        return Err(StoreError::TenantNotOpen);
    }
    check_principal(row, caller)?;
    let mut roles = RoleSet::NONE;
    for row in rows {
        if let Some(role) = row.get::<Option<String>>("role")? {
            roles = roles.with(role.parse().map_err(|_| StoreError::Corrupt("role_assignments.role"))?);
        }
    }
    let is_patient = row.get::<String>("kind")? == "patient";
    let patient: Option<Uuid> = row.get("patient_id")?;
    if is_patient && patient.is_some() {
        roles = roles.with(Role::Patient);
    }
    let patient = patient.map(PatientId::from_uuid);
    Ok(Standing { stage, policy, roles, patient, is_of_clinic: !is_patient })
}

/// An absent row is a removed account.
fn check_principal(row: &Row, caller: &Caller) -> Result<(), StoreError> {
    if row.get::<Option<String>>("principal_status")?.as_deref() != Some("active") {
        return Err(StoreError::AccountDisabled);
    }
    let epoch: Option<i64> = row.get("revocation_epoch")?;
    match (caller.epoch(), epoch) {
        (Some(RevocationEpoch(of_credential)), Some(now)) if of_credential == now => Ok(()),
        _ => Err(StoreError::SessionRevoked),
    }
}
