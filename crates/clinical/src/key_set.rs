//! Public key sets of record systems (RFC 7517), checked before they are kept.

use aws_lc_rs::signature::{self, ParsedPublicKey};
use cloister_kernel::FieldError;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

/// The most keys of a set: one or two in use, and those that replace them.
const MOST_KEYS: usize = 10;
/// The least and most bits of an RSA modulus.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Members that only private and symmetric keys have.
const SECRET: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// Members that are kept.
const KEPT: [&str; 10] = ["kty", "kid", "use", "key_ops", "alg", "n", "e", "crv", "x", "y"];

/// The key set as it is kept: public members of each key and nothing else.
///
/// Keys are RSA of at least 2048 bits (for RS384) or on P-384 (for ES384), the two algorithms of SMART Backend
/// Services; a P-256 key may stand beside such a key. Each has a `kid` of its own.
pub(crate) fn checked(set: &Value) -> Result<String, Vec<FieldError>> {
    let wrong = |field: &str, code, reason: &str| vec![FieldError::new(field, code, reason)];
    let Some(keys) = set.get("keys").and_then(Value::as_array) else {
        return Err(wrong("jwks", "jwks.format", "must be a JSON Web Key Set with a list of keys"));
    };
    if keys.is_empty() || keys.len() > MOST_KEYS {
        return Err(wrong("jwks.keys", "jwks.count", "must hold 1 to 10 keys"));
    }
    let (mut errors, mut kept, mut ids): (Vec<FieldError>, Vec<Value>, Vec<&str>) = Default::default();
    let mut usable = false;
    for (position, key) in keys.iter().enumerate() {
        let place = format!("jwks.keys[{position}]");
        let Some(key) = key.as_object() else {
            errors.push(FieldError::new(place, "jwks.format", "must be an object"));
            continue;
        };
        match check(key, &place) {
            Ok(signs) => usable = usable || signs,
            Err(error) => errors.push(error),
        }
        if let Some(id) = key.get("kid").and_then(Value::as_str) {
            if ids.contains(&id) {
                let reason = "is the kid of another key of this set";
                errors.push(FieldError::new(format!("{place}.kid"), "jwks.kid", reason));
            }
            ids.push(id);
        }
        let public = key.iter().filter(|(name, _)| KEPT.contains(&name.as_str()));
        kept.push(Value::Object(public.map(|(name, value)| (name.clone(), value.clone())).collect()));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    if !usable {
        let reason = "must hold a key for RS384 (RSA) or ES384 (P-384)";
        return Err(wrong("jwks.keys", "jwks.algorithm", reason));
    }
    Ok(json!({ "keys": kept }).to_string())
}

/// Whether a sound key can sign with RS384 or ES384.
fn check(key: &Map<String, Value>, place: &str) -> Result<bool, FieldError> {
    let error = |member: &str, code, reason: &str| FieldError::new(format!("{place}.{member}"), code, reason);
    if let Some(secret) = SECRET.iter().find(|name| key.contains_key(**name)) {
        return Err(error(secret, "jwks.private_key", "belongs to a private key; send public keys only"));
    }
    let text = |member: &str| key.get(member).and_then(Value::as_str);
    match text("kid") {
        Some(id) if (1..=200).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()) => {}
        _ => return Err(error("kid", "jwks.kid", "must be a text of 1 to 200 printable characters")),
    }
    if key.contains_key("use") && text("use") != Some("sig") {
        return Err(error("use", "jwks.use", "must be sig"));
    }
    if let Some(operations) = key.get("key_ops")
        && operations != &json!(["verify"])
    {
        return Err(error("key_ops", "jwks.use", "must be verify alone"));
    }
    let number = |member: &str| text(member).and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
    let algorithm = |wanted: &str| match key.get("alg") {
        None => Ok(()),
        Some(given) if given == wanted => Ok(()),
        Some(_) => Err(error("alg", "jwks.algorithm", &format!("must be {wanted} for this key"))),
    };
    match (text("kty"), text("crv")) {
        (Some("RSA"), _) => {
            let modulus = number("n").unwrap_or_default();
            if !RSA_BITS.contains(&bits(&modulus)) || modulus.last().is_none_or(|last| last % 2 == 0) {
                return Err(error("n", "jwks.size", "must be an odd number of 2048 to 8192 bits"));
            }
            let exponent = number("e").unwrap_or_default();
            if !(17..=64).contains(&bits(&exponent)) || exponent.last().is_none_or(|last| last % 2 == 0) {
                return Err(error("e", "jwks.exponent", "must be an odd number from 65537 on"));
            }
            algorithm("RS384").map(|()| true)
        }
        (Some("EC"), Some(curve @ ("P-384" | "P-256"))) => {
            let (length, wanted) = if curve == "P-384" { (48, "ES384") } else { (32, "ES256") };
            // A point as SEC 1 writes it, uncompressed.
            let mut point = vec![4];
            for coordinate in ["x", "y"] {
                let bytes = number(coordinate).filter(|bytes| bytes.len() == length);
                let words = "must be a coordinate of the curve's length";
                point.extend(bytes.ok_or_else(|| error(coordinate, "jwks.point", words))?);
            }
            if !is_on_curve(curve, &point) {
                return Err(error("x", "jwks.point", "must be, with y, a point of the curve"));
            }
            algorithm(wanted).map(|()| curve == "P-384")
        }
        (Some("EC"), _) => Err(error("crv", "jwks.curve", "must be P-384 or P-256")),
        _ => Err(error("kty", "jwks.type", "must be RSA or EC")),
    }
}

