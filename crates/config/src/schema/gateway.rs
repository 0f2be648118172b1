//! The `gateway` section (CFG-3): how the daemon listens, who may come in, and how clients reach a remote one.
//!
//! The section is strict: an unknown key is an error (CFG-1), except inside `gateway.tls`. What an original config may
//! hold and this Gateway has no use for is listed in `schema/passed.rs`, so that it passes untouched.

use std::net::IpAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::control_ui::ControlUi;
use super::gateway_auth::Auth;
use super::nodes::Nodes;
use super::remote::Remote;
use crate::IpRange;

/// The `gateway` section.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Gateway {
    /// Where the Gateway of this config runs; the daemon starts only on `local` (START-1).
    pub mode: Option<Mode>,
    /// The port for WebSocket and HTTP; see [`crate::effective_port`].
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// Which addresses to listen on; see [`crate::effective_bind`].
    pub bind: Option<Bind>,
    /// The address of `bind=custom`: canonical dotted IPv4.
    pub custom_bind_host: Option<String>,
    /// The https origin others reach this Gateway by, for callbacks and links.
    pub public_origin: Option<String>,
    /// Who may come in.
    pub auth: Auth,
    /// Proxies whose forwarded headers are believed.
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<IpRange>,
    /// Whether `X-Real-IP` from a trusted proxy is believed when `X-Forwarded-For` names nobody.
    pub allow_real_ip_fallback: bool,
    /// The Gateway of clients on this machine when `mode` is `remote`. Never configures the daemon (CRED-9).
    pub remote: Remote,
    /// TLS on the listener. Open to unknown keys.
    pub tls: Tls,
    /// Exposure through Tailscale.
    pub tailscale: Tailscale,
    /// The web page.
    pub control_ui: ControlUi,
    /// Which operator may do what; the original enforces it and this version refuses to start with it.
    pub roles: Value,
    /// Node pairing and command policy.
    pub nodes: Nodes,
    /// What happens when the file changes.
    pub reload: Reload,
    /// The HTTP side.
    pub http: Http,
}

/// Where the Gateway runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// On this machine.
    Local,
    /// Elsewhere; `gateway.remote` says where.
    Remote,
}

/// Which addresses the daemon listens on (BIND-1…5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bind {
    /// Every address inside a container, loopback elsewhere.
    Auto,
    /// Every IPv4 address.
    Lan,
    /// This machine only.
    Loopback,
    /// `gateway.customBindHost`.
    Custom,
    /// The tailnet address, and loopback.
    Tailnet,
}

impl Bind {
    /// The word in the config.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Lan => "lan",
            Self::Loopback => "loopback",
            Self::Custom => "custom",
            Self::Tailnet => "tailnet",
        }
    }
}

/// `gateway.tls` (TLS-1, TLS-2).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tls {
    /// Whether the listener speaks TLS only.
    pub enabled: bool,
    /// Whether a missing pair is made at start.
    pub auto_generate: bool,
    /// The certificate, `<state>/gateway/tls/gateway-cert.pem` when absent.
    pub cert_path: Option<PathBuf>,
    /// Its key, `<state>/gateway/tls/gateway-key.pem` when absent.
    pub key_path: Option<PathBuf>,
    /// Roots of client certificates.
    pub ca_path: Option<PathBuf>,
}

impl Default for Tls {
    fn default() -> Self {
        Self { enabled: false, auto_generate: true, cert_path: None, key_path: None, ca_path: None }
    }
}

/// `gateway.tailscale`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Tailscale {
    /// Whether and how the Gateway is put on the tailnet.
    pub mode: TailscaleMode,
    /// Deprecated guard: leave a funnel of someone else alone.
    pub preserve_funnel: bool,
    /// A January key; leaving always cleans up (TS-5, TS-6).
    pub reset_on_exit: bool,
}

/// `gateway.tailscale.mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TailscaleMode {
    /// Not at all.
    #[default]
    Off,
    /// To the tailnet.
    Serve,
    /// To the internet.
    Funnel,
}

impl TailscaleMode {
    /// The word in the config.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Serve => "serve",
            Self::Funnel => "funnel",
        }
    }
}

/// `gateway.reload`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Reload {
    /// Whether the daemon follows changes of the file.
    pub mode: ReloadMode,
    /// Retired; read and ignored.
    pub debounce_ms: Option<u64>,
}

/// `gateway.reload.mode` (CFG-8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReloadMode {
    /// Only a restart applies changes.
    Off,
    /// What can apply live does; the rest restarts the daemon once it is idle. January's `restart` and `hot` mean this.
    #[default]
    #[serde(alias = "restart", alias = "hot")]
    Hybrid,
}

/// `gateway.http`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Http {
    /// Headers of every answer.
    pub security_headers: SecurityHeaders,
    /// The compatible HTTP interfaces.
    pub endpoints: Endpoints,
}

/// `gateway.http.securityHeaders`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct SecurityHeaders {
    /// The HSTS value; `false` and absent both send none.
    #[serde(deserialize_with = "text_or_false")]
    #[schemars(schema_with = "text_or_false_schema")]
    pub strict_transport_security: Option<String>,
}

/// `gateway.http.endpoints`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Endpoints {
    /// `POST /v1/chat/completions`.
    pub chat_completions: Endpoint,
    /// `POST /v1/responses`.
    pub responses: Endpoint,
}

/// One compatible HTTP interface. Its limits in the original are not ours, so unknown keys pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// Whether it answers.
    pub enabled: bool,
}

impl Gateway {
    /// Whether `address` is one of `trustedProxies`; IPv4-mapped forms equal their IPv4 form.
    pub fn trusts_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|range| range.contains(address))
    }
}

fn text_or_false<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_str().map(str::to_owned))
}

fn text_or_false_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "anyOf": [{ "type": "string", "minLength": 1 }, { "const": false }] })
}
