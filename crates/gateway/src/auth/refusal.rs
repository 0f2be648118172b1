//! The answer to a client that is not let in: one response with `ok: false`, then a close whose reason is the message.
//!
//! Clients branch on `details.code` and act on `recommendedNextStep`; the hint in the message speaks to the person in
//! front of that kind of client (AUTH-5…8).

use std::time::Duration;

use serde_json::{Value, json};
use wire::connect::ClientInfo;
use wire::device_auth::BadProof;
use wire::{ErrorCode, ErrorShape, close};

use super::proxy;
use crate::conn::outbound::Close;

/// Why a client is not let in, and how its connection ends.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The response's `error`.
    pub(crate) error: Box<ErrorShape>,
    /// The close that follows.
    pub(crate) close: Close,
}

/// Why a credential does not let a client in (AUTH-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No shared token.
    TokenMissing,
    /// A wrong one.
    TokenMismatch,
    /// No shared password.
    PasswordMissing,
    /// A wrong one.
    PasswordMismatch,
    /// A device token that is unknown, old or another device's.
    DeviceTokenMismatch,
    /// A device token asked for more than its grant.
    ScopeMismatch,
    /// A setup code that is used, old or wrong.
    BootstrapTokenInvalid,
    /// Too many failures.
    RateLimited(Duration),
    /// Proxied, and not to be attributed to anyone (LOCAL-3).
    ProxyAttributionRequired,
    /// The mode asks for nothing, and the caller comes from the internet (AUTH-12).
    GatewayAuthRequired,
    /// Anything else.
    Unauthorized,
}

impl Reason {
    /// `details.authReason`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::TokenMissing => "token_missing",
            Self::TokenMismatch => "token_mismatch",
            Self::PasswordMissing => "password_missing",
            Self::PasswordMismatch => "password_mismatch",
            Self::DeviceTokenMismatch => "device_token_mismatch",
            Self::ScopeMismatch => "scope_mismatch",
            Self::BootstrapTokenInvalid => "bootstrap_token_invalid",
            Self::RateLimited(_) => "rate_limited",
            Self::ProxyAttributionRequired => "proxy_attribution_required",
            Self::GatewayAuthRequired => "gateway_auth_required",
            Self::Unauthorized => "unauthorized",
        }
    }

    /// `details.code` (AUTH-6).
    const fn code(self) -> &'static str {
        match self {
            Self::TokenMissing => "AUTH_TOKEN_MISSING",
            Self::TokenMismatch => "AUTH_TOKEN_MISMATCH",
            Self::PasswordMissing => "AUTH_PASSWORD_MISSING",
            Self::PasswordMismatch => "AUTH_PASSWORD_MISMATCH",
            Self::DeviceTokenMismatch => "AUTH_DEVICE_TOKEN_MISMATCH",
            Self::ScopeMismatch => "AUTH_SCOPE_MISMATCH",
            Self::BootstrapTokenInvalid => "AUTH_BOOTSTRAP_TOKEN_INVALID",
            Self::RateLimited(_) => "AUTH_RATE_LIMITED",
            Self::GatewayAuthRequired => "AUTH_REQUIRED",
            Self::ProxyAttributionRequired | Self::Unauthorized => "AUTH_UNAUTHORIZED",
        }
    }

    /// `details.recommendedNextStep` (AUTH-7).
    const fn next_step(self) -> &'static str {
        match self {
            Self::TokenMissing | Self::PasswordMissing => "update_auth_configuration",
            Self::TokenMismatch | Self::PasswordMismatch | Self::DeviceTokenMismatch => "update_auth_credentials",
            Self::RateLimited(_) => "wait_then_retry",
            Self::ScopeMismatch
            | Self::BootstrapTokenInvalid
            | Self::ProxyAttributionRequired
            | Self::GatewayAuthRequired
            | Self::Unauthorized => "review_auth_configuration",
        }
    }

    fn message(self, client: &ClientInfo) -> String {
        let (what, secret) = match self {
            Self::TokenMissing => ("gateway token missing", "token"),
            Self::TokenMismatch => ("gateway token mismatch", "token"),
            Self::PasswordMissing => ("gateway password missing", "password"),
            Self::PasswordMismatch => ("gateway password mismatch", "password"),
            Self::DeviceTokenMismatch => {
                return "unauthorized: device token mismatch (rotate/reissue device token)".into();
            }
            Self::ScopeMismatch => {
                return "unauthorized: device token scope mismatch (re-pair or approve scope upgrade)".into();
            }
            Self::BootstrapTokenInvalid => {
                return "unauthorized: setup code invalid or expired (make a new one: openclaw qr)".into();
            }
            Self::RateLimited(_) => {
                return "unauthorized: too many failed authentication attempts (retry later)".into();
            }
            Self::ProxyAttributionRequired => return PROXY_ADVICE.into(),
            Self::GatewayAuthRequired => {
                return "unauthorized: gateway auth required (gateway.auth.mode is none)".into();
            }
            Self::Unauthorized => return "unauthorized".into(),
        };
        format!("unauthorized: {what} ({})", hint(client, secret))
    }
}

