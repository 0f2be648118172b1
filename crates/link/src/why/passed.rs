//! What is said about the steps a connection has behind it.

use wire::connect::HelloAuth;

use super::{Probe, State};
use crate::handshake::Connect;
use crate::target::Route;

/// How far two clocks may be apart before it is worth a word. Nothing here depends on it: what a device signs carries
/// the Gateway's own time.
const APART_MS: u64 = 120_000;

/// What `probe` is worth to a connection on the way of `how` that got past it.
pub(super) fn passed(how: &Connect, probe: Probe) -> (State, String) {
    let target = &how.target;
    let ok = |said: &str| (State::Ok, said.to_owned());
    let skipped = |said: &str| (State::Skipped, said.to_owned());
    match (probe, target.route()) {
        (Probe::Dns | Probe::Route | Probe::Tcp, Route::Ssh(_)) => skipped("left to ssh and its configuration"),
        (Probe::Dns | Probe::Route | Probe::Tcp, Route::Unix(_)) => skipped("by the socket in the state folder"),
        (Probe::Dns | Probe::Route | Probe::Tcp, Route::Forward(path)) => {
            skipped(&format!("by the socket {}", path.display()))
        }
        (Probe::Dns | Probe::Route | Probe::Tcp, Route::Direct) => ok("well"),
        (Probe::Ssh, Route::Ssh(route)) if route.standing.is_some() => {
            (State::Ok, format!("through {}, or a forward that stands", route.target))
        }
        (Probe::Ssh, Route::Ssh(route)) => {
            (State::Ok, format!("through {}, by {}", route.target, route.backend.as_str()))
        }
        (Probe::Ssh, _) => skipped("not on this way"),
        (Probe::Tls, _) if target.has_tls_stream() => ok("TLS, with a certificate that is trusted here"),
        (Probe::Tls, _) => skipped("this way has none"),
        (Probe::Pin, _) if target.has_tls_stream() && how.pin.is_some() => ok("the certificate is the pinned one"),
        (Probe::Pin, _) => skipped("nothing is pinned"),
        (Probe::Http, _) => ok("answers HTTP, with nobody in front"),
        (Probe::Upgrade, _) => ok("speaks the protocol of a Gateway"),
        (Probe::Auth, _) => ok("the secret is right"),
        (Probe::Pairing, _) if how.device.is_some() => ok("this device is paired"),
        (Probe::Pairing, _) => skipped("no device is shown for this"),
        (Probe::Scope | Probe::Clock, _) => ok("well"),
    }
}

/// By what the Gateway let us in.
pub(super) fn let_in(auth: &HelloAuth) -> String {
    format!("let in as {} by {}", auth.role, auth.method.as_str())
}

/// What it lets us do.
pub(super) fn granted(auth: &HelloAuth) -> String {
    format!("granted {}", auth.scopes.names().join(", "))
}

/// The Gateway's clock, in milliseconds, beside ours.
pub(super) fn clocks(theirs: i64, ours: i64) -> String {
    let apart = ours.abs_diff(theirs);
    if apart <= APART_MS {
        return "both clocks agree".into();
    }
    let seconds = apart / 1000;
    let side = if ours > theirs { "ahead of" } else { "behind" };
    format!("warning: this clock is {seconds} s {side} the Gateway's")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PROBE-13: clocks apart are a warning, from two minutes on.
    #[test]
    fn clocks_that_are_apart_are_said_to_be() {
        let now = 1_800_000_000_000;
        assert_eq!(clocks(now, now + 120_000), "both clocks agree");
        assert_eq!(clocks(now, now + 121_000), "warning: this clock is 121 s ahead of the Gateway's");
        assert_eq!(clocks(now, now - 3_600_000), "warning: this clock is 3600 s behind the Gateway's");
    }
}
