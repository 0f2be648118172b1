//! The Bridge of the oldest apps (N-14): JSON lines over TCP, off unless `bridge.enabled`. A node that comes in here is a
//! node like any other from then on: the same device record, the same approval of what it offers, the same policy, the
//! same calls. What differs is how it proves itself (a token we gave it, no key) and how its frames are spelled.
//!
//! [`listen`] opens the addresses, [`line`] reads and writes, [`door`] lets nodes in, [`pairing`] waits for a person,
//! [`session`] serves one that is in.

mod door;
mod identity;
mod line;
mod listen;
mod pairing;
mod session;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use config::StartOverrides;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use self::line::Lines;
use self::pairing::Waiting;
use crate::auth::provenance::Provenance;
use crate::conn::handshake::Front;
use crate::conn::limits::{Place, Places};
use crate::http::incoming::Stream;
use crate::services::Services;
use crate::tls::{Tls, TlsFiles};

/// After a failed accept (out of file descriptors, most often).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The listener, open and not served yet.
pub(crate) struct Bridge {
    listeners: Vec<TcpListener>,
    /// Where it listens.
    pub(crate) addresses: Vec<SocketAddr>,
    tls: Option<Arc<Tls>>,
    waiting: Waiting,
}

impl Bridge {
    /// Opens it where the config asks for it. What cannot be had leaves it off, with a word in the log: the Gateway itself
    /// does not depend on it (N-14.2).
    pub(crate) async fn open(services: &Services, overrides: &StartOverrides) -> Option<Self> {
        let config = services.config.current();
        let wide_area = config.discovery.wide_area.domain.is_some();
        let at = config.bridge.at(services.config.env(), services.run.port, wide_area)?;
        let tls = match config.bridge.tls.enabled.then(|| open_tls(services)).transpose() {
            Ok(tls) => tls,
            Err(error) => {
                tracing::warn!(%error, "bridge.tls cannot be had: the bridge stays off");
                return None;
            }
        };
        let listeners = listen::open(&at, overrides.in_container).await;
        let addresses: Vec<SocketAddr> = listeners.iter().filter_map(|open| open.local_addr().ok()).collect();
        if addresses.is_empty() {
            tracing::warn!(port = at.port, "no address of the bridge could be bound: it stays off");
            return None;
        }
        tracing::info!(?addresses, tls = tls.is_some(), "the bridge listens");
        if tls.is_none() && addresses.iter().any(|address| !address.ip().is_loopback()) {
            tracing::warn!(
                "the bridge speaks plaintext: who listens on that network can read its tokens; set bridge.tls.enabled"
            );
        }
        Some(Self { listeners, addresses, tls, waiting: Waiting::default() })
    }

    /// The fingerprint nodes pin, when it speaks TLS.
    pub(crate) fn fingerprint(&self) -> Option<String> {
        self.tls.as_ref().map(|tls| tls.fingerprint())
    }

    /// Serves it until `stop`. Sockets count in `places` like those of the Gateway's own port.
    pub(crate) fn serve(self, places: &Places, front: &Front, stop: &CancellationToken) {
        for listener in self.listeners {
            let door = Door { tls: self.tls.clone(), waiting: self.waiting.clone(), front: front.clone() };
            front.tasks.spawn(accept(listener, places.clone(), door, stop.clone()));
        }
    }
}

/// With the pair that `bridge.tls` names; when that is the Gateway's own, its renewals count here too.
fn open_tls(services: &Services) -> Result<Arc<Tls>, crate::tls::TlsError> {
    let config = services.config.current();
    let files = |tls| TlsFiles::of(tls, services.config.paths());
    let (own, wanted) = (files(&config.gateway.tls), files(&config.bridge.tls));
    let tls = match &services.tls {
        Some(tls) if own == wanted => tls.for_older_peers(),
        _ => Tls::open(wanted, config.bridge.tls.auto_generate, &services.run.machine.hostname)?.for_older_peers(),
    };
    Ok(Arc::new(tls))
}

/// What every connection shares.
#[derive(Clone)]
struct Door {
    tls: Option<Arc<Tls>>,
    waiting: Waiting,
    front: Front,
}

async fn accept(listener: TcpListener, places: Places, door: Door, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match places.take(peer.ip()) {
                Some(place) => drop(door.front.tasks.spawn(speak(stream, peer, place, door.clone(), stop.clone()))),
                None => tracing::warn!(%peer, "too many connections; this one on the bridge is closed"),
            },
            Err(error) => {
                tracing::warn!(%error, "a connection on the bridge could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn speak(stream: TcpStream, peer: SocketAddr, mut place: Place, door: Door, stop: CancellationToken) {
    listen::keep_alive(&stream);
    let entering = async {
        let stream: Box<dyn Stream> = match &door.tls {
            Some(tls) => Box::new(tls.accept(stream, &Provenance::Tcp(peer)).await?),
            None => Box::new(stream),
        };
        Box::pin(door::let_in(Lines::new(stream), peer, &door)).await
    };
    let entered = tokio::select! {
        biased;
        () = stop.cancelled() => return,
        entered = entering => entered,
    };
    if let Some(entered) = entered {
        place.proven();
        session::serve(entered, door.front).await;
    }
}
