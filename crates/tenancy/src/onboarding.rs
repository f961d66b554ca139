//! Creating a tenant, as a series of steps that can be stopped anywhere.
//!
//! Each step is written down before it is done and after. Whoever finds an onboarding that nobody holds any more can
//! go on with it (the same request under the same idempotency key) or undo it ([`Platform::clean_up_onboardings`]).
//! Steps: reserve the slug; a key for the tenant; a key for its log; data keys for every purpose, hosts and the
//! finished row in one transaction.

use cloister_access::PolicyDocument;
use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{Audience, CanonicalHost, TenantId};
use cloister_store::{
    HostRow, IdempotencyRow, OnboardingStep, OwnerState, StepStatus, StoreError, TenantContact, TenantRow,
    TenantStatus,
};
use cloister_vault::{KeyOwner, KeyVersion, KmsKeyId, Purpose};
use time::Duration;
use uuid::Uuid;

use crate::{
    TenancyError,
    call::{Author, CallFacts, OperatorCall},
    idempotency::{IdempotencyKey, REMEMBERED},
    new_tenant::{NewTenant, NewTenantRequest},
    platform::Platform,
    platform_keys::schedule_deletion,
    scope::Scope,
    slug::Slug,
    tenant::{Tenant, write_branding},
};

/// After how long without a step an onboarding counts as left behind.
pub const LEASE: Duration = Duration::minutes(5);

/// What a tenant's own data keys are for.
pub const TENANT_PURPOSES: [Purpose; 5] =
    [Purpose::Phi, Purpose::Pii, Purpose::Index, Purpose::Credentials, Purpose::Documents];

const ROUTE: &str = "tenants.create";
const CREATED: u16 = 201;

/// An onboarding that this process holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Onboarding {
    pub(crate) tenant: TenantId,
    holder: Uuid,
}

/// What came of looking at an idempotency key.
pub(crate) enum Reservation {
    /// Begin, or go on where another process stopped.
    Begin(Onboarding),
    /// The tenant was made by an earlier request.
    Made(TenantId),
}

/// The two keys that are made in the key service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyStep {
    Tenant,
    Log,
}

impl KeyStep {
    const ALL: [Self; 2] = [Self::Tenant, Self::Log];

    const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant_key",
            Self::Log => "log_key",
        }
    }

    const fn owner(self, tenant: TenantId) -> KeyOwner {
        match self {
            Self::Tenant => KeyOwner::Tenant(tenant),
            Self::Log => KeyOwner::TenantLog(tenant),
        }
    }

    fn of(self, steps: &[OnboardingStep]) -> Option<&OnboardingStep> {
        steps.iter().find(|step| step.step == self.name())
    }

    fn made(self, steps: &[OnboardingStep]) -> Option<KmsKeyId> {
        let step = self.of(steps).filter(|step| step.status == StepStatus::Done)?;
        step.reference.clone().map(KmsKeyId::new)
    }
}

impl Platform {
    /// Creates a tenant: whole, or not at all. Repeating the request under the same key answers with the same tenant.
    /// It runs to its end also when the caller goes away.
    ///
    /// # Errors
    /// `ScopeMissing`; `Invalid`; `SlugTaken`; `KeyReused`; `InProgress`; what the key service or the database said.
    pub async fn create_tenant(
        &self,
        call: &OperatorCall,
        idempotency_key: Option<&str>,
        request: NewTenantRequest,
    ) -> Result<Tenant, TenancyError> {
        let (platform, call) = (self.clone(), call.clone());
        let key = IdempotencyKey::parse(idempotency_key);
        let work = async move {
            let onboard = async {
                let (key, request) = match (key, request.check()) {
                    (Ok(key), Ok(request)) => (key, request),
                    (key, request) => {
                        let mut errors: Vec<_> = key.err().into_iter().collect();
                        errors.extend(request.err().into_iter().flatten());
                        return Err(TenancyError::Invalid(errors));
                    }
                };
                match platform.reserve(&call, &key, &request).await? {
                    Reservation::Made(id) => platform.repeated(&call, id).await,
                    Reservation::Begin(onboarding) => platform.onboard(&call, onboarding).await,
                }
            };
            platform.attempt(&call, Scope::TenantsWrite, ActionCode::TenantCreated, None, onboard).await
        };
        tokio::spawn(work).await.map_err(|_| TenancyError::Store(StoreError::Stopped))?
    }

