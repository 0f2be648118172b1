//! Who may call a hook, and how much of what it says is read.

use std::time::{Duration, Instant};

use axum::body::Body;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::Value;

use super::{bad, failed};
use crate::auth::locality::{Attribution, Peer, note_unattributable};
use crate::auth::throttle::{self, Bucket, Key};
use crate::http::{probes, reply};
use crate::services::Services;

/// Largest body.
const BODY_MAX: usize = 256 * 1024;
/// How long it may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(30);
/// Where a program that has no bearer puts its token.
const HEADER: &str = "x-openclaw-token";

/// Lets a `POST` with the hooks' token pass, or says why not. Guessing is counted like any wrong secret.
pub(super) async fn check(services: &Services, peer: &Peer, parts: &Parts) -> Result<(), Response<Body>> {
    if parts.method != Method::POST {
        let mut refused = reply::text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
        refused.headers_mut().insert(http::header::ALLOW, http::HeaderValue::from_static("POST"));
        return Err(refused);
    }
    if peer.attribution == Attribution::Unattributable {
        note_unattributable(peer);
        return Err(probes::proxy_attribution_required());
    }
    // What stands in a URL ends in logs.
    let query = parts.uri.query().unwrap_or_default();
    if url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "token") {
        return Err(bad("the token belongs into a header, not into the URL"));
    }
    let (gate, key) = (&services.gate, Key::of(peer));
    if let Some(left) = gate.counted(|counts| counts.locked(Bucket::HookToken, &key, Instant::now())) {
        return Err(reply::locked_out(left));
    }
    let config = services.config.current();
    let is_right =
        given(parts).is_some_and(|given| config.hooks.token.as_ref().is_some_and(|token| token.matches(given)));
    if is_right {
        gate.counted(|counts| counts.succeeded(Bucket::HookToken, &key));
        return Ok(());
    }
    let penalty = gate.counted(|counts| counts.failed(Bucket::HookToken, &key, Instant::now()));
    if let Some(count) = penalty.log {
        throttle::log_failure(Bucket::HookToken, &key, count, peer, "http", "hook", "hook_token_mismatch");
    }
    tokio::time::sleep(penalty.delay).await;
    Err(reply::unauthorized())
}

fn given(parts: &Parts) -> Option<&str> {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let bearer = text(AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    bearer.filter(|bearer| !bearer.is_empty()).or_else(|| text(HEADER)).filter(|given| !given.is_empty())
}

/// The body as a JSON object.
pub(super) async fn read(body: Incoming) -> Result<Value, Response<Body>> {
    let too_large = || reply::json(StatusCode::PAYLOAD_TOO_LARGE, &failed("the body is larger than 256 KiB"));
    let collected = tokio::time::timeout(BODY_WITHIN, axum::body::to_bytes(Body::new(body), BODY_MAX)).await;
    let bytes = match collected {
        Err(_) => return Err(reply::json(StatusCode::REQUEST_TIMEOUT, &failed("the body came too slowly"))),
        Ok(Err(error)) if is_too_large(&error) => return Err(too_large()),
        Ok(Err(_)) => return Err(bad("the body could not be read")),
        Ok(Ok(bytes)) => bytes,
    };
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(bad("the body must be a JSON object")),
        Err(_) => Err(bad("the body is not JSON")),
    }
}

/// The limit's own error lies somewhere below, and its type is not ours to name.
fn is_too_large(error: &axum::Error) -> bool {
    let first: Option<&(dyn std::error::Error + 'static)> = Some(error);
    std::iter::successors(first, |error| error.source()).any(|error| error.to_string().contains("length limit"))
}
