//! From a command line to a call, and from its outcome to what is printed.

use std::{future::Future, sync::Arc};

use cloister_ephemeral::{Ephemeral, InProcessCapacity, RateLimit, RedisSettings};
use cloister_kernel::{Environment, TenantId};
use cloister_store::{OperatorRow, PlatformStore, StoreConfig};
use cloister_tenancy::{CallFacts, OperatorCall, Platform, TenancyError, TokenRequest, baa::BaaRequest};
use cloister_vault::{
    AwsKeyService, AwsKeySettings, Breaker, Deployment, KeyCache, KeyIssuer, KeyOpener, LocalKeyService,
    PlatformKeyOpener,
};
use poem_openapi::types::ToJSON;
use serde_json::{Value, json};

use super::{
    commands::{BaaCommand, Command, OperatorCommand, OwnerCommand, TokenCommand},
    output::{CommandError, Output},
    tenant::tenant,
};
use crate::{
    AdminState, KeySettings, Settings,
    api::schema::{TenantBody, TokenList, written},
    measured, serve_until,
};

/// The platform's own keys are few.
const KEYS_CACHED: u64 = 100;

pub(super) async fn execute(command: Command, output: &Output) -> Result<(), CommandError> {
    let settings = Settings::from_environment()?;
    let environment = Environment::system();
    if matches!(command, Command::Serve) {
        cloister_edge::start_logs(&settings.log)?;
    }
    let platform = platform(&settings, &environment).await?;
    platform.refuse_unless_isolated().await?;
    let facts = CallFacts { request: environment.id(), source: None, user_agent: None };
    match command {
        Command::Serve => return serve(&settings, platform, environment).await,
        Command::Operator(command) => operator(command, &platform, &facts, output).await?,
        Command::Token(command) => token(command, &platform, &facts, output).await?,
        Command::Tenant(command) => {
            tenant(command, &platform, &caller(&platform, facts).await?, output).await?
        }
        Command::Baa(command) => baa(command, &platform, &caller(&platform, facts).await?, output).await?,
        Command::Owner(command) => {
            owner(command, &platform, &caller(&platform, facts).await?, output).await?
        }
        Command::Settings { .. } | Command::Openapi => {}
    }
    Ok(())
}

/// The platform over the configured database and key service.
async fn platform(settings: &Settings, environment: &Environment) -> Result<Platform, CommandError> {
    let (issuer, opener): (Arc<dyn KeyIssuer>, Arc<dyn KeyOpener>) = match &settings.keys {
        KeySettings::Aws { region, endpoint, multi_region, policies } => {
            let settings = AwsKeySettings {
                region: region.clone(),
                endpoint: endpoint.clone(),
                multi_region: *multi_region,
                policies: policies.clone(),
                ..AwsKeySettings::default()
            };
            let service = Arc::new(AwsKeyService::connect(&settings).await);
            (service.clone(), Arc::new(PlatformKeyOpener::new(service)))
        }
        KeySettings::Local { file, embedded, accepted } => {
            let deployment = match embedded {
                true => Deployment::Embedded,
                false => Deployment::Production { accept_key_file: *accepted },
            };
            let service = Arc::new(LocalKeyService::open(file, deployment, environment.clone())?);
            (service.clone(), Arc::new(PlatformKeyOpener::new(service)))
        }
    };
    let breaker = Breaker::new(opener, environment.clone());
    let cache = KeyCache::new(Arc::new(breaker), environment.clone(), KEYS_CACHED);
    let config =
        StoreConfig { max_connections: settings.connections, ..StoreConfig::new(settings.database.clone()) };
    let store = PlatformStore::connect(&config, cache, environment.clone()).await?;
    Ok(Platform::new(store, issuer, environment.clone(), settings.domain.clone()))
}

