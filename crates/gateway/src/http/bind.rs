//! Which addresses the one port is bound on (BIND-1…7).
//!
//! Loopback never falls back to a network, and a network bind never happens unless it was asked for: an address that
//! cannot be bound is an error with its cause.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use base::{Code, Explain, Kind, Step};
use config::{Bind, Config, StartOverrides};
use tokio::net::{TcpListener, TcpSocket};

use super::occupant::{self, Occupant};
use super::{inherited, tailnet};

/// BIND-7: a peer that is shutting down lets go of the port within ten seconds.
const ATTEMPTS: u32 = 20;
/// BIND-7
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);
/// BIND-6
const TRIAL_WITHIN: Duration = Duration::from_secs(3);
/// Connections the kernel holds for us between two accepts.
const BACKLOG: u32 = 1024;

/// Why the port could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else has it.
    #[error("another gateway instance is already listening on ws://{address}{}", occupant::in_parentheses(.occupants))]
    InUse {
        /// What was to be bound.
        address: SocketAddr,
        /// Who listens there, as far as can be seen.
        occupants: Vec<Occupant>,
    },
    /// Anything else.
    #[error("failed to bind gateway socket on {address}: {source}")]
    Failed {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// `gateway.customBindHost` is no address of this machine (BIND-4); a restart cannot mend that (START-2).
    #[error("gateway.bind=custom wants {address}, which this machine cannot bind: {source}; refusing fallback")]
    CustomHost {
        /// What was to be bound.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A mode that needs something this machine does not have.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl Explain for BindError {
    fn code(&self) -> Code {
        match self {
            Self::InUse { .. } => Code("GATEWAY_PORT_IN_USE"),
            Self::Failed { .. } => Code("GATEWAY_BIND_FAILED"),
            Self::CustomHost { .. } => Code("CUSTOM_BIND_HOST_INVALID"),
            Self::Unsupported(_) => Code("GATEWAY_BIND_UNSUPPORTED"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::InUse { .. } | Self::Failed { .. } => Kind::Failure,
            Self::CustomHost { .. } | Self::Unsupported(_) => Kind::Config,
        }
    }

    fn next(&self) -> Vec<Step> {
        match self {
            Self::InUse { .. } => vec![Step::run("openclaw gateway status"), Step::run("openclaw gateway stop")],
            Self::Failed { .. } => vec![Step::run("openclaw config get gateway.bind")],
            Self::CustomHost { .. } => vec![
                Step::run("openclaw config get gateway.customBindHost"),
                Step::run("openclaw config set gateway.bind loopback"),
            ],
            Self::Unsupported(_) => vec![Step::run("openclaw config set gateway.bind loopback")],
        }
    }
}

/// One address, and whether the Gateway can do without it.
struct Wanted {
    ip: IpAddr,
    optional: bool,
}

const fn must(ip: IpAddr) -> Wanted {
    Wanted { ip, optional: false }
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Opens every address the config asks for; with port 0 the first decides the port of all.
pub(crate) async fn open(
    config: &Config,
    overrides: &StartOverrides,
    port: u16,
) -> Result<Vec<(TcpListener, SocketAddr)>, BindError> {
    let mut opened: Vec<(TcpListener, SocketAddr)> = Vec::new();
    let mut held = inherited::sockets();
    let custom = config::effective_bind(config, overrides) == Bind::Custom;
    for Wanted { ip, optional } in wanted(config, overrides).await? {
        let port = opened.first().map_or(port, |(_, address)| address.port());
        let address = SocketAddr::new(ip, port);
        if let Some(at) = held.iter().position(|(_, held)| *held == address) {
            opened.push((adopt(held.swap_remove(at))?, address));
            continue;
        }
        match trial(ip).await {
            Ok(()) => {}
            Err(source) if optional => {
                tracing::debug!(%address, error = %source, "an optional address is not bound");
                continue;
            }
            Err(source) if custom => return Err(BindError::CustomHost { address, source }),
            Err(source) => return Err(BindError::Failed { address, source }),
        }
        match listen(address).await {
            Ok(listener) => {
                let address = listener.local_addr().unwrap_or(SocketAddr::new(ip, port));
                opened.push((listener, address));
            }
            Err(error) if optional => tracing::debug!(%error, "an optional address is not bound"),
            Err(error) => return Err(error),
        }
    }
    Ok(opened)
}

async fn wanted(config: &Config, overrides: &StartOverrides) -> Result<Vec<Wanted>, BindError> {
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let loopback = || vec![must(LOOPBACK), Wanted { ip: IpAddr::V6(Ipv6Addr::LOCALHOST), optional: true }];
    Ok(match config::effective_bind(config, overrides) {
        Bind::Loopback => loopback(),
        Bind::Lan => vec![must(any)],
        Bind::Auto if overrides.in_container => vec![must(any)],
        Bind::Auto => loopback(),
        Bind::Custom => match config::custom_host(config) {
            Some(host) if host.is_unspecified() || host == Ipv4Addr::LOCALHOST => vec![must(host.into())],
            Some(host) => vec![must(host.into()), must(LOOPBACK)],
            None => {
                return Err(BindError::Unsupported(
                    "gateway.bind=custom needs gateway.customBindHost; refusing fallback",
                ));
            }
        },
        Bind::Tailnet => match tailnet::address().await {
            Some(address) => vec![must(LOOPBACK), must(address.into())],
            None => {
                tracing::warn!("this machine has no tailnet address: listening on loopback alone until it gets one");
                vec![must(LOOPBACK)]
            }
        },
    })
}

/// A socket the service manager opened is taken as it is.
fn adopt((socket, address): (std::net::TcpListener, SocketAddr)) -> Result<TcpListener, BindError> {
    TcpListener::from_std(socket).map_err(|source| BindError::Failed { address, source })
}

/// BIND-6: whether this machine can bind `ip` at all, tried with a port of the kernel's choice, so that an address that is
/// not ours is told from a port that is taken.
async fn trial(ip: IpAddr) -> io::Result<()> {
    let tried = tokio::task::spawn_blocking(move || std::net::TcpListener::bind((ip, 0)).map(drop));
    match tokio::time::timeout(TRIAL_WITHIN, tried).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panicked)) => Err(io::Error::other(panicked)),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the system did not say whether it can")),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    let mut attempt = 1;
    loop {
        match try_listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempt < ATTEMPTS => attempt += 1,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(BindError::InUse { address, occupants: occupant::of(address.port()) });
            }
            Err(source) => return Err(BindError::Failed { address, source }),
        }
        tokio::time::sleep(BETWEEN_ATTEMPTS).await;
    }
}

