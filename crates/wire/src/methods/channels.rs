//! `channels.*`: how the accounts at chats do, starting and stopping them, and who asks to talk (C-5.3, C-12).

use serde::{Deserialize, Serialize};
use serde_json::Value;

methods! {
    /// `channels.status`
    Status = "channels.status", StatusParams => Value;
    /// `channels.start`
    Start = "channels.start", AccountParams => Value;
    /// `channels.stop`
    Stop = "channels.stop", AccountParams => Value;
    /// `channels.logout`
    Logout = "channels.logout", AccountParams => Value;
    /// `channels.pairing.list`
    PairingList = "channels.pairing.list", PairingListParams => PairingListResult;
    /// `channels.pairing.approve`
    PairingApprove = "channels.pairing.approve", PairingApproveParams => PairingApproved;
    /// `channels.pairing.dismiss`
    PairingDismiss = "channels.pairing.dismiss", PairingDismissParams => PairingDismissed;
}

/// What a status is to show.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusParams {
    /// Whether the vendors are asked who we are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<bool>,
    /// How long each may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// One channel only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// One account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountParams {
    /// The channel.
    pub channel: String,
    /// The account; the only or default one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
}

/// Whose requests are shown.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingListParams {
    /// One channel only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// One account only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
}

/// Who asks to talk.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingListResult {
    /// The accounts where people are let in by a code.
    pub accounts: Vec<PairingAccount>,
    /// Who waits, oldest first.
    pub requests: Vec<PairingRequest>,
    /// Whether anybody may give the assistant orders yet.
    pub command_owner_configured: bool,
    /// How many may wait, and how long.
    pub limits: PairingLimits,
}

/// An account where people are let in by a code.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say all there is")]
pub struct PairingAccount {
    pub channel: String,
    pub channel_label: String,
    pub account_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_label: Option<String>,
    /// Whether who is let in can be told.
    pub notify_supported: bool,
}

/// Somebody who asks to talk. Times are ISO texts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say all there is")]
pub struct PairingRequest {
    /// Their code.
    pub request_id: String,
    pub channel: String,
    pub channel_label: String,
    pub account_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_label: Option<String>,
    pub sender_id: String,
    /// What they call themselves; they chose it.
    pub sender_label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    pub created_at: String,
    pub last_seen_at: String,
    pub expires_at: String,
    pub notify_supported: bool,
}

/// How many may wait at one account, and how long.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say all there is")]
pub struct PairingLimits {
    pub pending_per_account: usize,
    pub ttl_ms: i64,
}

/// Who is let in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingApproveParams {
    /// The channel.
    pub channel: String,
    /// The account.
    pub account_id: String,
    /// Their code.
    pub request_id: String,
    /// Whether they are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<bool>,
    /// Whether they may give orders from now on, if nobody may yet. Takes admin rights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_command_owner: Option<bool>,
}

/// Somebody was let in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingApproved {
    /// Their code.
    pub request_id: String,
    /// Who.
    pub sender_id: String,
    /// `not-requested`, `sent`, `unsupported` or `failed`.
    pub notification: String,
    /// `not-requested`, `configured`, `already-configured` or `unavailable`.
    pub command_owner_bootstrap: String,
}

/// Who is not let in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingDismissParams {
    /// The channel.
    pub channel: String,
    /// The account.
    pub account_id: String,
    /// Their code.
    pub request_id: String,
}

/// Somebody was not let in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingDismissed {
    /// Their code.
    pub request_id: String,
    /// Who.
    pub sender_id: String,
}
