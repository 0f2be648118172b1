//! Where a connection comes from (LOCAL-1…4).
//!
//! The socket's peer is a fact; headers are hearsay, believed only from a trusted proxy. A request that looks proxied
//! but comes from nobody we trust is refused rather than guessed about: behind an unconfigured proxy on this machine
//! every stranger would look local.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use wire::ScopeSet;

use super::net::{self, Authority};
use super::policy::Policy;

/// Headers Tailscale owns; a direct local caller has none of them.
const TAILSCALE_HEADERS: [&str; 5] = [
    "tailscale-user-login",
    "tailscale-user-name",
    "tailscale-user-profile-pic",
    "tailscale-headers-info",
    "tailscale-funnel-request",
];
const SCOPES_HEADER: &str = "x-openclaw-scopes";

/// Whose request it is, as far as the line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribution {
    /// From this machine, through nothing.
    DirectLocal,
    /// From another machine, through nothing.
    DirectRemote,
    /// Through a proxy we trust, from a client it names.
    TrustedProxy,
    /// Proxied by somebody we do not trust, or from nobody a trusted proxy can name; refused.
    Unattributable,
}

/// The other end of a socket, as its request described it.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The socket's address.
    pub(crate) addr: SocketAddr,
    /// The client's address: the socket's, or what a trusted proxy says.
    pub(crate) client: IpAddr,
    /// Whose request it is.
    pub(crate) attribution: Attribution,
    /// The Host header; one that is no host is kept as an empty name, which nothing accepts.
    pub(crate) host: Option<Authority>,
    /// The Origin header, when there is one that is not blank: a browser.
    pub(crate) origin: Option<String>,
    /// `x-openclaw-scopes`: a cap on what is granted, never a grant.
    pub(crate) scope_cap: Option<ScopeSet>,
}

impl Peer {
    /// Reads a request's headers in the light of `policy`.
    pub(crate) fn read(addr: SocketAddr, headers: &HeaderMap, policy: &Policy) -> Self {
        let addr = SocketAddr::new(net::plain(addr.ip()), addr.port());
        let (attribution, client) = attribute(addr.ip(), headers, policy);
        Self {
            addr,
            client,
            attribution,
            host: headers.get(HOST).map(|host| host.to_str().ok().and_then(Authority::parse).unwrap_or_default()),
            origin: text(headers, ORIGIN.as_str()).filter(|origin| !origin.is_empty()).map(str::to_owned),
            scope_cap: headers.get(SCOPES_HEADER).map(|value| scopes(value.to_str().unwrap_or(""))),
        }
    }

    /// Whether it is this machine, through nothing (LOCAL-1).
    pub(crate) fn is_direct_local(&self) -> bool {
        self.attribution == Attribution::DirectLocal
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn scopes(header: &str) -> ScopeSet {
    ScopeSet::new(header.split(',').map(str::trim).filter(|name| !name.is_empty()))
}

fn attribute(peer: IpAddr, headers: &HeaderMap, policy: &Policy) -> (Attribution, IpAddr) {
    let trusted = policy.trusts_proxy(peer);
    if !looks_proxied(headers) {
        let direct = match (peer.is_loopback(), trusted) {
            (true, _) => Attribution::DirectLocal,
            (false, false) => Attribution::DirectRemote,
            (false, true) => Attribution::Unattributable,
        };
        return (direct, peer);
    }
    match client_behind_proxy(headers, policy).filter(|_| trusted) {
        Some(client) => (Attribution::TrustedProxy, client),
        None => (Attribution::Unattributable, peer),
    }
}

fn looks_proxied(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        name == "forwarded"
            || name == "x-real-ip"
            || name.starts_with("x-forwarded-")
            || TAILSCALE_HEADERS.contains(&name)
    })
}

/// From the right, past loopback hops and trusted proxies, the first other address (LOCAL-4).
fn client_behind_proxy(headers: &HeaderMap, policy: &Policy) -> Option<IpAddr> {
    let lists = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<IpAddr> = lists.flat_map(|list| list.split(',')).filter_map(hop).collect();
    let client = hops.into_iter().rev().find(|hop| !hop.is_loopback() && !policy.trusts_proxy(*hop));
    client.or_else(|| {
        let real = text(headers, "x-real-ip").filter(|_| policy.real_ip_fallback)?;
        hop(real).filter(|hop| !hop.is_loopback())
    })
}

/// An address with its port and brackets stripped; anything else is dropped.
fn hop(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|addr| addr.ip()));
    bare.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()).map(net::plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::tests::{headers, policy};

    fn read(addr: &str, pairs: &[(&str, &str)]) -> Peer {
        let mut policy = policy();
        policy.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        Peer::read(addr.parse().unwrap(), &headers(pairs), &policy)
    }

    /// LOCAL-1
    #[test]
    fn only_a_bare_loopback_request_is_direct_local() {
        assert!(read("127.0.0.1:1", &[("host", "evil.example")]).is_direct_local());
        assert!(read("[::ffff:127.0.0.1]:1", &[]).is_direct_local());
        for header in ["forwarded", "x-real-ip", "x-forwarded-proto", "tailscale-user-login"] {
            let peer = read("127.0.0.1:1", &[(header, "x")]);
            assert_eq!(peer.attribution, Attribution::Unattributable, "{header}");
        }
        assert_eq!(read("192.0.2.1:1", &[]).attribution, Attribution::DirectRemote);
    }

    /// LOCAL-3, LOCAL-4
    #[test]
    fn the_client_behind_a_trusted_proxy_is_the_first_stranger_from_the_right() {
        let peer = read("10.0.0.1:1", &[("x-forwarded-for", "6.6.6.6, 203.0.113.7:99, 10.0.0.9, 127.0.0.1, junk")]);
        assert_eq!((peer.attribution, peer.client.to_string()), (Attribution::TrustedProxy, "203.0.113.7".into()));
        let nobody = read("10.0.0.1:1", &[("x-forwarded-for", "junk"), ("x-real-ip", "203.0.113.7")]);
        assert_eq!(nobody.attribution, Attribution::Unattributable);
        assert_eq!(read("10.0.0.1:1", &[]).attribution, Attribution::Unattributable);
        assert_eq!(read("192.0.2.1:1", &[("x-forwarded-for", "127.0.0.1")]).attribution, Attribution::Unattributable);
    }

    #[test]
    fn hops_lose_ports_and_brackets() {
        for (text, ip) in
            [("[2001:db8::1]:80", "2001:db8::1"), ("\"[2001:db8::1]\"", "2001:db8::1"), ("1.2.3.4", "1.2.3.4")]
        {
            assert_eq!(hop(text), Some(ip.parse().unwrap()), "{text}");
        }
        assert_eq!(hop("unknown"), None);
    }
}
