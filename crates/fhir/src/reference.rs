//! References and the identities they lead to.

use crate::ResourceType;

/// A name by which a resource can be found. Within one tenant and one machine client, a name leads to one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// A business identifier. Only those of the systems configured for the client make an identity; a reference may
    /// name any.
    Identifier {
        /// The resource's type: an order and its report may share a number.
        resource_type: ResourceType,
        /// The identifier's system, an absolute URI.
        system: String,
        /// The identifier's value.
        value: String,
    },
    /// An absolute `fullUrl`: `urn:uuid:...`, `urn:oid:...` or `https://...`.
    FullUrl(String),
    /// `Type/id`: the id the platform answered with, or one that the client chose with PUT.
    Literal {
        /// The resource's type.
        resource_type: ResourceType,
        /// The logical id.
        id: String,
    },
}

impl Identity {
    /// One text for each identity, different for different ones: the input of a blind index. It is personal data.
    pub fn key(&self) -> String {
        match self {
            Self::Identifier { resource_type, system, value } => {
                format!("identifier\n{resource_type}\n{system}\n{value}")
            }
            Self::FullUrl(url) => format!("url\n{url}"),
            Self::Literal { resource_type, id } => format!("literal\n{resource_type}/{id}"),
        }
    }
}

/// A reference's text, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferenceText {
    /// `#id`, a contained resource; `#` alone is the container.
    Fragment(String),
    /// `Type/id`, perhaps with a version, which is dropped.
    Relative {
        /// The target's type.
        resource_type: ResourceType,
        /// The target's logical id.
        id: String,
    },
    /// `Type?identifier=system|value`.
    Conditional {
        /// The target's type.
        resource_type: ResourceType,
        /// The identifier's system.
        system: String,
        /// The identifier's value.
        value: String,
    },
    /// `urn:uuid:...` or `urn:oid:...`.
    Urn(String),
    /// `https://...` or another absolute URL; the type if its path ends in `Type/id`.
    Absolute {
        /// The URL, without a version.
        url: String,
        /// The target's type, where the path tells.
        resource_type: Option<ResourceType>,
    },
}

impl ReferenceText {
    /// Understands a reference's text.
    ///
    /// # Errors
    /// What is wrong with it, in plain words.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(id) = text.strip_prefix('#') {
            return if id.is_empty() || is_id(id) {
                Ok(Self::Fragment(id.to_owned()))
            } else {
                Err("The fragment after # is not an id.")
            };
        }
        if is_urn(text) {
            return Ok(Self::Urn(text.to_owned()));
        }
        // Before URLs, because the system in a condition is one.
        if let Some((name, query)) = text.split_once('?')
            && !name.contains("://")
        {
            let resource_type =
                ResourceType::parse(name).ok_or("The reference names no R4 resource type.")?;
            let (system, value) = parse_condition(query)?;
            return Ok(Self::Conditional { resource_type, system, value });
        }
        if text.contains("://") {
            let url = text.split_once("/_history/").map_or(text, |(url, _)| url);
            if !is_absolute_url(url) {
                return Err("The reference is not a valid URL.");
            }
            let mut parts = url.rsplit('/');
            let (id, name) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            let resource_type = ResourceType::parse(name).filter(|_| is_id(id));
            return Ok(Self::Absolute { url: url.to_owned(), resource_type });
        }
        let mut parts = text.split('/');
        let (name, id) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let resource_type = ResourceType::parse(name).ok_or("The reference names no R4 resource type.")?;
        let version = (parts.next(), parts.next(), parts.next());
        let plain = match version {
            (None, ..) => true,
            (Some("_history"), Some(version), None) => is_id(version),
            _ => false,
        };
        if !plain || !is_id(id) {
            return Err("The reference is not of the form Type/id.");
        }
        Ok(Self::Relative { resource_type, id: id.to_owned() })
    }
}

/// Reads `identifier=system|value`, the one condition supported, with percent-encoding undone.
///
/// # Errors
/// What is wrong with it, in plain words.
pub fn parse_condition(query: &str) -> Result<(String, String), &'static str> {
    const WRONG: &str = "Only the condition identifier=system|value is supported.";
    let token = query.strip_prefix("identifier=").filter(|rest| !rest.contains('&')).ok_or(WRONG)?;
    let token = percent_decoded(token).ok_or("The condition is not percent-encoded properly.")?;
    let (system, value) = token.split_once('|').ok_or(WRONG)?;
    if system.is_empty() || value.is_empty() || value.contains([',', '|']) {
        return Err(WRONG);
    }
    Ok((system.to_owned(), value.to_owned()))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Whether the text is a logical id: 1 to 64 letters, digits, `-` and `.`.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

fn is_urn(text: &str) -> bool {
    let oid = |oid: &str| !oid.is_empty() && oid.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.strip_prefix("urn:uuid:").is_some_and(|rest| rest.len() == 36 && uuid::Uuid::try_parse(rest).is_ok())
        || text.strip_prefix("urn:oid:").is_some_and(oid)
}

fn is_absolute_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    !scheme.is_empty()
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        && !rest.is_empty()
        && text.len() <= 2048
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// Whether the text can be a `fullUrl`.
pub(crate) fn is_full_url(text: &str) -> bool {
    is_urn(text) || (is_absolute_url(text) && !text.contains("/_history/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_reference_is_told_apart() {
        use ReferenceText as R;
        assert_eq!(R::parse("#a.1"), Ok(R::Fragment("a.1".into())));
        assert_eq!(R::parse("#"), Ok(R::Fragment(String::new())));
        let patient = R::Relative { resource_type: ResourceType::PATIENT, id: "85".into() };
        assert_eq!(R::parse("Patient/85"), Ok(patient.clone()));
        assert_eq!(R::parse("Patient/85/_history/2"), Ok(patient));
        let urn = "urn:uuid:d831ec91-c7a3-4a61-9312-7ff0c4a32134";
        assert_eq!(R::parse(urn), Ok(R::Urn(urn.into())));
        assert_eq!(
            R::parse("https://ehr.example/r4/Patient/85/_history/3"),
            Ok(R::Absolute {
                url: "https://ehr.example/r4/Patient/85".into(),
                resource_type: Some(ResourceType::PATIENT)
            })
        );
        let practitioner = R::Conditional {
            resource_type: ResourceType::PRACTITIONER,
            system: "https://x.example/p".into(),
            value: "dr 1".into(),
        };
        let encoded = "Practitioner?identifier=https%3A%2F%2Fx.example%2Fp%7Cdr%201";
        assert_eq!(R::parse(encoded), Ok(practitioner.clone()));
        assert_eq!(R::parse("Practitioner?identifier=https://x.example/p|dr 1"), Ok(practitioner));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "/",
            "Patient",
            "Patient/",
            "patient/1",
            "Patient/1/2",
            "Patient/a b",
            "#a b",
            "urn:uuid:1",
            "Bot/1",
            "Patient?name=x",
            "Patient?identifier=1",
            "Patient?identifier=a|b&x=1",
            "Patient?identifier=%zz|1",
            "://x",
            "urn:oid:",
            "http://a b",
            "Patient?identifier=a|%ff",
        ] {
            assert!(ReferenceText::parse(text).is_err(), "{text}");
        }
    }
}
