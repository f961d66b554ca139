//! Changes to a case: something dropped, of another type, far too large, doubled, cut off, said in another encoding.

use fastrand::Rng;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::case::{Body, Case, encoded};

/// Strings that programs stumble over, beside those of the test data.
const NAUGHTY: [&str; 28] = [
    "",
    " ",
    "\0",
    "a\0b",
    "\u{202e}abc",
    "\u{feff}",
    "\u{fffd}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "Z\u{335}\u{321}\u{33b}a\u{34e}\u{30d}lgo",
    "\u{ff07}\u{ff10}",
    "\u{ffff}",
    "'",
    "';DROP TABLE tenants;--",
    "%00",
    "%s%n",
    "../../../../etc/passwd",
    "<script>alert(1)</script>",
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}}",
    "$(id)",
    "\r\nSet-Cookie: a=b",
    "null",
    "NaN",
    "-0",
    "1e400",
    "0x10",
    "9999-12-31T23:59:60Z",
    "0000-00-00",
];

/// Numbers at the edges of their types, as JSON may spell them.
const NUMBERS: [&str; 16] = [
    "0",
    "-0",
    "-1",
    "1.5",
    "1e3",
    "1E400",
    "-1e-400",
    "127",
    "65536",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "123456789012345678901234567890.12345678901234567890",
];

const MEDIA: [&str; 9] = [
    "",
    "text/plain",
    "application/xml",
    "application/json; charset=utf-16",
    "application/json;;",
    "application/fhir+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "*/*",
];

const HEADERS: [(&str, &str); 20] = [
    ("accept", "application/xml"),
    ("accept", "*/*;q=0"),
    ("accept-language", "zz-ZZ;q=9, *;q=x"),
    ("accept-encoding", "gzip;q=0, br;q=0, identity;q=0"),
    ("content-encoding", "gzip"),
    ("content-encoding", "deflate, gzip, br"),
    ("content-language", "\u{7f}"),
    ("range", "bytes=0-0,1-1,2-2"),
    ("if-none-match", "*"),
    ("if-match", "\"x\""),
    ("if-modified-since", "Sun, 31 Feb 2026 25:61:61 GMT"),
    ("x-forwarded-for", "127.0.0.1, 10.0.0.1"),
    ("x-forwarded-host", "seaside.localhost"),
    ("x-forwarded-proto", "https, http"),
    ("forwarded", "for=\"[::1]\";host=seaside.localhost"),
    ("x-http-method-override", "DELETE"),
    ("x-request-id", "00000000-0000-0000-0000-000000000000"),
    ("idempotency-key", "k"),
    ("user-agent", "<script>"),
    ("referer", "http://evil.example/?a=b"),
];

/// What changes draw from.
pub(crate) struct Materials {
    strings: Vec<String>,
    /// Ids that exist, of whomever.
    pub(crate) ids: Vec<Uuid>,
}

impl Materials {
    /// With more strings than our own.
    pub(crate) fn with(more: Vec<String>) -> Self {
        let own = NAUGHTY.iter().map(|text| (*text).to_owned());
        Self { strings: own.chain(more).collect(), ids: Vec::new() }
    }

    fn string(&self, rng: &mut Rng) -> String {
        match rng.u8(..10) {
            0 => "x".repeat(rng.usize(200..70_000)),
            1 => "\u{1d54f}".repeat(rng.usize(20..300)),
            2 => Self::spelled(Uuid::from_u128(rng.u128(..)), rng),
            _ => self.strings[rng.usize(..self.strings.len())].clone(),
        }
    }

    /// One that exists, for where ids stand: as a text it would be kept and told again, and look like a leak.
    fn id(&self, rng: &mut Rng) -> String {
        let id = if self.ids.is_empty() { Uuid::nil() } else { self.ids[rng.usize(..self.ids.len())] };
        Self::spelled(id, rng)
    }

