//! The HTTP API: one file for each resource, one handler for each operation.
//!
//! Every handler takes one of the contexts of [`context`] first, asks one use case, and turns its answer into the
//! shape of `openapi.json`. Decisions are made below: nothing here looks at a role.

mod activation;
mod answers;
mod clinic;
mod context;
mod document;
mod fhir;
mod invitations;
mod machine_clients;
mod oauth;
mod panel;
mod panel_members;
mod patients;
mod quarantine;
mod record;
mod results;
mod session;
mod sessions;
mod sign_in;
mod staff;

use poem_openapi::OpenApiService;

pub use document::specification;

/// FHIR's media type.
pub(crate) const FHIR_JSON: &str = "application/fhir+json";

type PersonApis = (
    clinic::ClinicApi,
    session::SessionApi,
    sign_in::SignInApi,
    activation::ActivationApi,
    sessions::SessionsApi,
    record::RecordApi,
    panel::PanelApi,
    patients::PatientApi,
    invitations::InvitationApi,
    panel_members::PanelMemberApi,
    staff::StaffApi,
    machine_clients::MachineClientApi,
    quarantine::QuarantineApi,
);
type MachineApis = (oauth::OauthApi, fhir::FhirApi);
type Apis = (PersonApis, MachineApis);

/// The API; its handlers find the platform in the request's data.
pub(crate) fn service() -> OpenApiService<Apis, ()> {
    let people = (
        clinic::ClinicApi,
        session::SessionApi,
        sign_in::SignInApi,
        activation::ActivationApi,
        sessions::SessionsApi,
        record::RecordApi,
        panel::PanelApi,
        patients::PatientApi,
        invitations::InvitationApi,
        panel_members::PanelMemberApi,
        staff::StaffApi,
        machine_clients::MachineClientApi,
        quarantine::QuarantineApi,
    );
    OpenApiService::new((people, (oauth::OauthApi, fhir::FhirApi)), "Cloister platform API", "1.0")
}
