//! The one guard of every operation: a named operator behind a token that holds.

use cloister_edge::{Bearer, Inbound, Problem};
use cloister_ephemeral::{RateAnswer, RateKey, RateLimit};
use cloister_kernel::ExposeSecret;
use cloister_tenancy::{OperatorCall, TenancyError};
use poem::{Request, RequestBody, http::StatusCode};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};

use super::problem;
use crate::{
    AdminState,
    recorded::{CallNote, facts},
};

/// Tokens that do not hold, from one source.
const REFUSALS: RateLimit = RateLimit::per_minute(10);

/// An operator who may call. The first parameter of every handler.
pub struct Operator {
    call: OperatorCall,
    state: AdminState,
    note: CallNote,
}

impl Operator {
    /// The caller and the platform. From here on the operation writes its own events.
    pub(crate) fn enter(&self) -> (&OperatorCall, &cloister_tenancy::Platform) {
        self.note.settle();
        (&self.call, &self.state.platform)
    }

    async fn of(request: &Request) -> Result<Self, Problem> {
        let outside = || Problem::internal("a route is served outside the server");
        let state = request.data::<AdminState>().ok_or_else(outside)?.clone();
        let note = request.data::<CallNote>().ok_or_else(outside)?.clone();
        let inbound = request.data::<Inbound>().ok_or_else(outside)?.clone();
        let token = match Bearer::of(request).await {
            Ok(bearer) => Some(bearer.token),
            Err(refused) if refused.http_status() == StatusCode::UNAUTHORIZED => None,
            Err(refused) => return Err(refused),
        };
        let source = RateKey::source(None, "operator-refused", *inbound.source().expose());
        let text = token.as_ref().map(|token| token.expose_secret());
        let call = match state.platform.authenticate(text, facts(&inbound)).await {
            Ok(call) => call,
            Err(TenancyError::Unauthenticated) => {
                note.settle();
                within(state.ephemeral.hit(&source, REFUSALS).await?)?;
                return Err(problem(TenancyError::Unauthenticated));
            }
            Err(error) => return Err(problem(error)),
        };
        note.name(&call);
        let key = RateKey::subject(None, "operator", call.operator().uuid().as_bytes());
        within(state.ephemeral.hit(&key, state.calls).await?)?;
        Ok(Self { call, state, note })
    }
}

fn within(answer: RateAnswer) -> Result<(), Problem> {
    if answer.allowed {
        return Ok(());
    }
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate.limited", "too many calls");
    Err(problem.retry_after(answer.retry_after_seconds().max(1)))
}

impl<'a> ApiExtractor<'a> for Operator {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let scheme = MetaSecurityScheme {
            ty: "http",
            description: Some("A token issued by `cloister-admin token issue`; cookies are refused"),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        };
        registry.create_security_scheme("operator_token", scheme);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["operator_token"]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        Ok(Self::of(request).await?)
    }
}
