//! Probes of service managers and the CLI: alive, started, ready (AUTH-14). They need no secret; details are for
//! callers on this machine.

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::json;

use super::reply;
use crate::auth::locality::{Attribution, Peer, note_unattributable};
use crate::auth::refusal::PROXY_ADVICE;
use crate::services::Services;

/// `/health`, `/healthz`
pub(crate) fn live() -> Response<Body> {
    reply::json(StatusCode::OK, &json!({"ok": true, "status": "live"}))
}

/// `/startup`, `/startupz`. The port opens when everything behind it is up.
pub(crate) fn started(services: &Services) -> Response<Body> {
    let run = &services.run;
    let body = json!({"ok": true, "status": "started", "version": run.version, "uptimeMs": run.uptime_ms()});
    reply::json(StatusCode::OK, &body)
}

/// `/ready`, `/readyz`
pub(crate) fn ready(services: &Services, peer: &Peer) -> Response<Body> {
    if peer.attribution == Attribution::Unattributable {
        note_unattributable(peer);
        return proxy_attribution_required();
    }
    let mut body = json!({"ready": true, "failing": []});
    if peer.is_direct_local() {
        body["uptimeMs"] = json!(services.run.uptime_ms());
        body["eventLoop"] = services.health.event_loop();
    }
    reply::json(StatusCode::OK, &body)
}

/// 403 (LOCAL-3).
pub(crate) fn proxy_attribution_required() -> Response<Body> {
    let body = json!({"error": {"type": "proxy_attribution_required", "message": PROXY_ADVICE}});
    reply::json(StatusCode::FORBIDDEN, &body)
}
