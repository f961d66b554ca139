//! The shapes of requests and answers. Names and meanings here are what the documentation shows.

use cloister_store::{HostRow, NetworkRow};
use cloister_tenancy::{NetworkRequest, Tenant, TenantList, baa::BaaRequest, new_tenant::NewTenantRequest};
use poem_openapi::Object;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// A tenant to be created.
#[derive(Debug, Object)]
pub(crate) struct NewTenant {
    /// The DNS label the clinic is known by: 3 to 40 of a-z, 0-9 and hyphen, not like another clinic's or ours.
    slug: String,
    /// The clinic's name as patients know it, at most 120 characters.
    name: String,
    /// The AWS region its data is placed in: us-east-1, us-east-2, us-west-1 or us-west-2.
    region: String,
    /// A name of the IANA time zone database, such as America/Chicago.
    time_zone: String,
    /// Who signs the business associate agreement. Stored sealed.
    contact: Contact,
    /// The language new users see first: en or es.
    default_locale: String,
    /// Brand colors; without them the platform's own.
    colors: Option<Colors>,
}

/// A person at the clinic.
#[derive(Debug, Object)]
pub(crate) struct Contact {
    /// The person's name, at most 120 characters.
    name: String,
    /// The person's email.
    email: String,
}

/// Brand colors.
#[derive(Debug, Object)]
pub(crate) struct Colors {
    /// Buttons and headers, as #rrggbb.
    brand: String,
    /// Text on the brand color, as #rrggbb; the contrast must be at least 4.5:1.
    on_brand: String,
}

/// A business associate agreement to be recorded.
#[derive(Debug, Object)]
pub(crate) struct NewBaa {
    /// The day it was signed, YYYY-MM-DD.
    signed_on: String,
    /// The last day it holds, YYYY-MM-DD.
    expires_on: String,
    /// The clinic's legal name, at most 120 characters. Stored sealed.
    counterparty: String,
    /// Where the signed document is kept, at most 200 characters.
    document_reference: String,
}

/// The person who is to own a clinic's portal.
#[derive(Debug, Object)]
pub(crate) struct NewOwner {
    /// The owner's email; never an operator's.
    pub(crate) email: String,
    /// The owner's name, at most 120 characters.
    pub(crate) display_name: String,
}

/// A business associate agreement on record.
#[derive(Debug, Object)]
pub(crate) struct BaaBody {
    /// The day it was signed.
    signed_on: String,
    /// The last day it holds.
    expires_on: String,
    /// The clinic's legal name.
    counterparty: String,
    /// Where the signed document is kept.
    document_reference: String,
    /// Whether it holds today.
    current: bool,
}

/// A data key.
#[derive(Debug, Object)]
pub(crate) struct KeyBody {
    /// What it is for: phi, pii, index, credentials, documents or log.
    purpose: String,
    /// Its version.
    version: u32,
}

/// A tenant.
#[derive(Debug, Object)]
pub(crate) struct TenantBody {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its DNS label.
    slug: String,
    /// The clinic's name.
    name: String,
    /// Where it stands: draft, active or suspended.
    status: String,
    /// The region its data is placed in.
    region: String,
    /// Its time zone.
    time_zone: String,
    /// The language new users see first.
    default_locale: String,
    /// Brand colors.
    colors: Colors,
    /// The patients' host.
    portal_host: Option<String>,
    /// The staff's host.
    console_host: Option<String>,
    /// The newest agreement.
    baa: Option<BaaBody>,
    /// Its data keys.
    keys: Vec<KeyBody>,
    /// How far its owner has come: none, invited or active.
    owner: String,
    /// When it was created, RFC 3339.
    created_at: String,
    /// When it was activated, RFC 3339.
    activated_at: Option<String>,
}

/// A line of the list of tenants.
#[derive(Debug, Object)]
pub(crate) struct TenantSummary {
    /// Its id.
    id: Uuid,
    /// Its DNS label.
    slug: String,
    /// The clinic's name.
    name: String,
    /// Where it stands: draft, active or suspended.
    status: String,
    /// The region its data is placed in.
    region: String,
    /// How far its owner has come: none, invited or active.
    owner: String,
    /// When it was created, RFC 3339.
    created_at: String,
}

