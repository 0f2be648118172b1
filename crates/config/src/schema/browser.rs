//! The `browser` section, as far as it is ours: which browser a node host starts, and how. Open for the original's rest.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// The `browser` section.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Browser {
    /// Whether there is one at all.
    pub enabled: bool,
    /// The program, where it is not one that is found by its usual name.
    pub executable_path: Option<PathBuf>,
    /// Whether it has no window; by default where there is no display.
    pub headless: Option<bool>,
    /// Whether code of a caller's own may run on pages.
    pub evaluate_enabled: bool,
}

impl Default for Browser {
    fn default() -> Self {
        Self { enabled: true, executable_path: None, headless: None, evaluate_enabled: true }
    }
}
