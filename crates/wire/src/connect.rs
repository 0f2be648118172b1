//! The handshake: `connect.challenge`, `connect`, `hello-ok` (`protocol.md` 3).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::frame::StateVersion;
use crate::scope::{Role, ScopeSet};

/// Payload of the first frame a client sees.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Challenge {
    /// Unique per connection.
    pub nonce: String,
    /// The server's clock in milliseconds; a client signs with it, so that its own clock does not matter.
    pub ts: i64,
    /// What this server offers before anybody has proven anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Ours: the Gateway's stable identity, so that a probe can tell two Gateways from one seen twice (PROBE-11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
}

/// The params of `connect`; unknown properties are refused anywhere in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectParams {
    /// Oldest level the client speaks, at least 1.
    pub min_protocol: u32,
    /// Newest.
    pub max_protocol: u32,
    /// Who connects.
    pub client: ClientInfo,
    /// Capabilities of the client, such as `tool-events`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caps: Option<Vec<String>>,
    /// Commands a node offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<String>>,
    /// Permissions a node holds on its device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Map<String, Value>>,
    /// A node's search path; sensitive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_env: Option<String>,
    /// A node's desktop-control claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer_use: Option<Value>,
    /// A node's running work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_runs: Option<Value>,
    /// `operator` (default) or `node`; checked after the protocol range, so any text decodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Scopes asked for, as sent and in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Proof of a device identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceProof>,
    /// Credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<ConnectAuth>,
    /// Informational.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Informational.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

impl ConnectParams {
    /// What the schema says beyond types: minimums, closed lists, no empty text. The sentence follows
    /// `invalid connect params: `.
    ///
    /// # Errors
    /// The first rule that does not hold, with its path.
    pub fn check(&self) -> Result<(), String> {
        if self.min_protocol < 1 || self.max_protocol < 1 {
            return Err("at /minProtocol: must be >= 1".into());
        }
        let client = &self.client;
        if !CLIENT_IDS.contains(&client.id.as_str()) {
            return Err(format!("at /client/id: must be equal to one of the allowed values; got `{}`", client.id));
        }
        if !CLIENT_MODES.contains(&client.mode.as_str()) {
            return Err(format!("at /client/mode: must be equal to one of the allowed values; got `{}`", client.mode));
        }
        let named = [
            ("version", Some(&client.version)),
            ("platform", Some(&client.platform)),
            ("displayName", client.display_name.as_ref()),
            ("buildId", client.build_id.as_ref()),
            ("deviceFamily", client.device_family.as_ref()),
            ("modelIdentifier", client.model_identifier.as_ref()),
            ("timeZone", client.time_zone.as_ref()),
            ("instanceId", client.instance_id.as_ref()),
        ];
        for (name, value) in named {
            if value.is_some_and(String::is_empty) {
                return Err(format!("at /client/{name}: must NOT have fewer than 1 characters"));
            }
        }
        Ok(())
    }

    /// Turns the id of an app that still goes by an older name into today's (N-2.3); what it signed is remembered.
    pub fn rename_older_app(&mut self) {
        let rest = OLDER_NAMES.iter().find_map(|name| self.client.id.strip_prefix(name));
        let today = rest.filter(|app| OLDER_APPS.contains(app)).map(|app| format!("openclaw-{app}"));
        if let Some(today) = today {
            self.client.older_id = Some(std::mem::replace(&mut self.client.id, today));
        }
    }

    /// Whether the client advertised `cap`.
    pub fn has_cap(&self, cap: &str) -> bool {
        self.caps.as_ref().is_some_and(|caps| caps.iter().any(|have| have == cap))
    }
}

/// Every `client.id` the protocol knows.
pub const CLIENT_IDS: [&str; 17] = [
    "webchat-ui",
    "openclaw-control-ui",
    "openclaw-browser-copilot",
    "openclaw-tui",
    "webchat",
    "cli",
    "gateway-client",
    "openclaw-macos",
    "openclaw-linux",
    "openclaw-ios",
    "openclaw-watchos",
    "openclaw-android",
    "node-host",
    "openclaw-worker",
    "test",
    "fingerprint",
    "openclaw-probe",
];