async fn serve(
    settings: &Settings,
    platform: Platform,
    environment: Environment,
) -> Result<(), CommandError> {
    let ephemeral = match &settings.redis {
        Some((url, authority)) => {
            let redis =
                RedisSettings { trusted_certificates: authority.clone(), ..RedisSettings::new(url.clone()) };
            Ephemeral::redis(&redis, environment.clone())?
        }
        None => Ephemeral::in_process(InProcessCapacity::default(), environment.clone()),
    };
    let calls = RateLimit::per_minute(settings.calls_per_minute.max(1));
    let state = AdminState { platform, ephemeral, calls };
    let metrics = measured(settings).await?;
    tokio::select! {
        served = serve_until(settings, state, environment, shutdown()) => Ok(served?),
        () = metrics => Ok(()),
    }
}

/// Completes when the process is told to stop.
fn shutdown() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = signal(SignalKind::terminate());
    async move {
        let interrupted = tokio::signal::ctrl_c();
        match terminate {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupted => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => drop(interrupted.await),
        }
    }
}

/// Who types: the owner of the token in the environment.
async fn caller(platform: &Platform, facts: CallFacts) -> Result<OperatorCall, CommandError> {
    let token = std::env::var("CLOISTER_ADMIN_TOKEN").map_err(|_| CommandError::NoToken)?;
    Ok(platform.authenticate(Some(token.trim()), facts).await?)
}

async fn operator(
    command: OperatorCommand,
    platform: &Platform,
    facts: &CallFacts,
    output: &Output,
) -> Result<(), TenancyError> {
    match command {
        OperatorCommand::Create { name, email } => {
            platform.ensure_keys(facts).await?;
            output.value(&shown(&platform.create_operator(facts, &name, &email).await?));
        }
        OperatorCommand::List => {
            let items: Vec<Value> = platform.list_operators(facts).await?.iter().map(shown).collect();
            output.list(&json!({ "items": items }), &["id", "email", "name", "active", "created_at"]);
        }
        OperatorCommand::Disable { email } => {
            platform.disable_operator(facts, &email).await?;
            output.value(&json!({ "disabled": true }));
        }
    }
    Ok(())
}

fn shown(operator: &OperatorRow) -> Value {
    json!({
        "id": operator.id,
        "name": operator.name.expose(),
        "email": operator.email.expose(),
        "active": operator.active,
        "created_at": written(operator.created_at),
    })
}

async fn token(
    command: TokenCommand,
    platform: &Platform,
    facts: &CallFacts,
    output: &Output,
) -> Result<(), TenancyError> {
    match command {
        TokenCommand::Issue { operator, scopes, ttl } => {
            let request = TokenRequest { operator, scopes, life: ttl };
            let issued = platform.issue_token(facts, request).await?;
            output.value(&json!({
                "id": issued.row.id,
                "token": issued.token.reveal(),
                "scopes": issued.row.scopes.split(' ').collect::<Vec<_>>(),
                "expires_at": written(issued.row.expires_at),
            }));
        }
        TokenCommand::List { operator } => {
            let rows = platform.list_tokens(facts, operator.as_deref()).await?;
            output.list(
                &json_of(&TokenList::of(rows, None)),
                &["id", "scopes", "created_at", "expires_at", "revoked_at"],
            );
        }
        TokenCommand::Revoke { id } => {
            platform.revoke_token(facts, id).await?;
            output.value(&json!({ "revoked": true }));
        }
    }
    Ok(())
}

async fn baa(
    command: BaaCommand,
    platform: &Platform,
    call: &OperatorCall,
    output: &Output,
) -> Result<(), TenancyError> {
    let BaaCommand::Record { tenant, signed_on, expires_on, counterparty, document_reference } = command;
    let request = BaaRequest { signed_on, expires_on, counterparty, document_reference };
    let tenant = platform.record_baa(call, TenantId::from_uuid(tenant), request).await?;
    output.value(&json_of(&TenantBody::from(tenant)));
    Ok(())
}

async fn owner(
    command: OwnerCommand,
    platform: &Platform,
    call: &OperatorCall,
    output: &Output,
) -> Result<(), TenancyError> {
    let OwnerCommand::Invite { tenant, email, display_name } = command;
    let job = platform.invite_owner(call, TenantId::from_uuid(tenant), &email, &display_name).await?;
    output.value(&json!({ "job_id": job }));
    Ok(())
}

pub(super) fn json_of(value: &impl ToJSON) -> Value {
    value.to_json().unwrap_or_default()
}
