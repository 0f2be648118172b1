//! Where devices elsewhere find this Gateway, for setup codes (CON-4, PAIR-14), and which of that may stand in one (WS-4):
//! a code is for a phone, which moves between networks, so that its way is encrypted everywhere but at home.

use std::net::SocketAddr;

use url::{Host, Url};

use crate::announcement::advertised;
use crate::auth::net;
use crate::services::Services;

/// An address for a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// `ws://…` or `wss://…`, without a slash at its end.
    pub(crate) url: String,
    /// What named it.
    pub(crate) source: &'static str,
    /// Whether our own certificate is behind it, so that a client can insist on that.
    pub(crate) is_own_tls: bool,
}

/// Why an address does not get into a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// It is no address of a Gateway.
    #[error("`{0}` is no ws:// or wss:// address")]
    Unreadable(String),
    /// WS-4
    #[error(
        "`{0}` would send what a phone says in the clear; outside this machine and its local network that takes wss://"
    )]
    Plaintext(String),
}

impl Endpoint {
    /// One that somebody names; `http` and `https` are taken as `ws` and `wss`.
    ///
    /// # Errors
    /// [`Unfit`]
    pub(crate) fn named(services: &Services, text: &str, source: &'static str) -> Result<Self, Unfit> {
        let url = fit(text)?;
        let parsed = Url::parse(&url).map_err(|_| Unfit::Unreadable(text.to_owned()))?;
        // Another port is somebody else's, who may show another certificate.
        let is_own_tls = services.tls.is_some() && parsed.scheme() == "wss" && parsed.port() == Some(services.run.port);
        Ok(Self { url, source, is_own_tls })
    }
}

/// The addresses this Gateway knows of itself and that may stand in a code, the best first. Those that show another
/// certificate than the first are left out: a code names one.
pub(crate) fn known(services: &Services) -> Vec<Endpoint> {
    let mut found = Vec::new();
    let public = services.config.current().gateway.public_origin.clone();
    found.extend(public.and_then(|origin| Endpoint::named(services, &origin, "gateway.publicOrigin").ok()));
    let tailnet = services.tailscale.url().and_then(|url| host_of(&url));
    found.extend(tailnet.map(|host| Endpoint {
        url: format!("wss://{host}"),
        source: "gateway.tailscale.mode",
        is_own_tls: false,
    }));
    found.extend(bound(services).filter(|endpoint| fit(&endpoint.url).is_ok()));
    let first = found.first().map(|endpoint| endpoint.is_own_tls);
    found.retain(|endpoint| Some(endpoint.is_own_tls) == first);
    found
}

fn host_of(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
}

/// What we listen on beside loopback.
fn bound(services: &Services) -> impl Iterator<Item = Endpoint> {
    let run = &services.run;
    let outside: Vec<SocketAddr> = run.addresses.iter().filter(|own| !own.ip().is_loopback()).copied().collect();
    let lan = run.machine.lan_address.clone();
    let is_own_tls = services.tls.is_some();
    let scheme = if is_own_tls { "wss" } else { "ws" };
    outside.into_iter().filter_map(move |address| {
        let host = advertised(&[address], lan.as_deref())?;
        Some(Endpoint { url: format!("{scheme}://{host}:{}", address.port()), source: "gateway.bind", is_own_tls })
    })
}

/// The address as a code holds it.
fn fit(text: &str) -> Result<String, Unfit> {
    let text = text.trim();
    let unreadable = || Unfit::Unreadable(text.to_owned());
    let swapped = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => format!("ws://{rest}"),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => format!("wss://{rest}"),
        _ => text.to_owned(),
    };
    let url = Url::parse(&swapped).map_err(|_| unreadable())?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "ws" | "wss") || url.host_str().is_none_or(str::is_empty) || !is_bare {
        return Err(unreadable());
    }
    if url.scheme() == "ws" && !is_at_home(&url) {
        return Err(Unfit::Plaintext(text.to_owned()));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// This machine and the local network; a tailnet leads through other people's networks.
fn is_at_home(url: &Url) -> bool {
    let near = |address| net::is_loopback(address) || (net::is_private(address) && !is_shared(address));
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.trim_end_matches('.').ends_with(".local"),
        Some(Host::Ipv4(address)) => near(address.into()),
        Some(Host::Ipv6(address)) => near(address.into()),
        None => false,
    }
}

/// 100.64.0.0/10, and where tailnets have their IPv6.
fn is_shared(address: std::net::IpAddr) -> bool {
    match net::plain(address) {
        std::net::IpAddr::V4(v4) => v4.octets()[0] == 100,
        std::net::IpAddr::V6(v6) => v6.segments()[..3] == [0xfd7a, 0x115c, 0xa1e0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WS-4
    #[test]
    fn a_code_is_in_the_clear_at_home_only() {
        for good in
            ["ws://127.0.0.1:1", "ws://localhost:1", "ws://192.168.1.5:1", "ws://[fd00::1]:1", "ws://studio.local:1"]
        {
            assert_eq!(fit(good).as_deref(), Ok(good));
        }
        for bad in [
            "ws://100.64.0.9:1",
            "ws://[fd7a:115c:a1e0::1]:1",
            "ws://studio.tail1.ts.net",
            "ws://gw.example:1",
            "ws://8.8.8.8:1",
            "http://studio:1",
        ] {
            assert!(matches!(fit(bad), Err(Unfit::Plaintext(_))), "{bad}");
            let secured = bad.replace("ws://", "wss://").replace("http://", "https://");
            assert!(fit(&secured).unwrap().starts_with("wss://"), "{secured}");
        }
        for bad in ["", "studio", "ftp://x", "wss://", "wss://me:secret@gw.example", "wss://gw.example/?token=1"] {
            assert!(matches!(fit(bad), Err(Unfit::Unreadable(_))), "{bad}");
        }
        assert_eq!(fit("https://gw.example/path/").as_deref(), Ok("wss://gw.example/path"));
    }
}