/// How apps were called before; what follows is the same.
const OLDER_NAMES: [&str; 2] = ["moltbot-", "clawdbot-"];
/// The apps that existed then. Pages and commands of that time speak a protocol of their own, and are told so.
const OLDER_APPS: [&str; 5] = ["macos", "linux", "ios", "watchos", "android"];

/// Every `client.mode` the protocol knows.
pub const CLIENT_MODES: [&str; 8] = ["webchat", "cli", "ui", "backend", "node", "worker", "probe", "test"];

/// Who connects.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientInfo {
    /// One of [`CLIENT_IDS`].
    pub id: String,
    /// The same as an older app spells and signs it (N-2.3).
    #[serde(skip)]
    pub older_id: Option<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The client's version.
    pub version: String,
    /// Its build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// `linux`, `darwin`, `ios`, …
    pub platform: String,
    /// `Linux`, `iPhone`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// The maker's model name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_identifier: Option<String>,
    /// IANA time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// One of [`CLIENT_MODES`].
    pub mode: String,
    /// Distinguishes processes of the same client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
}

impl ClientInfo {
    /// The id as the client spells and signs it.
    pub fn signed_id(&self) -> &str {
        self.older_id.as_deref().unwrap_or(&self.id)
    }
}

/// Proof of a device identity, see [`crate::device_auth`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceProof {
    /// Lower-case hex SHA-256 of the raw public key.
    pub id: String,
    /// The raw public key, base64url.
    pub public_key: String,
    /// Over the payload of [`crate::device_auth::payload`], base64url.
    pub signature: String,
    /// The challenge's `ts`.
    pub signed_at: i64,
    /// The challenge's nonce.
    pub nonce: String,
}

/// A credential on its way to a Gateway; prints as `***`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Credential(String);

impl Credential {
    /// Wraps a credential for the wire.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The credential itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Credentials of a `connect`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectAuth {
    /// The shared token; a device token is tried here too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Credential>,
    /// The shared password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Credential>,
    /// A token issued to this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<Credential>,
    /// From a setup code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_token: Option<Credential>,
    /// Of an approval's runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_runtime_token: Option<Credential>,
    /// Of an agent's runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_runtime_identity_token: Option<Credential>,
}

/// The payload of a successful `connect`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelloOk {
    /// Always `hello-ok`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Always [`crate::PROTOCOL`].
    pub protocol: u32,
    /// Who answers.
    pub server: ServerInfo,
    /// What it can do.
    pub features: Features,
    /// How things stand, as far as this caller may see.
    pub snapshot: Snapshot,
    /// Who the caller turned out to be.
    pub auth: HelloAuth,
    /// The limits both must keep.
    pub policy: Policy,
}

/// Who answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerInfo {
    /// The Gateway's version.
    pub version: String,
    /// This connection.
    pub conn_id: String,
    /// This run of the Gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// Ours: the Gateway's stable identity (PROBE-11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
}

/// What the Gateway can do; lists only what is handled.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Features {
    /// Handled methods; the same list for every connection.
    pub methods: Arc<[String]>,
    /// Events that may come; the same list for every connection.
    pub events: Arc<[String]>,
    /// Extra contracts kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
}

/// How things stand at the moment of `hello-ok`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Who is connected; empty without `operator.read`.
    pub presence: Vec<Value>,
    /// The `health` result, already JSON.
    pub health: Arc<RawValue>,
    /// The numbers `presence` and `health` events continue.
    pub state_version: StateVersion,
    /// Since this Gateway started.
    pub uptime_ms: u64,
    /// Whether the Gateway takes work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension: Option<Value>,
    /// Hash of the config in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_config_hash: Option<String>,
    /// What a new chat starts with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_defaults: Option<SessionDefaults>,
    /// With `operator.admin` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_path: Option<String>,
    /// With `operator.admin` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_dir: Option<String>,
    /// With `operator.admin` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_mode: Option<String>,
}

