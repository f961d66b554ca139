//! Answers that several resources share.

use cloister_edge::Problem;
use poem_openapi::{
    ApiResponse,
    payload::Json,
    types::{ToJSON, Type},
};

/// Something new was made.
#[derive(ApiResponse)]
pub(crate) enum Created<T: ToJSON + Type> {
    /// Made.
    #[oai(status = 201)]
    Created(Json<T>),
}

impl<T: ToJSON + Type> Created<T> {
    pub(crate) fn new(value: T) -> Self {
        Self::Created(Json(value))
    }
}

/// Done, and there is nothing to say.
#[derive(ApiResponse)]
pub(crate) enum Done {
    /// Done.
    #[oai(status = 204)]
    Done,
}

/// What a read answers.
pub(crate) type Answer<T> = Result<Json<T>, Problem>;
/// What making something answers.
pub(crate) type Making<T> = Result<Created<T>, Problem>;
/// What a change without content answers.
pub(crate) type Change = Result<Done, Problem>;
