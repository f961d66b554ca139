//! `/healthz` says that all is well once there is something to sign in to.

use std::sync::{Arc, PoisonError, RwLock};

use cloister_edge::EdgeEndpoint;
use poem::{Endpoint, Request, Response, http::StatusCode};

use super::people::Seeded;

/// The demonstration's routes: while its clinics are being made, `/healthz` answers 503 and all else as always.
pub(super) struct UntilSeeded {
    pub(super) routes: EdgeEndpoint,
    pub(super) seeded: Arc<RwLock<Option<Seeded>>>,
}

impl Endpoint for UntilSeeded {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let is_asked = request.uri().path() == "/healthz";
        let mut response = self.routes.call(request).await?;
        if is_asked && self.seeded.read().unwrap_or_else(PoisonError::into_inner).is_none() {
            response.set_status(StatusCode::SERVICE_UNAVAILABLE);
            response.set_body(r#"{"status":"seeding"}"#);
        }
        Ok(response)
    }
}
