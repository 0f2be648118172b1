//! Paired devices: who they are, what a person allowed them, and the token each role of theirs holds (PAIR-6…13).

mod key;
mod known;
mod pairing;
pub(crate) mod record;
mod token;
mod visits;

use std::time::Duration;

use base::Secret;
use serde::{Deserialize, Serialize};
use wire::{Role, ScopeSet};

pub(crate) use key::TokenKey;
pub(crate) use known::Known;
pub(crate) use visits::Visits;

/// How long a pairing request waits for a person (PAIR-6).
pub const PAIRING_TTL: Duration = Duration::from_secs(5 * 60);
/// How long a silently approved record must have been quiet before a newer one may retire it (PAIR-10).
pub const SILENT_RETIREMENT_AGE: Duration = Duration::from_secs(60);

/// What a device says about itself when it connects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the names are those of `connect` and of `device.pair.list`")]
pub struct DeviceFacts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
}

/// How a device came to be approved (PAIR-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// Local, with a good secret, without a question (PAIR-4).
    Silent,
    /// From a trusted network (PAIR-8).
    TrustedCidr,
    /// The host itself vouched over SSH (PAIR-9).
    SshVerified,
    /// A verified tailnet identity (PAIR-11).
    Tailscale,
    /// An identity-aware proxy (PAIR-12).
    TrustedProxy,
    /// A setup code (PAIR-14).
    Bootstrap,
    /// A person said yes.
    Owner,
}

impl Provenance {
    /// The word in `device.pair.list`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::TrustedCidr => "trusted-cidr",
            Self::SshVerified => "ssh-verified",
            Self::Tailscale => "tailscale",
            Self::TrustedProxy => "trusted-proxy",
            Self::Bootstrap => "bootstrap",
            Self::Owner => "owner",
        }
    }
}

/// A paired device. Times are milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Hex SHA-256 of its public key.
    pub device_id: String,
    /// The raw key, base64url without padding.
    pub public_key: String,
    /// What it says about itself; pinned at the last approval.
    #[serde(flatten)]
    pub facts: DeviceFacts,
    /// A person's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The role approved last.
    pub role: Role,
    /// Every role it is approved for.
    pub roles: Vec<Role>,
    /// Every operator scope it is approved for.
    pub scopes: ScopeSet,
    /// How it came to be approved; a silent approval never replaces a better one.
    pub approved_via: Provenance,
    /// When it was first approved.
    pub created_at_ms: i64,
    /// When it was approved last.
    pub approved_at_ms: i64,
    /// When it was last connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at_ms: Option<i64>,
    /// What that was: `connect`, `disconnect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_reason: Option<String>,
    /// Its tokens, one per role.
    #[serde(skip)]
    pub tokens: Vec<DeviceToken>,
}

impl Device {
    /// Whether it is approved in this role with all of these scopes. A role whose token was revoked is not.
    pub fn is_approved(&self, role: Role, scopes: &ScopeSet) -> bool {
        self.roles.contains(&role) && (role == Role::Node || self.scopes.covers(scopes))
    }

    /// The token of a role.
    pub fn token(&self, role: Role) -> Option<&DeviceToken> {
        self.tokens.iter().find(|token| token.role == role)
    }
}

/// A token of a device, without the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceToken {
    /// The role it is for.
    pub role: Role,
    /// The widest it allows.
    pub scopes: ScopeSet,
    /// How often it was replaced.
    pub generation: u32,
    /// When the role got its first token, in milliseconds.
    pub created_at_ms: i64,
    /// When this one was made.
    pub issued_at_ms: i64,
    /// When a person last rotated it.
    pub rotated_at_ms: Option<i64>,
    /// When it was revoked.
    pub revoked_at_ms: Option<i64>,
    /// When it was last used, to about a minute.
    pub last_used_at_ms: Option<i64>,
}

/// A device to approve.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDevice {
    /// Hex SHA-256 of its public key.
    pub device_id: String,
    /// The raw key, base64url without padding.
    pub public_key: String,
    /// What it says about itself.
    pub facts: DeviceFacts,
    /// The roles to add; the last is the one it connects with.
    pub roles: Vec<Role>,
    /// The operator scopes to add.
    pub scopes: ScopeSet,
    /// Who says so.
    pub via: Provenance,
}

/// What an approval did.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// The device now.
    pub device: Device,
    /// Whether it was unknown before.
    pub created: bool,
    /// Whether a token that existed was replaced, because the approval is wider or follows a revocation.
    pub reissued: bool,
}

/// A pairing request as a device makes it by connecting.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPairing {
    /// Hex SHA-256 of its public key.
    pub device_id: String,
    /// The raw key, base64url without padding.
    pub public_key: String,
    /// What it says about itself.
    pub facts: DeviceFacts,
    /// The role it connects in.
    pub role: Role,
    /// The scopes it asks for.
    pub scopes: ScopeSet,
    /// Why a person must look: `not-paired`, `role-upgrade`, `scope-upgrade`, `metadata-upgrade`.
    pub reason: String,
}

/// A device that waits for a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingRequest {
    /// What an approve command names.
    pub request_id: String,
    /// Hex SHA-256 of its public key.
    pub device_id: String,
    /// The raw key, base64url without padding.
    pub public_key: String,
    /// What it says about itself.
    #[serde(flatten)]
    pub facts: DeviceFacts,
    /// The role it asked for last.
    pub role: Role,
    /// Every role it asked for since the request began.
    pub roles: Vec<Role>,
    /// Every scope it asked for since.
    pub scopes: ScopeSet,
    /// Why a person must look.
    pub reason: String,
    /// Whether the device was paired before.
    pub is_repair: bool,
    /// When it was first made, in milliseconds.
    pub created_at_ms: i64,
    /// When it goes unless the device asks again.
    #[serde(skip)]
    pub expires_at_ms: i64,
}

/// What became of a pairing request.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairing {
    /// The request that waits now.
    pub request: PairingRequest,
    /// Whether it is new and should be announced.
    pub created: bool,
    /// The request it replaces, which can no longer be approved.
    pub superseded: Option<String>,
}

/// A token on its way to its device.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// The token.
    pub token: Secret,
    /// When this token was made, in milliseconds.
    pub issued_at_ms: i64,
    /// The widest it allows.
    pub scopes: ScopeSet,
}

/// A token that replaced another.
#[derive(Debug, Clone)]
pub struct RotatedToken {
    /// The new token.
    pub token: Secret,
    /// When, in milliseconds.
    pub rotated_at_ms: i64,
    /// The widest it allows.
    pub scopes: ScopeSet,
}

/// What a presented token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenCheck {
    /// It is the device's token for this role, good for these scopes and no wider.
    Good {
        /// The widest it allows.
        scopes: ScopeSet,
        /// When it was made, in milliseconds.
        issued_at_ms: i64,
    },
    /// The device has a token for this role, and this is not it.
    Mismatch,
    /// The device's token for this role was revoked.
    Revoked,
    /// The device has no token for this role.
    Unknown,
}