/// When to try again while somebody is being asked who needs a moment.
const ASKS_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// The sentence of LOCAL-3.
pub(crate) const PROXY_ADVICE: &str = "this request came through a proxy that gateway.trustedProxies does not list; \
    list exactly that proxy's address there and have it overwrite X-Forwarded-For";

fn hint(client: &ClientInfo, secret: &str) -> String {
    if is_web(client) {
        return format!("open a fresh dashboard URL or paste the {secret} in the Control UI settings");
    }
    if client.id == "cli" || client.mode == "cli" {
        return format!("use this gateway's gateway.auth.{secret} or pair the device");
    }
    format!("provide gateway auth {secret}")
}

/// The Control UI and WebChat.
pub(crate) fn is_web(client: &ClientInfo) -> bool {
    matches!(client.id.as_str(), "openclaw-control-ui" | "webchat-ui" | "webchat") || client.mode == "webchat"
}

impl Refusal {
    /// Refuses with 1008 and the error's own message as the reason.
    pub(crate) fn policy(error: ErrorShape) -> Self {
        let close = Close::after_drain(close::POLICY, error.message.clone());
        Self { error: Box::new(error), close }
    }

    /// No common protocol level: 1002.
    pub(crate) fn protocol(min: u32, max: u32) -> Self {
        let error = ErrorShape::invalid("protocol mismatch").with(json!({
            "code": "PROTOCOL_MISMATCH", "clientMinProtocol": min, "clientMaxProtocol": max,
            "expectedProtocol": wire::PROTOCOL, "minimumProbeProtocol": wire::MIN_PROTOCOL,
        }));
        Self { error: Box::new(error), close: Close::after_drain(close::PROTOCOL_MISMATCH, "protocol mismatch") }
    }

