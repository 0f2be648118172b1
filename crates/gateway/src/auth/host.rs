//! The Host header of a request to a loopback listener, against DNS rebinding.
//!
//! A page may make its own name point at 127.0.0.1 and then read this Gateway's answers as its own. The browser still
//! writes that name into Host, so a name that cannot be this Gateway's is refused before anything else is looked at.

use super::locality::{Attribution, Peer};
use super::policy::Policy;

/// Whether the request's Host may be this Gateway. Only requests to a loopback listener are checked: from elsewhere the
/// browser could have come by itself, and a trusted proxy passes on whatever name it is known by.
pub(crate) fn is_ours(peer: &Peer, policy: &Policy) -> bool {
    let Some(host) = &peer.host else { return true };
    let from_afar = match peer.attribution {
        Attribution::DirectLocal | Attribution::TailscaleServe | Attribution::TailscaleFunnel => false,
        Attribution::DirectRemote | Attribution::TrustedProxy | Attribution::Unattributable => true,
    };
    from_afar
        || host.is_loopback()
        || host.is_private_literal()
        || host.is_local_name()
        || policy.own_hosts.contains(&host.host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::tests::{headers, policy, tcp};

    #[test]
    fn a_rebound_name_is_refused_and_our_own_are_not() {
        let mut policy = policy();
        policy.own_hosts = vec!["claw.example".into(), "workstation".into()];
        let ours =
            |addr: &str, host: &str| is_ours(&Peer::read(tcp(addr), &headers(&[("host", host)]), &policy), &policy);
        for host in ["127.0.0.1:18789", "localhost", "[::1]:1", "10.1.2.3", "box.local", "b.ts.net", "claw.example:1"] {
            assert!(ours("127.0.0.1:1", host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:18789",
            "127.0.0.1.evil.example",
            "8.8.8.8",
            "local",
            "localhost.evil.example",
        ] {
            assert!(!ours("127.0.0.1:1", host), "{host}");
        }
        assert!(ours("192.0.2.1:1", "evil.example"), "not a loopback request");
    }
}
