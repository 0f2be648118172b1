//! `gateway.controlUi`: the web page and the browser origins that may speak to the Gateway (ORIGIN-3).

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// `gateway.controlUi`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct ControlUi {
    /// Whether the page is served.
    pub enabled: bool,
    /// The path it is served under; empty is the root.
    pub base_path: String,
    /// A folder to serve instead of the page inside the program.
    pub root: Option<PathBuf>,
    /// Browser origins let in besides the ones that are our own; `*` is everyone.
    pub allowed_origins: Vec<String>,
    /// Break-glass: believe the Host header (ORIGIN-5).
    pub dangerously_allow_host_header_origin_fallback: bool,
    /// A January key without effect (PAIR-16).
    pub allow_insecure_auth: bool,
    /// A January key without effect (PAIR-16).
    pub dangerously_disable_device_auth: bool,
}

impl Default for ControlUi {
    fn default() -> Self {
        Self {
            enabled: true,
            base_path: String::new(),
            root: None,
            allowed_origins: Vec::new(),
            dangerously_allow_host_header_origin_fallback: false,
            allow_insecure_auth: false,
            dangerously_disable_device_auth: false,
        }
    }
}