/// Binds and listens, once.
pub(crate) fn try_listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BIND-7: twenty attempts over ten seconds, then who it is.
    #[tokio::test(start_paused = true)]
    async fn a_taken_port_is_tried_for_a_while_and_then_names_who_has_it() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let began = tokio::time::Instant::now();
        let error = listen(address).await.unwrap_err();
        assert_eq!(began.elapsed(), BETWEEN_ATTEMPTS * (ATTEMPTS - 1));
        let said = error.to_string();
        assert!(
            said.starts_with(&format!("another gateway instance is already listening on ws://{address}")),
            "{said}"
        );
        if cfg!(target_os = "linux") {
            assert!(said.contains(&format!("(pid {}: ", std::process::id())), "{said}");
        }
    }

    /// BIND-6: an address that is not ours is one, whatever its port; a taken port says nothing of its address.
    #[tokio::test]
    async fn whether_an_address_can_be_bound_is_tried_with_a_port_of_its_own() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        trial(LOOPBACK).await.unwrap();
        let strange = Ipv4Addr::new(192, 0, 2, 1);
        assert_eq!(trial(strange.into()).await.unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
        let text = format!("{{gateway: {{bind: 'custom', customBindHost: '{strange}'}}}}");
        let loaded = config::load_text(&text, std::path::Path::new("/c/openclaw.json"), &base::Env::default()).unwrap();
        let port = taken.local_addr().unwrap().port();
        let refused = open(&loaded.config, &StartOverrides::default(), port).await.unwrap_err();
        assert!(matches!(refused, BindError::CustomHost { .. }), "{refused}");
    }

    /// BIND-7: the peer that was shutting down is gone in time.
    #[tokio::test(start_paused = true)]
    async fn a_port_that_comes_free_in_time_is_taken() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let leave = async {
            tokio::time::sleep(BETWEEN_ATTEMPTS * 3).await;
            drop(taken);
        };
        let (opened, ()) = tokio::join!(listen(address), leave);
        assert_eq!(opened.unwrap().local_addr().unwrap(), address);
    }
}
