//! How many connections there may be, and how long each may take to prove itself.
//!
//! A connection that has not finished its handshake holds a [`Place`] charged to its peer; opening many sockets and
//! saying nothing exhausts the peer's own share and nobody else's.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::Env;
use wire::limits::{HANDSHAKE_TIMEOUT, MAX_BUFFERED_BYTES, PING_INTERVAL};

/// Unproven connections of one address: a reverse proxy with a full house reconnecting at once fits.
pub(crate) const PRE_AUTH_PER_PEER: usize = 64;
/// Unproven connections of one loopback address: every local tool and forward shares it.
pub(crate) const PRE_AUTH_LOOPBACK: usize = 512;
/// Sockets in all; each idle one costs about 16 KiB.
pub(crate) const MAX_CONNECTIONS: usize = 8_192;
/// Requests of one connection that run at once; the next is read when one ends.
pub(crate) const MAX_IN_FLIGHT: usize = 256;

/// How long a graceful stop waits for active runs; a signal from outside allows less.
pub(crate) const DRAIN: Duration = Duration::from_secs(30);
/// From a signal to the end of the process (SVC-5); service managers kill what takes longer.
pub(crate) const SIGNAL_BUDGET: Duration = Duration::from_secs(25);
/// How much of it active runs get; the rest is for letting go, saying goodbye and closing the store.
pub(crate) const SIGNAL_DRAIN: Duration = Duration::from_secs(17);

/// What one connection may take of time and memory. The defaults are the protocol's; tests take less of both.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the upgrade to a valid `connect`.
    pub handshake_timeout: Duration,
    /// Silence before a ping, and again before the connection is given up.
    pub ping_interval: Duration,
    /// Bytes waiting for a slow reader from which on droppable events are dropped.
    pub low_mark_bytes: usize,
    /// Bytes waiting for a slow reader above which its connection is closed.
    pub max_buffered_bytes: usize,
    /// How long a stop waits for active runs.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: HANDSHAKE_TIMEOUT,
            ping_interval: PING_INTERVAL,
            // About two seconds of a busy chat on a slow phone line.
            low_mark_bytes: 4 * 1024 * 1024,
            max_buffered_bytes: MAX_BUFFERED_BYTES,
            drain: DRAIN,
        }
    }
}

impl Limits {
    /// The defaults, with `OPENCLAW_HANDSHAKE_TIMEOUT_MS` where it is a number above zero.
    #[must_use]
    pub fn of(env: &Env) -> Self {
        let asked = env.get("HANDSHAKE_TIMEOUT_MS").and_then(|text| text.parse().ok()).filter(|ms| *ms > 0);
        let defaults = Self::default();
        Self { handshake_timeout: asked.map_or(defaults.handshake_timeout, Duration::from_millis), ..defaults }
    }
}

/// Counts connections; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    unproven: HashMap<IpAddr, usize>,
}

impl Places {
    /// A place for a new socket of `peer`, or `None` when the house or the peer's share is full.
    pub(crate) fn take(&self, peer: IpAddr) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let share = if peer.is_loopback() { PRE_AUTH_LOOPBACK } else { PRE_AUTH_PER_PEER };
        let unproven = counts.unproven.get(&peer).copied().unwrap_or(0);
        if counts.all >= MAX_CONNECTIONS || unproven >= share {
            return None;
        }
        counts.all += 1;
        counts.unproven.insert(peer, unproven + 1);
        Some(Place { places: self.clone(), peer, proven: false })
    }

    fn prove(&self, peer: IpAddr) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(unproven) = counts.unproven.get_mut(&peer) {
            *unproven -= 1;
            if *unproven == 0 {
                counts.unproven.remove(&peer);
            }
        }
    }
}

/// One socket's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    peer: IpAddr,
    proven: bool,
}

impl Place {
    /// The handshake is done: the socket no longer counts against its peer.
    pub(crate) fn proven(&mut self) {
        if !std::mem::replace(&mut self.proven, true) {
            self.places.prove(self.peer);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.proven();
        let mut counts = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_cannot_take_everybodys_places() {
        let places = Places::default();
        let noisy: IpAddr = [192, 0, 2, 1].into();
        let quiet: IpAddr = [192, 0, 2, 2].into();
        let mut held: Vec<Place> = (0..PRE_AUTH_PER_PEER).map(|_| places.take(noisy).unwrap()).collect();
        assert!(places.take(noisy).is_none());
        assert!(places.take(quiet).is_some());
        held[0].proven();
        assert!(places.take(noisy).is_some(), "a proven socket frees its peer's share");
        held.clear();
        assert!(places.take(noisy).is_some());
        assert!(places.0.lock().unwrap().unproven.is_empty());
        assert_eq!(places.0.lock().unwrap().all, 0);
    }
}
