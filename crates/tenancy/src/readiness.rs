//! From draft to open: the agreement, the owner's invitation, activation.

use cloister_access::JobPurpose;
use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{FieldError, JobId, TenantId};
use cloister_store::{BaaRow, NewJob, OwnerState, TenantStatus};
use cloister_vault::{KeyOwner, KeyServiceError, KmsKeyId, Purpose, Refusal, WrappedKey};

use crate::{
    TenancyError,
    baa::BaaRequest,
    call::{Author, OperatorCall},
    onboarding::TENANT_PURPOSES,
    platform::Platform,
    scope::Scope,
    tenant::Tenant,
    text::{self, Email, MAX_NAME},
};

/// The kind of the job that has the worker invite a clinic's owner. Its input is an [`OwnerInvitation`] as JSON, sealed
/// under the platform's key.
pub const OWNER_INVITATION_JOB: &str = "invite_owner";

/// What the worker needs to know to invite an owner.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerInvitation {
    /// The owner's email, normalised.
    pub email: String,
    /// The owner's name.
    pub display_name: String,
}

impl std::fmt::Debug for OwnerInvitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnerInvitation([PII])")
    }
}

impl Platform {
    /// Records a tenant's business associate agreement; the newest record counts.
    ///
    /// # Errors
    /// `ScopeMissing`, `Invalid`, `TenantNotFound`.
    pub async fn record_baa(
        &self,
        call: &OperatorCall,
        id: TenantId,
        request: BaaRequest,
    ) -> Result<Tenant, TenancyError> {
        let action = ActionCode::TenantBaaRecorded;
        self.attempt(call, Scope::BaaWrite, action, Some(("tenant", id.uuid())), async {
            let baa = request.check(self.environment.now().date()).map_err(TenancyError::Invalid)?;
            let mut unit = self.begin(Author::Operator(call)).await?;
            self.load(&mut unit, id).await?;
            let row = BaaRow {
                id: self.environment.uuid(),
                tenant: id,
                counterparty: cloister_kernel::Pii::new(baa.counterparty),
                document_reference: baa.document_reference,
                signed_on: baa.signed_on,
                expires_on: baa.expires_on,
                recorded_by: call.operator,
                created_at: self.environment.now(),
            };
            unit.insert_baa(&row).await?;
            let tenant = self.load(&mut unit, id).await?;
            unit.note(EventDraft::success(action).on("tenant", Some(id.uuid())));
            unit.commit().await?;
            Ok(tenant)
        })
        .await
    }

    /// Orders the invitation of a tenant's owner. The worker makes it and mails it; nobody here sees link or code.
    ///
    /// # Errors
    /// `ScopeMissing`; `Invalid`, also for an operator's own email; `TenantNotFound`; `OwnerExists`.
    pub async fn invite_owner(
        &self,
        call: &OperatorCall,
        id: TenantId,
        email: &str,
        display_name: &str,
    ) -> Result<JobId, TenancyError> {
        let action = ActionCode::TenantOwnerInvited;
        self.attempt(call, Scope::OwnersInvite, action, Some(("tenant", id.uuid())), async {
            let (email, display_name) = check_owner(email, display_name)?;
            let mut unit = self.begin(Author::Operator(call)).await?;
            let tenant = self.load(&mut unit, id).await?;
            if tenant.row.owner == OwnerState::Active {
                return Err(TenancyError::OwnerExists);
            }
            if unit.operator_by_email(email.address()).await?.is_some() {
                return Err(TenancyError::Invalid(vec![FieldError::new(
                    "email",
                    "owner.is_operator",
                    "an operator of the platform cannot own a clinic",
                )]));
            }
            let input = OwnerInvitation { email: email.address().expose().clone(), display_name };
            let input = serde_json::to_vec(&input).map_err(|_| TenancyError::Corrupt("jobs.input_sealed"))?;
            let job = NewJob::new(OWNER_INVITATION_JOB, JobPurpose::InviteOwner.as_str(), id, unit.now());
            let job = unit.enqueue(job, Some(&input)).await?;
            if !unit.owner_invited(id).await? {
                return Err(TenancyError::OwnerExists);
            }
            unit.note(EventDraft::success(action).on("tenant", Some(id.uuid())));
            unit.commit().await?;
            Ok(job)
        })
        .await
    }