    /// Runs every step; undoes what was done if one fails. If even that fails, the onboarding is left for
    /// [`Platform::clean_up_onboardings`].
    async fn onboard(&self, call: &OperatorCall, onboarding: Onboarding) -> Result<Tenant, TenancyError> {
        let author = Author::Operator(call);
        loop {
            match self.advance(author, onboarding).await {
                Ok(None) => {}
                Ok(Some(tenant)) => return Ok(tenant),
                Err(TenancyError::LeaseLost) => return Err(TenancyError::LeaseLost),
                Err(error) => {
                    if let Err(undoing) = self.undo(author, onboarding).await {
                        tracing::error!(tenant = %onboarding.tenant, error = ?undoing,
                            "an onboarding failed and could not be undone; it will be cleaned up later");
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Reserves the slug and writes down what is about to be done, or finds what was done before.
    pub(crate) async fn reserve(
        &self,
        call: &OperatorCall,
        key: &IdempotencyKey,
        request: &NewTenant,
    ) -> Result<Reservation, TenancyError> {
        let holder = self.environment.uuid();
        let mut unit = self.begin(Author::Operator(call)).await?;
        if let Some(record) = unit.idempotency_record(call.operator, key.hash()).await? {
            if record.route != ROUTE || record.request_hash != request.request_hash() {
                return Err(TenancyError::KeyReused);
            }
            let tenant = TenantId::from_uuid(record.resource.ok_or(TenancyError::InProgress)?);
            if record.status.is_some() {
                return Ok(Reservation::Made(tenant));
            }
            let before = unit.now() - LEASE;
            if !unit.take_onboarding(tenant, holder, before).await? {
                return Err(TenancyError::InProgress);
            }
            unit.commit().await?;
            return Ok(Reservation::Begin(Onboarding { tenant, holder }));
        }
        if unit.slug_taken(&request.slug.skeleton()).await? {
            return Err(TenancyError::SlugTaken);
        }
        let tenant: TenantId = self.environment.id();
        let (row, contact) = self.draft(tenant, request)?;
        unit.insert_tenant(&row, &contact).await.map_err(|error| match error {
            StoreError::Conflict => TenancyError::SlugTaken,
            error => error.into(),
        })?;
        unit.begin_onboarding(tenant, holder).await?;
        let record = IdempotencyRow {
            operator: call.operator,
            key: key.hash().to_owned(),
            route: ROUTE.to_owned(),
            request_hash: request.request_hash(),
            status: None,
            resource: Some(tenant.uuid()),
        };
        let expires_at = unit.now() + REMEMBERED;
        unit.insert_idempotency_record(&record, expires_at).await.map_err(|error| match error {
            StoreError::Conflict => TenancyError::InProgress,
            error => error.into(),
        })?;
        unit.commit().await?;
        Ok(Reservation::Begin(Onboarding { tenant, holder }))
    }

    /// The first step that is not done, or the end of them all.
    pub(crate) async fn advance(
        &self,
        author: Author<'_>,
        onboarding: Onboarding,
    ) -> Result<Option<Tenant>, TenancyError> {
        let steps = self.steps(author, onboarding).await?;
        for step in KeyStep::ALL {
            if step.made(&steps).is_none() {
                self.make_key(author, onboarding, step, step.of(&steps).is_some()).await?;
                return Ok(None);
            }
        }
        self.complete(author, onboarding, &steps).await.map(Some)
    }

    /// The steps so far, under a renewed lease.
    async fn steps(
        &self,
        author: Author<'_>,
        onboarding: Onboarding,
    ) -> Result<Vec<OnboardingStep>, TenancyError> {
        let mut unit = self.begin(author).await?;
        if !unit.renew_onboarding(onboarding.tenant, onboarding.holder).await? {
            return Err(TenancyError::LeaseLost);
        }
        let steps = unit.onboarding_steps(onboarding.tenant).await?;
        unit.commit().await?;
        Ok(steps)
    }

    /// Makes one key. If an earlier try may have made it already, it is looked for first.
    async fn make_key(
        &self,
        author: Author<'_>,
        onboarding: Onboarding,
        step: KeyStep,
        tried: bool,
    ) -> Result<(), TenancyError> {
        let owner = step.owner(onboarding.tenant);
        let found = if tried { self.issuer.find_keys(&owner).await? } else { Vec::new() };
        let kms_key = match found.into_iter().next() {
            Some(kms_key) => kms_key,
            None => {
                let mut unit = self.begin(author).await?;
                unit.intend_step(onboarding.tenant, step.name()).await?;
                unit.commit().await?;
                self.issuer.create_key(&owner).await?
            }
        };
        self.issuer.enable_rotation(&kms_key).await?;
        let mut unit = self.begin(author).await?;
        if !unit.renew_onboarding(onboarding.tenant, onboarding.holder).await? {
            return Err(TenancyError::LeaseLost);
        }
        unit.finish_step(onboarding.tenant, step.name(), kms_key.as_str()).await?;
        Ok(unit.commit().await?)
    }

    /// Issues every data key, then writes keys, hosts and the finished tenant in one transaction.
    async fn complete(
        &self,
        author: Author<'_>,
        onboarding: Onboarding,
        steps: &[OnboardingStep],
    ) -> Result<Tenant, TenancyError> {
        let tenant = onboarding.tenant;
        let (Some(tenant_key), Some(log_key)) = (KeyStep::Tenant.made(steps), KeyStep::Log.made(steps))
        else {
            return Err(TenancyError::Corrupt("onboarding_steps.reference"));
        };
        let mut keys = Vec::new();
        for purpose in TENANT_PURPOSES {
            let owner = KeyOwner::Tenant(tenant);
            keys.push(self.issuer.issue_data_key(&tenant_key, &owner, purpose, KeyVersion::FIRST).await?);
        }
        let owner = KeyOwner::TenantLog(tenant);
        keys.push(self.issuer.issue_data_key(&log_key, &owner, Purpose::Log, KeyVersion::FIRST).await?);

        let mut unit = self.begin(author).await?;
        if !unit.renew_onboarding(tenant, onboarding.holder).await? {
            return Err(TenancyError::LeaseLost);
        }
        let row = unit.tenant(tenant).await?.ok_or(TenancyError::TenantNotFound)?;
        for key in &keys {
            unit.store_wrapped_key(key).await?;
        }
        for host in self.hosts_for(tenant, &row.slug)? {
            unit.insert_host(&host).await?;
        }
        if !unit.complete_tenant(tenant, tenant_key.as_str()).await? {
            return Err(TenancyError::WrongState);
        }
        unit.settle_idempotency_record(tenant.uuid(), CREATED).await?;
        unit.end_onboarding(tenant).await?;
        unit.note(EventDraft::success(ActionCode::TenantCreated).on("tenant", Some(tenant.uuid())));
        let made = self.load(&mut unit, tenant).await?;
        unit.commit().await?;
        Ok(made)
    }

    /// Takes everything back: keys are scheduled for deletion first, then the rows go. It may be repeated.
    pub(crate) async fn undo(&self, author: Author<'_>, onboarding: Onboarding) -> Result<(), TenancyError> {
        let steps = self.steps(author, onboarding).await?;
        for step in KeyStep::ALL {
            match step.made(&steps) {
                Some(kms_key) => schedule_deletion(&*self.issuer, &kms_key).await?,
                None if step.of(&steps).is_some() => {
                    for kms_key in self.issuer.find_keys(&step.owner(onboarding.tenant)).await? {
                        schedule_deletion(&*self.issuer, &kms_key).await?;
                    }
                }
                None => {}
            }
        }
        let tenant = onboarding.tenant;
        let mut unit = self.begin(author).await?;
        if !unit.renew_onboarding(tenant, onboarding.holder).await? {
            return Err(TenancyError::LeaseLost);
        }
        unit.end_onboarding(tenant).await?;
        unit.remove_unfinished_tenant(tenant).await?;
        unit.forget_idempotency_record(tenant.uuid()).await?;
        unit.note(EventDraft::success(ActionCode::TenantOnboardingUndone).on("tenant", Some(tenant.uuid())));
        Ok(unit.commit().await?)
    }

    /// Undoes onboardings that were left behind by a process that died. Says how many. One that cannot be undone now
    /// (the key service is away) does not keep the others.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn clean_up_onboardings(&self, facts: &CallFacts) -> Result<usize, TenancyError> {
        let author = Author::CommandLine(facts);
        let before = self.environment.now() - LEASE;
        let mut unit = self.begin(author).await?;
        let abandoned = unit.abandoned_onboardings(before).await?;
        unit.commit().await?;
        let mut undone = 0;
        for tenant in abandoned {
            let onboarding = Onboarding { tenant, holder: self.environment.uuid() };
            let mut unit = self.begin(author).await?;
            let taken = unit.take_onboarding(tenant, onboarding.holder, before).await?;
            unit.commit().await?;
            if !taken {
                continue;
            }
            match self.undo(author, onboarding).await {
                Ok(()) => undone += 1,
                Err(error) => {
                    tracing::warn!(tenant = %tenant, error = ?error, "an onboarding was not undone")
                }
            }
        }
        Ok(undone)
    }

    /// Answers a request that was made before.
    async fn repeated(&self, call: &OperatorCall, id: TenantId) -> Result<Tenant, TenancyError> {
        let mut unit = self.begin(Author::Operator(call)).await?;
        let tenant = self.load(&mut unit, id).await?;
        let draft = EventDraft::success(ActionCode::TenantCreated).on("tenant", Some(id.uuid()));
        unit.note(draft.because("idempotency.repeated"));
        unit.commit().await?;
        Ok(tenant)
    }

    fn draft(&self, id: TenantId, request: &NewTenant) -> Result<(TenantRow, TenantContact), TenancyError> {
        let row = TenantRow {
            id,
            slug: request.slug.as_str().to_owned(),
            slug_skeleton: request.slug.skeleton(),
            name: request.name.clone(),
            status: TenantStatus::Onboarding,
            region: request.region.to_owned(),
            time_zone: request.time_zone.to_owned(),
            default_locale: request.default_locale.as_str().to_owned(),
            branding: write_branding(request.colors)?,
            kms_key: None,
            policy_hash: PolicyDocument::baseline().hash().to_string(),
            owner: OwnerState::None,
            created_at: self.environment.now(),
            activated_at: None,
        };
        let contact = TenantContact {
            name: request.contact_name.clone(),
            email: request.contact_email.address().clone(),
        };
        Ok((row, contact))
    }

    fn hosts_for(&self, tenant: TenantId, slug: &str) -> Result<[HostRow; 2], TenancyError> {
        let slug = Slug::parse(slug).map_err(|_| TenancyError::Corrupt("tenants.slug"))?;
        let host = |label: &str, audience| {
            let host = CanonicalHost::parse(&format!("{label}.{}", self.domain))
                .map_err(|_| TenancyError::Corrupt("tenants.slug"))?;
            Ok::<_, TenancyError>(HostRow { host, tenant, audience, is_primary: true })
        };
        Ok([host(slug.portal_label(), Audience::Portal)?, host(&slug.console_label(), Audience::Console)?])
    }
}
