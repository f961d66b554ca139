//! Commands about tenants, their networks and their hosts.

use cloister_kernel::TenantId;
use cloister_tenancy::{
    ListRequest, NetworkRequest, OperatorCall, Platform, TenancyError, new_tenant::NewTenantRequest,
};
use serde_json::json;

use super::{
    commands::{HostCommand, NetworkCommand, NewTenantArguments, TenantCommand},
    output::Output,
    run::json_of,
};
use crate::api::schema::{HostBody, HostList, NetworkBody, NetworkList, TenantBody, TenantPage};

pub(super) async fn tenant(
    command: TenantCommand,
    platform: &Platform,
    call: &OperatorCall,
    output: &Output,
) -> Result<(), TenancyError> {
    let tenant = match command {
        TenantCommand::List { limit, cursor, status } => {
            let list = platform.list_tenants(call, ListRequest { limit, cursor, status }).await?;
            output.list(&json_of(&TenantPage::from(list)), &["id", "slug", "status", "owner", "name"]);
            return Ok(());
        }
        TenantCommand::Create(new) => {
            let key = new.idempotency_key.clone();
            platform.create_tenant(call, Some(&key), new.into()).await?
        }
        TenantCommand::Show { id } => platform.read_tenant(call, TenantId::from_uuid(id)).await?,
        TenantCommand::Activate { id } => platform.activate_tenant(call, TenantId::from_uuid(id)).await?,
        TenantCommand::Network(command) => return network(command, platform, call, output).await,
        TenantCommand::Host(command) => return host(command, platform, call, output).await,
    };
    output.value(&json_of(&TenantBody::from(tenant)));
    Ok(())
}

async fn network(
    command: NetworkCommand,
    platform: &Platform,
    call: &OperatorCall,
    output: &Output,
) -> Result<(), TenancyError> {
    match command {
        NetworkCommand::List { tenant } => {
            let rows = platform.list_networks(call, TenantId::from_uuid(tenant)).await?;
            let columns =
                ["network", "anonymous_per_minute", "sign_in_pages_per_minute", "expires_at", "reason"];
            output.list(&json_of(&NetworkList::from(rows)), &columns);
        }
        NetworkCommand::Raise { tenant, network, anonymous, sign_in_pages, reason, expires_at } => {
            let request = NetworkRequest {
                anonymous_per_minute: anonymous,
                sign_in_pages_per_minute: sign_in_pages,
                reason,
                expires_at,
            };
            let row = platform.raise_network(call, TenantId::from_uuid(tenant), &network, request).await?;
            output.value(&json_of(&NetworkBody::from(row)));
        }
        NetworkCommand::Lower { tenant, network } => {
            platform.lower_network(call, TenantId::from_uuid(tenant), &network).await?;
            output.value(&json!({ "lowered": true }));
        }
    }
    Ok(())
}

async fn host(
    command: HostCommand,
    platform: &Platform,
    call: &OperatorCall,
    output: &Output,
) -> Result<(), TenancyError> {
    match command {
        HostCommand::List { tenant } => {
            let rows = platform.list_hosts(call, TenantId::from_uuid(tenant)).await?;
            output.list(&json_of(&HostList::from(rows)), &["host", "site", "primary"]);
        }
        HostCommand::Map { tenant, host, site } => {
            let row = platform.map_host(call, TenantId::from_uuid(tenant), &host, &site).await?;
            output.value(&json_of(&HostBody::from(row)));
        }
        HostCommand::MakePrimary { tenant, host } => {
            let row = platform.make_host_primary(call, TenantId::from_uuid(tenant), &host).await?;
            output.value(&json_of(&HostBody::from(row)));
        }
        HostCommand::Remove { tenant, host } => {
            platform.remove_host(call, TenantId::from_uuid(tenant), &host).await?;
            output.value(&json!({ "removed": true }));
        }
    }
    Ok(())
}

impl From<NewTenantArguments> for NewTenantRequest {
    fn from(given: NewTenantArguments) -> Self {
        Self {
            slug: given.slug,
            name: given.name,
            region: given.region,
            time_zone: given.time_zone,
            contact_name: given.contact_name,
            contact_email: given.contact_email,
            default_locale: given.locale,
            colors: given.brand.zip(given.on_brand),
        }
    }
}
