//! `gateway.nodes`: how nodes are paired and which of their commands may be used.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::IpRange;

/// `gateway.nodes`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Nodes {
    /// Who is paired without being asked.
    pub pairing: Pairing,
    /// Which commands may be used beyond, or not in spite of, the platform's defaults.
    pub commands: NodeCommands,
    /// Which node opens web pages.
    pub browser: NodeBrowser,
    /// January's name of `commands.allow`.
    pub allow_commands: Vec<String>,
    /// January's name of `commands.deny`.
    pub deny_commands: Vec<String>,
}

/// `gateway.nodes.pairing`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Pairing {
    /// Whether clients on this machine are let in silently (PAIR-4).
    pub auto_approve_local: bool,
    /// Networks whose first-time nodes are let in silently (PAIR-8).
    #[schemars(with = "Vec<String>")]
    pub auto_approve_cidrs: Vec<IpRange>,
    /// Whether a node is verified by calling it back over SSH (PAIR-9).
    #[schemars(with = "SshVerifyFile")]
    pub ssh_verify: SshVerify,
}

impl Default for Pairing {
    fn default() -> Self {
        Self { auto_approve_local: true, auto_approve_cidrs: Vec::new(), ssh_verify: SshVerify::default() }
    }
}

/// `gateway.nodes.pairing.sshVerify`: a switch, or the details.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "SshVerifyFile")]
pub struct SshVerify {
    /// Whether it is tried.
    pub enabled: bool,
    /// The user to log in as.
    pub user: Option<String>,
    /// The private key to log in with.
    pub identity: Option<PathBuf>,
    /// How long one try may take.
    pub timeout: Duration,
    /// Networks besides the private ones that are called back.
    pub cidrs: Vec<IpRange>,
}

impl Default for SshVerify {
    fn default() -> Self {
        Self { enabled: true, user: None, identity: None, timeout: Duration::from_secs(7), cidrs: Vec::new() }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum SshVerifyFile {
    Switch(bool),
    Details(SshVerifyDetails),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct SshVerifyDetails {
    enabled: Option<bool>,
    user: Option<String>,
    identity: Option<PathBuf>,
    timeout_ms: Option<u64>,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    cidrs: Vec<IpRange>,
}

impl From<SshVerifyFile> for SshVerify {
    fn from(file: SshVerifyFile) -> Self {
        match file {
            SshVerifyFile::Switch(enabled) => Self { enabled, ..Self::default() },
            SshVerifyFile::Details(details) => Self {
                enabled: details.enabled.unwrap_or(true),
                user: details.user,
                identity: details.identity,
                timeout: details.timeout_ms.map_or(Self::default().timeout, Duration::from_millis),
                cidrs: details.cidrs,
            },
        }
    }
}

/// `gateway.nodes.commands`: exact command ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct NodeCommands {
    /// Allowed although the platform's defaults leave them out.
    pub allow: Vec<String>,
    /// Never allowed.
    pub deny: Vec<String>,
}

/// `gateway.nodes.browser`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct NodeBrowser {
    /// How the node is chosen.
    pub mode: NodeBrowserMode,
    /// The node of `manual`.
    pub node: Option<String>,
    /// Whether a node's browser may also be steered from public addresses (N-4.10).
    pub allow_public_peers: bool,
}

/// `gateway.nodes.browser.mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeBrowserMode {
    /// The only node that has a browser.
    #[default]
    Auto,
    /// The one named.
    Manual,
    /// None.
    Off,
}