/// One page of tenants.
#[derive(Debug, Object)]
pub(crate) struct TenantPage {
    /// The tenants, in the order they were made.
    items: Vec<TenantSummary>,
    /// What to ask the next page with; none at the end.
    next_cursor: Option<String>,
}

/// Work that was ordered.
#[derive(Debug, Object)]
pub(crate) struct OrderedJob {
    /// The job.
    pub(crate) job_id: Uuid,
}

/// How far a network is to be raised.
#[derive(Debug, Object)]
pub(crate) struct NetworkLimits {
    /// Calls without session or flow that one source may make in a minute: 10 to 100.
    anonymous_per_minute: u32,
    /// Sign-in pages that one source may open in a minute: 60 to 600.
    sign_in_pages_per_minute: u32,
    /// Why, at most 200 characters. Stored sealed.
    reason: String,
    /// Until when, RFC 3339; without it until the network is lowered.
    expires_at: Option<String>,
}

/// A raised network.
#[derive(Debug, Object)]
pub(crate) struct NetworkBody {
    /// The network, such as 203.0.113.0/24.
    network: String,
    /// Calls without session or flow that one source may make in a minute.
    anonymous_per_minute: u32,
    /// Sign-in pages that one source may open in a minute.
    sign_in_pages_per_minute: u32,
    /// Why.
    reason: String,
    /// Until when, RFC 3339; none for until it is lowered.
    expires_at: Option<String>,
    /// The operator who raised it last.
    raised_by: Uuid,
    /// When it was raised last, RFC 3339.
    raised_at: String,
}

/// A tenant's raised networks, in the order of their names.
#[derive(Debug, Object)]
pub(crate) struct NetworkList {
    /// The networks, at most 20.
    items: Vec<NetworkBody>,
}

/// Which site a host is to serve.
#[derive(Debug, Object)]
pub(crate) struct HostSite {
    /// portal (patients) or console (staff).
    pub(crate) site: String,
}

/// A host of a tenant.
#[derive(Debug, Object)]
pub(crate) struct HostBody {
    /// The name, in lower case.
    host: String,
    /// The site it serves: portal (patients) or console (staff).
    site: String,
    /// Whether links to that site are built with it. Each site has one such host.
    primary: bool,
}

/// A tenant's hosts, in the order of their names.
#[derive(Debug, Object)]
pub(crate) struct HostList {
    /// The hosts, at most 10.
    items: Vec<HostBody>,
}

/// A token, without the token itself.
#[derive(Debug, Object)]
pub(crate) struct TokenBody {
    /// Its id.
    id: Uuid,
    /// Whether it is the one this call was made with.
    current: bool,
    /// What it may be used for.
    scopes: Vec<String>,
    /// When it was issued, RFC 3339.
    created_at: String,
    /// When it ends, RFC 3339.
    expires_at: String,
    /// When it was revoked, RFC 3339.
    revoked_at: Option<String>,
}

/// The caller's tokens, the newest first.
#[derive(Debug, Object)]
pub(crate) struct TokenList {
    /// The tokens.
    items: Vec<TokenBody>,
}

impl From<NewTenant> for NewTenantRequest {
    fn from(body: NewTenant) -> Self {
        Self {
            slug: body.slug,
            name: body.name,
            region: body.region,
            time_zone: body.time_zone,
            contact_name: body.contact.name,
            contact_email: body.contact.email,
            default_locale: body.default_locale,
            colors: body.colors.map(|colors| (colors.brand, colors.on_brand)),
        }
    }
}

impl From<NewBaa> for BaaRequest {
    fn from(body: NewBaa) -> Self {
        Self {
            signed_on: body.signed_on,
            expires_on: body.expires_on,
            counterparty: body.counterparty,
            document_reference: body.document_reference,
        }
    }
}

