//! A record system's signed assertion of who it is (RFC 7523; SMART App Launch 2, Backend Services).

use cloister_kernel::MachineClientId;
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, dangerous, decode, decode_header,
    errors::ErrorKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

/// An assertion may be valid for this long at most.
const LONGEST_LIFE: Duration = Duration::minutes(5);
/// How far a client's clock may be off where that does no harm.
const CLOCK_DRIFT: Duration = Duration::seconds(30);
const LONGEST_ASSERTION: usize = 8 * 1024;
const LONGEST_JTI: usize = 255;

/// A verified assertion.
#[derive(Debug)]
pub(crate) struct ClientAssertion {
    /// Its id, to be accepted once.
    pub(crate) jti: String,
    /// Until when it would be valid.
    pub(crate) expires_at: OffsetDateTime,
}

/// The claims as sent: what is missing or of another type is told apart from a signature that does not hold.
type Claims = Map<String, Value>;

#[derive(Deserialize)]
struct Subject {
    sub: String,
}

/// The client that an assertion names, before anything of it is believed.
pub(crate) fn named_client(assertion: &str) -> Option<MachineClientId> {
    if assertion.len() > LONGEST_ASSERTION {
        return None;
    }
    let claims = dangerous::insecure_decode::<Subject>(assertion).ok()?.claims;
    claims.sub.parse().ok()
}

/// Verifies an assertion of a client against its registered keys.
///
/// # Errors
/// A reason code for the log.
pub(crate) fn verify(
    assertion: &str,
    client: MachineClientId,
    jwks: &str,
    token_endpoint: &str,
    now: OffsetDateTime,
) -> Result<ClientAssertion, &'static str> {
    let header = decode_header(assertion).map_err(|_| "assertion_unreadable")?;
    if !matches!(header.alg, Algorithm::RS384 | Algorithm::ES384) {
        return Err("assertion_algorithm");
    }
    if header.typ.as_deref().is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt")) {
        return Err("assertion_type");
    }
    let kid = header.kid.as_deref().ok_or("assertion_without_kid")?;
    let keys: JwkSet = serde_json::from_str(jwks).map_err(|_| "keys_unreadable")?;
    let key = keys.find(kid).filter(|key| fits(key, header.alg)).ok_or("key_unknown")?;
    let key = DecodingKey::from_jwk(key).map_err(|_| "keys_unreadable")?;
    // The clock is a parameter here, so times and audience are compared below.
    let mut validation = Validation::new(header.alg);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = decode::<Claims>(assertion, &key, &validation).map_err(|error| match error.kind() {
        ErrorKind::Json(_) | ErrorKind::Base64(_) | ErrorKind::Utf8(_) => "assertion_unreadable",
        _ => "assertion_signature",
    })?;
    check(&claims.claims, client, token_endpoint, now)
}

/// One key is good for one algorithm.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), Algorithm::RS384) => true,
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES384) => curve.curve == EllipticCurve::P384,
        _ => false,
    }
}

fn check(
    claims: &Claims,
    client: MachineClientId,
    token_endpoint: &str,
    now: OffsetDateTime,
) -> Result<ClientAssertion, &'static str> {
    let id = client.to_string();
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(&id) || text("sub") != Some(&id) {
        return Err("assertion_issuer");
    }
    // Exactly us: an assertion that another server may use too could have been taken from it.
    let is_for_us = match claims.get("aud") {
        Some(Value::String(audience)) => audience == token_endpoint,
        Some(Value::Array(audiences)) => matches!(audiences.as_slice(), [only] if only == token_endpoint),
        _ => false,
    };
    if !is_for_us {
        return Err("assertion_audience");
    }
    let expires_at = numeric_date(claims.get("exp"), f64::floor)?;
    if expires_at <= now {
        return Err("assertion_expired");
    }
    if expires_at > now + LONGEST_LIFE + CLOCK_DRIFT {
        return Err("assertion_lives_too_long");
    }
    for moment in ["nbf", "iat"].into_iter().filter_map(|name| claims.get(name)) {
        if numeric_date(Some(moment), f64::ceil)? > now + CLOCK_DRIFT {
            return Err("assertion_not_yet_valid");
        }
    }
    let jti = text("jti").filter(|jti| !jti.is_empty() && jti.len() <= LONGEST_JTI);
    Ok(ClientAssertion { jti: jti.ok_or("assertion_without_jti")?.to_owned(), expires_at })
}

