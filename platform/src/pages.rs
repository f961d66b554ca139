//! The two web apps: pages that open a sign-in, and their assets as the web build compressed them.

use std::borrow::Cow;

use cloister_access::Visitor;
use cloister_edge::{
    FlowPage, Inbound, Open, PROOF_BITS, Problem, Proven, clear_proof, for_people, set_flow,
};
use cloister_identity::{FlowStep, Identity};
use cloister_kernel::Audience;
use poem::{
    Body, Request, Response, handler,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    web::Data,
};
use rust_embed::RustEmbed;

/// Calls in a flow after which a visit of the page opens a new one: the edge's usual limit.
const SPENT: u64 = 10;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/web/portal/dist"]
#[allow_missing = true]
struct PortalFiles;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/web/console/dist"]
#[allow_missing = true]
struct ConsoleFiles;

fn file(audience: Audience, name: &str) -> Option<Cow<'static, [u8]>> {
    let found = match audience {
        Audience::Portal => PortalFiles::get(name),
        Audience::Console => ConsoleFiles::get(name),
    };
    found.map(|file| file.data)
}

/// Every page is the app's one document. A visitor without a live session gets a flow to sign in with; the pages
/// for signing in and for activating open one in any case. A flow that is under way goes on. From an address that opened
/// very many, the browser first works for it: [`waiting`].
#[handler]
pub(crate) async fn page(
    request: &Request,
    page: FlowPage,
    Data(identity): Data<&Identity>,
) -> poem::Result<Response> {
    let begins = match request.original_uri().path() {
        "/activate" => Some(FlowStep::ActivateIdentity),
        "/sign-in" => Some(FlowStep::Password),
        _ if page.signed_in => None,
        _ => Some(FlowStep::Password),
    };
    let (_, audience) = page.inbound.clinic()?;
    let mut response = encoded(audience, "index.html", request.headers()).ok_or_else(|| {
        let title = "the web pages were not built into this program";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "page.missing", title)
    })?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Some(step) = begins {
        let goes_on = page.flow.as_ref().is_some_and(|flow| {
            let stands_at = FlowStep::of(flow).map(is_activation);
            flow.calls < SPENT && stands_at == Some(is_activation(step))
        });
        if !goes_on {
            let (mut proof, mut challenge) = (None, None);
            if page.crowded().is_some() && reads_pages(request.headers()) {
                (proof, challenge) = proof_of_work(&page, identity).await?;
            }
            if let (None, Some(challenge)) = (&proof, challenge) {
                return Ok(waiting(audience, &page.inbound, &challenge)?);
            }
            let worked = proof.is_some();
            let token = page.open(step.as_str(), Vec::new(), proof).await?;
            response.headers_mut().append(header::SET_COOKIE, set_flow(&token));
            if worked {
                response.headers_mut().append(header::SET_COOKIE, clear_proof());
            }
        }
    }
    Ok(response)
}

/// The proof that came with the request, if it holds, and the challenge for the next.
async fn proof_of_work(
    visit: &FlowPage,
    identity: &Identity,
) -> Result<(Option<Proven>, Option<String>), Problem> {
    let (tenant, audience) = visit.inbound.clinic()?;
    let visitor = Visitor::new(tenant, audience, visit.inbound.facts());
    let challenges = identity.challenges(&visitor).await?;
    let proof = visit.prove(&challenges).await?;
    let [current, _] = challenges;
    Ok((proof, Some(current)))
}

/// The page on which a browser does its proof of work and then comes again. 429 all the same: no flow was opened.
fn waiting(audience: Audience, inbound: &Inbound, challenge: &str) -> Result<Response, Problem> {
    let missing =
        || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "page.missing", "the web pages were not built");
    let document = file(audience, "waiting.html").ok_or_else(missing)?;
    let document = String::from_utf8_lossy(&document)
        .replace("__challenge__", challenge)
        .replace("__bits__", &PROOF_BITS.to_string())
        .replace("__tried__", if inbound.sent_proof() { "yes" } else { "no" });
    let response = Response::builder()
        .status(StatusCode::TOO_MANY_REQUESTS)
        .content_type("text/html; charset=utf-8")
        .header(header::SET_COOKIE, clear_proof())
        .body(document);
    Ok(for_people(response))
}

/// Whether whoever asks is a browser that opens a page, rather than a program.
fn reads_pages(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|kind| kind.trim().starts_with("text/html"))
}

const fn is_activation(step: FlowStep) -> bool {
    match step {
        FlowStep::Password | FlowStep::Totp => false,
        FlowStep::ActivateIdentity | FlowStep::ActivatePassword | FlowStep::ActivateTotp => true,
    }
}

/// A file of the web build. Its name holds a hash of its content, so browsers may keep it for good.
#[handler]
pub(crate) fn asset(request: &Request, open: Open) -> poem::Result<Response> {
    let (_, audience) = open.inbound.clinic()?;
    let absent = || Problem::new(StatusCode::NOT_FOUND, "route.not_found", "there is nothing here");
    let name = request.original_uri().path().strip_prefix("/assets/").unwrap_or_default();
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !plain || name.starts_with('.') || content_type(name).is_none() {
        return Err(absent().into());
    }
    let mut response = encoded(audience, &format!("assets/{name}"), request.headers()).ok_or_else(absent)?;
    let lasting = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(header::CACHE_CONTROL, lasting);
    Ok(response)
}

/// What browsers ask for at the root of every site.
#[handler]
pub(crate) fn robots(_open: Open) -> Response {
    Response::builder().content_type("text/plain; charset=utf-8").body("User-agent: *\nDisallow: /\n")
}

/// The file in the best encoding that the client takes and the build wrote.
fn encoded(audience: Audience, name: &str, headers: &HeaderMap) -> Option<Response> {
    let plain = file(audience, name)?;
    let (content, encoding) = [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(encoding, _)| accepts(headers, encoding))
        .find_map(|(encoding, suffix)| Some((file(audience, &format!("{name}.{suffix}"))?, Some(encoding))))
        .unwrap_or((plain, None));
    let content = Body::from_bytes(content.into_owned().into());
    let mut response = Response::builder().content_type(content_type(name)?).body(content);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some(response)
}

/// Whether `Accept-Encoding` names the encoding with a weight above zero (RFC 9110, section 12.5.3).
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case(encoding) && weight.is_some_and(|weight| weight > 0.0)
    })
}

fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "html" => Some("text/html; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        "woff2" => Some("font/woff2"),
        "json" => Some("application/json"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_taken_only_where_the_client_wants_them() {
        let accepts_br = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            accepts(&headers, "br")
        };
        for value in ["br", "gzip, deflate, br", "gzip;q=0.5, BR;q=0.1", "br;q=1.0"] {
            assert!(accepts_br(value), "{value}");
        }
        for value in ["gzip", "br;q=0", "br;q=0.0", "brotli", "", "br;x"] {
            assert!(!accepts_br(value), "{value}");
        }
        assert!(!accepts(&HeaderMap::new(), "br"));
    }

    #[test]
    fn only_what_a_web_build_writes_has_a_type() {
        assert_eq!(content_type("index-Deq94rfq.js"), Some("text/javascript; charset=utf-8"));
        for name in ["index.js.br", "index.js.gz", "index", "x.map", "x.rs"] {
            assert_eq!(content_type(name), None, "{name}");
        }
    }
}
