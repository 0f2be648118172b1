//! Where a connection comes from (LOCAL-1…5).
//!
//! The socket's peer is a fact; headers are hearsay, believed only from a trusted proxy. A request that looks proxied
//! but comes from nobody we trust is refused rather than guessed about: behind an unconfigured proxy on this machine
//! every stranger would look local.

use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use wire::ScopeSet;
use wire::connect::{AuthMethod, ClientInfo};

use super::net::{self, Authority};
use super::origin;
use super::policy::Policy;
use super::provenance::Provenance;
use super::proxy;
use super::refusal::PROXY_ADVICE;
use super::shared::Proof;
use super::tailnet;

/// Headers Tailscale owns; a direct local caller has none of them.
const TAILSCALE_HEADERS: [&str; 5] = [
    "tailscale-user-login",
    "tailscale-user-name",
    "tailscale-user-profile-pic",
    "tailscale-headers-info",
    FUNNEL_HEADER,
];
/// Tailscale's mark on what comes from the internet.
pub(super) const FUNNEL_HEADER: &str = "tailscale-funnel-request";
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
    /// From a device of the tailnet, by the route of Tailscale's to a listener of ours.
    TailscaleServe,
    /// From the internet, by such a route.
    TailscaleFunnel,
    /// Proxied by somebody we do not trust, or from nobody a trusted proxy can name; refused.
    Unattributable,
}

/// The other end of a socket, as its request described it.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The door it came in by.
    pub(crate) from: Provenance,
    /// The client's address: the socket's, or what a trusted proxy says.
    pub(crate) client: IpAddr,
    /// Whose request it is.
    pub(crate) attribution: Attribution,
    /// The Host header; one that is no host is kept as an empty name, which nothing accepts.
    pub(crate) host: Option<Authority>,
    /// The Origin header, when there is one that is not blank: a browser.
    pub(crate) origin: Option<String>,
    /// Whom a trusted proxy says it speaks for, or why that is not believed; absent in other modes, and for direct
    /// local callers, who have no proxy (PROXY-2).
    pub(crate) user: Option<Result<String, proxy::Problem>>,
    /// The login that Tailscale names; hearsay until `whois` says the same (TS-3).
    pub(crate) tailnet_login: Option<String>,
    /// Whether Tailscale marked it as coming from the internet.
    funnel: bool,
    /// `x-openclaw-scopes`: a cap on what is granted, never a grant.
    pub(crate) scope_cap: Option<ScopeSet>,
}

impl Peer {
    /// Reads a request's headers in the light of `policy`.
    pub(crate) fn read(from: Provenance, headers: &HeaderMap, policy: &Policy) -> Self {
        let (attribution, client) = attribute(&from, headers, policy);
        Self {
            from,
            client,
            attribution,
            host: headers.get(HOST).map(|host| host.to_str().ok().and_then(Authority::parse).unwrap_or_default()),
            origin: text(headers, ORIGIN.as_str()).filter(|origin| !origin.is_empty()).map(str::to_owned),
            user: (policy.is_by_proxy() && attribution != Attribution::DirectLocal)
                .then(|| proxy::user(from.ip(), attribution, headers, policy)),
            tailnet_login: tailnet::login(attribution, headers),
            funnel: headers.contains_key(FUNNEL_HEADER),
            scope_cap: headers.get(SCOPES_HEADER).map(|value| scopes(value.to_str().unwrap_or(""))),
        }
    }

    /// Whether it is this machine, through nothing (LOCAL-1).
    pub(crate) fn is_direct_local(&self) -> bool {
        self.attribution == Attribution::DirectLocal
    }

    /// AUTH-12: the internet is not let in by a mode that asks for nothing.
    pub(crate) fn may_be_anonymous(&self) -> bool {
        match self.attribution {
            Attribution::TrustedProxy => !self.funnel,
            Attribution::TailscaleServe | Attribution::TailscaleFunnel => false,
            Attribution::DirectLocal | Attribution::DirectRemote | Attribution::Unattributable => true,
        }
    }

    /// Whether the owner is proven to speak without any secret: a process of the owner's at the local socket, through
    /// nothing.
    pub(crate) fn is_owner(&self) -> bool {
        self.from.is_owner() && self.is_direct_local() && self.origin.is_none()
    }
}

