//! `gateway.remote`: how clients on this machine reach a Gateway elsewhere. Credentials here never open ours (CRED-9).

use std::collections::BTreeMap;
use std::path::PathBuf;

use base::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

use super::unit;

/// `gateway.remote`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Remote {
    /// The original's switch for this block.
    pub enabled: Option<bool>,
    /// `ws://` or `wss://` address; `http(s)` is read as `ws(s)`.
    pub url: Option<String>,
    /// How to get there.
    pub transport: Transport,
    /// The port on the SSH host; the port of `url` when absent.
    #[schemars(range(min = 1, max = 65535))]
    pub remote_port: Option<u16>,
    /// The token to present.
    #[schemars(schema_with = "unit::secret")]
    pub token: Option<Secret>,
    /// The password to present.
    #[schemars(schema_with = "unit::secret")]
    pub password: Option<Secret>,
    /// The certificate to insist on (TLS-6).
    pub tls_fingerprint: Option<String>,
    /// `user@host[:port]` (SSH-1).
    pub ssh_target: Option<String>,
    /// The private key for it.
    pub ssh_identity: Option<PathBuf>,
    /// What to do about an unknown host key (SSH-6).
    pub ssh_host_key_policy: HostKeyPolicy,
    /// Headers for a gate in front of the Gateway, sent only to the exact origin of `url` and only over wss.
    #[schemars(schema_with = "unit::secrets")]
    pub edge_auth: BTreeMap<String, Secret>,
}

/// `gateway.remote.transport`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Through a forward that this program owns.
    #[default]
    Ssh,
    /// Straight to `url`.
    Direct,
}

/// `gateway.remote.sshHostKeyPolicy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HostKeyPolicy {
    /// A known key is required.
    #[default]
    Strict,
    /// The user's own ssh configuration decides.
    Openssh,
}
