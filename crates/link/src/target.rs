//! Where a Gateway is, who said so, and whether it may be spoken to in plaintext (WS-1…3, CRED-1, CRED-10).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use base::{Code, Explain, Kind, Step};
use url::{Host, Url};

use crate::tailnet;
use crate::transports::ssh::SshRoute;

/// Who named the target; the words are part of what scripts search for (CRED-10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `--url`.
    Flag,
    /// `--port`, always loopback.
    PortFlag,
    /// `OPENCLAW_GATEWAY_URL`.
    Env,
    /// `gateway.remote.url`.
    ConfigRemote,
    /// `gateway.remote.sshTarget`; the text is all of CRED-10's words.
    SshConfig(String),
    /// `--ssh` with a host of its own; the same words.
    SshFlag(String),
    /// What the node host of this machine joined, or was told.
    NodeHost,
    /// Nothing named one: this host.
    LocalLoopback,
    /// Remote mode without a URL (CRED-8); only reports go on with it.
    MissingRemoteUrl,
}

impl Source {
    /// The words of CRED-10.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Flag => "cli --url",
            Self::PortFlag => "cli --port",
            Self::Env => "env OPENCLAW_GATEWAY_URL",
            Self::ConfigRemote => "config gateway.remote.url",
            Self::SshConfig(words) | Self::SshFlag(words) => words,
            Self::NodeHost => "node host",
            Self::LocalLoopback => "local loopback",
            Self::MissingRemoteUrl => "missing gateway.remote.url (fallback local)",
        }
    }

    /// Whether the Gateway meant is the one of this host, so that starting it is good advice (PROBE-15).
    pub const fn is_this_host(&self) -> bool {
        matches!(self, Self::PortFlag | Self::LocalLoopback)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the stream gets to the Gateway; the URL says where it is, for people, tokens and the upgrade request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Route {
    /// Straight to the URL's host and port.
    #[default]
    Direct,
    /// Through the socket a Gateway of this host keeps in its state folder.
    Unix(PathBuf),
    /// Through a socket of this machine that leads to a Gateway elsewhere, such as a tunnel's (SSH-16).
    Forward(PathBuf),
    /// Through SSH, to the URL's port on the loopback of the host behind it.
    Ssh(Box<SshRoute>),
}

/// One Gateway to connect to.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Boxed, since every error about a target carries it.
    url: Box<Url>,
    source: Source,
    route: Route,
}

impl Target {
    /// Reads a URL; `http` and `https` are taken as `ws` and `wss` (WS-1), a bare MagicDNS name as `wss` (TS-11), anything
    /// else without a scheme as `ws`. A path behind `unix:`, `ws+unix:` or `wss+unix:` is a socket that leads to a Gateway
    /// (SSH-16).
    ///
    /// # Errors
    /// [`TargetError`] for text that is no URL, has no host, or has another scheme.
    pub fn parse(text: &str, source: Source) -> Result<Self, TargetError> {
        let text = text.trim();
        if let Some(target) = Self::behind_socket(text, &source) {
            return target;
        }
        let with_scheme = match text.contains("://") {
            true => text.to_owned(),
            false if tailnet::is_magic_name(text) => format!("wss://{text}"),
            false => format!("ws://{text}"),
        };
        let swapped = match with_scheme.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => format!("ws://{rest}"),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => format!("wss://{rest}"),
            _ => with_scheme,
        };
        let bad = |reason: &str| TargetError { shown: shown_text(text), reason: reason.to_owned() };
        let url = Url::parse(&swapped).map_err(|error| bad(&error.to_string()))?;
        if !matches!(url.scheme(), "ws" | "wss") {
            return Err(bad("the scheme must be ws or wss"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(bad("it names no host"));
        }
        Ok(Self { url: Box::new(url), source, route: Route::Direct })
    }

    fn behind_socket(text: &str, source: &Source) -> Option<Result<Self, TargetError>> {
        let (scheme, rest) = text.split_once(':')?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "unix" | "ws+unix" => "ws",
            "wss+unix" => "wss",
            _ => return None,
        };
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if !path.starts_with('/') {
            let reason = "a socket is named by its whole path, as in unix:/path/to.sock";
            return Some(Err(TargetError { shown: text.to_owned(), reason: reason.to_owned() }));
        }
        // The far Gateway's own loopback, as it is told.
        let url = Url::parse(&format!("{secure}://127.0.0.1")).expect("a scheme and a loopback address make a URL");
        Some(Ok(Self { url: Box::new(url), source: source.clone(), route: Route::Forward(PathBuf::from(path)) }))
    }