    /// Opens a tenant to its clinic, once its owner's account is active. One that is open already stays so.
    ///
    /// # Errors
    /// `ScopeMissing`; `TenantNotFound`; `NotReady` naming each missing thing; `WrongState` for a suspended tenant.
    pub async fn activate_tenant(&self, call: &OperatorCall, id: TenantId) -> Result<Tenant, TenancyError> {
        let action = ActionCode::TenantActivated;
        self.attempt(call, Scope::TenantsActivate, action, Some(("tenant", id.uuid())), async {
            let mut unit = self.begin(Author::Operator(call)).await?;
            let before = self.load(&mut unit, id).await?;
            let mut wrapped = unit.wrapped_keys(KeyOwner::Tenant(id)).await?;
            wrapped.extend(unit.wrapped_keys(KeyOwner::TenantLog(id)).await?);
            // The key service is asked outside of every transaction.
            drop(unit);
            if before.row.status == TenantStatus::Suspended {
                return Err(TenancyError::WrongState);
            }
            let keys = self.key_problem(&wrapped).await?;

            let mut unit = self.begin(Author::Operator(call)).await?;
            let tenant = self.load(&mut unit, id).await?;
            let missing = missing(&tenant, keys);
            if !missing.is_empty() {
                return Err(TenancyError::NotReady(missing));
            }
            let mut event = EventDraft::success(action).on("tenant", Some(id.uuid()));
            if tenant.row.status == TenantStatus::Active {
                event = event.because("tenant.active_already");
            } else if !unit.activate_tenant(id).await? {
                return Err(TenancyError::WrongState);
            }
            let tenant = self.load(&mut unit, id).await?;
            unit.note(event);
            unit.commit().await?;
            Ok(tenant)
        })
        .await
    }

    /// What is wrong with a tenant's keys, if anything: a purpose without one, or a key-service key that is not usable.
    async fn key_problem(&self, wrapped: &[WrappedKey]) -> Result<Option<FieldError>, TenancyError> {
        let has = |purpose: Purpose| wrapped.iter().any(|key| key.purpose == purpose);
        let lacking: Vec<&str> = TENANT_PURPOSES
            .iter()
            .chain([&Purpose::Log])
            .filter(|one| !has(**one))
            .map(|one| one.as_str())
            .collect();
        if !lacking.is_empty() {
            let reason = format!("no data key for: {}", lacking.join(", "));
            return Ok(Some(FieldError::new("keys", "keys.missing", reason)));
        }
        let mut kms_keys: Vec<&KmsKeyId> = wrapped.iter().map(|key| &key.kms_key).collect();
        kms_keys.sort_by_key(|key| key.as_str());
        kms_keys.dedup();
        for kms_key in kms_keys {
            let state = match self.issuer.describe(kms_key).await {
                Ok(state) if state.is_usable() => continue,
                Ok(state) => state.as_str(),
                Err(KeyServiceError::Refused(Refusal::NotFound)) => "gone",
                Err(error) => return Err(error.into()),
            };
            let reason = format!("a key of the key service cannot be used: {state}");
            return Ok(Some(FieldError::new("keys", "keys.not_usable", reason)));
        }
        Ok(None)
    }
}

fn check_owner(email: &str, display_name: &str) -> Result<(Email, String), TenancyError> {
    match (Email::parse("email", email), text::line("display_name", display_name, MAX_NAME)) {
        (Ok(email), Ok(name)) => Ok((email, name)),
        (email, name) => {
            Err(TenancyError::Invalid([email.err(), name.err()].into_iter().flatten().collect()))
        }
    }
}

/// What a tenant lacks to be opened.
fn missing(tenant: &Tenant, keys: Option<FieldError>) -> Vec<FieldError> {
    let mut missing = Vec::new();
    if !tenant.baa_current {
        let (code, reason) = match tenant.baa {
            Some(_) => ("baa.not_current", "the agreement on record does not hold today"),
            None => ("baa.missing", "no business associate agreement is on record"),
        };
        missing.push(FieldError::new("baa", code, reason));
    }
    missing.extend(keys);
    if tenant.row.policy_hash.is_empty() {
        missing.push(FieldError::new("policy", "policy.missing", "no access policy is set"));
    }
    match tenant.row.owner {
        OwnerState::None => {
            missing.push(FieldError::new("owner", "owner.missing", "no owner was invited"));
        }
        OwnerState::Invited => {
            let reason = "the invited owner has not activated the account";
            missing.push(FieldError::new("owner", "owner.not_active", reason));
        }
        OwnerState::Active => {}
    }
    missing
}
