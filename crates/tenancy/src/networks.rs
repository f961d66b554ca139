//! Raising the limits of a clinic's network: a hospital's whole staff calls from one address.

use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{ClinicNetwork, FieldError, Phi, Pii, RaisedNetwork, SourceLimits, TenantId};
use cloister_store::NetworkRow;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::{
    TenancyError,
    call::{Author, OperatorCall},
    platform::Platform,
    scope::Scope,
    text::{self, MAX_REFERENCE},
};

/// How far a network is to be raised, as asked.
#[derive(Debug, Clone, Default)]
pub struct NetworkRequest {
    /// Calls without session or flow, by one source in a minute.
    pub anonymous_per_minute: u32,
    /// Sign-in pages, by one source in a minute.
    pub sign_in_pages_per_minute: u32,
    /// Why.
    pub reason: String,
    /// Until when, RFC 3339; none for until it is lowered.
    pub expires_at: Option<String>,
}

impl NetworkRequest {
    fn check(self, network: &str, now: OffsetDateTime) -> Result<(RaisedNetwork, String), Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut keep = |error: FieldError| errors.push(error);
        let network = read(network).map_err(&mut keep).ok();
        let (least, most) = (SourceLimits::USUAL, SourceLimits::CEILING);
        for (field, asked, least, most) in [
            ("anonymous_per_minute", self.anonymous_per_minute, least.anonymous, most.anonymous),
            (
                "sign_in_pages_per_minute",
                self.sign_in_pages_per_minute,
                least.sign_in_pages,
                most.sign_in_pages,
            ),
        ] {
            if !(least..=most).contains(&asked) {
                keep(FieldError::new(field, "limit.range", format!("choose {least} to {most}")));
            }
        }
        let reason = text::line("reason", &self.reason, MAX_REFERENCE).map_err(&mut keep).ok();
        let until = self.expires_at.as_deref().map(|text| moment("expires_at", text)).transpose();
        let until = until.map_err(&mut keep).ok().flatten();
        if until.is_some_and(|until| until <= now) {
            keep(FieldError::new("expires_at", "moment.past", "choose a moment to come"));
        }
        match (network, reason) {
            (Some(network), Some(reason)) if errors.is_empty() => {
                let limits = SourceLimits {
                    anonymous: self.anonymous_per_minute,
                    sign_in_pages: self.sign_in_pages_per_minute,
                };
                Ok((RaisedNetwork { network, limits, until }, reason))
            }
            _ => Err(errors),
        }
    }
}

fn read(network: &str) -> Result<ClinicNetwork, FieldError> {
    network.parse().map_err(|error: cloister_kernel::NetworkError| {
        FieldError::new("network", error.code(), error.to_string())
    })
}

/// Reads a moment with its offset. What is finer than a second is dropped.
fn moment(field: &str, text: &str) -> Result<OffsetDateTime, FieldError> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .and_then(|moment| moment.checked_to_offset(UtcOffset::UTC)?.replace_nanosecond(0).ok())
        .ok_or_else(|| {
            FieldError::new(field, "moment.format", "write the moment like 2026-12-31T23:59:59Z (RFC 3339)")
        })
}

/// What the platform's log says of it, sealed.
fn told(raised: &RaisedNetwork, reason: &str) -> Phi<String> {
    let SourceLimits { anonymous, sign_in_pages } = raised.limits;
    let until =
        raised.until.and_then(|until| until.format(&Rfc3339).ok()).unwrap_or_else(|| "lowered".to_owned());
    Phi::new(format!(
        "{}: {anonymous} anonymous calls and {sign_in_pages} sign-in pages a minute until {until}: {reason}",
        raised.network
    ))
}

impl Platform {
    /// Lists the networks of a tenant that are raised now.
    ///
    /// # Errors
    /// `ScopeMissing`, `TenantNotFound`.
    pub async fn list_networks(
        &self,
        call: &OperatorCall,
        id: TenantId,
    ) -> Result<Vec<NetworkRow>, TenancyError> {
        let action = ActionCode::TenantNetworkListed;
        self.attempt(call, Scope::TenantsRead, action, Some(("tenant", id.uuid())), async {
            let mut unit = self.begin(Author::Operator(call)).await?;
            self.load(&mut unit, id).await?;
            let networks = unit.networks(id).await?;
            unit.note(EventDraft::success(action).on("tenant", Some(id.uuid())));
            unit.commit().await?;
            Ok(networks)
        })
        .await
    }

    /// Raises what may come from a tenant's network, up to a ceiling, in place of what was said of that network before.
    ///
    /// # Errors
    /// `ScopeMissing`, `Invalid`, `TenantNotFound`, `TooManyNetworks`.
    pub async fn raise_network(
        &self,
        call: &OperatorCall,
        id: TenantId,
        network: &str,
        request: NetworkRequest,
    ) -> Result<NetworkRow, TenancyError> {
        let action = ActionCode::TenantNetworkRaised;
        self.attempt(call, Scope::NetworksWrite, action, Some(("tenant", id.uuid())), async {
            let now = self.environment.now();
            let (raised, reason) = request.check(network, now).map_err(TenancyError::Invalid)?;
            let mut unit = self.begin(Author::Operator(call)).await?;
            self.load(&mut unit, id).await?;
            let event = EventDraft::success(action).on("tenant", Some(id.uuid()));
            let event = event.explained(told(&raised, &reason));
            let row = NetworkRow {
                id: self.environment.uuid(),
                tenant: id,
                raised,
                reason: Pii::new(reason),
                raised_by: call.operator,
                raised_at: now,
            };
            let row = unit.raise_network(row).await?.ok_or(TenancyError::TooManyNetworks)?;
            unit.note(event);
            unit.commit().await?;
            Ok(row)
        })
        .await
    }

    /// Lowers a tenant's network to what every other may do.
    ///
    /// # Errors
    /// `ScopeMissing`, `Invalid`, `TenantNotFound`, `NetworkNotFound`.
    pub async fn lower_network(
        &self,
        call: &OperatorCall,
        id: TenantId,
        network: &str,
    ) -> Result<(), TenancyError> {
        let action = ActionCode::TenantNetworkLowered;
        self.attempt(call, Scope::NetworksWrite, action, Some(("tenant", id.uuid())), async {
            let network = read(network).map_err(|error| TenancyError::Invalid(vec![error]))?;
            let mut unit = self.begin(Author::Operator(call)).await?;
            self.load(&mut unit, id).await?;
            if !unit.lower_network(id, network).await? {
                return Err(TenancyError::NetworkNotFound);
            }
            let event = EventDraft::success(action).on("tenant", Some(id.uuid()));
            unit.note(event.explained(Phi::new(network.to_string())));
            Ok(unit.commit().await?)
        })
        .await
    }
}
