//! The FHIR endpoint of record systems: bundles in, single resources back (FHIR R4, RESTful API).

use bytes::Bytes;
use cloister_clinical::{ClinicalError, FhirResource};
use cloister_edge::{BUNDLE_LIMIT, LimitedBody, Problem};
use cloister_fhir::capability_statement;
use poem::{
    Body, IntoResponse, Request, RequestBody, Response,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, OpenApi,
    param::Path,
    registry::{MetaMediaType, MetaRequest, MetaResponse, MetaResponses, Registry},
    types::{Any, Type},
};
use serde_json::Value;

use super::{
    FHIR_JSON,
    context::{Looker, Machine},
    oauth::token_endpoint,
};

/// A transaction bundle, read by counted bytes.
pub(crate) struct PostedBundle(Bytes);

impl<'a> ApiExtractor<'a> for PostedBundle {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    const PARAM_IS_REQUIRED: bool = true;
    type ParamType = ();
    type ParamRawType = ();

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest { description: None, content: fhir_content(), required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        let kind = request.content_type().unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if ![FHIR_JSON, "application/json"].iter().any(|known| known.eq_ignore_ascii_case(kind)) {
            let title = "another content type is expected";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "body.content_type", title)
                .field("Content-Type", "body.content_type", format!("must be {FHIR_JSON}"))
                .into());
        }
        Ok(Self(<LimitedBody<BUNDLE_LIMIT> as poem::FromRequest>::from_request(request, body).await?.0))
    }
}

fn fhir_content() -> Vec<MetaMediaType> {
    vec![MetaMediaType { content_type: FHIR_JSON, schema: Any::<Value>::schema_ref() }]
}

/// A FHIR resource as an answer.
pub(crate) struct FhirAnswer {
    resource: Value,
    version: Option<(i64, time::OffsetDateTime)>,
}

impl IntoResponse for FhirAnswer {
    fn into_response(self) -> Response {
        let body = Body::from_string(self.resource.to_string());
        let mut response = Response::builder().content_type(FHIR_JSON).body(body);
        if let Some((version, received_at)) = self.version {
            let tag = HeaderValue::from_str(&format!("W/\"{version}\""));
            let format = time::macros::format_description!(
                "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
            );
            let modified = received_at.to_offset(time::UtcOffset::UTC).format(format).ok();
            let modified = modified.and_then(|text| HeaderValue::from_str(&text).ok());
            if let (Ok(tag), Some(modified)) = (tag, modified) {
                response.headers_mut().insert(header::ETAG, tag);
                response.headers_mut().insert(header::LAST_MODIFIED, modified);
            }
        }
        response
    }
}

impl ApiResponse for FhirAnswer {
    fn meta() -> MetaResponses {
        MetaResponses { responses: vec![answer(200, "A FHIR resource")] }
    }

    fn register(_: &mut Registry) {}
}

fn answer(status: u16, description: &'static str) -> MetaResponse {
    MetaResponse {
        description,
        status: Some(status),
        status_range: None,
        content: fhir_content(),
        headers: vec![],
    }
}

/// Why there is no resource to answer with. Record systems read it as an OperationOutcome.
pub(crate) enum FhirFailure {
    /// The bundle itself is not acceptable; the outcome names entries and paths.
    Refused(StatusCode, Value),
    /// Anything else.
    Problem(Problem),
}

impl From<Problem> for FhirFailure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<ClinicalError> for FhirFailure {
    fn from(error: ClinicalError) -> Self {
        if let ClinicalError::Refused(_) = error {
            let outcome = error.operation_outcome().to_value();
            return Self::Refused(Problem::from(error).http_status(), outcome);
        }
        Self::Problem(error.into())
    }
}

impl From<FhirFailure> for poem::Error {
    fn from(failure: FhirFailure) -> Self {
        match failure {
            FhirFailure::Problem(problem) => problem.into(),
            FhirFailure::Refused(status, outcome) => {
                let body = Body::from_string(outcome.to_string());
                let response = Response::builder().status(status).content_type(FHIR_JSON).body(body);
                Self::from_response(response)
            }
        }
    }
}

impl ApiResponse for FhirFailure {
    fn meta() -> MetaResponses {
        let documented = [
            (400, "OperationOutcome: the body is not JSON"),
            (401, "OperationOutcome: the access token does not hold"),
            (403, "OperationOutcome: the token's scopes do not cover it"),
            (404, "OperationOutcome: absent, or not to be known"),
            (408, "OperationOutcome: the body did not arrive in time"),
            (409, "OperationOutcome: the record's state forbids it"),
            (413, "OperationOutcome: the bundle is too large"),
            (414, "OperationOutcome: the address is too long"),
            (415, "OperationOutcome: another content type is expected"),
            (421, "OperationOutcome: nobody's host"),
            (422, "OperationOutcome: an entry is wrong; nothing was written"),
            (429, "OperationOutcome: too many calls"),
            (500, "OperationOutcome: our fault"),
            (503, "OperationOutcome: a part of the service is away; nothing was done"),
        ];
        let mut responses: Vec<_> =
            documented.into_iter().map(|(status, text)| answer(status, text)).collect();
        // What is turned away before anybody knows that it is for FHIR is a problem, also where others are not.
        for early in Problem::meta().responses {
            match responses.iter_mut().find(|response| response.status == early.status) {
                Some(response) if early.status == Some(414) => response.content.extend(early.content),
                None if early.status == Some(431) => responses.push(early),
                _ => {}
            }
        }
        MetaResponses { responses }
    }

    fn register(registry: &mut Registry) {
        Problem::register(registry);
    }
}

pub(crate) struct FhirApi;

#[OpenApi]
impl FhirApi {
    /// Takes a transaction bundle in: all of it or nothing
    #[oai(path = "/fhir/R4", method = "post", operation_id = "take_bundle")]
    async fn take(&self, machine: Machine, bundle: PostedBundle) -> Result<FhirAnswer, FhirFailure> {
        machine.must_hold("*", "cud").await?;
        let bytes = Vec::from(bundle.0);
        let response = machine.platform.clinical().ingest_bundle(&machine.caller, bytes).await?;
        Ok(FhirAnswer { resource: response.into_value(), version: None })
    }

    /// What this endpoint supports, for everybody
    #[oai(path = "/fhir/R4/metadata", method = "get", operation_id = "get_capability_statement")]
    async fn metadata(&self, looker: Looker) -> Result<FhirAnswer, FhirFailure> {
        let inbound = &looker.anyone.inbound;
        inbound.clinic()?;
        let base = format!("{}/fhir/R4", inbound.origin());
        let statement =
            capability_statement(&base, &token_endpoint(inbound.origin()), env!("CARGO_PKG_VERSION"));
        Ok(FhirAnswer { resource: statement, version: None })
    }

    /// Reads a resource back
    #[oai(path = "/fhir/R4/:type/:id", method = "get", operation_id = "read_resource")]
    async fn read(
        &self,
        machine: Machine,
        #[oai(name = "type", validator(max_length = 64))] resource_type: Path<String>,
        #[oai(validator(max_length = 64))] id: Path<String>,
    ) -> Result<FhirAnswer, FhirFailure> {
        machine.must_hold(&resource_type.0, "r").await?;
        let read =
            machine.platform.clinical().read_resource(&machine.caller, &resource_type.0, &id.0).await?;
        let FhirResource { body, version, received_at, .. } = read.into_exposed();
        Ok(FhirAnswer { resource: body, version: Some((version, received_at)) })
    }
}
