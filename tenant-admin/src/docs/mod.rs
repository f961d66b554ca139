//! The documentation page: the OpenAPI document as one static HTML page with a style sheet and no script, so that
//! it works under the strictest content security policy and without any other host.

mod render;

use cloister_edge::Open;
use poem::{Response, handler, web::Data};

pub use render::render;

/// The style sheet of the page.
pub const STYLE: &str = include_str!("style.css");

/// The page and the document, made once at start.
#[derive(Debug, Clone)]
pub struct Documents {
    /// The OpenAPI document as JSON text.
    pub openapi: String,
    /// The page that shows it.
    pub page: String,
}

/// `GET /docs`
#[handler]
pub(crate) fn page(_open: Open, documents: Data<&Documents>) -> Response {
    typed("text/html; charset=utf-8", documents.page.clone())
}

/// `GET /docs/style.css`
#[handler]
pub(crate) fn style(_open: Open) -> Response {
    typed("text/css; charset=utf-8", STYLE.to_owned())
}

/// `GET /openapi.json`
#[handler]
pub(crate) fn openapi(_open: Open, documents: Data<&Documents>) -> Response {
    typed("application/json", documents.openapi.clone())
}

fn typed(content_type: &'static str, body: String) -> Response {
    Response::builder().content_type(content_type).body(body)
}
