//! What a connection without a device may have (`protocol.md` 3.3, PAIR-3).

use wire::connect::ClientInfo;
use wire::{Role, ScopeSet};

use super::locality::Peer;
use super::refusal::Refusal;
use super::shared::Proof;
use wire::connect::AuthMethod;

/// What becomes of a client that brought no device.
#[derive(Debug)]
pub(crate) enum Deviceless {
    /// It keeps the scopes it asked for.
    KeepsScopes,
    /// It keeps `operator.read` if it asked for it.
    Reads,
    /// It comes in without any scope.
    NoScopes,
    /// Its credential decides how it is refused.
    ByCredential,
    /// It must bring a device.
    Refused(Refusal),
}

/// Applies the table. Keeping scopes takes a direct local line and a client that is no browser; the two helpers that
/// may are the CLI with the shared secret and a backend with anything that lets it in. A probe from this host with the
/// shared secret may read, so that a health check tells its owner how the Gateway is (PROBE-12); the original leaves it
/// without any scope.
pub(crate) fn deviceless(role: Role, client: &ClientInfo, peer: &Peer, shared: Proof) -> Deviceless {
    if role == Role::Operator && is_control_ui_like(client) {
        // The proxy knows who it is; that person's own scopes are added to none (PROXY-3).
        if client.id == "openclaw-control-ui" && matches!(peer.user, Some(Ok(_))) {
            return Deviceless::NoScopes;
        }
        return Deviceless::Refused(Refusal::device_required("CONTROL_UI_DEVICE_IDENTITY_REQUIRED", true));
    }
    let device_required = || Deviceless::Refused(Refusal::device_required("DEVICE_IDENTITY_REQUIRED", false));
    if role == Role::Node {
        return device_required();
    }
    let bare_local = peer.is_direct_local() && peer.origin.is_none();
    let is = |id: &str, mode: &str| client.id == id && client.mode == mode;
    if peer.is_owner() && (is("gateway-client", "backend") || is("cli", "cli")) {
        return Deviceless::KeepsScopes;
    }
    match shared {
        Proof::Wrong(_) => Deviceless::ByCredential,
        Proof::Missing(_) => device_required(),
        Proof::Valid(_) if bare_local && is("gateway-client", "backend") => Deviceless::KeepsScopes,
        Proof::Valid(AuthMethod::None) => device_required(),
        Proof::Valid(_) if bare_local && is("cli", "cli") => Deviceless::KeepsScopes,
        Proof::Valid(_) if bare_local && client.id == "cli" && client.mode == "probe" => Deviceless::Reads,
        Proof::Valid(_) => Deviceless::NoScopes,
    }
}

fn is_control_ui_like(client: &ClientInfo) -> bool {
    matches!(client.id.as_str(), "openclaw-control-ui" | "openclaw-tui") || client.mode == "ui"
}

/// The scopes a client asks for, under the cap its upgrade request carried.
pub(crate) fn asked(names: Option<&[String]>, role: Role, peer: &Peer) -> ScopeSet {
    let names = names.filter(|_| role == Role::Operator).unwrap_or_default();
    let asked = ScopeSet::new(names.iter().cloned());
    peer.scope_cap.as_ref().map_or_else(|| asked.clone(), |cap| asked.capped_by(cap))
}
