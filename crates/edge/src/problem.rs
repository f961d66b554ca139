//! Every failed answer: `application/problem+json` (RFC 9457) with a stable code and the request's id.

use std::{borrow::Cow, error::Error as StdError, fmt};

use cloister_kernel::{Failure, FailureKind, FieldError, RequestId};
use poem::{Body, Response, error::ResponseError, http::StatusCode};
use poem_openapi::{
    ApiResponse, Object,
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};
use serde::Serialize;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A failed answer. Made from any [`Failure`] by `?`; the cause is logged with the request's id and never sent.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    title: String,
    detail: Option<String>,
    errors: Vec<FieldError>,
    retry_after: Option<u64>,
    challenge: Option<&'static str>,
    allow: Option<String>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Problem {
    /// A problem without a cause. The title is plain words and holds no value from the request.
    pub fn new(status: StatusCode, code: &'static str, title: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            code: Cow::Borrowed(code),
            title: title.into(),
            detail: None,
            errors: Vec::new(),
            retry_after: None,
            challenge: (status == StatusCode::UNAUTHORIZED).then_some("Cookie"),
            allow: None,
            cause: None,
        }))
    }

    /// 500: our fault. Only the log sees the cause.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut problem = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "service.failed",
            "something went wrong on our side",
        );
        problem.0.cause = Some(cause.into());
        problem
    }

    /// Adds what is wrong with one field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, code: &'static str, reason: impl Into<String>) -> Self {
        self.0.errors.push(FieldError::new(field, code, reason));
        self
    }

    /// Adds a sentence on this occurrence; it holds no value from the request.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Seconds for the `Retry-After` header.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// The scheme for `WWW-Authenticate` where it is not the session cookie.
    #[must_use]
    pub fn challenge(mut self, scheme: &'static str) -> Self {
        self.0.challenge = Some(scheme);
        self
    }

    /// The methods that would work, for the `Allow` header of a 405.
    #[must_use]
    pub(crate) fn allow(mut self, methods: Option<String>) -> Self {
        self.0.allow = methods;
        self
    }

    /// The HTTP status.
    pub fn http_status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The cause with its sources, for the log.
    pub fn cause_chain(&self) -> Option<String> {
        let cause = self.0.cause.as_deref()?;
        let mut text = cause.to_string();
        let mut next = cause.source();
        while let Some(source) = next {
            text = format!("{text}: {source}");
            next = source.source();
        }
        Some(text)
    }

    /// The answer, naming the request where it is known.
    pub fn response(&self, request: Option<RequestId>) -> Response {
        let body = ProblemText {
            r#type: format!("urn:cloister:problem:{}", self.0.code),
            title: &self.0.title,
            status: self.0.status.as_u16(),
            code: &self.0.code,
            detail: self.0.detail.as_deref(),
            request_id: request.map(|id| id.to_string()),
            errors: &self.0.errors,
        };
        let text = serde_json::to_vec(&body).unwrap_or_default();
        let mut response =
            Response::builder().status(self.0.status).content_type(PROBLEM_JSON).body(Body::from_vec(text));
        if let Some(methods) = self.0.allow.as_deref().and_then(|text| text.parse().ok()) {
            response.headers_mut().insert("allow", methods);
        }
        if let Some(seconds) = self.0.retry_after {
            response.headers_mut().insert("retry-after", seconds.into());
        }
        if let (StatusCode::UNAUTHORIZED, Some(scheme)) = (self.0.status, self.0.challenge) {
            let scheme = poem::http::HeaderValue::from_static(scheme);
            response.headers_mut().insert("www-authenticate", scheme);
        }
        response
    }
}

/// Serialises the error list of [`ProblemText`].
struct Errors<'p>(&'p [FieldError]);

impl Serialize for Errors<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Entry<'p> {
            field: &'p str,
            code: &'p str,
            reason: &'p str,
        }
        serializer.collect_seq(self.0.iter().map(|error| Entry {
            field: &error.field,
            code: error.code,
            reason: &error.reason,
        }))
    }
}

struct ProblemText<'p> {
    r#type: String,
    title: &'p str,
    status: u16,
    code: &'p str,
    detail: Option<&'p str>,
    request_id: Option<String>,
    errors: &'p [FieldError],
}