/// What a new chat starts with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionDefaults {
    /// The agent used when none is named.
    pub default_agent_id: String,
    /// Whether any model can answer.
    pub model_configured: bool,
    /// `sole`: one person owns this Gateway.
    pub ownership: String,
    /// Whether a client must ask which agent.
    pub selection_required: bool,
    /// The rest of the main session's key.
    pub main_key: String,
    /// The main session's key.
    pub main_session_key: String,
    /// `per-sender` or `global`.
    pub scope: String,
}

/// Who the caller turned out to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelloAuth {
    /// How it was let in.
    pub method: AuthMethod,
    /// `operator` or `node`.
    pub role: String,
    /// The scopes in force.
    pub scopes: ScopeSet,
    /// The token this device may use instead of the shared secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<Credential>,
    /// When that token was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at_ms: Option<i64>,
    /// The tokens of further roles, after a setup code (N-3.7).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device_tokens: Vec<RoleToken>,
    /// Ours: one sentence for a client that should be upgraded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// The token of this device in another role than it connects in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleToken {
    /// The token.
    pub device_token: Credential,
    /// The role it is for.
    pub role: Role,
    /// The widest it allows.
    pub scopes: ScopeSet,
    /// When it was issued, in milliseconds.
    pub issued_at_ms: i64,
}

/// How a caller was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMethod {
    /// The shared token.
    Token,
    /// The shared password.
    Password,
    /// A token issued to the device.
    DeviceToken,
    /// A setup code.
    BootstrapToken,
    /// Nothing was asked for.
    None,
    /// A trusted proxy vouched.
    TrustedProxy,
    /// Tailscale vouched, on a listener of its own.
    Tailscale,
}

impl AuthMethod {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Password => "password",
            Self::DeviceToken => "device-token",
            Self::BootstrapToken => "bootstrap-token",
            Self::None => "none",
            Self::TrustedProxy => "trusted-proxy",
            Self::Tailscale => "tailscale",
        }
    }
}

/// The limits both must keep.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Largest message in bytes.
    pub max_payload: usize,
    /// Bytes that may wait for a slow reader.
    pub max_buffered_bytes: usize,
    /// Between two ticks, milliseconds.
    pub tick_interval_ms: u64,
    /// Largest attachments.
    pub attachments: AttachmentPolicy,
    /// Which visibilities a session may be given.
    #[serde(default)]
    pub allowed_session_visibilities: Vec<String>,
    /// Whether sessions can be shared between several people.
    #[serde(default)]
    pub has_multiple_session_sharing_identities: bool,
}

/// Largest attachments.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachmentPolicy {
    /// Any file, decoded.
    pub max_bytes: usize,
    /// An image, decoded.
    pub max_image_bytes: usize,
}

impl Default for Policy {
    fn default() -> Self {
        use crate::limits;
        Self {
            max_payload: limits::MAX_PAYLOAD_BYTES,
            max_buffered_bytes: limits::MAX_BUFFERED_BYTES,
            tick_interval_ms: limits::TICK_INTERVAL.as_millis() as u64,
            attachments: AttachmentPolicy {
                max_bytes: limits::ATTACHMENT_MAX_BYTES,
                max_image_bytes: limits::ATTACHMENT_MAX_IMAGE_BYTES,
            },
            allowed_session_visibilities: Vec::new(),
            has_multiple_session_sharing_identities: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn renamed(id: &str) -> (String, String) {
        let client = json!({"id": id, "mode": "node", "version": "1", "platform": "ios"});
        let mut params: ConnectParams =
            serde_json::from_value(json!({"minProtocol": 4, "maxProtocol": 4, "client": client})).unwrap();
        params.rename_older_app();
        (params.client.id.clone(), params.client.signed_id().to_owned())
    }

    /// N-2.3
    #[test]
    fn an_app_by_an_older_name_is_todays_and_signs_what_it_sent() {
        assert_eq!(renamed("clawdbot-ios"), ("openclaw-ios".into(), "clawdbot-ios".into()));
        assert_eq!(renamed("moltbot-android"), ("openclaw-android".into(), "moltbot-android".into()));
        for id in ["openclaw-ios", "moltbot-nosuch", "clawdbot-control-ui", "moltbot", "cli"] {
            assert_eq!(renamed(id), (id.into(), id.into()));
        }
    }
}
