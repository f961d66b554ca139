//! Hosts of clinics: names of their own beside the two under the platform's domain.

use std::net::IpAddr;

use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{Audience, CanonicalHost, FieldError, HostError, MOST_HOSTS, Phi, TenantId};
use cloister_store::{HostRow, StoreError};

use crate::{
    TenancyError,
    call::{Author, OperatorCall},
    platform::Platform,
    scope::Scope,
};

/// A host in its canonical spelling, as operators write it: without a port.
fn canonical(name: &str) -> Result<CanonicalHost, FieldError> {
    let refuse = |error: HostError| FieldError::new("host", error.code(), error.to_string());
    if name.starts_with('[') || name.parse::<IpAddr>().is_ok() {
        return Err(refuse(HostError::Address));
    }
    if name.contains(':') {
        let reason = "write the name alone, without scheme and port";
        return Err(FieldError::new("host", HostError::Port.code(), reason));
    }
    CanonicalHost::parse(name).map_err(refuse)
}

/// A host that a clinic may bring: a name of at least two labels that is not the platform's.
fn brought(name: &str, domain: &CanonicalHost) -> Result<CanonicalHost, FieldError> {
    let refuse = |code, reason: &str| Err(FieldError::new("host", code, reason));
    let host = canonical(name)?;
    let Some((_, last)) = host.as_str().rsplit_once('.') else {
        return refuse("host.labels", "write at least two labels, such as portal.clinic.example");
    };
    // No top-level domain begins with a digit, and browsers take a last label such as 0x1 for a part of an address.
    if !last.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return refuse(HostError::Address.code(), "the host is an address, not a name");
    }
    let above = host.as_str().strip_suffix(domain.as_str());
    if above.is_some_and(|above| above.is_empty() || above.ends_with('.')) {
        let reason = "the platform's domain and the hosts under it are the platform's: they are neither mapped nor removed";
        return refuse("host.reserved", reason);
    }
    Ok(host)
}

fn site(text: &str) -> Result<Audience, FieldError> {
    Audience::parse(text)
        .ok_or_else(|| FieldError::new("site", "site.unknown", "choose portal (patients) or console (staff)"))
}

/// What the platform's log says of it, sealed.
fn told(host: &HostRow) -> Phi<String> {
    Phi::new(format!("{}: {}", host.host, host.audience.as_str()))
}

impl Platform {
    /// Lists the hosts of a tenant, in the order of their names.
    ///
    /// # Errors
    /// `ScopeMissing`, `TenantNotFound`.
    pub async fn list_hosts(&self, call: &OperatorCall, id: TenantId) -> Result<Vec<HostRow>, TenancyError> {
        let action = ActionCode::TenantHostListed;
        self.attempt(call, Scope::TenantsRead, action, Some(("tenant", id.uuid())), async {
            let mut unit = self.begin(Author::Operator(call)).await?;
            self.load(&mut unit, id).await?;
            let hosts = unit.hosts(id).await?;
            unit.note(EventDraft::success(action).on("tenant", Some(id.uuid())));
            unit.commit().await?;
            Ok(hosts)
        })
        .await
    }

    /// Maps a host that the clinic brings to a site of a tenant, `portal` or `console`, in place of what it served for
    /// the tenant before.
    ///
    /// # Errors
    /// `ScopeMissing`, `Invalid`, `TenantNotFound`, `HostTaken`, `TooManyHosts`; `HostIsPrimary` where the tenant's
    /// other site would be left without its primary host.
    pub async fn map_host(
        &self,
        call: &OperatorCall,
        id: TenantId,
        host: &str,
        audience: &str,
    ) -> Result<HostRow, TenancyError> {
        let action = ActionCode::TenantHostMapped;
        self.attempt(call, Scope::HostsWrite, action, Some(("tenant", id.uuid())), async {
            let (host, audience) = match (brought(host, &self.domain), site(audience)) {
                (Ok(host), Ok(audience)) => (host, audience),
                (host, audience) => {
                    return Err(TenancyError::Invalid(
                        host.err().into_iter().chain(audience.err()).collect(),
                    ));
                }
            };
            let mut unit = self.begin(Author::Operator(call)).await?;
            self.load(&mut unit, id).await?;
            let standing = unit.hosts_to_change(id).await?;
            let before = standing.iter().find(|one| one.host == host);
            let row = match before {
                Some(before) if before.audience == audience => before.clone(),
                Some(before) if before.is_primary => return Err(TenancyError::HostIsPrimary),
                None if standing.len() >= MOST_HOSTS => return Err(TenancyError::TooManyHosts),
                _ => HostRow { host, tenant: id, audience, is_primary: false },
            };
            if before != Some(&row) {
                if let Some(before) = before {
                    unit.remove_host(before).await?;
                }
                unit.insert_host(&row).await.map_err(|error| match error {
                    StoreError::Conflict => TenancyError::HostTaken,
                    error => error.into(),
                })?;
            }
            unit.note(EventDraft::success(action).on("tenant", Some(id.uuid())).explained(told(&row)));
            unit.commit().await?;
            Ok(row)
        })
        .await
    }

    /// Makes a host of a tenant the primary one of its site: links in mails are built with it.
    ///
    /// # Errors
    /// `ScopeMissing`, `Invalid`, `TenantNotFound`, `HostNotFound`.
    pub async fn make_host_primary(
        &self,
        call: &OperatorCall,
        id: TenantId,
        host: &str,
    ) -> Result<HostRow, TenancyError> {
        let action = ActionCode::TenantHostMadePrimary;
        self.attempt(call, Scope::HostsWrite, action, Some(("tenant", id.uuid())), async {
            let host = canonical(host).map_err(|error| TenancyError::Invalid(vec![error]))?;
            let mut unit = self.begin(Author::Operator(call)).await?;
            self.load(&mut unit, id).await?;
            let standing = unit.hosts_to_change(id).await?;
            let row = standing.into_iter().find(|one| one.host == host).ok_or(TenancyError::HostNotFound)?;
            unit.make_host_primary(&row).await?;
            unit.note(EventDraft::success(action).on("tenant", Some(id.uuid())).explained(told(&row)));
            unit.commit().await?;
            Ok(HostRow { is_primary: true, ..row })
        })
        .await
    }

    /// Takes a host that the clinic brought from its tenant: it is nobody's again.
    ///
    /// # Errors
    /// `ScopeMissing`, `Invalid`, also for a host of the platform's own, `TenantNotFound`, `HostNotFound`,
    /// `HostIsPrimary`.
    pub async fn remove_host(
        &self,
        call: &OperatorCall,
        id: TenantId,
        host: &str,
    ) -> Result<(), TenancyError> {
        let action = ActionCode::TenantHostRemoved;
        self.attempt(call, Scope::HostsWrite, action, Some(("tenant", id.uuid())), async {
            let host = brought(host, &self.domain).map_err(|error| TenancyError::Invalid(vec![error]))?;
            let mut unit = self.begin(Author::Operator(call)).await?;
            self.load(&mut unit, id).await?;
            let standing = unit.hosts_to_change(id).await?;
            let row = standing.iter().find(|one| one.host == host).ok_or(TenancyError::HostNotFound)?;
            if row.is_primary {
                return Err(TenancyError::HostIsPrimary);
            }
            unit.remove_host(row).await?;
            unit.note(EventDraft::success(action).on("tenant", Some(id.uuid())).explained(told(row)));
            Ok(unit.commit().await?)
        })
        .await
    }
}
