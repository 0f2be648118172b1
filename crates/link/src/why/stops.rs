//! At which step a connection stopped, by its error.

use wire::close;

use super::Probe;
use crate::doctor::code_of;
use crate::error::{Awaited, DialError};
use crate::target::Target;
use crate::tls_fault::Distrust;

/// Where `error` stopped the way to a Gateway. Pure, and each variant has its arm, so that a new one has to be placed.
pub(super) fn stops_at(error: &DialError) -> Probe {
    match error {
        DialError::Dns { .. } => Probe::Dns,
        DialError::Refused { .. } | DialError::Unreachable { .. } | DialError::NotBuilt { .. } => Probe::Tcp,
        DialError::Ssh(_) => Probe::Ssh,
        DialError::Tailnet(fault) => stops_at(fault.error()),
        DialError::Plaintext(_) => Probe::Tls,
        DialError::Tls(fault) => match fault.why {
            Distrust::PinMismatch { .. } | Distrust::PinWithoutTls => Probe::Pin,
            Distrust::Unknown { .. }
            | Distrust::Expired { .. }
            | Distrust::WrongHost { .. }
            | Distrust::PlaintextPort
            | Distrust::TlsPort
            | Distrust::Handshake { .. }
            | Distrust::Roots { .. } => Probe::Tls,
        },
        DialError::Timeout { target, awaited, .. } => silent_at(target, *awaited),
        DialError::NotAGateway { speaks_http, .. } => match speaks_http {
            true => Probe::Upgrade,
            false => Probe::Http,
        },
        DialError::ProxyInFront { .. } => Probe::Http,
        DialError::ClosedEarly { code, .. } => match *code {
            close::POLICY => Probe::Auth,
            _ => Probe::Upgrade,
        },
        DialError::Denied { error, .. } => match code_of(error).0 {
            "PAIRING_REQUIRED" | "PAIRING_CHANGED" | "NOT_PAIRED" => Probe::Pairing,
            "AUTH_SCOPE_MISMATCH" | "MISSING_SCOPE" => Probe::Scope,
            "PROTOCOL_MISMATCH" | "UNAVAILABLE" => Probe::Upgrade,
            // Also DEVICE_IDENTITY_REQUIRED: neither a secret nor a device was shown.
            _ => Probe::Auth,
        },
        DialError::Identity(_) => Probe::Auth,
    }
}

