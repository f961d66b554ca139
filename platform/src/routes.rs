//! Which routes a host serves: a clinic's API, FHIR endpoint, assets and pages, or what a fixed host is for.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use std::sync::Arc;

use cloister_edge::{Edge, EdgeEndpoint, Inbound, Operations, Problem, Site, Voice};
use cloister_identity::Identity;
use poem::{
    Endpoint, EndpointExt, IntoEndpoint, Request, Response, Route,
    endpoint::{DynEndpoint, ToDynEndpoint},
    get,
    http::StatusCode,
};

use crate::{Platform, StartError, api, machine_answers, pages, refused_calls};

type Routes = Arc<dyn DynEndpoint<Output = Response>>;

fn shared<E>(routes: E) -> Routes
where
    E: IntoEndpoint,
    E::Endpoint: 'static,
{
    Arc::new(ToDynEndpoint(routes.into_endpoint().map_to_response()))
}

impl Platform {
    /// Everything that clinics' hosts serve, behind the edge.
    ///
    /// # Errors
    /// When the API's document cannot be read.
    pub fn routes(&self) -> Result<EdgeEndpoint, StartError> {
        self.routes_with(Route::new())
    }

    /// The same, with routes for the hosts that belong to no clinic.
    ///
    /// # Errors
    /// When the API's document cannot be read.
    pub fn routes_with<E>(&self, demonstration: E) -> Result<EdgeEndpoint, StartError>
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        let service = api::service().data(self.clone());
        let operations = Operations::default().with_spec("", &api::specification())?;
        let sites = Sites {
            identity: self.identity().clone(),
            api: shared(service),
            assets: shared(Route::new().at("/assets/:file", get(pages::asset))),
            pages: shared(
                Route::new()
                    .at("/robots.txt", get(pages::robots))
                    .at("/", get(pages::page))
                    .at("/*page", get(pages::page))
                    .data(self.identity().clone()),
            ),
            demonstration: shared(demonstration),
        };
        let parts = self.parts();
        let edge = Edge::new(
            parts.edge.clone(),
            Arc::new(self.hosts().clone()),
            parts.ephemeral.clone(),
            parts.environment.clone(),
            parts.checks.clone(),
        );
        let voice: Voice = Arc::new(|problem, path, id| Box::pin(machine_answers::tell(problem, path, id)));
        Ok(edge.around(sites).documented(operations).speaking(voice))
    }
}

/// Chooses by the host, then by the path's first segment: the page for everything else never covers these.
struct Sites {
    identity: Identity,
    api: Routes,
    assets: Routes,
    pages: Routes,
    demonstration: Routes,
}

impl Endpoint for Sites {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let inbound = request.data::<Inbound>().cloned().ok_or_else(absent)?;
        match inbound.site() {
            Site::Clinic { .. } => {}
            Site::Demonstration => return self.demonstration.call(request).await,
            Site::Operators => return Err(absent().into()),
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let answered = self.of_clinic(request).await;
        if let Some(refusal) = inbound.refusal() {
            Box::pin(refused_calls::note(&self.identity, &inbound, refusal, &method, &uri)).await?;
        }
        answered
    }
}

impl Sites {
    async fn of_clinic(&self, request: Request) -> poem::Result<Response> {
        let path = request.uri().path();
        let first = path.split('/').nth(1).unwrap_or_default();
        match first {
            "fhir" | "oauth" => Box::pin(machine_answers::speak(&self.api, request)).await,
            "api" | ".well-known" => self.api.call(request).await,
            "assets" => self.assets.call(request).await,
            // A page's path has no dot: what looks like a file and is none is absent.
            _ if path.contains('.') && path != "/robots.txt" => Err(absent().into()),
            _ => self.pages.call(request).await,
        }
    }
}

fn absent() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "route.not_found", "there is nothing here")
}
