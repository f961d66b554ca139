//! Links in messages: built from the stored host, never from a request.

use cloister_kernel::{Audience, TenantId};
use cloister_store::Store;

use crate::GrantsError;

/// How clients reach the hosts: `https` on the default port, or whatever stands in front of a development server.
#[derive(Debug, Clone)]
pub struct Links {
    scheme: &'static str,
    port: Option<u16>,
}

impl Links {
    /// `https://HOST`.
    pub const fn https() -> Self {
        Self { scheme: "https", port: None }
    }

    /// Another scheme or port, for the embedded size and for tests.
    pub const fn custom(scheme: &'static str, port: Option<u16>) -> Self {
        Self { scheme, port }
    }

    /// The origin of a clinic's site.
    pub(crate) async fn origin(
        &self,
        store: &Store,
        tenant: TenantId,
        audience: Audience,
    ) -> Result<String, GrantsError> {
        let hosts = store.platform().hosts_of(tenant).await?;
        let host = hosts
            .into_iter()
            .find(|host| host.audience == audience && host.is_primary)
            .ok_or(GrantsError::Broken("the clinic has no primary host"))?;
        Ok(match self.port {
            Some(port) => format!("{}://{}:{port}", self.scheme, host.host),
            None => format!("{}://{}", self.scheme, host.host),
        })
    }
}

/// The activation link. The token stands in the fragment, which browsers keep to themselves.
pub(crate) fn activation_link(origin: &str, token: &str) -> String {
    format!("{origin}/activate#token={token}")
}
