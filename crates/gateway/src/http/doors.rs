//! The doors of channels: paths of the one port where vendors call us. Each proves itself to the account it is for, by a
//! secret or a signature, whatever host name it used and wherever it comes from.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use channels::{HttpCall, HttpReply};
use http::header::{HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use super::reply;
use crate::chats::Live;

/// The longest body of a call.
const LONGEST_BODY: usize = 1024 * 1024;
/// How long a body may take.
const BODY_WITHIN: Duration = Duration::from_secs(30);

/// Hands a call to the account whose door it is.
pub(crate) async fn knock(live: Arc<Live>, request: Request<Incoming>) -> Response<Body> {
    let Some(transport) = live.transport.clone() else { return reply::text(StatusCode::NOT_FOUND, "Not Found") };
    let (head, body) = request.into_parts();
    let read = axum::body::to_bytes(Body::new(body), LONGEST_BODY);
    let body = match tokio::time::timeout(BODY_WITHIN, read).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return reply::text(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 1 MiB, or was cut"),
        Err(_) => return reply::text(StatusCode::REQUEST_TIMEOUT, "the body took too long"),
    };
    let call = HttpCall { method: head.method, headers: head.headers, body };
    answer(transport.called(call, &live.desk).await)
}

fn answer(said: HttpReply) -> Response<Body> {
    let mut response = Response::new(Body::from(said.body));
    *response.status_mut() = StatusCode::from_u16(said.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in said.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}