/// Whether pairing counts a client as the owner's own (LOCAL-5). Beside a direct local line these are the two shapes a
/// published container port gives to a local caller; they need the secret and a certain container.
pub(super) fn is_near(peer: &Peer, policy: &Policy, shared: Proof, client: &ClientInfo) -> bool {
    if peer.is_direct_local() {
        return true;
    }
    let proven = matches!(shared, Proof::Valid(AuthMethod::Token | AuthMethod::Password));
    let private = peer.attribution == Attribution::DirectRemote && net::is_private(peer.client);
    let host_is_loopback = peer.host.as_ref().is_some_and(Authority::is_loopback);
    if !(policy.in_container && proven && private && host_is_loopback) {
        return false;
    }
    match peer.origin.as_deref().map(origin::host_of) {
        None => client.id == "cli" && client.mode == "cli",
        Some(page) => {
            let page_is_loopback = page.and_then(|host| Authority::parse(&host));
            client.id == "openclaw-control-ui" && page_is_loopback.is_some_and(|host| host.is_loopback())
        }
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn scopes(header: &str) -> ScopeSet {
    ScopeSet::new(header.split(',').map(str::trim).filter(|name| !name.is_empty()))
}

fn attribute(from: &Provenance, headers: &HeaderMap, policy: &Policy) -> (Attribution, IpAddr) {
    let peer = from.ip();
    if let Provenance::Tailscale { way, .. } = from {
        return tailnet::attribute(*way, headers).unwrap_or((Attribution::Unattributable, peer));
    }
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

/// Says once in the life of this process that a proxy is not trusted, and what to do (LOCAL-3): its next thousand
/// requests would say the same.
pub(crate) fn note_unattributable(peer: &Peer) {
    static SAID: Once = Once::new();
    SAID.call_once(|| tracing::warn!(from = %peer.from, "{PROXY_ADVICE}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::tests::{headers, policy, tcp};

    fn read(addr: &str, pairs: &[(&str, &str)]) -> Peer {
        let mut policy = policy();
        policy.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        Peer::read(tcp(addr), &headers(pairs), &policy)
    }

    /// LOCAL-1, N-3.4
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

    /// LOCAL-5
    #[test]
    fn a_published_container_port_is_near_only_with_the_secret_and_its_own_looks() {
        let near = |addr: &str, headers_of: &[(&str, &str)], shared, id: &str, change: fn(&mut Policy)| {
            let mut policy = policy();
            policy.in_container = true;
            change(&mut policy);
            let peer = Peer::read(tcp(addr), &headers(headers_of), &policy);
            let mode = if id == "cli" { "cli" } else { "webchat" };
            let client = ClientInfo { id: id.into(), mode: mode.into(), ..ClientInfo::default() };
            is_near(&peer, &policy, shared, &client)
        };
        let (token, bridge, same) = (Proof::Valid(AuthMethod::Token), "172.17.0.1:1", |_: &mut Policy| {});
        let host = ("host", "localhost:18789");
        let page = ("origin", "http://127.0.0.1:18789");
        assert!(near("127.0.0.1:1", &[], Proof::Valid(AuthMethod::None), "openclaw-tui", same), "a direct local line");
        assert!(near(bridge, &[host], token, "cli", same));
        assert!(near(bridge, &[host, page], token, "openclaw-control-ui", same));
        assert!(!near(bridge, &[host], token, "openclaw-tui", same), "another client");
        assert!(!near(bridge, &[host, page], token, "cli", same), "a command with a page behind it");
        assert!(!near(bridge, &[host], Proof::Valid(AuthMethod::None), "cli", same), "no secret");
        assert!(!near(bridge, &[("host", "box.lan:18789")], token, "cli", same), "dialled by another name");
        assert!(!near(bridge, &[host, ("x-real-ip", "10.0.0.1")], token, "cli", same), "through a proxy");
        assert!(!near("203.0.113.7:1", &[host], token, "cli", same), "from the internet");
        assert!(!near(bridge, &[host], token, "cli", |policy| policy.in_container = false), "no container");
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
