//! A transaction bundle, read entry by entry. Every problem is collected; one is enough to refuse it all.

use serde_json::{Map, Value};

use crate::{
    JsonError, ResourceType,
    element::text,
    json::read_json,
    outcome::{IssueCode, OperationOutcome, Refused},
    reference::{is_full_url, is_id, parse_condition},
    shape,
};

/// What an entry asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Keep this resource; a new version if its identity is known.
    Post,
    /// Keep this resource under this id or condition.
    Put,
    /// Take the resource out of the chart.
    Delete,
}

/// Where the request points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Type,
    Id(String),
    Condition { system: String, value: String },
}

/// One entry, understood on its own.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) method: Method,
    pub(crate) resource_type: ResourceType,
    pub(crate) address: Address,
    pub(crate) full_url: Option<String>,
    pub(crate) only_if_absent: Option<(String, String)>,
    pub(crate) resource: Option<Value>,
}

/// The most entries in one bundle.
const MOST_ENTRIES: usize = 10_000;

/// Reads the text of a transaction bundle.
pub(crate) fn read_entries(bytes: &[u8]) -> Result<Vec<Entry>, Refused> {
    let document = read_json(bytes).map_err(|error| Refused(unreadable(&error)))?;
    entries_of(document)
}

/// The outcome that says why a document could not be read.
pub(crate) fn unreadable(error: &JsonError) -> OperationOutcome {
    use crate::json::JsonProblem;
    let code = match error.problem {
        JsonProblem::TooLarge | JsonProblem::TooDeep => IssueCode::TooLong,
        _ => IssueCode::Structure,
    };
    let place = error.path.replacen('$', "Bundle", 1);
    OperationOutcome::error(code, place, format!("The document cannot be read: {}.", error.reason()))
}

/// Takes the entries out of a bundle that is already read.
pub(crate) fn entries_of(document: Value) -> Result<Vec<Entry>, Refused> {
    let mut outcome = OperationOutcome::new();
    let Value::Object(mut bundle) = document else {
        return Err(refused(IssueCode::Structure, "Bundle", "The document is not a Bundle."));
    };
    if bundle.get("resourceType").and_then(Value::as_str) != Some("Bundle") {
        return Err(refused(IssueCode::Structure, "Bundle.resourceType", "The document is not a Bundle."));
    }
    if bundle.get("type").and_then(Value::as_str) != Some("transaction") {
        return Err(refused(
            IssueCode::NotSupported,
            "Bundle.type",
            "Only bundles of type transaction are accepted.",
        ));
    }
    let known = [
        "resourceType",
        "type",
        "entry",
        "id",
        "meta",
        "implicitRules",
        "language",
        "identifier",
        "timestamp",
        "link",
        "signature",
    ];
    unknown_members(&bundle, &known, "Bundle", &mut outcome);
    let entries = match bundle.remove("entry") {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(refused(IssueCode::Structure, "Bundle.entry", "The entries are not a list.")),
    };
    if entries.len() > MOST_ENTRIES {
        return Err(refused(IssueCode::TooLong, "Bundle.entry", "A bundle has at most 10000 entries."));
    }
    let mut read = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        read.extend(entry_of(entry, &format!("Bundle.entry[{index}]"), &mut outcome));
    }
    outcome.into_result()?;
    Ok(read)
}

fn refused(code: IssueCode, place: &str, words: &str) -> Refused {
    Refused(OperationOutcome::error(code, place, words))
}

fn unknown_members(object: &Map<String, Value>, known: &[&str], path: &str, outcome: &mut OperationOutcome) {
    for name in object.keys() {
        if !known.contains(&name.as_str()) {
            let place = format!("{path}.{}", crate::json::plain_name(name));
            outcome.push_error(IssueCode::Structure, place, "There is no such element here.");
        }
    }
}

fn entry_of(entry: Value, path: &str, outcome: &mut OperationOutcome) -> Option<Entry> {
    let Value::Object(mut entry) = entry else {
        outcome.push_error(IssueCode::Structure, path, "The entry is not an object.");
        return None;
    };
    unknown_members(
        &entry,
        &["fullUrl", "resource", "request", "link", "id", "extension", "modifierExtension"],
        path,
        outcome,
    );
    let full_url = full_url_of(entry.get("fullUrl"), path, outcome);
    let resource = entry.remove("resource");
    let resource_type = resource.as_ref().and_then(|resource| {
        let place = format!("{path}.resource");
        if resource.is_object() {
            return shape::check(resource, &place, outcome);
        }
        outcome.push_error(IssueCode::Structure, place, "The resource is not an object.");
        None
    });
    let request = request_of(entry.get("request"), path, outcome)?;
    let given = match (request.method, &resource) {
        (Method::Delete, Some(_)) => {
            outcome.push_error(
                IssueCode::Invariant,
                format!("{path}.resource"),
                "A DELETE carries no resource.",
            );
            return None;
        }
        (Method::Delete, None) => request.resource_type,
        (_, None) => {
            outcome.push_error(IssueCode::Required, format!("{path}.resource"), "The resource is missing.");
            return None;
        }
        (_, Some(_)) => resource_type?,
    };
    if given != request.resource_type {
        let words = "The url does not name the type of the resource.";
        outcome.push_error(IssueCode::Invariant, format!("{path}.request.url"), words);
        return None;
    }
    if let (Method::Put, Address::Id(id), Some(own)) =
        (request.method, &request.address, resource.as_ref().and_then(|resource| text(resource, "id")))
        && id != own
    {
        let words = "The id differs from the one in the url of the request.";
        outcome.push_error(IssueCode::Invariant, format!("{path}.resource.id"), words);
    }
    let Request { method, resource_type, address, only_if_absent } = request;
    Some(Entry { method, resource_type, address, full_url, only_if_absent, resource })
}