impl From<Tenant> for TenantBody {
    fn from(tenant: Tenant) -> Self {
        let current = tenant.baa_current;
        Self {
            id: tenant.row.id.uuid(),
            slug: tenant.row.slug,
            name: tenant.row.name,
            status: tenant.row.status.as_str().to_owned(),
            region: tenant.row.region,
            time_zone: tenant.row.time_zone,
            default_locale: tenant.row.default_locale,
            colors: Colors {
                brand: tenant.colors.brand.to_string(),
                on_brand: tenant.colors.on_brand.to_string(),
            },
            portal_host: tenant.portal_host.map(|host| host.to_string()),
            console_host: tenant.console_host.map(|host| host.to_string()),
            baa: tenant.baa.map(|baa| BaaBody {
                signed_on: baa.signed_on.to_string(),
                expires_on: baa.expires_on.to_string(),
                counterparty: baa.counterparty,
                document_reference: baa.document_reference,
                current,
            }),
            keys: tenant
                .keys
                .iter()
                .map(|key| KeyBody { purpose: key.purpose.as_str().to_owned(), version: key.version.0 })
                .collect(),
            owner: tenant.row.owner.as_str().to_owned(),
            created_at: written(tenant.row.created_at),
            activated_at: tenant.row.activated_at.map(written),
        }
    }
}

impl From<NetworkLimits> for NetworkRequest {
    fn from(body: NetworkLimits) -> Self {
        Self {
            anonymous_per_minute: body.anonymous_per_minute,
            sign_in_pages_per_minute: body.sign_in_pages_per_minute,
            reason: body.reason,
            expires_at: body.expires_at,
        }
    }
}

impl From<NetworkRow> for NetworkBody {
    fn from(row: NetworkRow) -> Self {
        Self {
            network: row.raised.network.to_string(),
            anonymous_per_minute: row.raised.limits.anonymous,
            sign_in_pages_per_minute: row.raised.limits.sign_in_pages,
            reason: row.reason.into_exposed(),
            expires_at: row.raised.until.map(written),
            raised_by: row.raised_by.uuid(),
            raised_at: written(row.raised_at),
        }
    }
}

impl From<Vec<NetworkRow>> for NetworkList {
    fn from(rows: Vec<NetworkRow>) -> Self {
        Self { items: rows.into_iter().map(NetworkBody::from).collect() }
    }
}

impl From<HostRow> for HostBody {
    fn from(row: HostRow) -> Self {
        Self { host: row.host.to_string(), site: row.audience.as_str().to_owned(), primary: row.is_primary }
    }
}

impl From<Vec<HostRow>> for HostList {
    fn from(rows: Vec<HostRow>) -> Self {
        Self { items: rows.into_iter().map(HostBody::from).collect() }
    }
}

impl From<TenantList> for TenantPage {
    fn from(list: TenantList) -> Self {
        let items = list.items.into_iter().map(|row| TenantSummary {
            id: row.id.uuid(),
            slug: row.slug,
            name: row.name,
            status: row.status.as_str().to_owned(),
            region: row.region,
            owner: row.owner.as_str().to_owned(),
            created_at: written(row.created_at),
        });
        Self { items: items.collect(), next_cursor: list.next_cursor }
    }
}

impl TokenList {
    /// The list, marking the token of this call.
    pub(crate) fn of(rows: Vec<cloister_store::TokenRow>, current: Option<Uuid>) -> Self {
        let items = rows.into_iter().map(|row| TokenBody {
            id: row.id,
            current: current == Some(row.id),
            scopes: row.scopes.split(' ').map(str::to_owned).collect(),
            created_at: written(row.created_at),
            expires_at: written(row.expires_at),
            revoked_at: row.revoked_at.map(written),
        });
        Self { items: items.collect() }
    }
}

/// A moment as RFC 3339 writes it, to the second.
pub(crate) fn written(moment: OffsetDateTime) -> String {
    moment.replace_nanosecond(0).unwrap_or(moment).format(&Rfc3339).unwrap_or_default()
}
