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
    /// `device.pair.setupCode`
    MakeSetupCode = "device.pair.setupCode", SetupCodeParams => SetupCodeResult;
    /// `device.pair.setupStatus`
    SetupStatus = "device.pair.setupStatus", SetupStatusParams => SetupStatusResult;
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

/// What a setup code shall be like (N-3.7).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetupCodeParams {
    /// The address in the code, instead of those the Gateway knows of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Whether `gateway.remote.url` of the Gateway's config comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefer_remote_url: Option<bool>,
    /// Whether a picture is wanted; we make none, whoever shows the code draws it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_qr: Option<bool>,
    /// `limited`, `node` or `voice-node`: what the code hands over beside a node's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_profile: Option<String>,
    /// Whether a page for the code is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_url: Option<bool>,
}

/// A setup code, and what about it is no secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetupCodeResult {
    /// For [`SetupStatus`].
    pub setup_id: String,
    /// The code.
    pub setup_code: Credential,
    /// The page of the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_url: Option<Credential>,
    /// The address in it.
    pub gateway_url: String,
    /// Every address, when there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateway_urls: Vec<String>,
    /// The Gateway's auth mode.
    pub auth: String,
    /// What named the address.
    pub url_source: String,
    /// `limited` or `node`.
    pub access: String,
    /// When its token stops working, in milliseconds.
    pub expires_at_ms: i64,
}

/// Names a setup code.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetupStatusParams {
    /// Its id.
    pub setup_id: String,
}

/// What became of a setup code; nothing while it waits, and when it is too old.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SetupStatusResult {
    /// Who came in by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<SetupCompleted>,
}

/// Who came in by a setup code; also the event `device.pair.setup.completed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetupCompleted {
    /// The code's id.
    pub setup_id: String,
    /// The device.
    pub device_id: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// `limited` or `node`.
    pub access: String,
    /// When, in milliseconds.
    pub ts: i64,
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
