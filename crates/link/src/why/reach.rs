//! The first three questions, for a way that leads straight there: name, route, port.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::time::timeout;

use super::{Finding, Found, Probe};
use crate::error::{Awaited, DialError};
use crate::handshake::Connect;
use crate::tailnet;
use crate::target::Target;

/// How much of the whole time the name may take, and how much the port; the rest is for the connection.
const SHARE: u32 = 3;
/// How many addresses of a name are shown.
const SHOWN: usize = 2;

/// Asks them; whether the port answers.
pub(super) async fn reach<F: FnMut(&Finding)>(how: &Connect, found: &mut Found<F>) -> bool {
    let (target, share) = (&how.target, how.timeout / SHARE);
    let resolved = tailnet::looked_into(resolve(target, share).await).await;
    let Some(addresses) = found.take(Probe::Dns, resolved, |addresses| listed(addresses)) else { return false };
    let sources = tailnet::looked_into(route(target, &addresses).await).await;
    let said = |ways: &Vec<Way>| format!("leaves from {}", ways.first().map_or_else(String::new, |way| way.from()));
    let Some(ways) = found.take(Probe::Route, sources, said) else { return false };
    let opened = tailnet::looked_into(open(target, &ways, share).await).await;
    found.take(Probe::Tcp, opened, |answered| format!("{answered} answers")).is_some()
}

/// An address, and the address of this machine that leads there.
struct Way {
    to: SocketAddr,
    from: SocketAddr,
}

impl Way {
    fn from(&self) -> String {
        self.from.ip().to_string()
    }
}

async fn resolve(target: &Target, share: Duration) -> Result<Vec<SocketAddr>, DialError> {
    let unnamed = |source| DialError::Dns { target: target.clone(), source };
    let looked_up = timeout(share, lookup_host((target.host(), target.port()))).await;
    let looked_up =
        looked_up.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "the resolver is silent")));
    let addresses: Vec<SocketAddr> = looked_up.map_err(unnamed)?.collect();
    if addresses.is_empty() {
        return Err(unnamed(io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address")));
    }
    Ok(addresses)
}

fn listed(addresses: &[SocketAddr]) -> String {
    let shown: Vec<String> = addresses.iter().take(SHOWN).map(|address| address.ip().to_string()).collect();
    let more = addresses.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", shown.join(", "))
}

/// A UDP socket that is connected sends nothing; the system only looks whether it knows a way.
async fn route(target: &Target, addresses: &[SocketAddr]) -> Result<Vec<Way>, DialError> {
    let mut ways = Vec::new();
    let mut last = io::Error::from(io::ErrorKind::NetworkUnreachable);
    for to in addresses {
        match source_of(*to).await {
            Ok(from) => ways.push(Way { to: *to, from }),
            Err(error) => last = error,
        }
    }
    match ways.is_empty() {
        true => Err(DialError::Unreachable { target: target.clone(), source: last }),
        false => Ok(ways),
    }
}

async fn source_of(to: SocketAddr) -> io::Result<SocketAddr> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(to).await?;
    socket.local_addr()
}

/// The first address whose port answers.
async fn open(target: &Target, ways: &[Way], share: Duration) -> Result<SocketAddr, DialError> {
    let first = async {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for way in ways {
            match TcpStream::connect(way.to).await {
                Ok(_) => return Ok(way.to),
                Err(error) => last = error,
            }
        }
        Err(match last.kind() {
            io::ErrorKind::ConnectionRefused => DialError::Refused { target: target.clone() },
            _ => DialError::Unreachable { target: target.clone(), source: last },
        })
    };
    let silent = |_| DialError::Timeout { target: target.clone(), awaited: Awaited::Connection, waited: share };
    timeout(share, first).await.map_err(silent)?
}