    fn spelled(id: Uuid, rng: &mut Rng) -> String {
        match rng.u8(..8) {
            0 => id.to_string().to_ascii_uppercase(),
            1 => id.simple().to_string(),
            2 => id.braced().to_string(),
            3 => id.urn().to_string(),
            _ => id.to_string(),
        }
    }

    fn value(&self, rng: &mut Rng) -> Value {
        match rng.u8(..12) {
            0 => Value::Null,
            1 => json!(rng.bool()),
            2 => json!([]),
            3 => json!({}),
            4 => nested(rng.usize(10..120)),
            5 => Value::Array(vec![json!("a"); rng.usize(100..3000)]),
            6..8 => serde_json::from_str(NUMBERS[rng.usize(..NUMBERS.len())]).unwrap_or(json!(0)),
            _ => json!(self.string(rng)),
        }
    }
}

fn nested(depth: usize) -> Value {
    (0..depth)
        .fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) })
}

/// Changes a case in one to three places.
pub(crate) fn change(case: &mut Case, rng: &mut Rng, materials: &Materials) {
    for _ in 0..rng.u8(1..4) {
        match rng.u8(..10) {
            0 if !case.path.is_empty() => change_path(case, rng, materials),
            1 | 2 => change_query(case, rng, materials),
            3 => change_headers(case, rng, materials),
            _ => match &mut case.body {
                Body::Nothing if rng.u8(..6) == 0 => {
                    case.body = Body::Bytes(MEDIA[rng.usize(..MEDIA.len())].to_owned(), b"{}".to_vec());
                }
                Body::Nothing if case.path.is_empty() => change_query(case, rng, materials),
                Body::Nothing => change_path(case, rng, materials),
                Body::Value(value) if rng.u8(..4) > 0 => change_value(value, rng, materials),
                Body::Value(value) => case.body = changed_text(&value.to_string(), rng, materials),
                Body::Bytes(_, bytes) => change_bytes(bytes, rng),
            },
        }
    }
}

fn change_path(case: &mut Case, rng: &mut Rng, materials: &Materials) {
    let place = rng.usize(..case.path.len());
    if let Some(value) = case.path.values_mut().nth(place) {
        let other = if rng.bool() { materials.id(rng) } else { materials.string(rng) };
        *value = encoded(other.as_bytes());
        value.truncate(6000);
    }
}

fn change_query(case: &mut Case, rng: &mut Rng, materials: &Materials) {
    let names = ["limit", "cursor", "status", "tenant_id", "patient_id", "_count", "limit[]", "a"];
    let value = match rng.u8(..4) {
        0 => NUMBERS[rng.usize(..NUMBERS.len())].to_owned(),
        1 => materials.id(rng),
        _ => materials.string(rng).chars().take(1500).collect(),
    };
    match (case.query.len(), rng.u8(..4)) {
        (0, _) | (_, 0) => case.query.push((names[rng.usize(..names.len())].to_owned(), value)),
        (length, 1) => {
            let again = case.query[rng.usize(..length)].clone();
            case.query.push(again);
        }
        (length, 2) => drop(case.query.remove(rng.usize(..length))),
        (length, _) => {
            let place = rng.usize(..length);
            let old = &mut case.query[place].1;
            // A cursor that was given is worth more with one character changed than replaced.
            if old.len() > 20 && rng.bool() {
                let mut characters: Vec<char> = old.chars().collect();
                let at = rng.usize(..characters.len());
                characters[at] = rng.alphanumeric();
                *old = characters.into_iter().collect();
            } else {
                *old = value;
            }
        }
    }
}

fn change_headers(case: &mut Case, rng: &mut Rng, materials: &Materials) {
    let (name, value) = HEADERS[rng.usize(..HEADERS.len())];
    let value = match rng.u8(..4) {
        0 => materials.string(rng).chars().filter(|letter| !letter.is_control()).take(4000).collect(),
        _ => value.to_owned(),
    };
    case.headers.push((name.to_owned(), value));
}

