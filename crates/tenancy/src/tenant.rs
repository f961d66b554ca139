//! A tenant as operators see it, and the calls that read one or many.

use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{Audience, CanonicalHost, FieldError, TenantId};
use cloister_store::{PlatformUnit, TenantPage, TenantRow, TenantStatus};
use cloister_vault::{KeyOwner, KeyVersion, Purpose};

use crate::{
    TenancyError,
    baa::Baa,
    call::{Author, OperatorCall},
    colors::Colors,
    platform::Platform,
    scope::Scope,
};

/// The most tenants of one answer.
pub const MOST_LISTED: u32 = 100;
/// The tenants of one answer when no number is asked for.
pub const LISTED: u32 = 25;

/// A data key that a tenant has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantKey {
    /// Whose it is: the tenant's own or its log's.
    pub of_log: bool,
    /// What it is for.
    pub purpose: Purpose,
    /// Its version.
    pub version: KeyVersion,
}

/// A tenant with everything an operator may know of it.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its row.
    pub row: TenantRow,
    /// The patients' host.
    pub portal_host: Option<CanonicalHost>,
    /// The staff's host.
    pub console_host: Option<CanonicalHost>,
    /// The newest agreement.
    pub baa: Option<Baa>,
    /// Whether that agreement holds today.
    pub baa_current: bool,
    /// Its data keys.
    pub keys: Vec<TenantKey>,
    /// Brand colors.
    pub colors: Colors,
}

/// A line of the list of tenants.
#[derive(Debug, Clone)]
pub struct TenantList {
    /// The tenants, in the order they were made.
    pub items: Vec<TenantRow>,
    /// What to ask the next page with.
    pub next_cursor: Option<String>,
}

/// Which tenants to list, as asked.
#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    /// How many, 1 to 100.
    pub limit: Option<u32>,
    /// Where to go on.
    pub cursor: Option<String>,
    /// Only those of a status: `draft`, `active` or `suspended`.
    pub status: Option<String>,
}

impl Platform {
    /// Reads one tenant.
    ///
    /// # Errors
    /// `ScopeMissing`, `TenantNotFound`.
    pub async fn read_tenant(&self, call: &OperatorCall, id: TenantId) -> Result<Tenant, TenancyError> {
        let subject = Some(("tenant", id.uuid()));
        self.attempt(call, Scope::TenantsRead, ActionCode::TenantRead, subject, async {
            let mut unit = self.begin(Author::Operator(call)).await?;
            let tenant = self.load(&mut unit, id).await?;
            unit.note(EventDraft::success(ActionCode::TenantRead).on("tenant", Some(id.uuid())));
            unit.commit().await?;
            Ok(tenant)
        })
        .await
    }

    /// Lists tenants, page by page.
    ///
    /// # Errors
    /// `ScopeMissing`, `Invalid` for a limit, status or cursor that is none.
    pub async fn list_tenants(
        &self,
        call: &OperatorCall,
        request: ListRequest,
    ) -> Result<TenantList, TenancyError> {
        self.attempt(call, Scope::TenantsRead, ActionCode::TenantListed, None, async {
            let (limit, status) = check(&request)?;
            let mut unit = self.begin(Author::Operator(call)).await?;
            let after = match &request.cursor {
                Some(cursor) => Some(unit.tenant_position(call.operator, status, cursor)?),
                None => None,
            };
            let mut items = unit.tenants(TenantPage { status, after, limit: limit + 1 }).await?;
            let more = items.len() > limit as usize;
            items.truncate(limit as usize);
            let next_cursor = match items.last() {
                Some(last) if more => Some(unit.tenant_cursor(call.operator, status, last.id)?),
                _ => None,
            };
            unit.note(EventDraft::success(ActionCode::TenantListed).on("tenant", None));
            unit.commit().await?;
            Ok(TenantList { items, next_cursor })
        })
        .await
    }

    /// Everything an operator may know of a tenant. One that is still in onboarding does not exist yet.
    pub(crate) async fn load(&self, unit: &mut PlatformUnit, id: TenantId) -> Result<Tenant, TenancyError> {
        let row = unit.tenant(id).await?.filter(|row| row.status != TenantStatus::Onboarding);
        let row = row.ok_or(TenancyError::TenantNotFound)?;
        let hosts = unit.hosts(id).await?;
        let host = |audience: Audience| {
            hosts
                .iter()
                .find(|host| host.audience == audience && host.is_primary)
                .map(|host| host.host.clone())
        };
        let baa = unit.newest_baa(id).await?.map(|row| Baa {
            signed_on: row.signed_on,
            expires_on: row.expires_on,
            counterparty: row.counterparty.into_exposed(),
            document_reference: row.document_reference,
        });
        let mut keys = Vec::new();
        for (owner, of_log) in [(KeyOwner::Tenant(id), false), (KeyOwner::TenantLog(id), true)] {
            let wrapped = unit.wrapped_keys(owner).await?;
            keys.extend(wrapped.iter().map(|key| TenantKey {
                of_log,
                purpose: key.purpose,
                version: key.version,
            }));
        }
        keys.sort_by_key(|key| (key.of_log, key.purpose, key.version));
        Ok(Tenant {
            portal_host: host(Audience::Portal),
            console_host: host(Audience::Console),
            baa_current: baa.as_ref().is_some_and(|baa| baa.current(self.environment.now().date())),
            colors: read_branding(&row.branding)?,
            baa,
            keys,
            row,
        })
    }
}

fn check(request: &ListRequest) -> Result<(u32, Option<TenantStatus>), TenancyError> {
    let mut errors = Vec::new();
    let limit = request.limit.unwrap_or(LISTED);
    if !(1..=MOST_LISTED).contains(&limit) {
        errors.push(FieldError::new("limit", "limit.range", "ask for 1 to 100"));
    }
    let status = request
        .status
        .as_deref()
        .map(|text| text.parse::<TenantStatus>().ok().filter(|status| *status != TenantStatus::Onboarding));
    if status == Some(None) {
        errors.push(FieldError::new("status", "status.unknown", "choose draft, active or suspended"));
    }
    if errors.is_empty() { Ok((limit, status.flatten())) } else { Err(TenancyError::Invalid(errors)) }
}

/// Branding as stored: `{"brand":"#rrggbb","on_brand":"#rrggbb"}`.
#[derive(serde::Serialize, serde::Deserialize)]
struct BrandingText {
    brand: String,
    on_brand: String,
}

/// The stored form of brand colors.
pub(crate) fn write_branding(colors: Colors) -> Result<String, TenancyError> {
    let text = BrandingText { brand: colors.brand.to_string(), on_brand: colors.on_brand.to_string() };
    serde_json::to_string(&text).map_err(|_| TenancyError::Corrupt("tenants.branding"))
}

/// Reads the stored form of brand colors.
///
/// # Errors
/// `Corrupt` when it is not what [`Platform`] stores.
pub fn read_branding(text: &str) -> Result<Colors, TenancyError> {
    let corrupt = || TenancyError::Corrupt("tenants.branding");
    let text: BrandingText = serde_json::from_str(text).map_err(|_| corrupt())?;
    Colors::parse(&text.brand, &text.on_brand).map_err(|_| corrupt())
}
