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
        // Every whole number up to here is a number of both types.
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
        (None, Some(seconds)) if seconds.abs() < 1e15 => seconds as i64,
        _ => return Err("assertion_times"),
    };
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| "assertion_times")
}
