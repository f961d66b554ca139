//! Bodies by counted bytes: a length that was announced is not believed, a chunked body is cut off.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use poem::{
    Body, FromRequest, Request, RequestBody,
    http::{StatusCode, header},
};
use tokio::time::timeout;

use crate::{Inbound, Problem, framework::of_status};

/// One MiB: what a call may send where its route says nothing else.
pub const USUAL_LIMIT: usize = 1 << 20;
/// 16 MiB: what a bundle may weigh.
pub const BUNDLE_LIMIT: usize = 16 << 20;

/// The raw body, at most `MOST` bytes.
#[derive(Debug)]
pub struct LimitedBody<const MOST: usize = USUAL_LIMIT>(pub Bytes);

impl<'a, const MOST: usize> FromRequest<'a> for LimitedBody<MOST> {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self(read(request, body, MOST).await?))
    }
}

/// No body is longer than this, whatever a route reads it with.
const LONGEST: usize = BUNDLE_LIMIT + (64 << 10);

/// The same body, broken off where it grows longer than any route takes.
pub(crate) fn capped(body: Body) -> Body {
    let mut counted = 0_usize;
    Body::from_bytes_stream(body.into_bytes_stream().map(move |chunk| {
        let chunk = chunk?;
        counted = counted.saturating_add(chunk.len());
        if counted > LONGEST { Err(std::io::Error::other("the body is too large")) } else { Ok(chunk) }
    }))
}

/// Reads the body up to a limit, within the time that the edge's settings allow.
pub(crate) async fn read(request: &Request, body: &mut RequestBody, most: usize) -> Result<Bytes, Problem> {
    let within = Inbound::of(request)?.parts().settings.body_within;
    let too_large =
        || of_status(StatusCode::PAYLOAD_TOO_LARGE).detail(format!("At most {most} bytes are taken."));
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    let body = body.take().map_err(|error| Problem::internal(error.to_string()))?;
    let mut stream = Box::pin(body.into_bytes_stream());
    let reading = async {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk
                .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "body.broken", "the body ended early"))?;
            if bytes.len() + chunk.len() > most {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    };
    timeout(within, reading).await.unwrap_or_else(|_| Err(of_status(StatusCode::REQUEST_TIMEOUT)))
}
