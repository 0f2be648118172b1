//! `Authorization: Bearer <secret>` (AUTH-13), with the same limits as a WebSocket connect (RATE-5).

use std::time::Instant;

use axum::body::Body;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Response};
use wire::connect::{ConnectAuth, Credential};

use super::{probes, reply};
use crate::auth::Gate;
use crate::auth::locality::{Attribution, Peer, note_unattributable};
use crate::auth::policy::Shared;
use crate::auth::refusal::Reason;
use crate::auth::shared::{self, Proof};
use crate::auth::throttle::{self, Bucket, Key};
use crate::auth::{host, origin};

/// Lets a request pass that carries the shared secret, or answers why not.
pub(crate) async fn check(gate: &Gate, peer: &Peer, headers: &HeaderMap) -> Result<(), Response<Body>> {
    let policy = gate.policy();
    if peer.attribution == Attribution::Unattributable {
        note_unattributable(peer);
        return Err(probes::proxy_attribution_required());
    }
    if !host::is_ours(peer, &policy) || origin::check(peer, &policy).is_err() {
        return Err(reply::unauthorized());
    }
    if peer.is_owner() || matches!(peer.user, Some(Ok(_))) {
        return Ok(());
    }
    if peer.user.is_some() || matches!(policy.shared, Shared::None) && !peer.may_be_anonymous() {
        return Err(reply::unauthorized());
    }
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    let auth = ConnectAuth { token: given.map(Credential::new), ..ConnectAuth::default() };
    let key = Key::of(peer);
    match shared::check(&policy.shared, Some(&auth)) {
        Proof::Missing(_) => Err(reply::unauthorized()),
        proof => {
            if let Some(left) = gate.counted(|counts| counts.locked(Bucket::SharedSecret, &key, Instant::now())) {
                return Err(reply::locked_out(left));
            }
            if let Proof::Wrong(reason) = proof {
                return Err(refuse(gate, peer, &key, reason).await);
            }
            gate.counted(|counts| counts.succeeded(Bucket::SharedSecret, &key));
            Ok(())
        }
    }
}

async fn refuse(gate: &Gate, peer: &Peer, key: &Key, reason: Reason) -> Response<Body> {
    let penalty = gate.counted(|counts| counts.failed(Bucket::SharedSecret, key, Instant::now()));
    if let Some(count) = penalty.log {
        throttle::log_failure(Bucket::SharedSecret, key, count, peer, "http", "operator", reason.as_str());
    }
    tokio::time::sleep(penalty.delay).await;
    reply::unauthorized()
}
