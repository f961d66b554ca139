//! What the OpenAPI file says of each path, so that the edge can refuse what no operation knows.
//!
//! The framework ignores unknown query parameters and answers 405 without saying what would work.

use std::collections::{BTreeMap, HashSet};

use poem::{Request, http::StatusCode};
use serde_json::Value;
use url::form_urlencoded;

use crate::{EdgeError, Problem, json::bounded};

/// The operations of one or more OpenAPI files.
#[derive(Debug, Clone, Default)]
pub struct Operations(Vec<Template>);

#[derive(Debug, Clone)]
struct Template {
    segments: Vec<Option<String>>,
    queries: BTreeMap<String, HashSet<String>>,
}

impl Operations {
    /// Adds the operations of an OpenAPI file that is served under `prefix` (`""` for the root).
    pub fn with_spec(mut self, prefix: &str, spec: &str) -> Result<Self, EdgeError> {
        let refused = |reason: &str| EdgeError::Specification(reason.to_owned());
        let spec: Value = serde_json::from_str(spec).map_err(|error| refused(&error.to_string()))?;
        let paths = spec["paths"].as_object().ok_or_else(|| refused("it has no paths"))?;
        for (path, operations) in paths {
            let whole = format!("{prefix}{path}");
            let literal = |part: &str| (!part.starts_with('{')).then(|| part.to_owned());
            let segments = whole.split('/').skip(1).map(literal).collect();
            let operations = operations.as_object().ok_or_else(|| refused("a path is no object"))?;
            let queries = operations
                .iter()
                .map(|(method, operation)| (method.to_ascii_uppercase(), queries_of(operation)))
                .collect();
            self.0.push(Template { segments, queries });
        }
        Ok(self)
    }

    /// Refuses a query parameter that the operation does not document, or that stands twice.
    pub(crate) fn check_query(&self, request: &Request) -> Result<(), Problem> {
        let Some(query) = request.uri().query() else { return Ok(()) };
        let method = if request.method() == "HEAD" { "GET" } else { request.method().as_str() };
        let known = self.find(request.uri().path()).and_then(|template| template.queries.get(method));
        let Some(known) = known else { return Ok(()) };
        let mut seen = HashSet::new();
        for (name, _) in form_urlencoded::parse(query.as_bytes()) {
            let wrong = |code, reason: &str| {
                Problem::new(StatusCode::BAD_REQUEST, "parameter.invalid", "a parameter is wrong").field(
                    bounded(&name),
                    code,
                    reason.to_owned(),
                )
            };
            if !known.contains(name.as_ref()) {
                return Err(wrong("parameter.unknown", "is not a parameter known here"));
            }
            if !seen.insert(name.clone().into_owned()) {
                return Err(wrong("parameter.duplicate", "stands twice"));
            }
        }
        Ok(())
    }

    /// The methods that work on a path, for the `Allow` header.
    pub fn methods(&self, path: &str) -> Option<String> {
        let methods: Vec<&str> = self.find(path)?.queries.keys().map(String::as_str).collect();
        Some(methods.join(", "))
    }

    /// The template with most literal segments, as the router prefers.
    fn find(&self, path: &str) -> Option<&Template> {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let fitting = self.0.iter().filter(|template| {
            let pairs = template.segments.iter().zip(&parts);
            template.segments.len() == parts.len()
                && pairs.into_iter().all(|(own, part)| own.as_ref().is_none_or(|own| own == part))
        });
        fitting.max_by_key(|template| template.segments.iter().flatten().count())
    }
}

fn queries_of(operation: &Value) -> HashSet<String> {
    let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    let queries = parameters.iter().filter(|parameter| parameter["in"] == "query");
    queries.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect()
}
