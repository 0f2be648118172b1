//! `health`: how the Gateway is, as the CLI and every dashboard read it (PROBE-2).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Method;

/// `health`.
#[derive(Debug)]
pub struct Health;

impl Method for Health {
    const NAME: &'static str = "health";
    type Params = HealthParams;
    type Result = Value;
}

/// Params of `health`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthParams {
    /// Look afresh instead of answering with the last look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<bool>,
}
