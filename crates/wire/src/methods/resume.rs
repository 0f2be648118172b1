//! `link.resume`, ours: a connection goes on where another one broke off (RECON-6).
//!
//! A client that sends the cap [`CAP`] is remembered for a while when its connection ends. It comes back with [`CAP`] and
//! [`RESUMING`], hears no numbered event until it has called `link.resume`, and is then sent exactly what it missed, in
//! order and under fresh numbers; or it is told to fetch again. Neither the epoch nor the connection's id is a secret:
//! the handshake of the new connection proves who asks.

use serde::{Deserialize, Serialize};

use super::Method;

/// In `connect.caps`: remember me. In `hello-ok.features.capabilities`: we do.
pub const CAP: &str = "resume";
/// In `connect.caps`: hold my events back until I have said where I was.
pub const RESUMING: &str = "resuming";

/// `link.resume`
#[derive(Debug)]
pub struct Resume;

impl Method for Resume {
    const NAME: &'static str = "link.resume";
    type Params = ResumeParams;
    type Result = Resumed;
}

/// Where the client was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ResumeParams {
    /// `server.bootId` of the `hello-ok` the client had.
    pub epoch: String,
    /// `server.connId` of the same.
    pub conn_id: String,
    /// The `seq` of the last event it received there; 0 before the first.
    pub seq: u64,
}

/// What the client gets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resumed {
    /// So many events follow, the ones it missed; its subscriptions stand again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<u64>,
    /// True when they cannot be told: subscribe and fetch again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refetch: Option<bool>,
    /// Why, with `refetch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
