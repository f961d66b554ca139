//! Our cookies, read from the raw header and written whole.

use poem::http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::Problem;
use cloister_ephemeral::Token;

/// The session cookie's name.
pub const SESSION_COOKIE: &str = "__Host-cloister";
/// The sign-in flow cookie's name.
pub const FLOW_COOKIE: &str = "__Host-cloister-flow";
/// The name of the cookie in which a page brings its proof of work. It proves nothing about who somebody is.
pub const PROOF_COOKIE: &str = "__Host-cloister-proof";

/// What a request's cookies hold of ours. A value that is no token counts as absent.
#[derive(Debug, Clone, Default)]
pub struct Cookies {
    /// The session's token.
    pub session: Option<Token>,
    /// The flow's token.
    pub flow: Option<Token>,
    /// The number that a page found, as sent.
    pub proof: Option<String>,
    /// Whether a session or flow was sent at all, readable or not.
    pub any: bool,
}

impl Cookies {
    /// Reads the raw headers. A `__Host-` name that stands twice, or with spaces or control characters around it,
    /// can only come from somebody who shadows the real one, and refuses the request.
    pub fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let refused =
            |reason: &str| {
                Problem::new(StatusCode::BAD_REQUEST, "cookie.ambiguous", "the cookies are not acceptable")
                    .field("Cookie", "cookie.ambiguous", reason.to_owned())
            };
        let mut cookies = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for value in headers.get_all(header::COOKIE) {
            for (place, pair) in value.as_bytes().split(|byte| *byte == b';').enumerate() {
                // RFC 6265 writes "; " between pairs: that one space belongs to the separator.
                let pair = if place > 0 { pair.strip_prefix(b" ").unwrap_or(pair) } else { pair };
                let split = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
                let name = String::from_utf8_lossy(&pair[..split]).into_owned();
                let bare: String =
                    name.chars().filter(|c| !c.is_whitespace() && !c.is_control() && *c != '"').collect();
                if !bare.to_ascii_lowercase().starts_with("__host-") {
                    continue;
                }
                if bare != name {
                    return Err(refused("a __Host- name is padded"));
                }
                if seen.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                    return Err(refused("a __Host- name stands twice"));
                }
                let value = pair.get(split + 1..).unwrap_or_default();
                let token = || std::str::from_utf8(value).ok().and_then(Token::parse);
                match name.as_str() {
                    SESSION_COOKIE => (cookies.session, cookies.any) = (token(), true),
                    FLOW_COOKIE => (cookies.flow, cookies.any) = (token(), true),
                    PROOF_COOKIE => cookies.proof = std::str::from_utf8(value).ok().map(str::to_owned),
                    _ => {}
                }
                seen.push(name);
            }
        }
        Ok(cookies)
    }
}

/// `Set-Cookie` for a new session token; replaces and so kills the old one in the browser.
pub fn set_session(token: &Token) -> HeaderValue {
    cookie(SESSION_COOKIE, &token.expose(), "Strict", None)
}

/// `Set-Cookie` for a flow: ten minutes, Lax, so that a link in a mail opens it.
pub fn set_flow(token: &Token) -> HeaderValue {
    cookie(FLOW_COOKIE, &token.expose(), "Lax", Some(600))
}

/// `Set-Cookie` that removes the session cookie.
pub fn clear_session() -> HeaderValue {
    cookie(SESSION_COOKIE, "", "Strict", Some(0))
}

/// `Set-Cookie` that removes the flow cookie.
pub fn clear_flow() -> HeaderValue {
    cookie(FLOW_COOKIE, "", "Lax", Some(0))
}

/// `Set-Cookie` that removes a proof of work: it was used, or did not fit.
pub fn clear_proof() -> HeaderValue {
    cookie(PROOF_COOKIE, "", "Strict", Some(0))
}

fn cookie(name: &str, value: &str, same_site: &str, max_age: Option<u32>) -> HeaderValue {
    let age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite={same_site}{age}");
    let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloister_kernel::Environment;

    fn read(values: &[&str]) -> Result<Cookies, String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::COOKIE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Cookies::read(&headers).map_err(|problem| problem.code().to_owned())
    }

    #[test]
    fn our_cookies_are_read_and_shadows_are_refused() {
        let token = Token::draw(&Environment::system()).expose();
        let good = format!("a=b; __Host-cloister={token}; __Host-cloister-flow={token}");
        let cookies = read(&[&good]).unwrap();
        assert!(cookies.session.is_some() && cookies.flow.is_some() && cookies.any);
        assert!(!read(&["a=b; c"]).unwrap().any);
        let garbage = read(&["__Host-cloister=x"]).unwrap();
        assert!(garbage.session.is_none() && garbage.any);
        for values in [
            vec![format!("__Host-cloister={token}; __Host-cloister={token}")],
            vec![format!("__Host-cloister={token}"), format!("__Host-cloister={token}")],
            vec![format!("a=b;  __Host-cloister={token}")],
            vec![format!("__Host-cloister ={token}")],
            vec![format!("a=b;\t__Host-cloister={token}")],
            vec![format!(" __Host-cloister={token}")],
            vec![format!("\u{a0}__Host-cloister={token}")],
            vec![format!("__Host-cloister={token}; __host-cloister={token}")],
            vec![format!("__Host-cloister={token}; __Host-cloister\t={token}")],
        ] {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            assert_eq!(read(&values).unwrap_err(), "cookie.ambiguous", "{values:?}");
        }
    }

    #[test]
    fn cookies_are_written_whole() {
        let token = Token::draw(&Environment::system());
        let session = set_session(&token);
        let expected =
            format!("__Host-cloister={}; Path=/; Secure; HttpOnly; SameSite=Strict", token.expose());
        assert_eq!(session.to_str().unwrap(), expected);
        assert!(set_flow(&token).to_str().unwrap().ends_with("SameSite=Lax; Max-Age=600"));
        assert!(clear_session().to_str().unwrap().contains("=; Path=/"));
        assert!(clear_flow().to_str().unwrap().ends_with("Max-Age=0"));
    }
}
