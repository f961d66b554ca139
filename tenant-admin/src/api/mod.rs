//! The operators' API: one file per resource, one handler per operation.

mod guard;
mod hosts;
mod networks;
mod owner;
mod readiness;
pub(crate) mod schema;
mod tenants;
mod tokens;

use cloister_edge::{Problem, close_schemas};
use cloister_kernel::Failure;
use cloister_tenancy::{TenancyError, scope::Scope};
use poem_openapi::{OpenApi, OpenApiService};
use serde_json::{Value, json};

pub use guard::Operator;

/// Every operation with the scope that its token needs; none where any token will do. The document's `security` is
/// written from here.
pub const OPERATIONS: &[(&str, Option<Scope>)] = &[
    ("create_tenant", Some(Scope::TenantsWrite)),
    ("list_tenants", Some(Scope::TenantsRead)),
    ("read_tenant", Some(Scope::TenantsRead)),
    ("record_baa", Some(Scope::BaaWrite)),
    ("invite_owner", Some(Scope::OwnersInvite)),
    ("activate_tenant", Some(Scope::TenantsActivate)),
    ("list_networks", Some(Scope::TenantsRead)),
    ("raise_network", Some(Scope::NetworksWrite)),
    ("lower_network", Some(Scope::NetworksWrite)),
    ("list_hosts", Some(Scope::TenantsRead)),
    ("map_host", Some(Scope::HostsWrite)),
    ("make_host_primary", Some(Scope::HostsWrite)),
    ("remove_host", Some(Scope::HostsWrite)),
    ("list_own_tokens", None),
    ("revoke_own_token", None),
];

const DESCRIPTION: &str = "Creates and runs tenants. Every call carries a bearer token that belongs to a named \
operator; tokens are issued by `cloister-admin token issue` on the host, for at most twelve hours, and approve nothing. \
Every failed answer is a problem document (RFC 9457) with a stable code.";

/// The service of all operations.
pub(crate) fn service() -> OpenApiService<impl OpenApi, ()> {
    let all = (
        tenants::Tenants,
        readiness::Readiness,
        owner::Owner,
        networks::Networks,
        hosts::Hosts,
        tokens::Tokens,
    );
    OpenApiService::new(all, "Cloister tenant administration", env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
}

/// The OpenAPI document: what the framework derives, completed by what it leaves out. Its keys are sorted.
pub fn document() -> Value {
    let mut document: Value = serde_json::from_str(&service().spec()).unwrap_or_default();
    for item in document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        for operation in item.as_object_mut().into_iter().flat_map(|operations| operations.values_mut()) {
            let id = operation["operationId"].as_str().unwrap_or_default();
            let scope = OPERATIONS.iter().find(|(name, _)| *name == id).and_then(|(_, scope)| *scope);
            let scopes: Vec<&str> = scope.iter().map(|scope| scope.as_str()).collect();
            operation["security"] = json!([{ "operator_token": scopes }]);
        }
    }
    close_schemas(&mut document);
    document
}

/// The answer to a failed call; what is missing for an activation is named one by one.
pub(crate) fn problem(error: TenancyError) -> Problem {
    let details = match &error {
        TenancyError::NotReady(missing) => missing.clone(),
        _ => Vec::new(),
    };
    let unauthenticated = error.kind() == cloister_kernel::FailureKind::Unauthenticated;
    let problem = details.into_iter().fold(Problem::from(error), |problem, missing| {
        problem.field(missing.field, missing.code, missing.reason)
    });
    if unauthenticated { problem.challenge("Bearer") } else { problem }
}