/// A NumericDate (RFC 7519, section 2): seconds since 1970, perhaps with a fraction, which counts against the client.
fn numeric_date(value: Option<&Value>, whole: fn(f64) -> f64) -> Result<OffsetDateTime, &'static str> {
    let number = match value {
        Some(Value::Number(number)) => number,
        _ => return Err("assertion_times"),
    };
    let seconds = match (number.as_i64(), number.as_f64().map(whole)) {
        (Some(seconds), _) => seconds,
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is whole, and what is too large is no moment either"
        )]
        (None, Some(seconds)) => seconds as i64,
        _ => return Err("assertion_times"),
    };
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| "assertion_times")
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 09:00:00 UTC);
    const HERE: &str = "https://lakeside.example.org/oauth/token";

    fn client() -> MachineClientId {
        "01a20297-4dc0-7424-b50e-87f6b7b935ea".parse().unwrap()
    }

    /// The reason for which sound claims are refused once one of them is another.
    fn refused_with(name: &str, value: Value) -> Option<&'static str> {
        let id = client().to_string();
        let mut claims =
            json!({"iss": id, "sub": id, "aud": HERE, "exp": NOW.unix_timestamp() + 60, "jti": "a"});
        claims[name] = value;
        check(claims.as_object().unwrap(), client(), HERE, NOW).err()
    }

    #[test]
    fn an_assertion_counts_from_its_first_moment_to_its_last_and_no_longer() {
        let at = |seconds: i64| json!(NOW.unix_timestamp() + seconds);
        for (name, seconds, reason) in [
            ("exp", 0, Some("assertion_expired")),
            ("exp", 1, None),
            ("exp", 330, None),
            ("exp", 331, Some("assertion_lives_too_long")),
            ("nbf", 30, None),
            ("nbf", 31, Some("assertion_not_yet_valid")),
            ("iat", 30, None),
            ("iat", 31, Some("assertion_not_yet_valid")),
        ] {
            assert_eq!(refused_with(name, at(seconds)), reason, "{name} {seconds}");
        }
        for (exp, reason) in [
            (json!(1e15), "assertion_times"),
            (json!(1e300), "assertion_times"),
            (json!("1"), "assertion_times"),
        ] {
            assert_eq!(refused_with("exp", exp.clone()), Some(reason), "{exp}");
        }
        let fraction = NOW.unix_timestamp() as f64 + 0.9;
        assert_eq!(
            refused_with("exp", json!(fraction)),
            Some("assertion_expired"),
            "a fraction counts against it"
        );
    }

    #[test]
    fn an_assertion_has_an_id_of_a_length_that_can_be_remembered() {
        for (length, reason) in
            [(0, Some("assertion_without_jti")), (255, None), (256, Some("assertion_without_jti"))]
        {
            assert_eq!(refused_with("jti", json!("j".repeat(length))), reason, "{length}");
        }
    }

    #[test]
    fn an_assertion_is_read_up_to_its_longest_length() {
        let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        let head = format!(
            "{}.{}.",
            part(r#"{"alg":"ES384"}"#),
            part(&json!({"sub": client().to_string()}).to_string())
        );
        let of_length = |length: usize| format!("{head}{}", "A".repeat(length - head.len()));
        assert_eq!(named_client(&of_length(100 + head.len())), Some(client()));
        assert_eq!(named_client(&of_length(8_192)), Some(client()));
        assert_eq!(named_client(&of_length(8_193)), None);
    }

    #[test]
    fn a_key_is_good_for_its_own_algorithm_only() {
        let key = |pair: KeyPair, algorithm| {
            Jwk::from_encoding_key(&EncodingKey::from_ec_der(&pair.serialize_der()), algorithm).unwrap()
        };
        let curve = key(KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(), Algorithm::ES384);
        let smaller = key(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(), Algorithm::ES256);
        assert!(fits(&curve, Algorithm::ES384));
        assert!(!fits(&curve, Algorithm::RS384) && !fits(&smaller, Algorithm::ES384));
    }

    #[test]
    fn what_is_signed_and_holds_no_claims_is_unreadable() {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let signing = EncodingKey::from_ec_der(&pair.serialize_der());
        let mut public = Jwk::from_encoding_key(&signing, Algorithm::ES384).unwrap();
        public.common.key_id = Some("a".to_owned());
        let keys = serde_json::to_string(&JwkSet { keys: vec![public] }).unwrap();
        let header = Header { kid: Some("a".to_owned()), ..Header::new(Algorithm::ES384) };
        let signed = encode(&header, &json!(["no", "claims"]), &signing).unwrap();
        assert_eq!(verify(&signed, client(), &keys, HERE, NOW).unwrap_err(), "assertion_unreadable");
        let (rest, _) = signed.rsplit_once('.').unwrap();
        let unsigned = format!("{rest}.{}", BASE64URL_NOPAD.encode(&[1; 96]));
        assert_eq!(verify(&unsigned, client(), &keys, HERE, NOW).unwrap_err(), "assertion_signature");
    }
}
