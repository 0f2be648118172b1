//! The addresses of the Bridge (N-14.2). One that cannot be bound is passed over with a word.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use config::{Bind, BridgeAt};
use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};

use crate::http::bind::try_listen;
use crate::http::tailnet;

/// A peer that is silent so long is asked by the kernel whether it is still there (N-14.1).
const KEEPALIVE: Duration = Duration::from_secs(15);

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Opens what `at` asks for; the first address decides the port of all.
pub(super) async fn open(at: &BridgeAt, in_container: bool) -> Vec<TcpListener> {
    let mut opened: Vec<TcpListener> = Vec::new();
    for ip in wanted(at, in_container).await {
        let first = opened.first().and_then(|first| first.local_addr().ok());
        let address = SocketAddr::new(ip, first.map_or(at.port, |first| first.port()));
        match try_listen(address) {
            Ok(listener) => opened.push(listener),
            Err(error) => tracing::warn!(%address, %error, "the bridge cannot listen here"),
        }
    }
    opened
}

/// A host of its own is bound beside loopback, which tools of this machine use.
async fn wanted(at: &BridgeAt, in_container: bool) -> Vec<IpAddr> {
    let beside = |ip: IpAddr| match ip {
        ip if ip.is_unspecified() || ip.is_loopback() => vec![ip],
        ip => vec![ip, LOOPBACK],
    };
    match (at.bind, at.host) {
        (Bind::Loopback, _) => vec![LOOPBACK],
        (Bind::Lan, _) => vec![ANY],
        (Bind::Auto, _) if in_container => vec![ANY],
        (Bind::Custom, Some(host)) => beside(host),
        (Bind::Custom, None) => {
            tracing::warn!("bridge.bind=custom needs bridge.customBindHost");
            Vec::new()
        }
        (Bind::Tailnet, _) => tailnet::address().await.map_or(vec![LOOPBACK], |address| beside(address.into())),
        (Bind::Auto, _) => tailnet::address().await.map_or(vec![ANY], |address| beside(address.into())),
    }
}

/// Small frames at once, and the kernel's own question whether a silent peer lives.
pub(super) fn keep_alive(stream: &TcpStream) {
    let asked = stream
        .set_nodelay(true)
        .and_then(|()| Ok(sockopt::set_socket_keepalive(stream, true)?))
        .and_then(|()| Ok(sockopt::set_tcp_keepidle(stream, KEEPALIVE)?))
        .and_then(|()| Ok(sockopt::set_tcp_keepintvl(stream, KEEPALIVE)?));
    if let Err(error) = asked {
        // A socket that is cut already says so when it is read.
        tracing::debug!(%error, "a socket of the bridge has no keepalive");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-14.2
    #[tokio::test]
    async fn a_host_of_its_own_is_bound_beside_loopback() {
        let at = |bind, host: Option<&str>| BridgeAt { port: 0, bind, host: host.map(|host| host.parse().unwrap()) };
        assert_eq!(wanted(&at(Bind::Loopback, None), false).await, [LOOPBACK]);
        assert_eq!(wanted(&at(Bind::Lan, None), false).await, [ANY]);
        assert_eq!(wanted(&at(Bind::Auto, None), true).await, [ANY]);
        let own: IpAddr = "192.0.2.7".parse().unwrap();
        assert_eq!(wanted(&at(Bind::Custom, Some("192.0.2.7")), false).await, [own, LOOPBACK]);
        assert_eq!(wanted(&at(Bind::Custom, Some("127.0.0.1")), false).await, [LOOPBACK]);
        assert!(wanted(&at(Bind::Custom, None), false).await.is_empty());
        let taken = open(&at(Bind::Loopback, None), false).await;
        let port = taken[0].local_addr().unwrap().port();
        assert!(open(&BridgeAt { port, ..at(Bind::Loopback, None) }, false).await.is_empty(), "passed over");
    }
}
