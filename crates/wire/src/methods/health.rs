//! `health`: how the Gateway is, as the CLI and every dashboard read it (PROBE-2).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Method;

/// `health`.
#[derive(Debug)]
pub struct Health;

impl Method for Health {
    const NAME: &'static str = "health";
    type Params = HealthParams;
    /// Already JSON: many ask between two changes, and all get the same.
    type Result = Arc<RawValue>;
}

/// Params of `health`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthParams {
    /// Look afresh instead of answering with the last look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<bool>,
}
