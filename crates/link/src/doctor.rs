//! Says why a Gateway cannot be reached and which command mends it.
//!
//! The words other people's scripts and forum answers look for are kept (`cli.md` 9): `pairing required`, `device
//! token mismatch`, `unauthorized`, `gateway closed (1008)`, `gateway connect failed`.

use base::{Code, Explain, Kind, Step};
use wire::{ErrorCode, ErrorShape, close};

use crate::error::{DialError, IdentityError};
use crate::target::{Route, Target};
use crate::transports::ssh::SshRoute;

/// Codes a Gateway may put in `error.details.code`; anything else falls back to `error.code`.
const DETAIL_CODES: [&str; 24] = [
    "AUTH_BOOTSTRAP_TOKEN_INVALID",
    "AUTH_DEVICE_TOKEN_MISMATCH",
    "AUTH_IDENTITY_HEADER_REQUIRED",
    "AUTH_PASSWORD_MISMATCH",
    "AUTH_PASSWORD_MISSING",
    "AUTH_PASSWORD_NOT_CONFIGURED",
    "AUTH_RATE_LIMITED",
    "AUTH_REQUIRED",
    "AUTH_SCOPE_MISMATCH",
    "AUTH_TOKEN_MISMATCH",
    "AUTH_TOKEN_MISSING",
    "AUTH_TOKEN_NOT_CONFIGURED",
    "AUTH_UNAUTHORIZED",
    "CONTROL_UI_DEVICE_IDENTITY_REQUIRED",
    "CONTROL_UI_ORIGIN_NOT_ALLOWED",
    "DEVICE_AUTH_DEVICE_ID_MISMATCH",
    "DEVICE_AUTH_SIGNATURE_EXPIRED",
    "DEVICE_AUTH_SIGNATURE_INVALID",
    "DEVICE_IDENTITY_REQUIRED",
    "MISSING_SCOPE",
    "NOT_BUILT",
    "PAIRING_CHANGED",
    "PAIRING_REQUIRED",
    "PROTOCOL_MISMATCH",
];

/// The stable name of an error a Gateway answered with.
pub(crate) fn code_of(error: &ErrorShape) -> Code {
    let detail = error.detail_code().and_then(|code| DETAIL_CODES.iter().find(|known| **known == code));
    Code(detail.copied().unwrap_or(match error.code {
        ErrorCode::InvalidRequest => "INVALID_REQUEST",
        ErrorCode::Forbidden => "FORBIDDEN",
        ErrorCode::NotPaired => "NOT_PAIRED",
        ErrorCode::Unavailable => "UNAVAILABLE",
        ErrorCode::ApprovalNotFound => "APPROVAL_NOT_FOUND",
        ErrorCode::NotLinked => "NOT_LINKED",
        ErrorCode::AgentTimeout => "AGENT_TIMEOUT",
    }))
}

/// SSH-17: who may log in there can have this machine let in; said together with `--ssh`, a command asks for it.
fn by_ssh(code: &str, route: &SshRoute) -> Option<Vec<Step>> {
    match code {
        "AUTH_TOKEN_MISSING" | "AUTH_PASSWORD_MISSING" | "AUTH_DEVICE_TOKEN_MISMATCH" => Some(vec![
            Step::run(format!("openclaw --ssh {} health", route.target)),
            Step::advise("that asks the host to let this machine in"),
        ]),
        "AUTH_SCOPE_MISMATCH" => Some(vec![Step::advise(format!(
            "repeat the command with --ssh {}: that asks the host to allow this machine more",
            route.target
        ))]),
        _ => None,
    }
}

