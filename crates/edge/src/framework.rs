//! Turns the framework's own errors and bare error answers into problems.

use poem::{
    Error, Response,
    error::{MethodNotAllowedError, NotFoundError, ReadBodyError},
    http::StatusCode,
};
use poem_openapi::error::{
    AuthorizationError, ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError,
};

use crate::Problem;

/// The problem that an error of a handler, an extractor or the router stands for.
///
/// # Errors
/// The answer itself, where the error was made from one.
pub fn problem_of(error: Error) -> Result<Problem, Box<Response>> {
    let error = match error.downcast::<Problem>() {
        Ok(problem) => return Ok(problem),
        Err(error) => error,
    };
    if error.is::<NotFoundError>() {
        return Ok(of_status(StatusCode::NOT_FOUND));
    }
    if error.is::<MethodNotAllowedError>() {
        return Ok(of_status(StatusCode::METHOD_NOT_ALLOWED));
    }
    if let Some(ReadBodyError::PayloadTooLarge) = error.downcast_ref::<ReadBodyError>() {
        return Ok(of_status(StatusCode::PAYLOAD_TOO_LARGE));
    }
    if error.is::<ReadBodyError>() {
        return Ok(Problem::new(StatusCode::BAD_REQUEST, "body.broken", "the body ended early"));
    }
    if let Some(parameter) = error.downcast_ref::<ParseParamError>() {
        return Ok(parameter_problem(parameter.name, &parameter.reason));
    }
    if let Some(parameter) = error.downcast_ref::<ParsePathError>() {
        return Ok(parameter_problem(parameter.name, &parameter.reason));
    }
    if error.is::<ParseRequestPayloadError>() {
        return Ok(Problem::new(
            StatusCode::BAD_REQUEST,
            "body.invalid",
            "the body is not what this call takes",
        ));
    }
    if error.is::<ContentTypeError>() {
        return Ok(of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    if error.is::<AuthorizationError>() {
        return Ok(of_status(StatusCode::UNAUTHORIZED));
    }
    if error.is_from_response() {
        return Err(Box::new(error.into_response()));
    }
    let status = error.status();
    if status.is_server_error() {
        return Ok(Problem::internal(error.to_string()));
    }
    Ok(of_status(status))
}

/// Marks an error answer whose document people read.
#[derive(Clone)]
struct ForPeople;

/// Keeps the page of an error answer, where others get a problem document.
#[must_use]
pub fn for_people(mut response: Response) -> Response {
    response.extensions_mut().insert(ForPeople);
    response
}

/// Replaces the body of an error answer that is not already a document meant for machines.
pub(crate) fn replaces(response: &Response) -> Option<Problem> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let document = response.content_type().is_some_and(|kind| kind.contains("json"))
        || response.extensions().get::<ForPeople>().is_some();
    (!document).then(|| of_status(status))
}

/// A problem that says no more than its status.
pub(crate) fn of_status(status: StatusCode) -> Problem {
    let (code, title) = match status.as_u16() {
        400 => ("request.invalid", "the request is malformed"),
        401 => ("session.required", "sign in first"),
        403 => ("request.forbidden", "this is not allowed"),
        404 => ("route.not_found", "there is nothing here"),
        405 => ("method.not_allowed", "this method does not work here"),
        408 => ("request.late", "the request did not arrive in time"),
        409 => ("request.conflict", "the state of things forbids it"),
        413 => ("body.too_large", "the body is too large"),
        414 => ("uri.too_long", "the address is too long"),
        415 => ("body.content_type", "another content type is expected"),
        422 => ("request.unprocessable", "the request cannot be carried out"),
        429 => ("rate.limited", "too many calls"),
        431 => ("headers.too_large", "the request's headers are too large"),
        503 => ("service.unavailable", "a part of the service is unavailable"),
        500.. => ("service.failed", "something went wrong on our side"),
        _ => ("request.refused", "the request was refused"),
    };
    Problem::new(status, code, title)
}

/// The framework's reason may quote the value, so only its kind is told.
fn parameter_problem(name: &str, reason: &str) -> Problem {
    // The framework numbers path parameters and forgets their names.
    let numbered = name.strip_prefix("param").filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    let name = &numbered.map_or_else(|| name.to_owned(), |place| format!("path/{place}"));
    let problem = Problem::new(StatusCode::BAD_REQUEST, "parameter.invalid", "a parameter is wrong");
    if let Some((_, rule)) = reason.split_once("verification failed. ") {
        problem.field(name, "parameter.out_of_range", format!("must satisfy {rule}"))
    } else if reason.contains("expects an input value") {
        problem.field(name, "parameter.missing", "is required")
    } else {
        problem.field(name, "parameter.malformed", "does not have the expected form")
    }
}

/// Gives a bare error answer the problem's body and keeps its headers.
pub(crate) fn with_problem(mut response: Response, problem: Response) -> Response {
    let (head, body) = problem.into_parts();
    for name in ["content-type", "www-authenticate", "retry-after"] {
        if let Some(value) = head.headers.get(name)
            && (name == "content-type" || !response.headers().contains_key(name))
        {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response.headers_mut().remove("content-length");
    response.set_body(body);
    response
}
