//! Whether two versions of a resource say the same.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// SHA-256 over a resource's canonical form, without what the server assigns (`id`, `meta.versionId`,
/// `meta.lastUpdated`).
///
/// A short resource can be guessed from its hash: keep it sealed or under a keyed hash, never in clear.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ContentHash([u8; 32]);

impl std::fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContentHash")
    }
}

impl ContentHash {
    /// Hashes a resource whose references already name the platform's ids, so that temporary `urn:uuid`s do not count.
    pub fn of(resource: &Value) -> Self {
        let mut hash = Sha256::new();
        match resource {
            Value::Object(members) => absorb_members(&mut hash, members, Level::Resource),
            other => absorb(&mut hash, other),
        }
        Self(hash.finalize().into())
    }

    /// A hash read back from storage.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Resource,
    Meta,
    Within,
}

fn counts(name: &str, value: &Value, level: Level) -> bool {
    match level {
        Level::Resource if name == "meta" => value
            .as_object()
            .is_none_or(|meta| meta.iter().any(|(name, value)| counts(name, value, Level::Meta))),
        Level::Resource => name != "id",
        Level::Meta => !matches!(name, "versionId" | "lastUpdated"),
        Level::Within => true,
    }
}

fn absorb_members(hash: &mut Sha256, members: &Map<String, Value>, level: Level) {
    let mut sorted: Vec<_> = members.iter().filter(|(name, value)| counts(name, value, level)).collect();
    sorted.sort_by_key(|(name, _)| *name);
    absorb_length(hash, b'o', sorted.len());
    for (name, value) in sorted {
        absorb_text(hash, b'k', name);
        match value {
            Value::Object(meta) if level == Level::Resource && name == "meta" => {
                absorb_members(hash, meta, Level::Meta)
            }
            other => absorb(hash, other),
        }
    }
}

fn absorb(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hash.update(b"n"),
        Value::Bool(true) => hash.update(b"t"),
        Value::Bool(false) => hash.update(b"f"),
        Value::Number(number) => absorb_text(hash, b'd', number.as_str()),
        Value::String(text) => absorb_text(hash, b's', text),
        Value::Array(items) => {
            absorb_length(hash, b'a', items.len());
            items.iter().for_each(|item| absorb(hash, item));
        }
        Value::Object(members) => absorb_members(hash, members, Level::Within),
    }
}

fn absorb_length(hash: &mut Sha256, tag: u8, length: usize) {
    hash.update([tag]);
    hash.update((length as u64).to_be_bytes());
}

fn absorb_text(hash: &mut Sha256, tag: u8, text: &str) {
    absorb_length(hash, tag, text.len());
    hash.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_server_assigns_does_not_count_and_everything_else_does() {
        let base = json!({"resourceType": "Basic", "code": {"text": "x"}, "meta": {"source": "a"}});
        let same = json!({"meta": {"lastUpdated": "2020-01-01T00:00:00Z", "source": "a", "versionId": "3"}, "id": "7",
            "code": {"text": "x"}, "resourceType": "Basic"});
        assert_eq!(ContentHash::of(&base), ContentHash::of(&same));
        let bare = json!({"resourceType": "Basic"});
        assert_eq!(
            ContentHash::of(&bare),
            ContentHash::of(&json!({"resourceType": "Basic", "meta": {"versionId": "1"}}))
        );
        for other in [
            json!({"resourceType": "Basic", "code": {"text": "y"}, "meta": {"source": "a"}}),
            json!({"resourceType": "Basic", "code": {"text": "x"}, "meta": {"source": "b"}}),
            json!({"resourceType": "Basic", "code": {"text": "x", "id": "1"}, "meta": {"source": "a"}}),
            json!({"resourceType": "Basic", "code": {"text": "x"}}),
        ] {
            assert_ne!(ContentHash::of(&base), ContentHash::of(&other), "{other}");
        }
    }

    #[test]
    fn neighbouring_values_do_not_run_together() {
        assert_ne!(ContentHash::of(&json!({"a": ["b", "c"]})), ContentHash::of(&json!({"a": ["bc"]})));
        assert_ne!(
            ContentHash::of(&json!({"a": [["b"], "c"]})),
            ContentHash::of(&json!({"a": [["b", "c"]]}))
        );
    }
}
