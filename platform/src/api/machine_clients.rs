//! Record systems that may send bundles.

use cloister_clinical as clinical;
use cloister_edge::StrictJson;
use cloister_kernel::MachineClientId;
use poem_openapi::{Object, OpenApi, param::Path, payload::Json, types::Any};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    answers::{Answer, Change, Created, Done, Making},
    context::User,
};

/// What the clinic says of a record system.
#[derive(Debug, Object)]
pub(crate) struct MachineClientRequest {
    /// What the clinic calls it.
    #[oai(validator(max_length = 400))]
    name: String,
    /// Its public keys, a JSON Web Key Set.
    jwks: Any<Value>,
    /// The identifier systems by which its resources are recognised, absolute URIs, in order of preference.
    #[oai(validator(max_items = 20))]
    identifier_systems: Vec<String>,
}

/// A registered record system.
#[derive(Debug, Object)]
pub(crate) struct MachineClient {
    /// Its id, which is also its OAuth client id.
    id: Uuid,
    /// What the clinic calls it.
    name: String,
    /// The identifier systems by which its resources are recognised.
    identifier_systems: Vec<String>,
    /// When it was registered.
    created_at: OffsetDateTime,
}

impl From<clinical::MachineClient> for MachineClient {
    fn from(client: clinical::MachineClient) -> Self {
        Self {
            id: client.id.uuid(),
            name: client.name,
            identifier_systems: client.identifier_systems,
            created_at: client.created_at,
        }
    }
}

/// The record systems that are registered now.
#[derive(Debug, Object)]
pub(crate) struct MachineClientList {
    /// The record systems.
    items: Vec<MachineClient>,
}

pub(crate) struct MachineClientApi;

#[OpenApi]
impl MachineClientApi {
    /// The record systems that are registered now
    #[oai(path = "/api/v1/machine-clients", method = "get", operation_id = "list_machine_clients")]
    async fn list(&self, user: User) -> Answer<MachineClientList> {
        let clients = user.platform.clinical().machine_clients(&user.caller).await?;
        Ok(Json(MachineClientList { items: clients.into_iter().map(MachineClient::from).collect() }))
    }

    /// Registers a record system; needs a fresh factor
    #[oai(path = "/api/v1/machine-clients", method = "post", operation_id = "register_machine_client")]
    async fn register(&self, user: User, request: StrictJson<MachineClientRequest>) -> Making<MachineClient> {
        let MachineClientRequest { name, jwks: Any(jwks), identifier_systems } = request.0;
        let request = clinical::MachineClientRequest { name, jwks, identifier_systems };
        let client = user.platform.clinical().register_machine_client(&user.caller, &request).await?;
        Ok(Created::new(client.into()))
    }

    /// Removes a record system; needs a fresh factor
    ///
    /// Its access tokens are refused from now on.
    #[oai(path = "/api/v1/machine-clients/:id", method = "delete", operation_id = "remove_machine_client")]
    async fn remove(&self, user: User, id: Path<Uuid>) -> Change {
        let id = MachineClientId::from_uuid(id.0);
        user.platform.clinical().remove_machine_client(&user.caller, id).await?;
        Ok(Done::Done)
    }
}
