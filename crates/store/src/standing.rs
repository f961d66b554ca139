//! How clinic and caller stand right now, read in one query at the beginning of every unit of work.

use cloister_access::{Caller, PolicyHash, Principal, RevocationEpoch, Role, RoleSet};
use cloister_kernel::PatientId;
use sea_orm::Value;
use uuid::Uuid;

use crate::{StoreError, core::Core};

/// What the rows say of clinic and caller.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) policy: PolicyHash,
    pub(crate) roles: RoleSet,
    /// The record that the caller's account belongs to.
    pub(crate) patient: Option<PatientId>,
    /// Works for the clinic, so that its organization is in relation to the caller.
    pub(crate) is_of_clinic: bool,
}

const CLINIC: &str = "SELECT status, kill_switch, policy_hash FROM tenants WHERE id = $1";

const WITH_USER: &str = "SELECT t.status, t.kill_switch, t.policy_hash, u.status AS principal_status, u.kind, \
     u.revocation_epoch, u.patient_id, r.role \
     FROM tenants t LEFT JOIN users u ON u.tenant_id = t.id AND u.id = $2 \
     LEFT JOIN role_assignments r ON r.tenant_id = t.id AND r.user_id = u.id AND r.status = 'active' \
     WHERE t.id = $1";

const WITH_MACHINE: &str = "SELECT t.status, t.kill_switch, t.policy_hash, m.status AS principal_status, \
     m.revocation_epoch FROM tenants t \
     LEFT JOIN machine_clients m ON m.tenant_id = t.id AND m.id = $2 WHERE t.id = $1";

/// What the clinic's state allows.
fn check_clinic(row: &crate::statement::Row, needs_active: bool) -> Result<PolicyHash, StoreError> {
    if row.get::<bool>("kill_switch")? {
        return Err(StoreError::KillSwitch);
    }
    match row.get::<String>("status")?.as_str() {
        "active" => {}
        "draft" if !needs_active => {}
        "draft" => return Err(StoreError::TenantNotReady),
        _ => return Err(StoreError::TenantSuspended),
    }
    let hash = hex::decode(row.get::<String>("policy_hash")?).ok().and_then(|bytes| bytes.try_into().ok());
    hash.map(PolicyHash).ok_or(StoreError::Policy)
}

/// Whether a visitor may stand at this clinic's door.
pub(crate) async fn of_visitor(core: &Core) -> Result<(), StoreError> {
    let row = core.row(CLINIC, vec![]).await?.ok_or(StoreError::TenantNotReady)?;
    check_clinic(&row, false).map(drop)
}

/// How a caller stands.
///
/// A draft clinic admits people (its owner sets it up) and jobs, but no record system.
pub(crate) async fn of_caller(core: &Core, caller: &Caller) -> Result<Standing, StoreError> {
    match caller.principal() {
        Principal::User(user) => of_user(core, caller, user.uuid()).await,
        Principal::Machine(client) => {
            let values: Vec<Value> = vec![client.uuid().into()];
            let row = core.row(WITH_MACHINE, values).await?.ok_or(StoreError::TenantNotReady)?;
            let policy = check_clinic(&row, true)?;
            check_principal(&row, caller)?;
            Ok(Standing {
                policy,
                roles: RoleSet::NONE.with(Role::RecordsIntegration),
                patient: None,
                is_of_clinic: true,
            })
        }
        Principal::Job(_) => {
            let row = core.row(CLINIC, vec![]).await?.ok_or(StoreError::TenantNotReady)?;
            let policy = check_clinic(&row, false)?;
            let roles = RoleSet::NONE.with(Role::Worker);
            Ok(Standing { policy, roles, patient: None, is_of_clinic: true })
        }
    }
}

async fn of_user(core: &Core, caller: &Caller, user: Uuid) -> Result<Standing, StoreError> {
    let rows = core.rows(WITH_USER, vec![user.into()]).await?;
    let row = rows.first().ok_or(StoreError::TenantNotReady)?;
    let policy = check_clinic(row, false)?;
    check_principal(row, caller)?;
    let mut roles = RoleSet::NONE;
    for row in &rows {
        if let Some(role) = row.get::<Option<String>>("role")? {
            roles = roles.with(role.parse().map_err(|_| StoreError::Corrupt("role_assignments.role"))?);
        }
    }
    let is_patient = row.get::<String>("kind")? == "patient";
    let patient: Option<Uuid> = row.get("patient_id")?;
    if is_patient && patient.is_some() {
        roles = roles.with(Role::Patient);
    }
    Ok(Standing { policy, roles, patient: patient.map(PatientId::from_uuid), is_of_clinic: !is_patient })
}

/// An absent row is a removed account.
fn check_principal(row: &crate::statement::Row, caller: &Caller) -> Result<(), StoreError> {
    if row.get::<Option<String>>("principal_status")?.as_deref() != Some("active") {
        return Err(StoreError::AccountDisabled);
    }
    let epoch: Option<i64> = row.get("revocation_epoch")?;
    match (caller.epoch(), epoch) {
        (Some(RevocationEpoch(of_credential)), Some(now)) if of_credential == now => Ok(()),
        _ => Err(StoreError::SessionRevoked),
    }
}