/// What to do about an error a Gateway answered with.
pub(crate) fn steps_of(error: &ErrorShape, target: Option<&Target>) -> Vec<Step> {
    let detail = |key: &str| error.details.as_ref().and_then(|details| details.get(key)).and_then(|v| v.as_str());
    let here = target.is_none_or(|target| target.source().is_this_host());
    let ssh = target.and_then(Target::ssh);
    let code = code_of(error).0;
    if let Some(steps) = ssh.and_then(|route| by_ssh(code, route)) {
        return steps;
    }
    let step = match code {
        "PAIRING_REQUIRED" => match detail("requestId") {
            Some(id) => {
                let approve = format!("openclaw devices approve {id}");
                match ssh {
                    Some(route) => route.command_there(&approve),
                    None if here => Step::run(approve),
                    None => Step::run(format!("on the Gateway host run: {approve}")),
                }
            }
            None => Step::run("openclaw devices list"),
        },
        "AUTH_TOKEN_MISMATCH" | "AUTH_TOKEN_MISSING" if here => {
            Step::run("openclaw gateway target   (shows which source the token came from)")
        }
        "AUTH_TOKEN_MISMATCH" | "AUTH_TOKEN_MISSING" => {
            Step::run("openclaw config set gateway.remote.token <the Gateway's gateway.auth.token>")
        }
        "AUTH_PASSWORD_MISMATCH" | "AUTH_PASSWORD_MISSING" => {
            Step::advise("pass the Gateway's password with --password")
        }
        "AUTH_DEVICE_TOKEN_MISMATCH" => {
            Step::advise("the stored device token was dropped; connect again with the shared token")
        }
        "AUTH_RATE_LIMITED" => Step::advise(match error.retry_after_ms {
            Some(ms) => format!("wait {} s, then try again with the right secret", ms.div_ceil(1000)),
            None => "wait, then try again with the right secret".into(),
        }),
        "AUTH_SCOPE_MISMATCH" | "MISSING_SCOPE" => Step::run("openclaw devices list"),
        "DEVICE_IDENTITY_REQUIRED" => Step::advise("pass --token or --password, or pair this device"),
        "PROTOCOL_MISMATCH" => {
            Step::advise("install the same release on both sides; `openclaw version` shows this one")
        }
        _ => return Vec::new(),
    };
    vec![step]
}

impl Explain for DialError {
    fn code(&self) -> Code {
        match self {
            Self::Plaintext(refused) => refused.code(),
            Self::Tls(fault) => fault.code(),
            Self::Ssh(failure) => failure.code(),
            Self::Tailnet(fault) => fault.code(),
            Self::NotBuilt { .. } => Code("NOT_BUILT"),
            Self::Dns { .. } => Code("GATEWAY_DNS"),
            Self::Refused { .. } => Code("GATEWAY_REFUSED"),
            Self::Unreachable { .. } => Code("GATEWAY_UNREACHABLE"),
            Self::Timeout { .. } => Code("GATEWAY_TIMEOUT"),
            Self::NotAGateway { .. } => Code("NOT_A_GATEWAY"),
            Self::ProxyInFront { .. } => Code("PROXY_IN_FRONT"),
            Self::Denied { error, .. } => code_of(error),
            Self::ClosedEarly { .. } => Code("GATEWAY_CLOSED"),
            Self::Identity(error) => error.code(),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Plaintext(refused) => refused.kind(),
            Self::Tls(fault) => fault.kind(),
            Self::Ssh(failure) => failure.kind(),
            Self::Tailnet(fault) => fault.kind(),
            Self::NotBuilt { .. } => Kind::Failure,
            Self::Denied { error, .. } if error.code == ErrorCode::Unavailable => Kind::Unreachable,
            Self::Denied { .. } | Self::ProxyInFront { .. } => Kind::Refused,
            Self::ClosedEarly { code, .. } if *code == close::POLICY => Kind::Refused,
            Self::Identity(error) => error.kind(),
            _ => Kind::Unreachable,
        }
    }

    fn next(&self) -> Vec<Step> {
        match self {
            Self::Plaintext(refused) => refused.next(),
            Self::Tls(fault) => fault.next(),
            Self::Ssh(failure) => failure.next(),
            Self::Tailnet(fault) => fault.next(),
            Self::NotBuilt { target, .. } => {
                let forward = format!("ssh -N -L 18789:127.0.0.1:{} user@{}", 18789, target.host());
                vec![Step::run(forward), Step::run("openclaw health --url ws://127.0.0.1:18789 --token <token>")]
            }
            Self::Dns { target, .. } if target.host().ends_with(".ts.net") => vec![Step::run("tailscale status")],
            Self::Dns { .. } => vec![Step::advise("check the spelling of the host in the URL")],
            Self::Refused { target } | Self::Unreachable { target, .. } => unreachable_steps(target),
            Self::Timeout { target, .. } if target.ssh().is_some() => unreachable_steps(target),
            Self::Timeout { target, .. } if target.is_loopback() => vec![Step::run("openclaw gateway status --deep")],
            Self::Timeout { .. } => vec![Step::advise("a firewall or ACL may drop the packets; try an SSH tunnel")],
            Self::NotAGateway { target, .. } if target.ssh().is_some() => {
                let port = target.port();
                vec![Step::advise(format!(
                    "another program has port {port} of that host; name the Gateway's with --port"
                ))]
            }
            Self::NotAGateway { target, .. } => {
                vec![Step::advise(format!("another program listens on port {}; check the port", target.port()))]
            }
            Self::ProxyInFront { .. } => {
                vec![Step::advise("use the Gateway's own address, or an SSH tunnel past the proxy")]
            }
            Self::Denied { error, target, .. } => steps_of(error, Some(target)),
            Self::ClosedEarly { .. } => vec![Step::run("openclaw gateway status")],
            Self::Identity(error) => error.next(),
        }
    }
}

