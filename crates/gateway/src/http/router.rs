//! Which path is answered by what. Any path takes the WebSocket upgrade except reserved ones.

use std::sync::Mutex;

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::{bearer, doors, join_page, metrics, page, probes, reply, upgrade};
use crate::auth::host;
use crate::auth::locality::Peer;
use crate::auth::provenance::Provenance;
use crate::conn::handshake::Front;
use crate::conn::limits::Place;
use crate::hooks;

/// Kept for a protocol this Gateway does not speak.
const RESERVED: &str = "/__openclaw__/worker";

/// Answers one HTTP request; `place` is taken by an upgrade.
pub(crate) async fn route(
    request: Request<Incoming>,
    from: Provenance,
    place: &Mutex<Option<Place>>,
    front: &Front,
) -> Response<Body> {
    let policy = front.services.gate.policy();
    let peer = Peer::read(from, request.headers(), &policy);
    let path = request.uri().path();
    if let Some(live) = front.services.chats.at_door(path) {
        return reply::secured(doors::knock(live, request).await, policy.hsts.as_deref());
    }
    // Against DNS rebinding, before anything is looked at; the liveness probe tells nothing worth stealing.
    if !matches!(path, "/health" | "/healthz") && !host::is_ours(&peer, &policy) {
        let advice = "this Gateway is not known by that host name; list it in gateway.controlUi.allowedOrigins";
        return reply::secured(reply::text(StatusCode::MISDIRECTED_REQUEST, advice), None);
    }
    if upgrade::is_wanted(&request) && path != RESERVED {
        return upgrade::upgrade(request, peer, place, front);
    }
    if let Some(below) = hooks::below(&front.services, path) {
        return reply::secured(hooks::answer(&front.services, &peer, request, &below).await, policy.hsts.as_deref());
    }
    reply::secured(answer(&request, &peer, front).await, policy.hsts.as_deref())
}

async fn answer(request: &Request<Incoming>, peer: &Peer, front: &Front) -> Response<Body> {
    let services = &*front.services;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return reply::text(StatusCode::NOT_FOUND, "Not Found");
    }
    match request.uri().path() {
        "/health" | "/healthz" => probes::live(),
        "/startup" | "/startupz" => probes::started(services),
        "/ready" | "/readyz" => probes::ready(services, peer),
        "/metrics" if peer.is_direct_local() && peer.origin.is_none() => metrics::page(services),
        "/metrics" => match bearer::check(&services.gate, peer, request.headers()).await {
            Ok(()) => metrics::page(services),
            Err(refused) => refused,
        },
        "/control-ui-config.json" => match bearer::check(&services.gate, peer, request.headers()).await {
            Ok(()) => page::control_ui_config(services),
            Err(refused) => refused,
        },
        "/" | "/index.html" => page::home(services),
        path => match join_page::code(path) {
            Some(code) => join_page::show(services, peer, request.headers(), code).await,
            None => reply::text(StatusCode::NOT_FOUND, "Not Found"),
        },
    }
}
