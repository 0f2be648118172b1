//! One SSH connection: made, its host key judged, logged in, and kept alive.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, Handle, Msg};
use russh::keys::{Algorithm, EcdsaCurve, PublicKey};
use russh::{ChannelOpenFailure, Preferred};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::auth;
use super::hosts::KnownHosts;
use super::jump::Hop;
use super::network;
use super::stream::Channel;
use super::watcher::{Fault, Trust, Watcher};
use crate::transports::ByteStream;
use crate::transports::ssh::{HostKeys, SshFailure, SshProblem, SshRoute};

/// Until the network has connected to one address, as OpenSSH is told (SSH-4).
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// More addresses than a host has.
const ADDRESSES_MAX: usize = 8;
/// From there until the host key is judged and somebody is logged in; an agent may ask its owner.
const LOGIN_WITHIN: Duration = Duration::from_secs(30);
/// Until the far side has said whether the port is open.
const CHANNEL_WITHIN: Duration = Duration::from_secs(15);
/// A silent server is given up after three of these (SSH-4).
const ALIVE_EVERY: Duration = Duration::from_secs(15);
const ALIVE_MISSES: usize = 3;
/// A connection nobody waits for any more, before anybody is logged in, ends by itself; later the above does it sooner.
const MUTE_ENDS_AFTER: Duration = Duration::from_secs(75);
/// The kinds of host key this client can check, best first.
pub(super) const HOST_KEYS: [Algorithm; 4] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
];

/// A connection somebody is logged in on. It ends when it and all its channels are dropped.
pub(crate) struct Session {
    handle: Handle<Watcher>,
    end: End,
    hop: Hop,
}

/// Why a connection ended, once it has.
#[derive(Debug, Clone, Default)]
pub(super) struct End(Arc<Mutex<Option<(SshProblem, String)>>>);

impl End {
    pub(super) fn set(&self, problem: SshProblem, said: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert((problem, said));
    }

    pub(super) fn get(&self) -> Option<(SshProblem, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Session {
    /// Whether nothing can be opened on it any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// A stream to `far_port` of the far loopback.
    ///
    /// # Errors
    /// [`SshFailure`]: forbidden, refused over there, or the connection is gone.
    pub(crate) async fn open(&self, far_port: u16) -> Result<Channel, SshFailure> {
        let channel = self.channel("127.0.0.1", far_port).await;
        channel.map_err(|(problem, said)| SshFailure { far_port, ..self.hop.failure(problem, said) })
    }

    async fn channel(&self, host: &str, port: u16) -> Result<Channel, (SshProblem, String)> {
        let opening = self.handle.channel_open_direct_tcpip(host, port.into(), "127.0.0.1", 0);
        match timeout(CHANNEL_WITHIN, opening).await {
            Ok(Ok(channel)) => Ok(Channel::new(channel.into_stream(), self.end.clone(), self.hop.clone(), port)),
            Ok(Err(error)) => Err(self.why(error)),
            Err(_) => Err((SshProblem::Timeout, String::new())),
        }
    }

    /// A channel for a command.
    pub(super) async fn command(&self) -> Result<russh::Channel<Msg>, SshFailure> {
        let opened = timeout(CHANNEL_WITHIN, self.handle.channel_open_session()).await;
        let opened = opened.map_err(|_| self.hop.failure(SshProblem::Timeout, ""))?;
        opened.map_err(|error| {
            let (problem, said) = self.why(error);
            self.hop.failure(problem, said)
        })
    }

    pub(super) fn why(&self, error: russh::Error) -> (SshProblem, String) {
        match error {
            russh::Error::ChannelOpenFailure(ChannelOpenFailure::AdministrativelyProhibited) => {
                (SshProblem::Prohibited, String::new())
            }
            russh::Error::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed) => {
                (SshProblem::FarRefused, String::new())
            }
            error => self.end.get().unwrap_or((SshProblem::Other, error.to_string())),
        }
    }
}

/// The network's way to the first host: each of its addresses has its time.
pub(super) async fn dial(hop: &Hop) -> Result<TcpStream, SshFailure> {
    let looked_up = timeout(CONNECT_WITHIN, tokio::net::lookup_host((hop.host(), hop.port()))).await;
    let unnamed = || hop.failure(SshProblem::Name, "");
    let addresses = looked_up.map_err(|_| unnamed())?.map_err(|_| unnamed())?;
    let mut failure = unnamed();
    for address in addresses.take(ADDRESSES_MAX) {
        match timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(|error| hop.failure(SshProblem::Other, error.to_string()))?;
                return Ok(stream);
            }
            Ok(Err(error)) => failure = hop.failure(network(&error), error.to_string()),
            Err(_) => failure = hop.failure(SshProblem::Timeout, ""),
        }
    }
    Err(failure)
}