    /// A credential that does not let the client in; `may_try_device_token` adds the hint of AUTH-7.
    pub(crate) fn auth(reason: Reason, client: &ClientInfo, may_try_device_token: bool) -> Self {
        let retry = may_try_device_token && reason == Reason::TokenMismatch;
        let step = if retry { "retry_with_device_token" } else { reason.next_step() };
        let error = ErrorShape::invalid(reason.message(client)).with(json!({
            "code": reason.code(), "authReason": reason.as_str(),
            "canRetryWithDeviceToken": retry, "recommendedNextStep": step,
        }));
        Self::policy(match reason {
            Reason::RateLimited(wait) => error.retry_after(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            _ => error,
        })
    }

    /// The same, for a client whose next try may be let in without anybody doing anything (PAIR-9).
    pub(crate) fn worth_waiting_for(mut self) -> Self {
        if let Some(Value::Object(details)) = &mut self.error.details {
            details.insert("recommendedNextStep".into(), json!("wait_then_retry"));
            details.insert("retryable".into(), json!(true));
            details.insert("pauseReconnect".into(), json!(false));
        }
        let wait = u64::try_from(ASKS_AGAIN_AFTER.as_millis()).unwrap_or(u64::MAX);
        Self { error: Box::new(self.error.retry_after(wait)), ..self }
    }

    /// A caller the proxy's word does not let in (PROXY-1).
    pub(crate) fn proxy(problem: &proxy::Problem) -> Self {
        let reason = problem.reason();
        let message = match problem {
            proxy::Problem::Unattributable => PROXY_ADVICE.to_owned(),
            _ => format!("unauthorized: {reason} (come through the proxy that gateway.trustedProxies names)"),
        };
        Self::policy(ErrorShape::invalid(message).with(json!({
            "code": "AUTH_UNAUTHORIZED", "authReason": reason,
            "canRetryWithDeviceToken": false, "recommendedNextStep": "review_auth_configuration",
        })))
    }

    /// A device proof that does not hold.
    pub(crate) fn proof(bad: BadProof) -> Self {
        let details = json!({"code": bad.code(), "reason": bad.reason()});
        Self::policy(ErrorShape::invalid(bad.to_string()).with(details))
    }

    /// A client that must bring a device.
    pub(crate) fn device_required(code: &'static str, needs_ui: bool) -> Self {
        let kind = if needs_ui { ErrorCode::InvalidRequest } else { ErrorCode::NotPaired };
        let message = if needs_ui { "control ui requires device identity" } else { "device identity required" };
        Self::policy(ErrorShape::new(kind, message).with(json!({"code": code})))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: &str, mode: &str) -> ClientInfo {
        ClientInfo { id: id.into(), mode: mode.into(), ..ClientInfo::default() }
    }

    /// AUTH-6, AUTH-7: the frame of `raw-device-tokens`, key for key.
    #[test]
    fn a_wrong_token_from_the_cli_reads_as_released_clients_know_it() {
        let refusal = Refusal::auth(Reason::TokenMismatch, &client("cli", "cli"), false);
        assert_eq!(
            serde_json::to_value(&refusal.error).unwrap(),
            json!({
                "code": "INVALID_REQUEST",
                "message": "unauthorized: gateway token mismatch (use this gateway's gateway.auth.token or pair the device)",
                "details": {"code": "AUTH_TOKEN_MISMATCH", "authReason": "token_mismatch",
                    "canRetryWithDeviceToken": false, "recommendedNextStep": "update_auth_credentials"}
            })
        );
        assert_eq!((refusal.close.code, &refusal.close.reason), (1008, &refusal.error.message));
    }

    /// AUTH-7, AUTH-8
    #[test]
    fn the_next_step_and_the_hint_fit_the_client() {
        let with_device = Refusal::auth(Reason::TokenMismatch, &client("openclaw-tui", "ui"), true);
        let details = with_device.error.details.unwrap();
        assert_eq!(details["recommendedNextStep"], "retry_with_device_token");
        assert_eq!(details["canRetryWithDeviceToken"], true);
        assert!(with_device.error.message.ends_with("(provide gateway auth token)"));
        let page = Refusal::auth(Reason::PasswordMissing, &client("openclaw-control-ui", "webchat"), false);
        assert!(page.error.message.contains("paste the password"), "{}", page.error.message);
    }

    /// RATE-5
    #[test]
    fn a_lockout_says_when_to_come_back() {
        let refusal = Refusal::auth(Reason::RateLimited(Duration::from_secs(3)), &client("cli", "cli"), false);
        assert_eq!((refusal.error.retryable, refusal.error.retry_after_ms), (Some(true), Some(3000)));
        assert_eq!(refusal.error.details.unwrap()["recommendedNextStep"], "wait_then_retry");
    }
}
