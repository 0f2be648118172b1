//! What vouches for a connection before it says a word: the listener it came in by. Facts of the kernel, no headers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// By which door a connection came in, and what that door knows of the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provenance {
    /// A TCP listener: an address.
    Tcp(SocketAddr),
    /// The socket in the state folder: the user of the process on the other end.
    Unix {
        /// As the kernel saw it when the process connected.
        uid: u32,
    },
    /// The listener a route of Tailscale leads to: tailscaled's end of the socket, and which route it is.
    Tailscale {
        /// Who is at its other end.
        way: Way,
        /// tailscaled, as far as the address tells.
        peer: SocketAddr,
    },
}

/// A route of Tailscale's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the tailnet.
    Serve,
    /// From the internet.
    Funnel,
}

impl Provenance {
    /// The address limits and attribution go by; a local socket counts as loopback.
    pub(crate) fn ip(&self) -> IpAddr {
        match self {
            Self::Tcp(address) | Self::Tailscale { peer: address, .. } => address.ip().to_canonical(),
            Self::Unix { .. } => Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// The address whose share of places a new socket takes. A route of Tailscale's and the owner's own socket have shares
    /// of their own, under addresses that no peer has: a crowd behind a funnel must not take the places of this machine's
    /// tools, nor another user's sockets on loopback those of the owner.
    pub(crate) fn charged(&self) -> IpAddr {
        match self {
            Self::Tailscale { .. } => Ipv4Addr::UNSPECIFIED.into(),
            Self::Unix { .. } => Ipv4Addr::new(127, 255, 255, 255).into(),
            Self::Tcp(_) => self.ip(),
        }
    }

    /// Whether the door itself proves that the owner is speaking.
    pub(crate) const fn is_owner(&self) -> bool {
        matches!(self, Self::Unix { .. })
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { uid } => write!(f, "unix uid {uid}"),
            Self::Tailscale { way: Way::Serve, .. } => f.write_str("tailscale serve"),
            Self::Tailscale { way: Way::Funnel, .. } => f.write_str("tailscale funnel"),
        }
    }
}
