//! A secret that cannot be printed by accident, compared in constant time and wiped when dropped.

use base64::Engine as _;
use serde::{Deserialize, Deserializer};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// What a read command shows in place of a secret (CFG-6). A Gateway refuses to use it as one.
pub const REDACTED: &str = "__OPENCLAW_REDACTED__";

/// A token, password or key. It has no `Display` and its `Debug` is `***`; [`Secret::expose`] is the only way out,
/// so a reader can find every place that lets one go.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps `value` as it is; callers trim what came from a person (CRED-6).
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The secret itself, for a wire, a header or a hash; never for a log, an error or argv.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in time that depends only on the longer of the two lengths (AUTH-3): both sides are padded to it, and
    /// a difference in length only changes the result.
    pub fn matches(&self, other: &str) -> bool {
        let longest = self.0.len().max(other.len());
        let pad = |text: &str| {
            let mut bytes = Zeroizing::new(vec![0u8; longest]);
            bytes[..text.len()].copy_from_slice(text.as_bytes());
            bytes
        };
        let same_bytes = pad(&self.0).ct_eq(&pad(other));
        let same_length = (self.0.len() as u64).ct_eq(&(other.len() as u64));
        (same_bytes & same_length).into()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// `bytes` random bytes from the operating system as lower-case hex.
pub fn random_hex(bytes: usize) -> String {
    random_bytes(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `bytes` random bytes from the operating system as base64url without padding.
pub fn random_token(bytes: usize) -> Secret {
    Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&*random_bytes(bytes)))
}

fn random_bytes(count: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![0u8; count]);
    getrandom::fill(&mut bytes).expect("the operating system's random source answers on every supported platform");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AUTH-3
    #[test]
    fn a_secret_matches_only_itself_whatever_the_length() {
        let secret = Secret::new("correct horse");
        assert!(secret.matches("correct horse"));
        for other in ["", "correct", "correct horsf", "correct horse\0", "correct horse battery"] {
            assert!(!secret.matches(other), "{other:?}");
        }
    }

    #[test]
    fn a_secret_is_not_printed_by_debug() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
    }

    #[test]
    fn random_tokens_differ_and_have_the_length_asked_for() {
        assert_eq!(random_hex(24).len(), 48);
        assert_ne!(random_token(32).expose(), random_token(32).expose());
    }
}
