//! Paired devices and the ones that wait: `device.pair.*`, `device.token.*`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::connect::Credential;
use crate::scope::{Role, ScopeSet};

methods! {
    /// `device.invite`; a method of ours (SSH-17).
    Invite = "device.invite", Value => InviteResult;
    /// `device.pair.list`
    List = "device.pair.list", Value => ListResult;
    /// `device.pair.approve`
    Approve = "device.pair.approve", RequestParams => Value;
    /// `device.pair.reject`
    Reject = "device.pair.reject", RequestParams => Value;
    /// `device.pair.remove`
    Remove = "device.pair.remove", DeviceParams => Value;
    /// `device.pair.rename`
    Rename = "device.pair.rename", RenameParams => Value;
    /// `device.token.rotate`
    Rotate = "device.token.rotate", TokenParams => RotateResult;
    /// `device.token.revoke`
    Revoke = "device.token.revoke", TokenParams => Value;
}

/// A token that lets one new device in, once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InviteResult {
    /// For `connect.auth.bootstrapToken`.
    pub bootstrap_token: Credential,
    /// When it stops working, in milliseconds.
    pub expires_at_ms: i64,
}

/// Every device.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListResult {
    /// The ones that wait for a person.
    pub pending: Vec<Value>,
    /// The ones that are paired.
    pub paired: Vec<Value>,
}

/// Names a waiting request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestParams {
    /// Its id.
    pub request_id: String,
}

/// Names a paired device.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceParams {
    /// Its id.
    pub device_id: String,
}

/// A new name for a device.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenameParams {
    /// Which device.
    pub device_id: String,
    /// Its name, at most 64 characters.
    pub label: String,
}

/// Names the token of a device's role.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenParams {
    /// Which device.
    pub device_id: String,
    /// `operator` or `node`.
    pub role: String,
    /// Narrower scopes for the new token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<ScopeSet>,
}

/// A token that was replaced.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotateResult {
    /// Which device.
    pub device_id: String,
    /// Which role.
    pub role: Role,
    /// What the new token allows.
    pub scopes: ScopeSet,
    /// When.
    pub rotated_at_ms: i64,
    /// The new token, for the device itself only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// `in-band`, or `withheld-cross-device` when another caller rotated it.
    pub token_delivery: String,
}