impl Serialize for ProblemText<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &self.r#type)?;
        map.serialize_entry("title", self.title)?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("code", self.code)?;
        if let Some(detail) = self.detail {
            map.serialize_entry("detail", detail)?;
        }
        if let Some(request) = &self.request_id {
            map.serialize_entry("request_id", request)?;
        }
        if !self.errors.is_empty() {
            map.serialize_entry("errors", &Errors(self.errors))?;
        }
        map.end()
    }
}

impl<F: Failure> From<F> for Problem {
    fn from(failure: F) -> Self {
        let code = failure.code();
        let mut problem = match failure.kind() {
            FailureKind::Internal => return Self::internal(failure),
            FailureKind::Invalid(errors) => {
                let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, failure.to_string());
                problem.0.errors = errors;
                problem
            }
            FailureKind::Unauthenticated => Self::new(StatusCode::UNAUTHORIZED, code, failure.to_string()),
            FailureKind::Forbidden | FailureKind::StepUpRequired => {
                Self::new(StatusCode::FORBIDDEN, code, failure.to_string())
            }
            FailureKind::NotFound => Self::new(StatusCode::NOT_FOUND, code, failure.to_string()),
            FailureKind::Conflict => Self::new(StatusCode::CONFLICT, code, failure.to_string()),
            FailureKind::TooMany { retry_after } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, code, failure.to_string()).retry_after(retry_after)
            }
            FailureKind::Unavailable => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code, failure.to_string()).retry_after(5)
            }
        };
        problem.0.cause = Some(Box::new(failure));
        problem
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.title)
    }
}

impl StdError for Problem {}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.0.status
    }

    fn as_response(&self) -> Response {
        self.response(None)
    }
}

/// A field that was wrong, as documented in the OpenAPI file.
#[derive(Debug, Object)]
#[oai(rename = "ProblemField")]
pub struct ProblemFieldSchema {
    /// The field: a JSON pointer or a parameter's name.
    pub field: String,
    /// A stable code that a client can translate.
    pub code: String,
    /// The reason in plain English.
    pub reason: String,
}

/// The problem document (RFC 9457) as documented in the OpenAPI file.
#[derive(Debug, Object)]
#[oai(rename = "Problem")]
pub struct ProblemSchema {
    /// `urn:cloister:problem:` and the code.
    #[oai(rename = "type")]
    pub kind: String,
    /// What went wrong, in plain English.
    pub title: String,
    /// The HTTP status again.
    pub status: u16,
    /// A stable, dotted code that a client can translate.
    pub code: String,
    /// A sentence on this occurrence.
    #[oai(skip_serializing_if_is_none)]
    pub detail: Option<String>,
    /// Names this request in logs and audit events.
    #[oai(skip_serializing_if_is_none)]
    pub request_id: Option<String>,
    /// The fields that were wrong.
    #[oai(skip_serializing_if_is_none)]
    pub errors: Option<Vec<ProblemFieldSchema>>,
}

const DOCUMENTED: [(u16, &str); 15] = [
    (400, "The request is malformed"),
    (401, "Nobody is signed in, or the proof did not hold"),
    (403, "Not allowed, or only after a fresh factor"),
    (404, "Absent, or not to be known"),
    (408, "The body did not arrive in time"),
    (409, "The state of things forbids it"),
    (413, "The body is too large"),
    (414, "The address is too long"),
    (415, "Another content type is expected"),
    (421, "Nobody's host"),
    (422, "Understood, but fields are wrong"),
    (429, "Too many calls"),
    (431, "The request's headers are too large"),
    (500, "Our fault"),
    (503, "A part of the service is away; nothing was done"),
];

impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let content =
            || vec![MetaMediaType { content_type: PROBLEM_JSON, schema: ProblemSchema::schema_ref() }];
        let response = |(status, description)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: content(),
            headers: Vec::new(),
        };
        MetaResponses { responses: DOCUMENTED.into_iter().map(response).collect() }
    }

    fn register(registry: &mut Registry) {
        ProblemSchema::register(registry);
    }
}