    /// The Gateway of this host on `port`.
    pub fn loopback(port: u16, source: Source) -> Self {
        let url = Url::parse(&format!("ws://127.0.0.1:{port}")).expect("a loopback address and a port make a URL");
        Self { url: Box::new(url), source, route: Route::Direct }
    }

    /// The same Gateway by another way.
    #[must_use]
    pub fn by(self, route: Route) -> Self {
        Self { route, ..self }
    }

    /// How the stream gets there.
    pub const fn route(&self) -> &Route {
        &self.route
    }

    /// Who named it.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// The URL, for dialling; use [`Target`]'s `Display` for people.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What device tokens are bound to (CRED-3): scheme, host and port; behind SSH also whose loopback that is.
    pub fn origin(&self) -> String {
        match self.route() {
            Route::Ssh(route) => format!("ssh://{}/{}:{}", route.account.whole(), self.host(), self.port()),
            Route::Forward(path) => format!("unix:{}", path.display()),
            _ => self.endpoint(),
        }
    }

    /// Scheme, host and port, for the upgrade request.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}://{}:{}", self.url.scheme(), self.url.host_str().unwrap_or_default(), self.port())
    }

    /// The way through SSH, when that is the way.
    pub fn ssh(&self) -> Option<&SshRoute> {
        match &self.route {
            Route::Ssh(route) => Some(route),
            _ => None,
        }
    }

    /// One word for the way there, as reports show it.
    pub const fn transport(&self) -> &'static str {
        match &self.route {
            Route::Direct => "direct",
            Route::Unix(_) | Route::Forward(_) => "unix",
            Route::Ssh(_) => "ssh",
        }
    }

    /// The host, without the brackets of an IPv6 literal.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// The port, the scheme's default when the URL names none.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(80)
    }

    /// Whether the stream is encrypted.
    pub fn is_tls(&self) -> bool {
        self.url.scheme() == "wss"
    }

    /// Whether the Gateway speaks TLS where the route ends: on its port, not on its own Unix socket.
    pub fn has_tls_stream(&self) -> bool {
        match self.route {
            Route::Direct | Route::Ssh(_) | Route::Forward(_) => self.is_tls(),
            Route::Unix(_) => false,
        }
    }

    /// Whether the host is this machine.
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => is_loopback_v6(address),
            None => false,
        }
    }
}

/// The URL without user, password, query values and fragment, for people (WS-3); without a trailing slash. Behind SSH
/// it is the far end's, with the host it is on; behind a socket that leads elsewhere, with the socket.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.url))?;
        match &self.route {
            Route::Ssh(route) => write!(f, " via ssh {}", route.target),
            Route::Forward(path) => write!(f, " via {}", path.display()),
            Route::Direct | Route::Unix(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self}, {})", self.source)
    }
}

/// A URL as people may see it: no userinfo, no query, no fragment (WS-3, LOG-2).
pub fn shown(url: &Url) -> String {
    let path = url.path().trim_end_matches('/');
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{path}", url.scheme(), url.host_str().unwrap_or_default())
}

/// As [`shown`], for text that did not parse: everything that could hold a secret is cut.
fn shown_text(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        _ => text.to_owned(),
    }
}

/// Text that names no Gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a Gateway URL: {reason}")]
pub struct TargetError {
    shown: String,
    reason: String,
}

impl Explain for TargetError {
    fn code(&self) -> Code {
        Code("BAD_GATEWAY_URL")
    }

    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn next(&self) -> Vec<Step> {
        vec![Step::advise("give a URL such as ws://127.0.0.1:18789 or wss://host.example")]
    }
}