/// The way to the next host, over a channel of the one before it.
pub(super) async fn dial_through(before: &Session, hop: &Hop) -> Result<Channel, SshFailure> {
    before.channel(hop.host(), hop.port()).await.map_err(|(problem, said)| match problem {
        SshProblem::FarRefused => hop.failure(SshProblem::Refused, said),
        problem => SshFailure { far_port: hop.port(), ..before.hop.failure(problem, said) },
    })
}

/// Judges the key of `hop` and logs in there.
pub(super) async fn log_in(
    stream: impl ByteStream + 'static,
    hop: &Hop,
    route: &SshRoute,
) -> Result<Session, SshFailure> {
    let whole = async {
        let known = KnownHosts::of(hop);
        let unread = |error: std::io::Error| hop.failure(SshProblem::Other, format!("known_hosts: {error}"));
        let kinds: Vec<Algorithm> = known.keys().map_err(unread)?.iter().map(PublicKey::algorithm).collect();
        let learns = route.host_keys == HostKeys::Openssh
            && matches!(hop.settings.strict.as_deref(), Some("no" | "off" | "accept-new"));
        // Kinds that are known come first; a server that has one shows it.
        let mut kinds_wanted = HOST_KEYS.to_vec();
        kinds_wanted.sort_by_key(|kind| !kinds.contains(kind));
        let end = End::default();
        let watcher = Watcher { trust: Trust::Files { known, learns }, end: end.clone() };
        let connected = client::connect_stream(Arc::new(config(kinds_wanted)), stream, watcher).await;
        let mut handle = connected.map_err(|fault| fault.at(hop))?;
        auth::login(&mut handle, &end, hop, route).await?;
        Ok(Session { handle, end, hop: hop.clone() })
    };
    timeout(LOGIN_WITHIN, whole).await.map_err(|_| hop.failure(SshProblem::Timeout, ""))?
}

/// The key of one of `kinds` that `hop` shows, believed or not. `None` when it has none of them.
pub(super) async fn look(
    stream: impl ByteStream + 'static,
    hop: &Hop,
    kinds: Vec<Algorithm>,
) -> Result<Option<PublicKey>, SshFailure> {
    let watcher = Watcher { trust: Trust::Look, end: End::default() };
    let connecting = client::connect_stream(Arc::new(config(kinds)), stream, watcher);
    match timeout(LOGIN_WITHIN, connecting).await.map_err(|_| hop.failure(SshProblem::Timeout, ""))? {
        Err(Fault::Seen(key)) => Ok(Some(*key)),
        Err(Fault::Ssh(russh::Error::NoCommonAlgo { .. })) => Ok(None),
        Err(fault) => Err(fault.at(hop)),
        Ok(_) => Ok(None),
    }
}

/// `keys`: the kinds of host key to ask for, in order.
fn config(keys: Vec<Algorithm>) -> client::Config {
    client::Config {
        preferred: Preferred { key: Cow::Owned(keys), ..Preferred::DEFAULT },
        keepalive_interval: Some(ALIVE_EVERY),
        keepalive_max: ALIVE_MISSES,
        inactivity_timeout: Some(MUTE_ENDS_AFTER),
        ..client::Config::default()
    }
}
