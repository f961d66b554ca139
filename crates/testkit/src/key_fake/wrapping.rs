//! What the service gives out instead of a data key: the key's id in clear, which its copies in other regions share, and the
//! data key sealed for it and its encryption context.

use base64::{Engine, engine::general_purpose::STANDARD};
use cloister_vault::testing::{open_bytes, seal_bytes};
use serde_json::Value;

/// The context's pairs in their order, each length-prefixed by whoever seals: `None` when it is no map of strings.
fn bound<'b>(id: &'b str, context: &'b Value) -> Option<Vec<&'b [u8]>> {
    let mut fields = vec![id.as_bytes()];
    let Some(pairs) = context.as_object() else { return context.is_null().then_some(fields) };
    let mut pairs: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect::<Option<_>>()?;
    pairs.sort_unstable();
    fields.extend(pairs.into_iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]));
    Some(fields)
}

pub(super) fn wrap(
    secret: &[u8; 32],
    nonce: [u8; 24],
    id: &str,
    context: &Value,
    plaintext: &[u8],
) -> Option<String> {
    let length = u16::try_from(id.len()).ok()?.to_be_bytes();
    let sealed = seal_bytes(secret, nonce, &bound(id, context)?, plaintext)?;
    Some(STANDARD.encode([&length[..], id.as_bytes(), &sealed].concat()))
}

/// Which key wrapped it, and the sealed rest.
pub(super) fn parts(blob: &Value) -> Option<(String, Vec<u8>)> {
    let bytes = STANDARD.decode(blob.as_str()?).ok()?;
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (id, sealed) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    Some((String::from_utf8(id.to_vec()).ok()?, sealed.to_vec()))
}

pub(super) fn unwrap(secret: &[u8; 32], id: &str, context: &Value, sealed: &[u8]) -> Option<String> {
    Some(STANDARD.encode(open_bytes(secret, &bound(id, context)?, sealed)?))
}