/// Why a plaintext URL is not dialled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refusing ws:// to `{host}` ({shown}, from {source_words}): credentials and chat would be readable on the way")]
pub struct PlaintextRefused {
    host: String,
    shown: String,
    source_words: String,
    port: u16,
}

impl Explain for PlaintextRefused {
    fn code(&self) -> Code {
        Code("PLAINTEXT_REFUSED")
    }

    fn kind(&self) -> Kind {
        Kind::Failure
    }

    fn next(&self) -> Vec<Step> {
        vec![
            Step::run(format!("ssh -N -L 18789:127.0.0.1:{} user@{}", self.port, self.host)),
            Step::advise(format!("or use wss://{}, or reach it over Tailscale as wss://<name>.ts.net", self.host)),
        ]
    }
}

/// WS-1 and WS-2: `wss` always passes; `ws` passes to this host, private networks and names that stay inside one. With
/// `allow_private` (the client's `OPENCLAW_ALLOW_INSECURE_PRIVATE_WS`) any DNS name passes, a public address never.
///
/// # Errors
/// [`PlaintextRefused`], before any name is resolved or socket opened (WS-3).
pub fn plaintext_rule(target: &Target, allow_private: bool) -> Result<(), PlaintextRefused> {
    if target.is_tls() {
        return Ok(());
    }
    let passes = match target.url.host() {
        Some(Host::Domain(name)) => allow_private || is_private_name(name),
        Some(Host::Ipv4(address)) => is_private_v4(address),
        Some(Host::Ipv6(address)) => is_private_v6(address),
        None => false,
    };
    if passes {
        return Ok(());
    }
    Err(PlaintextRefused {
        host: target.host().to_owned(),
        shown: target.to_string(),
        source_words: target.source.to_string(),
        port: target.port(),
    })
}

fn is_private_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".local") || name.ends_with(".ts.net")
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let carrier_grade = first == 100 && (64..128).contains(&second);
    address.is_loopback() || address.is_private() || address.is_link_local() || carrier_grade
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_private_v4(mapped);
    }
    let first = address.segments()[0];
    // fc00::/7 unique local, fe80::/10 link-local, fec0::/10 site-local (deprecated, still seen).
    let local = first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80 || first & 0xffc0 == 0xfec0;
    address.is_loopback() || local
}

