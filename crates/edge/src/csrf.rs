//! Cross-site request forgery: three proofs that a mutating call comes from our own page.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use poem::http::{HeaderMap, Method, StatusCode, header};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::Problem;
use cloister_ephemeral::CsrfSecret;

/// The header that carries the token.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// The token that belongs to a session's or flow's secret, to be shown by `GET /api/v1/session`.
pub fn csrf_token(secret: &CsrfSecret) -> String {
    let mut key = [0; 64]; // HMAC pads a key with zeros to the block of its hash (RFC 2104).
    key[..32].copy_from_slice(secret.expose());
    let mut mac = Hmac::<Sha256>::new(&key.into());
    mac.update(b"cloister csrf token v1");
    BASE64URL_NOPAD.encode(&mac.finalize().into_bytes())
}

/// Whether a method may change something.
pub(crate) fn mutates(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Exact `Origin`, `Sec-Fetch-Site: same-origin`, and the token; each once.
pub(crate) fn check(headers: &HeaderMap, origin: &str, secret: &CsrfSecret) -> Result<(), Problem> {
    let refused =
        |field: &'static str, reason: &str| {
            Problem::new(StatusCode::FORBIDDEN, "csrf.refused", "this call did not come from our own page")
                .field(field, "csrf.refused", reason.to_owned())
        };
    let only = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    };
    if only(header::ORIGIN.as_str()) != Some(origin) {
        return Err(refused("Origin", "must be this site's own"));
    }
    if only("sec-fetch-site") != Some("same-origin") {
        return Err(refused("Sec-Fetch-Site", "must be same-origin"));
    }
    let given = only(CSRF_HEADER).unwrap_or_default();
    if bool::from(given.as_bytes().ct_eq(csrf_token(secret).as_bytes())) {
        Ok(())
    } else {
        Err(refused("X-CSRF-Token", "does not belong to this session"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloister_kernel::Environment;

    #[test]
    fn every_proof_is_needed() {
        let secret = CsrfSecret::draw(&Environment::system());
        let token = csrf_token(&secret);
        let other = csrf_token(&CsrfSecret::draw(&Environment::system()));
        let own = "https://lakeside.example.org";
        let verdict = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            check(&headers, own, &secret).is_ok()
        };
        let good = [("origin", own), ("sec-fetch-site", "same-origin"), (CSRF_HEADER, token.as_str())];
        assert!(verdict(&good));
        for missing in 0..3 {
            let mut pairs = good.to_vec();
            pairs.remove(missing);
            assert!(!verdict(&pairs), "without {missing}");
            let mut twice = good.to_vec();
            twice.push(good[missing]);
            assert!(!verdict(&twice), "{missing} twice");
        }
        for (place, values) in [
            (
                0,
                vec![
                    "null",
                    "https://riverside.example.org",
                    "https://lakeside.example.org:444",
                    "http://lakeside.example.org",
                    "https://lakeside.example.org.evil.example",
                    "",
                ],
            ),
            (1, vec!["same-site", "cross-site", "none", ""]),
            (2, vec!["", other.as_str(), &token[1..]]),
        ] {
            for value in values {
                let mut pairs = good.to_vec();
                pairs[place].1 = value;
                assert!(!verdict(&pairs), "{place} {value}");
            }
        }
    }
}
