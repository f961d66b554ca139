//! CORS for registered apps on `/fhir` and the token endpoint; nowhere else, and never with credentials.

use poem::{
    Request, Response,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
};

/// Whether the path is one that registered apps may call from a page of theirs.
pub(crate) fn is_shared(path: &str) -> bool {
    path == "/oauth/token" || path == "/fhir" || path.starts_with("/fhir/")
}

/// The registered origin that a request comes from.
pub(crate) fn registered_origin(request: &Request, origins: &[String]) -> Option<HeaderValue> {
    if !is_shared(request.uri().path()) {
        return None;
    }
    let origin = request.headers().get(header::ORIGIN)?;
    let text = origin.to_str().ok()?;
    origins.iter().any(|registered| registered == text).then(|| origin.clone())
}

/// The answer to a preflight from a registered origin.
pub(crate) fn preflight(request: &Request) -> Option<Response> {
    let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if *request.method() != Method::OPTIONS || !asks {
        return None;
    }
    let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    let allowed = HeaderValue::from_static("authorization, content-type, accept");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    Some(response)
}

/// Lets the registered origin read this answer.
pub(crate) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}
