//! The `discovery` section: how the Gateway is found. Strict (CFG-1).

use schemars::JsonSchema;
use serde::Deserialize;

/// The `discovery` section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Discovery {
    /// On the local network.
    pub mdns: Mdns,
    /// By DNS.
    pub wide_area: WideArea,
}

/// `discovery.mdns`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Mdns {
    /// How much is told.
    pub mode: MdnsMode,
}

/// `discovery.mdns.mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MdnsMode {
    /// Nothing.
    Off,
    /// What a client needs.
    #[default]
    Minimal,
    /// SSH port, program path and tailnet name as well.
    Full,
}

/// `discovery.wideArea`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct WideArea {
    /// January's switch; a domain says as much today.
    pub enabled: Option<bool>,
    /// The zone.
    pub domain: Option<String>,
}
