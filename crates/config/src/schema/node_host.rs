//! The `nodeHost` section: what this machine offers as a node. Its owner's word, read on the node, never sent.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// The `nodeHost` section. Open: the original keeps more here than is ours.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeHost {
    /// A browser that an administrator of the Gateway may steer (N-10.20).
    pub browser_proxy: BrowserProxy,
    /// Files that may be read and written (N-10.22).
    pub files: NodeFiles,
    /// Cameras (N-10.7…10.9).
    pub camera: NodeCamera,
    /// Where this machine is (N-10.13).
    pub location: Option<NodeLocation>,
}

/// `nodeHost.browserProxy`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BrowserProxy {
    /// Whether it is offered, where there is a browser.
    pub enabled: bool,
    /// The profiles that may be used; only `openclaw` when empty.
    pub allow_profiles: Vec<String>,
}

impl Default for BrowserProxy {
    fn default() -> Self {
        Self { enabled: true, allow_profiles: Vec::new() }
    }
}

/// `nodeHost.files`: folders with everything below them. Nothing is allowed without them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct NodeFiles {
    /// May be read.
    pub read: Vec<PathBuf>,
    /// May be read and written.
    pub write: Vec<PathBuf>,
}

/// `nodeHost.camera`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct NodeCamera {
    /// Whether cameras may be used; a Gateway must allow it besides.
    pub enabled: bool,
}

impl Default for NodeCamera {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// `nodeHost.location`: a machine that stays where it is.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct NodeLocation {
    /// Degrees north.
    #[schemars(range(min = -90.0, max = 90.0))]
    pub lat: f64,
    /// Degrees east.
    #[schemars(range(min = -180.0, max = 180.0))]
    pub lon: f64,
    /// How far off it may be, in metres.
    #[schemars(range(min = 0.0))]
    pub accuracy_meters: Option<f64>,
}