fn is_on_curve(curve: &str, point: &[u8]) -> bool {
    let algorithm = match curve {
        "P-384" => &signature::ECDSA_P384_SHA384_FIXED,
        _ => &signature::ECDSA_P256_SHA256_FIXED,
    };
    ParsedPublicKey::new(algorithm, point).is_ok()
}

fn bits(number: &[u8]) -> usize {
    let significant = number.iter().position(|byte| *byte != 0).map_or(&[][..], |first| &number[first..]);
    let leading = significant.first().map_or(0, |byte| byte.leading_zeros() as usize);
    (significant.len() * 8).saturating_sub(leading)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rsa(bytes: usize) -> Value {
        let modulus = BASE64URL_NOPAD.encode(&vec![0xff; bytes]);
        json!({"kty": "RSA", "kid": "r", "alg": "RS384", "use": "sig", "n": modulus, "e": "AQAB"})
    }

    fn point(curve: &str, length: usize, kid: &str) -> Value {
        let coordinate = BASE64URL_NOPAD.encode(&vec![7; length]);
        json!({"kty": "EC", "crv": curve, "kid": kid, "x": coordinate, "y": coordinate})
    }

    /// The base point of a curve.
    fn base_point(curve: &str, kid: &str) -> Value {
        let (x, y) = match curve {
            "P-384" => (
                "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3",
                "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f",
            ),
            _ => {
                ("axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU")
            }
        };
        json!({"kty": "EC", "crv": curve, "kid": kid, "x": x, "y": y})
    }

    fn with_zeros(curve: &str, length: usize) -> Value {
        let zero = BASE64URL_NOPAD.encode(&vec![0; length]);
        json!({"kty": "EC", "crv": curve, "x": zero, "y": zero})
    }

    fn set(keys: &[Value]) -> Value {
        json!({ "keys": keys })
    }

    fn codes(set: &Value) -> Vec<(String, &'static str)> {
        checked(set).unwrap_err().into_iter().map(|error| (error.field, error.code)).collect()
    }

    #[test]
    fn sound_public_keys_are_kept_without_anything_else() {
        let mut key = rsa(256);
        key["x5t"] = json!("abc");
        let kept: Value = serde_json::from_str(
            &checked(&set(&[key, base_point("P-384", "e"), base_point("P-256", "f")])).unwrap(),
        )
        .unwrap();
        assert_eq!(kept["keys"][0], rsa(256));
        assert_eq!(kept["keys"].as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn private_and_symmetric_keys_are_refused_by_name() {
        for name in SECRET {
            let mut key = rsa(256);
            key[name] = json!("AQAB");
            assert_eq!(codes(&set(&[key])), [(format!("jwks.keys[0].{name}"), "jwks.private_key")]);
        }
    }

    #[test]
    fn weak_and_foreign_keys_are_refused() {
        let with = |mut key: Value, member: &str, value: Value| {
            key[member] = value;
            set(&[key])
        };
        let cases = [
            (set(&[rsa(255)]), "jwks.keys[0].n", "jwks.size"),
            (set(&[rsa(1025)]), "jwks.keys[0].n", "jwks.size"),
            (with(rsa(256), "n", json!("not base64!")), "jwks.keys[0].n", "jwks.size"),
            (with(rsa(256), "e", json!("Aw")), "jwks.keys[0].e", "jwks.exponent"),
            (with(rsa(256), "alg", json!("RS256")), "jwks.keys[0].alg", "jwks.algorithm"),
            (with(rsa(256), "use", json!("enc")), "jwks.keys[0].use", "jwks.use"),
            (with(rsa(256), "key_ops", json!(["sign"])), "jwks.keys[0].key_ops", "jwks.use"),
            (with(rsa(256), "kid", json!("")), "jwks.keys[0].kid", "jwks.kid"),
            (with(rsa(256), "kty", json!("oct")), "jwks.keys[0].kty", "jwks.type"),
            (set(&[point("P-521", 66, "e")]), "jwks.keys[0].crv", "jwks.curve"),
            (set(&[point("P-384", 47, "e")]), "jwks.keys[0].x", "jwks.point"),
            (set(&[base_point("P-256", "e")]), "jwks.keys", "jwks.algorithm"),
            (set(&[point("P-384", 48, "e")]), "jwks.keys[0].x", "jwks.point"),
            (set(&[point("P-256", 32, "e")]), "jwks.keys[0].x", "jwks.point"),
            (with(with_zeros("P-384", 48), "kid", json!("e")), "jwks.keys[0].x", "jwks.point"),
            (with(with_zeros("P-256", 32), "kid", json!("e")), "jwks.keys[0].x", "jwks.point"),
            (with(base_point("P-384", "e"), "crv", json!("P-256")), "jwks.keys[0].x", "jwks.point"),
            (set(&[rsa(256), rsa(256)]), "jwks.keys[1].kid", "jwks.kid"),
            (set(&[json!(1)]), "jwks.keys[0]", "jwks.format"),
            (set(&[]), "jwks.keys", "jwks.count"),
            (json!([]), "jwks", "jwks.format"),
        ];
        for (set, field, code) in cases {
            assert_eq!(codes(&set), [(field.to_owned(), code)], "{set}");
        }
    }
}
