//! The token endpoint and where record systems find it (SMART App Launch 2.2, Backend Services).

use cloister_edge::{LimitedBody, Open, Problem};
use cloister_identity::{CLIENT_CREDENTIALS, TokenRequest};
use cloister_kernel::{ExposeSecret, SecretString};
use poem::{Request, RequestBody, http::StatusCode};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions, Object, OpenApi,
    payload::Json,
    registry::{MetaMediaType, MetaRequest, Registry},
    types::Type,
};
use url::form_urlencoded;

use super::{answers::Answer, context::Applicant};

const FORM: &str = "application/x-www-form-urlencoded";
const LONGEST_FORM: usize = 32 << 10;

/// The form that a record system posts (RFC 6749, section 4.4; RFC 7523, section 2.2).
#[derive(Debug, Object)]
pub(crate) struct TokenForm {
    /// `client_credentials`.
    grant_type: String,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: String,
    /// A JWT signed with a registered key (RS384 or ES384).
    client_assertion: String,
    /// The scopes wanted; without them all that the client may have.
    scope: Option<String>,
}

impl TokenForm {
    /// Parameters that are not known are ignored, and none may stand twice (RFC 6749, section 3.2).
    fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let refused = |field: &str, code, reason: &str| {
            let title = "the form is not what this endpoint takes";
            Problem::new(StatusCode::BAD_REQUEST, "oauth.invalid_request", title).field(field, code, reason)
        };
        let mut values: [Option<String>; 4] = Default::default();
        let names = ["grant_type", "client_assertion_type", "client_assertion", "scope"];
        for (name, value) in form_urlencoded::parse(bytes) {
            let Some(place) = names.iter().position(|known| *known == name) else { continue };
            if values[place].replace(value.into_owned()).is_some() {
                return Err(refused(names[place], "parameter.duplicate", "stands twice"));
            }
        }
        let needed = |value: Option<String>, name| {
            value
                .filter(|value| !value.is_empty())
                .ok_or_else(|| refused(name, "parameter.missing", "is required"))
        };
        let [grant_type, client_assertion_type, client_assertion, scope] = values;
        Ok(Self {
            grant_type: needed(grant_type, names[0])?,
            client_assertion_type: needed(client_assertion_type, names[1])?,
            client_assertion: needed(client_assertion, names[2])?,
            scope,
        })
    }
}

/// The form, read by counted bytes.
pub(crate) struct PostedForm(TokenForm);

impl<'a> ApiExtractor<'a> for PostedForm {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    const PARAM_IS_REQUIRED: bool = true;
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        TokenForm::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: FORM, schema: TokenForm::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        let kind = request.content_type().unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some(FORM) {
            let title = "another content type is expected";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "body.content_type", title)
                .field("Content-Type", "body.content_type", format!("must be {FORM}"))
                .into());
        }
        let bytes = <LimitedBody<LONGEST_FORM> as poem::FromRequest>::from_request(request, body).await?;
        Ok(Self(TokenForm::read(&bytes.0)?))
    }
}

/// An access token (RFC 6749, section 5.1).
#[derive(Object)]
pub(crate) struct AccessToken {
    /// The token.
    access_token: String,
    /// `bearer`.
    token_type: String,
    /// Seconds that it holds.
    expires_in: i64,
    /// The scopes granted.
    scope: String,
}

/// How a record system gets in (SMART App Launch 2.2, conformance).
#[derive(Debug, Object)]
pub(crate) struct SmartConfiguration {
    /// Where tokens are issued.
    token_endpoint: String,
    /// The grants taken.
    grant_types_supported: Vec<String>,
    /// How clients prove who they are.
    token_endpoint_auth_methods_supported: Vec<String>,
    /// The signatures taken.
    token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// The scopes that there are.
    scopes_supported: Vec<String>,
    /// What of SMART is supported.
    capabilities: Vec<String>,
}

/// Where tokens are issued.
pub(super) fn token_endpoint(origin: &str) -> String {
    format!("{origin}/oauth/token")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub(crate) struct OauthApi;

#[OpenApi]
impl OauthApi {
    /// Issues an access token to a record system
    ///
    /// Failures are told as RFC 6749, section 5.2 has it.
    #[oai(path = "/oauth/token", method = "post", operation_id = "issue_access_token")]
    async fn token(&self, applicant: Applicant, form: PostedForm) -> Answer<AccessToken> {
        let form = form.0;
        let assertion = SecretString::from(form.client_assertion);
        let request = TokenRequest {
            grant_type: &form.grant_type,
            client_assertion_type: &form.client_assertion_type,
            client_assertion: &assertion,
            scope: form.scope.as_deref(),
        };
        let endpoint = token_endpoint(applicant.inbound.origin());
        let identity = applicant.platform.identity();
        let issued = identity.issue_access_token(&applicant.visitor, &endpoint, &request).await?;
        Ok(Json(AccessToken {
            access_token: issued.access_token.expose_secret().to_owned(),
            token_type: "bearer".to_owned(),
            expires_in: issued.expires_in,
            scope: issued.scope,
        }))
    }

    /// How a record system gets in
    #[oai(
        path = "/.well-known/smart-configuration",
        method = "get",
        operation_id = "get_smart_configuration"
    )]
    async fn smart_configuration(&self, open: Open) -> Answer<SmartConfiguration> {
        open.inbound.clinic()?;
        Ok(Json(SmartConfiguration {
            token_endpoint: token_endpoint(open.inbound.origin()),
            grant_types_supported: words(&[CLIENT_CREDENTIALS]),
            token_endpoint_auth_methods_supported: words(&["private_key_jwt"]),
            token_endpoint_auth_signing_alg_values_supported: words(&["RS384", "ES384"]),
            scopes_supported: cloister_clinical::SCOPES.split(' ').map(str::to_owned).collect(),
            capabilities: words(&["client-confidential-asymmetric", "permission-v2"]),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_once_and_whole() {
        let form = "grant_type=client_credentials&client_assertion_type=a%3Ab&client_assertion=x.y.z&other=1";
        let read = TokenForm::read(form.as_bytes()).unwrap();
        assert_eq!((read.client_assertion_type.as_str(), read.scope), ("a:b", None));
        for wrong in [
            "",
            "grant_type=&client_assertion_type=a&client_assertion=b",
            "grant_type=a&grant_type=a&client_assertion_type=a&client_assertion=b",
            "grant_type=a&client_assertion_type=a",
        ] {
            assert_eq!(
                TokenForm::read(wrong.as_bytes()).unwrap_err().code(),
                "oauth.invalid_request",
                "{wrong}"
            );
        }
    }
}