/// An SSH stream is there before anybody has answered: whoever is silent first behind it may be SSH itself.
fn silent_at(target: &Target, awaited: Awaited) -> Probe {
    let by_ssh = target.ssh().is_some();
    match awaited {
        Awaited::Connection => Probe::Tcp,
        Awaited::Tls if by_ssh => Probe::Ssh,
        Awaited::Upgrade if by_ssh && !target.has_tls_stream() => Probe::Ssh,
        Awaited::Tls => Probe::Tls,
        Awaited::Upgrade => Probe::Http,
        Awaited::Challenge => Probe::Upgrade,
        Awaited::Hello => Probe::Auth,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use serde_json::json;
    use wire::{ErrorCode, ErrorShape};

    use super::*;
    use crate::error::IdentityError;
    use crate::pin::Pin;
    use crate::target::{Route, Source, plaintext_rule};
    use crate::tls_fault::TlsFault;
    use crate::transports::ssh::{SshFailure, SshProblem, SshRoute, SshTarget};

    fn direct() -> Target {
        Target::parse("ws://127.0.0.1:18789", Source::ConfigRemote).unwrap()
    }

    fn by_ssh(url: &str) -> Target {
        let route = SshRoute::new(SshTarget::parse("me@host").unwrap());
        Target::parse(url, Source::ConfigRemote).unwrap().by(Route::Ssh(Box::new(route)))
    }

    fn denied(code: ErrorCode, detail: &str) -> DialError {
        let error = Box::new(ErrorShape::new(code, "no").with(json!({"code": detail})));
        DialError::Denied { target: direct(), error, stored_token: false }
    }

    fn tls(why: Distrust) -> DialError {
        TlsFault { target: direct(), why }.into()
    }

    fn silent(target: Target, awaited: Awaited) -> DialError {
        DialError::Timeout { target, awaited, waited: Duration::from_secs(1) }
    }

    fn check(cases: impl IntoIterator<Item = (DialError, Probe)>) {
        for (error, probe) in cases {
            assert_eq!(stops_at(&error), probe, "{error:?}");
        }
    }

    /// PROBE-13
    #[test]
    fn what_fails_before_the_gateway_answers_has_its_step() {
        let source = || io::Error::from(io::ErrorKind::NotFound);
        let public = Target::parse("ws://8.8.8.8", Source::Flag).unwrap();
        let target = SshTarget::parse("me@host").unwrap();
        let failure = SshFailure { problem: SshProblem::Auth, target, far_port: 1, said: String::new() };
        check([
            (DialError::Dns { target: direct(), source: source() }, Probe::Dns),
            (DialError::Refused { target: direct() }, Probe::Tcp),
            (DialError::Unreachable { target: direct(), source: source() }, Probe::Tcp),
            (DialError::Ssh(Box::new(failure)), Probe::Ssh),
            (DialError::NotBuilt { transport: "x", target: direct() }, Probe::Tcp),
            (plaintext_rule(&public, false).unwrap_err().into(), Probe::Tls),
        ]);
    }

    /// PROBE-13
    #[test]
    fn what_is_wrong_with_tls_is_told_from_what_is_wrong_with_the_pin() {
        let reason = || String::from("x");
        let pin = |text: &str| Pin::of_der(text.as_bytes());
        check([
            (tls(Distrust::PinMismatch { expected: pin("a"), actual: pin("b") }), Probe::Pin),
            (tls(Distrust::PinWithoutTls), Probe::Pin),
            (tls(Distrust::Unknown { reason: reason() }), Probe::Tls),
            (tls(Distrust::Expired { reason: reason() }), Probe::Tls),
            (tls(Distrust::WrongHost { reason: reason() }), Probe::Tls),
            (tls(Distrust::PlaintextPort), Probe::Tls),
            (tls(Distrust::TlsPort), Probe::Tls),
            (tls(Distrust::Handshake { reason: reason() }), Probe::Tls),
            (tls(Distrust::Roots { reason: reason() }), Probe::Tls),
        ]);
    }

    /// PROBE-13
    #[test]
    fn silence_is_put_down_to_whoever_was_to_speak() {
        check([
            (silent(direct(), Awaited::Connection), Probe::Tcp),
            (silent(direct(), Awaited::Tls), Probe::Tls),
            (silent(direct(), Awaited::Upgrade), Probe::Http),
            (silent(direct(), Awaited::Challenge), Probe::Upgrade),
            (silent(direct(), Awaited::Hello), Probe::Auth),
            (silent(by_ssh("ws://127.0.0.1"), Awaited::Upgrade), Probe::Ssh),
            (silent(by_ssh("wss://127.0.0.1"), Awaited::Tls), Probe::Ssh),
            (silent(by_ssh("wss://127.0.0.1"), Awaited::Upgrade), Probe::Http),
            (silent(by_ssh("ws://127.0.0.1"), Awaited::Challenge), Probe::Upgrade),
        ]);
    }

    /// PROBE-13
    #[test]
    fn what_answers_and_does_not_let_us_in_has_its_step() {
        let not_a_gateway =
            |speaks_http| DialError::NotAGateway { target: direct(), evidence: String::new(), speaks_http };
        let closed = |code| DialError::ClosedEarly { target: direct(), code, reason: String::new() };
        let malformed = IdentityError::Malformed { file: "device.json".into(), reason: String::new() };
        let (invalid, unpaired) = (ErrorCode::InvalidRequest, ErrorCode::NotPaired);
        check([
            (not_a_gateway(false), Probe::Http),
            (not_a_gateway(true), Probe::Upgrade),
            (DialError::ProxyInFront { target: direct(), status: 302 }, Probe::Http),
            (closed(close::POLICY), Probe::Auth),
            (closed(1006), Probe::Upgrade),
            (denied(invalid, "AUTH_TOKEN_MISMATCH"), Probe::Auth),
            (denied(invalid, "AUTH_RATE_LIMITED"), Probe::Auth),
            (denied(invalid, "PROTOCOL_MISMATCH"), Probe::Upgrade),
            (denied(ErrorCode::Unavailable, "STARTING"), Probe::Upgrade),
            (denied(unpaired, "PAIRING_REQUIRED"), Probe::Pairing),
            (denied(unpaired, "SOMETHING_NEW"), Probe::Pairing),
            (denied(unpaired, "DEVICE_IDENTITY_REQUIRED"), Probe::Auth),
            (denied(invalid, "AUTH_SCOPE_MISMATCH"), Probe::Scope),
            (denied(ErrorCode::Forbidden, "MISSING_SCOPE"), Probe::Scope),
            (malformed.into(), Probe::Auth),
        ]);
    }
}
