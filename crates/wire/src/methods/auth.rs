//! Who is locked out, and letting them in again: methods of ours (RATE-8).

use serde::{Deserialize, Serialize};

use super::Method;

/// `auth.limits`
#[derive(Debug)]
pub struct Limits;

impl Method for Limits {
    const NAME: &'static str = "auth.limits";
    type Params = serde_json::Value;
    type Result = LimitsResult;
}

/// `auth.unlock`
#[derive(Debug)]
pub struct Unlock;

impl Method for Unlock {
    const NAME: &'static str = "auth.unlock";
    type Params = UnlockParams;
    type Result = UnlockResult;
}

/// Everyone who is locked out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsResult {
    /// Longest to go first.
    pub locked: Vec<LockedKey>,
}

/// One that is locked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockedKey {
    /// An address, a network, a page or a device.
    pub key: String,
    /// Which credential was wrong: `shared-secret`, `device-token`, `bootstrap-token`.
    pub scope: String,
    /// Time left.
    pub remaining_ms: u64,
}

/// Who is let in again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlockParams {
    /// As `auth.limits` names it.
    pub key: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlockResult {
    /// The key.
    pub key: String,
    /// How many locks it had.
    pub cleared: usize,
}
