//! `dashboard.link`: a one-time token for the link to the page; a method of ours (CON-3).

use serde::{Deserialize, Serialize};

use super::Method;
use crate::connect::Credential;

/// `dashboard.link`
#[derive(Debug)]
pub struct Link;

impl Method for Link {
    const NAME: &'static str = "dashboard.link";
    type Params = serde_json::Value;
    type Result = LinkResult;
}

/// A token that lets one page in, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkResult {
    /// For `connect.auth.bootstrapToken`.
    pub bootstrap_token: Credential,
    /// When it stops working, in milliseconds.
    pub expires_at_ms: i64,
}
