//! Which addresses and host names are this machine, and which are a private network.

use std::net::{IpAddr, Ipv6Addr};

/// `address` with an IPv4-mapped form turned back into IPv4.
pub(crate) fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// 127.0.0.0/8, `::1` and the mapped form.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    plain(address).is_loopback()
}

/// RFC 1918, link-local, CGNAT (which tailnets use), IPv6 unique local and link-local.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match plain(address) {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// A host as it stands in a Host header or an origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Authority {
    /// Lower case, without brackets or trailing dots.
    pub(crate) host: String,
    /// As written; `None` means the scheme's own.
    pub(crate) port: Option<u16>,
}

impl Authority {
    /// Reads `host`, `host:port` or `[v6]:port`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']')?;
                host.parse::<Ipv6Addr>().ok()?;
                (host, after.strip_prefix(':').or((after.is_empty()).then_some(""))?)
            }
            None => text.split_once(':').unwrap_or((text, "")),
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if host.is_empty() || !host.chars().all(legal) {
            return None;
        }
        let port = if port.is_empty() { None } else { Some(port.parse().ok()?) };
        Some(Self { host, port })
    }

    /// The address, when the host is a literal.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// `localhost` or a loopback literal.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.address().is_some_and(is_loopback)
    }

    /// A private or loopback literal.
    pub(crate) fn is_private_literal(&self) -> bool {
        self.address().is_some_and(|address| is_loopback(address) || is_private(address))
    }

    /// A name nobody outside the local network or tailnet can make point here: `*.local`, `*.ts.net`.
    pub(crate) fn is_local_name(&self) -> bool {
        self.host.ends_with(".local") || self.host.ends_with(".ts.net")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_with_and_without_ports() {
        let read = |text: &str| Authority::parse(text).map(|a| (a.host, a.port));
        assert_eq!(read("LocalHost.:80"), Some(("localhost".into(), Some(80))));
        assert_eq!(read("[::1]:18789"), Some(("::1".into(), Some(18789))));
        assert_eq!(read("[::1]"), Some(("::1".into(), None)));
        for bad in ["", ":80", "[::1", "[x]", "a b", "a:b", "a:99999", "a/b", "user@host"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn private_networks_are_told_from_the_internet() {
        for private in ["10.0.0.1", "192.168.1.9", "172.16.0.1", "169.254.1.1", "100.64.0.1", "fd00::1", "fe80::1"] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "100.63.0.1", "100.128.0.1", "2001:db8::1", "172.32.0.1"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
        assert!(is_loopback("::ffff:127.0.0.9".parse().unwrap()));
    }
}
