//! From an HTTP request to a WebSocket (RFC 6455 section 4).

use std::sync::Mutex;

use aws_lc_rs::digest;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use wire::limits::PRE_AUTH_MAX_BYTES;

use super::reply;
use crate::auth::locality::Peer;
use crate::conn::handshake::{self, Front};
use crate::conn::limits::Place;
use crate::conn::socket::WebSocket;

/// RFC 6455 section 1.3.
const ACCEPT_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Whether the request asks for a WebSocket.
pub(crate) fn is_wanted(request: &Request<Incoming>) -> bool {
    request.method() == Method::GET
        && names(request.headers(), &CONNECTION, "upgrade")
        && names(request.headers(), &UPGRADE, "websocket")
}

/// Whether a comma-separated header lists `word`.
fn names(headers: &HeaderMap, header: &HeaderName, word: &str) -> bool {
    let listed = |value: &HeaderValue| {
        value.to_str().is_ok_and(|text| text.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    headers.get_all(header).iter().any(listed)
}

/// Answers 101 and hands the socket to the handshake. Extensions and subprotocols a client offers are not taken up.
pub(crate) fn upgrade(
    mut request: Request<Incoming>,
    peer: Peer,
    place: &Mutex<Option<Place>>,
    front: &Front,
) -> Response<Body> {
    let key = request.headers().get(SEC_WEBSOCKET_KEY).cloned();
    let version = request.headers().get(SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes);
    let (Some(key), Some(b"13")) = (key, version) else {
        return reply::text(StatusCode::BAD_REQUEST, "a WebSocket upgrade needs version 13 and a key");
    };
    let place = place.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    let Some(place) = place else { return reply::text(StatusCode::BAD_REQUEST, "this socket is taken") };
    let upgraded = hyper::upgrade::on(&mut request);
    let front = front.clone();
    front.tasks.clone().spawn(async move {
        if let Ok(io) = upgraded.await {
            let socket = WebSocket::serve(TokioIo::new(io), PRE_AUTH_MAX_BYTES);
            handshake::serve(socket, peer, place, front).await;
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header("sec-websocket-accept", accept_key(key.as_bytes()))
        .body(Body::empty())
        .expect("base64 is a legal header value")
}

fn accept_key(key: &[u8]) -> String {
    let mut sha1 = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    sha1.update(key);
    sha1.update(ACCEPT_GUID.as_bytes());
    STANDARD.encode(sha1.finish())
}

#[cfg(test)]
mod tests {
    /// The example of RFC 6455 section 1.3.
    #[test]
    fn the_accept_key_is_the_rfcs() {
        assert_eq!(super::accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
