//! Ways a Bot API goes wrong.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;

/// What happens to a call instead of the usual.
#[derive(Debug, Clone)]
pub enum TelegramFault {
    /// 429 with so many seconds to wait.
    TooMany(u64),
    /// Refused with this code and description.
    Refuse(u16, &'static str),
    /// This status, and a page of whoever stands before the server.
    Status(u16),
    /// Nothing is done, and the answer breaks off in the middle.
    Cut,
    /// Nothing is done and nothing answered.
    Hang,
    /// Nothing is done, and the answer is no JSON.
    Garbage,
    /// It is done, and the answer is lost.
    DropAnswer,
}

/// A response whose connection breaks after `begun`.
pub(super) fn broken(begun: &str) -> Response {
    let begun = Bytes::copy_from_slice(begun.as_bytes());
    let chunks = stream::unfold(Some(begun), |begun| async move {
        tokio::task::yield_now().await;
        match begun {
            Some(begun) if !begun.is_empty() => Some((Ok(begun), Some(Bytes::new()))),
            Some(_) => Some((Err(std::io::Error::other("the test cut this answer")), None)),
            None => None,
        }
    });
    Response::new(Body::from_stream(chunks))
}

/// A page that is no Bot API's.
pub(super) fn page(status: u16) -> Response {
    let body = Body::from("<html><body><h1>the test wished so</h1></body></html>");
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).expect("a test answers with a valid status");
    response
}
