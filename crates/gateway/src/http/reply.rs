//! How answers over HTTP look: JSON or text, and the headers every one of them carries (ORIGIN-7).

use axum::body::Body;
use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{Response, StatusCode};
use serde_json::{Value, json};

const EVERY_ANSWER: [(HeaderName, &str); 4] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (X_FRAME_OPTIONS, "DENY"),
    (CACHE_CONTROL, "no-store"),
];

/// JSON.
pub(crate) fn json(status: StatusCode, body: &Value) -> Response<Body> {
    with_type(status, "application/json; charset=utf-8", body.to_string())
}

/// Plain text.
pub(crate) fn text(status: StatusCode, body: impl Into<String>) -> Response<Body> {
    with_type(status, "text/plain; charset=utf-8", body)
}

/// Anything with its content type.
pub(crate) fn with_type(status: StatusCode, kind: &'static str, body: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// 401 (AUTH-13).
pub(crate) fn unauthorized() -> Response<Body> {
    json(StatusCode::UNAUTHORIZED, &json!({"error": {"message": "Unauthorized", "type": "unauthorized"}}))
}

/// 429 (RATE-5).
pub(crate) fn locked_out(left: std::time::Duration) -> Response<Body> {
    let message = "too many failed authentication attempts (retry later)";
    let body = json!({"error": {"message": message, "type": "rate_limited"}});
    let mut response = json(StatusCode::TOO_MANY_REQUESTS, &body);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(left.as_secs().max(1)));
    response
}

/// Adds what every answer carries.
pub(crate) fn secured(mut response: Response<Body>, hsts: Option<&str>) -> Response<Body> {
    let headers = response.headers_mut();
    for (name, value) in EVERY_ANSWER {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Some(hsts) = hsts.and_then(|hsts| HeaderValue::from_str(hsts).ok()) {
        headers.insert(STRICT_TRANSPORT_SECURITY, hsts);
    }
    response
}
