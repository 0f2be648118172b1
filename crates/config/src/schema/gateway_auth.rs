//! `gateway.auth`: the secret, the mode, and the limits of trying (CFG-3, AUTH-1).

use std::collections::BTreeMap;
use std::time::Duration;

use base::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

use super::unit;

/// The operator scopes an identity may be given, in the words of the protocol.
const OPERATOR_SCOPES: [&str; 10] = [
    "operator.admin",
    "operator.read",
    "operator.write",
    "operator.approvals",
    "operator.questions",
    "operator.pairing",
    "operator.talk",
    "operator.talk.secrets",
    "operator.sessions.read",
    "operator.sessions.write",
];

/// `gateway.auth`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Auth {
    /// Which secret counts; unset: a resolved password means `password`, else `token` (AUTH-1).
    pub mode: Option<AuthMode>,
    /// The shared token.
    #[schemars(schema_with = "unit::secret")]
    pub token: Option<Secret>,
    /// The shared password.
    #[schemars(schema_with = "unit::secret")]
    pub password: Option<Secret>,
    /// Whether Tailscale's word on who is calling is enough; see [`crate::EffectiveAuth::allow_tailscale`].
    pub allow_tailscale: Option<bool>,
    /// Operator scopes added per identity. E-mail keys compare without regard to case, others exactly.
    #[schemars(schema_with = "identity_scopes")]
    pub identity_scopes: BTreeMap<String, Vec<String>>,
    /// Limits of failed attempts (RATE-1).
    pub rate_limit: RateLimit,
    /// `mode=trusted-proxy`.
    pub trusted_proxy: TrustedProxy,
}

/// `gateway.auth.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMode {
    /// Everyone who can connect may.
    None,
    /// A shared token.
    Token,
    /// A shared password.
    Password,
    /// A proxy in front says who is calling.
    TrustedProxy,
}

impl AuthMode {
    /// The word in the config.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
            Self::Password => "password",
            Self::TrustedProxy => "trusted-proxy",
        }
    }
}

/// `gateway.auth.rateLimit`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct RateLimit {
    /// Wrong credentials within the window before a lockout.
    pub max_attempts: u32,
    /// `windowMs`: how far back failures count.
    #[serde(rename = "windowMs", deserialize_with = "unit::millis")]
    #[schemars(with = "u64")]
    pub window: Duration,
    /// `lockoutMs`: how long a lockout lasts.
    #[serde(rename = "lockoutMs", deserialize_with = "unit::millis")]
    #[schemars(with = "u64")]
    pub lockout: Duration,
    /// Whether loopback is never locked out (RATE-2).
    pub exempt_loopback: bool,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            max_attempts: 10,
            window: Duration::from_secs(60),
            lockout: Duration::from_secs(300),
            exempt_loopback: true,
        }
    }
}

/// `gateway.auth.trustedProxy` (PROXY-1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct TrustedProxy {
    /// The header that names the user; required by the mode.
    pub user_header: Option<String>,
    /// Headers that must be present and not blank.
    pub required_headers: Vec<String>,
    /// The users let in; empty lets every user in.
    pub allow_users: Vec<String>,
    /// Whether a proxy on this machine is believed.
    pub allow_loopback: bool,
    /// Devices approved on the proxy's word (PAIR-12).
    pub device_auto_approve: DeviceAutoApprove,
}

/// `gateway.auth.trustedProxy.deviceAutoApprove`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct DeviceAutoApprove {
    /// Whether it happens at all.
    pub enabled: bool,
    /// The most a device is given.
    #[schemars(schema_with = "scopes")]
    pub scopes: Vec<String>,
}

impl Default for DeviceAutoApprove {
    fn default() -> Self {
        let scopes = ["operator.read", "operator.write", "operator.approvals", "operator.questions"];
        Self { enabled: false, scopes: scopes.map(str::to_owned).to_vec() }
    }
}

fn scopes(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "array", "items": { "type": "string", "enum": OPERATOR_SCOPES } })
}

fn identity_scopes(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object", "additionalProperties": scopes(generator) })
}