/// Every node below a value, by how to reach it.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(inner, &format!("{here}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                places(inner, &format!("{here}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn change_value(value: &mut Value, rng: &mut Rng, materials: &Materials) {
    let mut found = Vec::new();
    places(value, "", &mut found);
    let place = &found[rng.usize(..found.len())];
    let Some(node) = value.pointer_mut(place) else { return };
    match (node, rng.u8(..8)) {
        (Value::Object(members), 0 | 1) if !members.is_empty() => {
            let name = members.keys().nth(rng.usize(..members.len())).cloned().unwrap_or_default();
            members.remove(&name);
        }
        (Value::Object(members), 2) => {
            members.insert(materials.string(rng).chars().take(200).collect(), materials.value(rng));
        }
        (Value::Object(members), 3) if !members.is_empty() => {
            let name = members.keys().nth(rng.usize(..members.len())).cloned().unwrap_or_default();
            if let Some(inner) = members.remove(&name) {
                members.insert(name.to_ascii_uppercase(), inner);
            }
        }
        (Value::Array(items), 0..3) if !items.is_empty() => {
            let again = items[rng.usize(..items.len())].clone();
            items.extend(std::iter::repeat_n(again, rng.usize(1..40)));
        }
        (Value::Array(items), 3) if !items.is_empty() => drop(items.remove(rng.usize(..items.len()))),
        (node, _) => *node = materials.value(rng),
    }
}

/// A JSON text that is none, or is one twice.
fn changed_text(text: &str, rng: &mut Rng, materials: &Materials) -> Body {
    let json = "application/json".to_owned();
    let mut bytes = text.as_bytes().to_vec();
    match rng.u8(..9) {
        0 => bytes.truncate(rng.usize(..=bytes.len())),
        1 => bytes.extend(b"garbage"),
        2 => bytes = [b"\xef\xbb\xbf".as_slice(), &bytes].concat(),
        3 => bytes = text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        4 => bytes = "[".repeat(rng.usize(100..60_000)).into_bytes(),
        5 => {
            // Every member of the outermost object twice.
            let inner = text.trim_start_matches('{').trim_end_matches('}');
            bytes = format!("{{{inner},{inner}}}").into_bytes();
        }
        6 => return Body::Bytes(MEDIA[rng.usize(..MEDIA.len())].to_owned(), bytes),
        7 => {
            let quoted = json!(materials.string(rng)).to_string();
            bytes = format!("{{{quoted}:{quoted},{quoted}:1}}").into_bytes();
        }
        _ => change_bytes(&mut bytes, rng),
    }
    Body::Bytes(json, bytes)
}

fn change_bytes(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.u8(1..6) {
        if bytes.is_empty() {
            bytes.push(rng.u8(..));
        }
        let place = rng.usize(..bytes.len());
        match rng.u8(..3) {
            0 => bytes[place] = rng.u8(..),
            1 => bytes.insert(place, rng.u8(..)),
            _ => drop(bytes.remove(place)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn changes_are_many_follow_from_the_seed_and_reach_every_part() {
        let materials = Materials::with(vec!["more".to_owned()]);
        let case = Case::empty()
            .at("id", "1")
            .asking("limit", 3)
            .with(json!({ "a": { "b": [1, "two"] }, "c": null }));
        let changed = |seed| {
            let mut one = case.clone();
            change(&mut one, &mut Rng::with_seed(seed), &materials);
            one
        };
        let all: Vec<Case> = (0..2000).map(changed).collect();
        let different: BTreeSet<String> = all.iter().map(|case| format!("{case:?}")).collect();
        assert!(different.len() > 1300, "{} of 2000", different.len());
        assert_eq!(changed(7), changed(7));
        assert!(all.iter().any(|one| one.path != case.path));
        assert!(all.iter().any(|one| one.query != case.query));
        assert!(all.iter().any(|one| one.headers != case.headers));
        assert!(all.iter().any(|one| matches!(&one.body, Body::Bytes(..))));
        assert!(all.iter().any(|one| matches!(&one.body, Body::Value(body) if body["a"]["b"][1] != "two")));
    }
}
