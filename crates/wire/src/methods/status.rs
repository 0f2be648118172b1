//! `status` and `system.info`: what runs here.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Method;

/// `status`
#[derive(Debug)]
pub struct Status;

impl Method for Status {
    const NAME: &'static str = "status";
    type Params = StatusParams;
    type Result = Value;
}

/// What to add to a status.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusParams {
    /// Lines about channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_channel_summary: Option<bool>,
    /// What the CLI shows about agents and updates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_cli_projection: Option<bool>,
}

/// `system.info`
#[derive(Debug)]
pub struct SystemInfo;

impl Method for SystemInfo {
    const NAME: &'static str = "system.info";
    type Params = Value;
    type Result = Value;
}