fn full_url_of(value: Option<&Value>, path: &str, outcome: &mut OperationOutcome) -> Option<String> {
    let place = format!("{path}.fullUrl");
    match value {
        None => None,
        Some(Value::String(url)) if is_full_url(url) => Some(url.clone()),
        Some(_) => {
            let words = "A fullUrl is an absolute URL without a version, or a urn:uuid.";
            outcome.push_error(IssueCode::Value, place, words);
            None
        }
    }
}

struct Request {
    method: Method,
    resource_type: ResourceType,
    address: Address,
    only_if_absent: Option<(String, String)>,
}

fn request_of(request: Option<&Value>, path: &str, outcome: &mut OperationOutcome) -> Option<Request> {
    let path = format!("{path}.request");
    let Some(request) = request else {
        outcome.push_error(IssueCode::Required, path, "The request is missing.");
        return None;
    };
    let Value::Object(members) = request else {
        outcome.push_error(IssueCode::Structure, path, "The request is not an object.");
        return None;
    };
    for condition in ["ifMatch", "ifNoneMatch", "ifModifiedSince"] {
        if members.contains_key(condition) {
            outcome.push_error(
                IssueCode::NotSupported,
                format!("{path}.{condition}"),
                "This condition is not supported.",
            );
        }
    }
    let known = [
        "method",
        "url",
        "ifNoneExist",
        "ifMatch",
        "ifNoneMatch",
        "ifModifiedSince",
        "id",
        "extension",
        "modifierExtension",
    ];
    unknown_members(members, &known, &path, outcome);
    let method = match text(request, "method") {
        Some("POST") => Method::Post,
        Some("PUT") => Method::Put,
        Some("DELETE") => Method::Delete,
        _ => {
            let words = "The method must be POST, PUT or DELETE.";
            outcome.push_error(IssueCode::NotSupported, format!("{path}.method"), words);
            return None;
        }
    };
    let place = format!("{path}.url");
    let Some(url) = text(request, "url") else {
        outcome.push_error(IssueCode::Required, place, "The url is missing.");
        return None;
    };
    let (resource_type, address) = match address_of(url) {
        Ok(address) => address,
        Err(words) => {
            outcome.push_error(IssueCode::Value, place, words);
            return None;
        }
    };
    match (method, &address) {
        (Method::Post, Address::Type)
        | (Method::Put | Method::Delete, Address::Id(_) | Address::Condition { .. }) => {}
        (Method::Post, _) => {
            outcome.push_error(IssueCode::Value, place, "The url of a POST is the resource type alone.");
            return None;
        }
        _ => {
            let words = "The url must be Type/id or Type?identifier=system|value.";
            outcome.push_error(IssueCode::Value, place, words);
            return None;
        }
    }
    let only_if_absent = match members.get("ifNoneExist") {
        None => None,
        Some(value) => {
            let place = format!("{path}.ifNoneExist");
            if method != Method::Post {
                outcome.push_error(
                    IssueCode::Invariant,
                    place,
                    "Only a POST can depend on nothing being there.",
                );
                return None;
            }
            match value.as_str().ok_or("This must be a text.").and_then(parse_condition) {
                Ok(condition) => Some(condition),
                Err(words) => {
                    outcome.push_error(IssueCode::NotSupported, place, words);
                    return None;
                }
            }
        }
    };
    Some(Request { method, resource_type, address, only_if_absent })
}

fn address_of(url: &str) -> Result<(ResourceType, Address), &'static str> {
    const WRONG: &str = "The url must begin with an R4 resource type.";
    if let Some((name, query)) = url.split_once('?') {
        let resource_type = ResourceType::parse(name).ok_or(WRONG)?;
        let (system, value) = parse_condition(query)?;
        return Ok((resource_type, Address::Condition { system, value }));
    }
    match url.split_once('/') {
        None => Ok((ResourceType::parse(url).ok_or(WRONG)?, Address::Type)),
        Some((name, id)) => {
            let resource_type = ResourceType::parse(name).ok_or(WRONG)?;
            let id = Some(id).filter(|id| is_id(id)).ok_or("The url does not end in a valid id.")?;
            Ok((resource_type, Address::Id(id.to_owned())))
        }
    }
}