/// PROBE-15: start it when it would run here; otherwise it is about the far host or the tunnel.
fn unreachable_steps(target: &Target) -> Vec<Step> {
    if let Some(route) = target.ssh() {
        return vec![route.command_there("openclaw gateway status")];
    }
    if target.source().is_this_host() {
        return vec![Step::run("openclaw gateway run")];
    }
    if let Route::Forward(path) = target.route() {
        let nobody = format!("nobody listens on `{}`, or it leads nowhere", path.display());
        return vec![Step::run("openclaw tunnel status"), Step::advise(nobody)];
    }
    if target.is_loopback() {
        let forward = format!("ssh -N -L {0}:127.0.0.1:18789 user@host", target.port());
        return vec![Step::run(forward), Step::advise("nothing listens on the local end of the tunnel")];
    }
    vec![Step::advise(format!("on {} run: openclaw gateway status", target.host()))]
}

impl Explain for IdentityError {
    fn code(&self) -> Code {
        Code("DEVICE_IDENTITY_UNREADABLE")
    }

    fn kind(&self) -> Kind {
        Kind::Config
    }

    fn next(&self) -> Vec<Step> {
        let file = match self {
            Self::Io { file, .. } | Self::Malformed { file, .. } => file.display(),
        };
        vec![Step::advise(format!("restore `{file}` from a backup, or move it away to become a new device"))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Source;
    use serde_json::json;

    fn denied(source: Source, error: ErrorShape) -> DialError {
        let target = Target::parse("ws://127.0.0.1:18789", source).unwrap();
        DialError::Denied { target, error: Box::new(error), stored_token: false }
    }

    /// PAIR-15
    #[test]
    fn pairing_is_answered_with_the_whole_approve_command() {
        let pairing = || {
            ErrorShape::new(ErrorCode::NotPaired, "pairing required: device is not approved yet")
                .with(json!({"code": "PAIRING_REQUIRED", "requestId": "7f3a"}))
        };
        let local = denied(Source::LocalLoopback, pairing());
        assert_eq!(local.next()[0].text(), "openclaw devices approve 7f3a");
        assert_eq!((local.code().0, local.kind().exit_code()), ("PAIRING_REQUIRED", 4));
        assert!(local.to_string().starts_with("pairing required"));
        let remote = denied(Source::ConfigRemote, pairing());
        assert_eq!(remote.next()[0].text(), "on the Gateway host run: openclaw devices approve 7f3a");
    }

    /// PROBE-15
    #[test]
    fn only_a_gateway_of_this_host_is_advised_to_be_started() {
        let refused = |url: &str, source| DialError::Refused { target: Target::parse(url, source).unwrap() };
        let here = refused("ws://127.0.0.1:18789", Source::LocalLoopback);
        assert_eq!(here.to_string(), "Gateway not reachable at ws://127.0.0.1:18789 (ECONNREFUSED)");
        assert_eq!(here.next()[0].text(), "openclaw gateway run");
        assert_eq!(here.kind().exit_code(), 3);
        for (url, source) in [("ws://127.0.0.1:18789", Source::ConfigRemote), ("ws://10.0.0.5:18789", Source::Env)] {
            let steps = refused(url, source).next();
            assert!(steps.iter().all(|step| !step.text().contains("gateway run")), "{steps:?}");
        }
    }

    /// RECON-4: a starting Gateway was not reached yet, it did not refuse.
    #[test]
    fn a_starting_gateway_is_not_a_refusal() {
        let starting = ErrorShape::unavailable("gateway starting; retry shortly").retry_after(500);
        assert_eq!(denied(Source::LocalLoopback, starting).kind(), Kind::Unreachable);
    }

    #[test]
    fn a_detail_code_nobody_knows_falls_back_to_the_code() {
        let odd = ErrorShape::invalid("x").with(json!({"code": "SOMETHING_NEW"}));
        assert_eq!(code_of(&odd).0, "INVALID_REQUEST");
    }
}
