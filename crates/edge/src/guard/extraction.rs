//! How the framework applies the guards: as security schemes that the API's document names, or as plain extractors.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use poem::{FromRequest, Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};

use super::{Anonymous, Anyone, Bearer, FlowPage, InFlow, Open, SignedIn, Webhook};
use crate::webhook::WebhookVerifier;

/// Documents a guard as a security scheme and applies it before the parameters after it.
macro_rules! secured {
    ($guard:ty, $name:literal, $scheme:expr) => {
        impl<'a> ApiExtractor<'a> for $guard {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                registry.create_security_scheme($name, $scheme);
            }

            fn security_schemes() -> Vec<&'static str> {
                vec![$name]
            }

            async fn from_request(
                request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<Self::ParamType>,
            ) -> poem::Result<Self> {
                Ok(<$guard>::of(request).await?)
            }
        }
    };
}

const fn cookie_scheme(name: &'static str, description: &'static str) -> MetaSecurityScheme {
    MetaSecurityScheme {
        ty: "apiKey",
        description: Some(description),
        name: Some(name),
        key_in: Some("cookie"),
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    }
}

const BEARER_SCHEME: MetaSecurityScheme = MetaSecurityScheme {
    ty: "http",
    description: Some("An access token; cookies are refused"),
    name: None,
    key_in: None,
    scheme: Some("bearer"),
    bearer_format: None,
    flows: None,
    openid_connect_url: None,
};

secured!(
    SignedIn,
    "session",
    cookie_scheme("__Host-cloister", "A session; mutating calls also need Origin and X-CSRF-Token")
);
secured!(
    InFlow,
    "flow",
    cookie_scheme(
        "__Host-cloister-flow",
        "A sign-in under way; mutating calls also need Origin and X-CSRF-Token"
    )
);
secured!(Bearer, "bearer", BEARER_SCHEME);

impl<'a> FromRequest<'a> for Anyone {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self::of(request).await?)
    }
}

impl<'a> FromRequest<'a> for Anonymous {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self::of(request).await?)
    }
}

impl<'a> FromRequest<'a> for FlowPage {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self::of(request).await?)
    }
}

impl<'a> FromRequest<'a> for Open {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self::of(request)?)
    }
}

impl<'a, V: WebhookVerifier> FromRequest<'a> for Webhook<V> {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self::of(request, body).await?)
    }
}
