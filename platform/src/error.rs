//! Why a process of the platform does not start, and two problems of its own.

use cloister_edge::{EdgeError, Problem};
use poem::http::StatusCode;

use crate::settings::SettingsError;

/// Why a process does not start. Each is told to the operator and nobody else.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// An address, certificate or log cannot be used.
    #[error("{}{}", cause, causes(cause))]
    Edge {
        /// Why.
        #[from]
        #[source]
        cause: EdgeError,
    },
    /// A part refuses to be used.
    #[error("{part}: {cause}")]
    Part {
        /// Which part.
        part: &'static str,
        /// Why, with all causes.
        cause: String,
    },
}

impl StartError {
    /// Says which part refused, and why.
    pub fn part(part: &'static str) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> Self {
        move |cause| Self::Part { part, cause: format!("{cause}{}", causes(&*cause)) }
    }

    /// The same for a typed error.
    pub(crate) fn of<E: std::error::Error + Send + Sync + 'static>(
        part: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |cause| Self::part(part)(Box::new(cause))
    }
}

fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

/// 503 for a part that does not answer; the caller logs why.
pub(crate) fn away(title: &'static str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "service.unavailable", title).retry_after(5)
}
