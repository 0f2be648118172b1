//! `tls.next`, ours: which certificate the Gateway will show after its next renewal (TLS-12).

use serde::{Deserialize, Serialize};

/// What stands before the fingerprint among the capabilities of `hello-ok`.
const CAPABILITY: &str = "tls.next:";

/// The payload of `tls.next`; in `hello-ok` the capability `tls.next:<fingerprint>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsNext {
    /// 64 lower-case hex digits; absent when no renewal is announced any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

impl TlsNext {
    /// The capability that says the same, when there is something to say.
    pub fn capability(&self) -> Option<String> {
        self.fingerprint.as_ref().map(|fingerprint| format!("{CAPABILITY}{fingerprint}"))
    }

    /// Reads a capability, `None` for every other one.
    pub fn of_capability(word: &str) -> Option<Self> {
        word.strip_prefix(CAPABILITY).map(|fingerprint| Self { fingerprint: Some(fingerprint.to_owned()) })
    }
}
