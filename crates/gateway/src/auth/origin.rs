//! Which browser pages may open a connection (ORIGIN-1…6).
//!
//! A page on any site can make its visitor's browser dial a Gateway on the visitor's own machine; only the Origin
//! header tells that such a connection is not the owner's. No Origin: not a browser, nothing to check.

use serde_json::json;
use wire::ErrorShape;

use super::locality::Peer;
use super::net::Authority;
use super::policy::Policy;

/// Why a page is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Not `scheme://host[:port]`, or the Control UI came without one.
    Malformed,
    /// None of the rules lets it in.
    NotAllowed,
}

impl Problem {
    /// `details.reason`.
    const fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "origin missing or invalid",
            Self::NotAllowed => "origin not allowed",
        }
    }

    /// The refusal, with the exact origin and the command that would allow it.
    pub(crate) fn explain(self, origin: Option<&str>) -> ErrorShape {
        let reason = self.reason();
        let message = match origin {
            Some(origin) if self == Self::NotAllowed => format!(
                "{reason}: `{origin}`; to allow it run: openclaw config set gateway.controlUi.allowedOrigins \
                 '[\"{origin}\"]'"
            ),
            _ => reason.to_owned(),
        };
        ErrorShape::invalid(message).with(json!({"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": reason}))
    }
}

/// Checks the page behind `peer`, if there is one.
pub(crate) fn check(peer: &Peer, policy: &Policy) -> Result<(), Problem> {
    let Some(origin) = peer.origin.as_deref() else { return Ok(()) };
    let page = Page::parse(origin).ok_or(Problem::Malformed)?;
    let listed = policy.allowed_origins.iter().any(|allowed| allowed == "*" || *allowed == page.text);
    let same_host = peer.host.as_ref().is_some_and(|host| page.is_at(host));
    let trusted_host = (page.at.is_loopback() && peer.is_direct_local())
        || (page.at.is_private_literal() && !page.at.is_loopback())
        || page.at.is_local_name();
    let local_page = peer.is_direct_local() && page.at.is_loopback();
    let allowed = listed || same_host && (policy.host_header_fallback || trusted_host) || local_page;
    if allowed { Ok(()) } else { Err(Problem::NotAllowed) }
}

/// An origin in the form lists are compared in, `None` when it is not one.
pub(crate) fn normalise(origin: &str) -> Option<String> {
    Page::parse(origin).map(|page| page.text)
}

/// The host of an origin.
pub(crate) fn host_of(origin: &str) -> Option<String> {
    Page::parse(origin).map(|page| page.at.host)
}

struct Page {
    text: String,
    at: Authority,
    default_port: u16,
}

impl Page {
    fn parse(origin: &str) -> Option<Self> {
        let lower = origin.trim().to_ascii_lowercase();
        let text = lower.strip_suffix('/').unwrap_or(&lower);
        let (scheme, authority) = text.split_once("://")?;
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if scheme.is_empty() || !scheme.chars().all(legal) {
            return None;
        }
        let at = Authority::parse(authority)?;
        Some(Self { text: text.to_owned(), at, default_port: if scheme == "https" { 443 } else { 80 } })
    }

    /// Same host and port as a Host header, which leaves out the port its scheme implies.
    fn is_at(&self, host: &Authority) -> bool {
        let port = |authority: &Authority| authority.port.unwrap_or(self.default_port);
        self.at.host == host.host && port(&self.at) == port(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::tests::{headers, policy, tcp};

    fn verdict(addr: &str, host: &str, origin: &str, change: impl Fn(&mut Policy)) -> Result<(), Problem> {
        let mut policy = policy();
        change(&mut policy);
        let peer = Peer::read(tcp(addr), &headers(&[("host", host), ("origin", origin)]), &policy);
        check(&peer, &policy)
    }

    const LOCAL: &str = "127.0.0.1:5";
    const REMOTE: &str = "192.168.1.20:5";

    /// ORIGIN-1, ORIGIN-3
    #[test]
    fn pages_are_let_in_by_list_by_host_or_by_being_local() {
        let plain = |_: &mut Policy| {};
        assert_eq!(verdict(LOCAL, "127.0.0.1:18789", "", plain), Ok(()));
        assert_eq!(verdict(LOCAL, "127.0.0.1:18789", "http://localhost:5173", plain), Ok(()));
        assert_eq!(verdict(REMOTE, "192.168.1.5:18789", "http://192.168.1.5:18789", plain), Ok(()));
        assert_eq!(verdict(REMOTE, "box.local:18789", "http://box.local:18789", plain), Ok(()));
        assert_eq!(verdict(REMOTE, "box.tail1.ts.net", "https://box.tail1.ts.net", plain), Ok(()));
        let list = |policy: &mut Policy| policy.allowed_origins = vec!["https://claw.example".into()];
        assert_eq!(verdict(REMOTE, "x", "https://Claw.Example/", list), Ok(()));
        assert_eq!(verdict(REMOTE, "x", "https://claw.example:8443", list), Err(Problem::NotAllowed));
        assert_eq!(verdict(REMOTE, "x", "https://any.example", |p| p.allowed_origins = vec!["*".into()]), Ok(()));
    }

    /// ORIGIN-3, ORIGIN-5
    #[test]
    fn strangers_are_refused_even_when_the_host_header_agrees() {
        let plain = |_: &mut Policy| {};
        for (addr, host, origin) in [
            (LOCAL, "127.0.0.1:18789", "https://evil.example"),
            (LOCAL, "evil.example", "http://evil.example"),
            (REMOTE, "127.0.0.1:18789", "http://127.0.0.1:18789"),
            (REMOTE, "192.168.1.5:18789", "http://192.168.1.5:80"),
        ] {
            assert_eq!(verdict(addr, host, origin, plain), Err(Problem::NotAllowed), "{origin}");
        }
        let fallback = |policy: &mut Policy| policy.host_header_fallback = true;
        assert_eq!(verdict(REMOTE, "claw.example", "https://claw.example", fallback), Ok(()));
    }

    /// ORIGIN-2
    #[test]
    fn a_malformed_origin_is_said_to_be_one() {
        for origin in ["null", "example.com", "http://", "http://a/b", "http://u:p@a", "http://a//"] {
            assert_eq!(verdict(LOCAL, "127.0.0.1", origin, |_| {}), Err(Problem::Malformed), "{origin}");
        }
    }

    /// ORIGIN-6
    #[test]
    fn the_refusal_names_the_origin_and_the_command() {
        let error = Problem::NotAllowed.explain(Some("https://claw.example"));
        assert_eq!(error.detail_code(), Some("CONTROL_UI_ORIGIN_NOT_ALLOWED"));
        assert!(
            error.message.contains("openclaw config set gateway.controlUi.allowedOrigins '[\"https://claw.example\"]'")
        );
        assert_eq!(error.details.unwrap()["reason"], "origin not allowed");
    }
}
