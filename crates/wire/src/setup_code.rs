//! A setup code: everything one new device needs to come in, once (N-3.7, PAIR-14). It says where the Gateway is, holds
//! a token that works once, and names the certificate to insist on. Base64url of JSON, so that it survives a chat, a
//! clipboard and a camera; as `oc-pair://CODE` it is a link.
//!
//! A code is a secret for as long as its token works: whoever reads it can come in by it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::connect::Credential;

/// How a code begins as a link.
pub const LINK: &str = "oc-pair://";
/// A code with eight addresses is a fraction of this.
const MAX_BYTES: usize = 24 * 1024;
/// Shorter text is a host or a profile, not a code.
const MIN_BYTES: usize = 40;
/// Addresses of one Gateway.
pub const MAX_URLS: usize = 8;

/// What a code says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetupCode {
    /// The address to try first, `ws://…` or `wss://…`.
    pub url: String,
    /// Every address, when there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// For `connect.auth.bootstrapToken`.
    pub bootstrap_token: Credential,
    /// When the token stops working, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
    /// The SHA-256 of the certificate behind these addresses, when the Gateway itself speaks TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_fingerprint: Option<String>,
}

/// Text that is no setup code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSetupCode {
    /// Not base64url of JSON.
    #[error("this is no setup code; was all of it copied?")]
    Unreadable,
    /// It lacks an address or a token.
    #[error("this setup code names no Gateway, or holds no token")]
    Incomplete,
}

impl SetupCode {
    /// Reads a code, bare or as a link.
    ///
    /// # Errors
    /// [`BadSetupCode`]. A code that is too old is read all the same, see [`SetupCode::is_over`].
    pub fn parse(text: &str) -> Result<Self, BadSetupCode> {
        let code = bare(text);
        if code.len() > MAX_BYTES {
            return Err(BadSetupCode::Unreadable);
        }
        let json = URL_SAFE_NO_PAD.decode(code.trim_end_matches('=')).map_err(|_| BadSetupCode::Unreadable)?;
        Self::of_json(&json)
    }

    /// Reads what a join page answers to a program.
    ///
    /// # Errors
    /// [`BadSetupCode`]
    pub fn of_json(json: &[u8]) -> Result<Self, BadSetupCode> {
        let mut read: Self = serde_json::from_slice(json).map_err(|_| BadSetupCode::Unreadable)?;
        if read.url.trim().is_empty() || read.bootstrap_token.as_str().trim().is_empty() {
            return Err(BadSetupCode::Incomplete);
        }
        read.urls.truncate(MAX_URLS);
        Ok(read)
    }

    /// Whether `text` was meant as a code: a link, or long and without anything a host or an address needs.
    pub fn is_meant(text: &str) -> bool {
        let text = text.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_=+/".contains(c);
        is_link(text) || (text.len() >= MIN_BYTES && text.chars().all(legal))
    }

    /// The code itself.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).expect("strings and numbers always serialise"))
    }

    /// The same as a link.
    pub fn link(&self) -> String {
        format!("{LINK}{}", self.encode())
    }

    /// Every address, the first one first and each once.
    pub fn addresses(&self) -> Vec<&str> {
        let mut all = vec![self.url.as_str()];
        all.extend(self.urls.iter().map(String::as_str).filter(|url| *url != self.url));
        all
    }

    /// Whether its token has stopped working at `now`, in milliseconds.
    pub fn is_over(&self, now: i64) -> bool {
        self.expires_at_ms.is_some_and(|until| until <= now)
    }
}

fn is_link(text: &str) -> bool {
    text.get(..LINK.len()).is_some_and(|head| head.eq_ignore_ascii_case(LINK))
}

fn bare(text: &str) -> &str {
    let text = text.trim();
    if is_link(text) { text[LINK.len()..].trim_end_matches('/') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> SetupCode {
        SetupCode {
            url: "wss://192.168.1.5:18789".into(),
            urls: vec!["wss://192.168.1.5:18789".into(), "wss://studio.local:18789".into()],
            bootstrap_token: Credential::new("t0ken"),
            expires_at_ms: Some(5),
            tls_fingerprint: Some("ab".into()),
        }
    }

    /// N-3.7
    #[test]
    fn a_code_is_read_back_bare_and_as_a_link() {
        let code = code();
        for text in [code.encode(), format!(" {} ", code.link()), format!("OC-PAIR://{}/", code.encode())] {
            assert_eq!(SetupCode::parse(&text), Ok(code.clone()), "{text}");
            assert!(SetupCode::is_meant(&text), "{text}");
        }
        assert_eq!(code.addresses(), ["wss://192.168.1.5:18789", "wss://studio.local:18789"]);
        assert!(code.is_over(5) && !code.is_over(4));
    }

    /// The keys are those that released apps read.
    #[test]
    fn the_json_inside_is_what_apps_know() {
        let plain = SetupCode { urls: Vec::new(), tls_fingerprint: None, ..code() };
        let json = URL_SAFE_NO_PAD.decode(plain.encode()).unwrap();
        assert_eq!(
            String::from_utf8(json).unwrap(),
            r#"{"url":"wss://192.168.1.5:18789","bootstrapToken":"t0ken","expiresAtMs":5}"#
        );
        let newer = URL_SAFE_NO_PAD.encode(r#"{"url":"ws://10.0.0.1:1","bootstrapToken":"t","more":1}"#);
        assert_eq!(SetupCode::parse(&newer).unwrap().url, "ws://10.0.0.1:1");
    }

    #[test]
    fn what_is_no_code_is_told_apart() {
        let whole = code().encode();
        for text in ["", "oc-pair://", "hello world", &whole[..whole.len() / 2], "eyJ1cmwiOiIifQ"] {
            assert!(SetupCode::parse(text).is_err(), "{text}");
        }
        let empty = URL_SAFE_NO_PAD.encode(r#"{"url":"","bootstrapToken":"t"}"#);
        assert_eq!(SetupCode::parse(&empty), Err(BadSetupCode::Incomplete));
        for text in ["me@host", "studio", "wss://gw.example/with/a/long/path/that/is/no/code", "10.0.0.1:18789"] {
            assert!(!SetupCode::is_meant(text), "{text}");
        }
    }
}