fn is_loopback_v6(address: Ipv6Addr) -> bool {
    IpAddr::V6(address).to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(url: &str, allow_private: bool) -> bool {
        plaintext_rule(&Target::parse(url, Source::Flag).unwrap(), allow_private).is_ok()
    }

    /// WS-1, N-2.12
    #[test]
    fn plaintext_stays_on_this_host_and_in_private_networks() {
        let pass = [
            "wss://example.com",
            "https://example.com",
            "ws://localhost",
            "ws://localhost.:18789",
            "ws://127.0.0.1:18789",
            "ws://127.8.9.1",
            "ws://[::1]:18789",
            "ws://[::ffff:127.0.0.1]",
            "ws://10.1.2.3",
            "ws://172.16.0.1",
            "ws://192.168.1.1",
            "ws://169.254.1.1",
            "ws://100.64.0.1",
            "ws://100.127.255.255",
            "ws://[fd7a:115c:a1e0::1]",
            "ws://[fe80::1]",
            "ws://[fec0::1]",
            "ws://studio.local",
            "ws://gateway.tail1234.ts.net.",
            "http://127.0.0.1:18789",
        ];
        let fail = [
            "ws://example.com",
            "http://example.com",
            "ws://8.8.8.8",
            "ws://100.63.0.1",
            "ws://100.128.0.1",
            "ws://172.32.0.1",
            "ws://[2001:db8::1]",
            "ws://[::]",
            "ws://0.0.0.0",
            "ws://[ff02::1]",
            "ws://224.0.0.1",
            "ws://ts.net.example.com",
            "ws://local",
        ];
        for url in pass {
            assert!(rule(url, false), "{url}");
        }
        for url in fail {
            assert!(!rule(url, false), "{url}");
        }
    }

    /// TS-11
    #[test]
    fn a_bare_name_of_a_tailnet_means_its_https_route() {
        let url = |text: &str| Target::parse(text, Source::ConfigRemote).unwrap().to_string();
        assert_eq!(url("studio.tail1.ts.net"), "wss://studio.tail1.ts.net");
        assert_eq!(url("studio.tail1.ts.net:18789"), "ws://studio.tail1.ts.net:18789", "a port is the Gateway's own");
        assert_eq!(url("studio"), "ws://studio");
    }

    /// WS-2
    #[test]
    fn the_variable_lets_names_through_and_never_a_public_address() {
        assert!(rule("ws://gateway.example.com", true));
        assert!(!rule("ws://8.8.8.8", true));
        assert!(!rule("ws://[2001:db8::1]", true));
    }

    /// WS-3
    #[test]
    fn the_refusal_names_source_and_ways_out_and_no_secret() {
        let target = Target::parse("ws://me:hunter2@example.com:99/x?token=hunter3", Source::ConfigRemote).unwrap();
        let refused = plaintext_rule(&target, false).unwrap_err();
        let text = format!("{refused} {:?} {target:?}", refused.next());
        assert!(text.contains("ws://example.com:99/x") && text.contains("gateway.remote.url"), "{text}");
        assert!(text.contains("wss://") && text.contains("ssh -N -L") && text.contains("Tailscale"), "{text}");
        assert!(!text.contains("hunter"), "{text}");
        assert_eq!(refused.kind().exit_code(), 1);
    }

    /// SSH-16, CRED-3: the socket is the way and the origin; TLS is the far Gateway's own affair.
    #[test]
    fn a_path_behind_unix_is_a_socket_that_leads_to_a_gateway() {
        let parsed = |text: &str| Target::parse(text, Source::Env);
        for text in ["unix:/run/a b.sock", "ws+unix:/run/a b.sock", "unix:///run/a b.sock"] {
            let target = parsed(text).unwrap();
            assert_eq!(target.to_string(), "ws://127.0.0.1 via /run/a b.sock");
            assert_eq!((target.origin().as_str(), target.has_tls_stream()), ("unix:/run/a b.sock", false));
            assert!(plaintext_rule(&target, false).is_ok());
        }
        assert!(parsed("wss+unix:/run/a.sock").unwrap().has_tls_stream());
        assert!(parsed("unix:a.sock").unwrap_err().to_string().contains("whole path"));
        assert!(parsed("unix:").is_err());
    }

    /// WS-5, CRED-3, CRED-10: what counts is the far loopback; tokens belong to that host's, and to no other's.
    #[test]
    fn behind_ssh_plaintext_is_on_the_far_loopback_and_the_origin_names_the_host() {
        let by = |host: &str| {
            let target = crate::SshTarget::parse(host).unwrap();
            let source = Source::SshConfig(format!("ssh tunnel {}", target.whole()));
            Target::loopback(18789, source).by(Route::Ssh(Box::new(SshRoute::new(target))))
        };
        let target = by("me@203.0.113.7");
        assert!(plaintext_rule(&target, false).is_ok());
        assert_eq!(target.to_string(), "ws://127.0.0.1:18789 via ssh me@203.0.113.7");
        assert_eq!(target.source().as_str(), "ssh tunnel me@203.0.113.7:22");
        assert_eq!(target.origin(), "ssh://me@203.0.113.7:22/127.0.0.1:18789");
        assert_ne!(target.origin(), by("me@203.0.113.8").origin());
    }

    #[test]
    fn what_is_no_url_is_said_without_its_secret() {
        for bad in ["", "ftp://host", "ws://", "ws://user:hunter2@[x"] {
            let error = Target::parse(bad, Source::Flag).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn an_origin_has_its_port_and_nothing_else() {
        let origin = |url| Target::parse(url, Source::Flag).unwrap().origin();
        assert_eq!(origin("ws://u:p@Host/path?q"), "ws://host:80");
        assert_eq!(origin("wss://host"), "wss://host:443");
        assert_eq!(origin("127.0.0.1:18789"), "ws://127.0.0.1:18789");
    }
}
