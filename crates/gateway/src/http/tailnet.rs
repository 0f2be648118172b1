//! `gateway.bind=tailnet` follows this machine's tailnet address: a listener is added when it appears and dropped when
//! it vanishes, without a restart (BIND-3).

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use if_watch::tokio::IfWatcher;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::bind;

/// Looked at this often, in case the kernel's news were lost or a bind failed.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// The kernel lists the addresses there are well within this.
const LISTED_WITHIN: Duration = Duration::from_millis(500);
/// The list is at its end when nothing came for this long.
const QUIET: Duration = Duration::from_millis(50);

/// Whether a tailnet hands out this address: 100.64.0.0/10.
fn is_tailnet(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && (64..128).contains(&second)
}

/// The tailnet address this machine has now.
pub(crate) async fn address() -> Option<Ipv4Addr> {
    let mut addresses = Addresses::watch();
    addresses.settle().await;
    addresses.tailnet(None)
}

/// Every tailnet address this machine has now, 100.64.0.0/10 first, then `fd7a:115c:a1e0::/48`.
pub(crate) async fn addresses() -> Vec<IpAddr> {
    let mut addresses = Addresses::watch();
    addresses.settle().await;
    let all = addresses.0.iter().flat_map(IfWatcher::iter).map(|net| net.addr());
    let mut found: Vec<IpAddr> = all.filter(|address| is_of_a_tailnet(*address)).collect();
    found.sort_unstable();
    found
}

fn is_of_a_tailnet(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_tailnet(address),
        IpAddr::V6(address) => address.segments()[..3] == [0xfd7a, 0x115c, 0xa1e0],
    }
}

/// A listener on a tailnet address, and what ends it.
pub(crate) struct Bound {
    /// The address.
    pub(crate) address: Ipv4Addr,
    /// Ends its listener.
    pub(crate) end: CancellationToken,
}

/// Follows the address until `stop`; `serve` accepts on a new listener until its token is cancelled.
pub(crate) async fn follow(
    port: u16,
    mut bound: Option<Bound>,
    serve: impl Fn(TcpListener, CancellationToken),
    stop: CancellationToken,
) {
    let mut addresses = Addresses::watch();
    addresses.settle().await;
    loop {
        let now = addresses.tailnet(bound.as_ref().map(|bound| bound.address));
        if let Some(old) = bound.take_if(|bound| Some(bound.address) != now) {
            old.end.cancel();
            tracing::info!(address = %old.address, "the tailnet address vanished; its listener is closed");
        }
        if let (None, Some(address)) = (&bound, now) {
            match bind::try_listen((address, port).into()) {
                Ok(listener) => {
                    tracing::info!("listening on ws://{address}:{port}");
                    let end = stop.child_token();
                    serve(listener, end.clone());
                    bound = Some(Bound { address, end });
                }
                Err(error) => tracing::warn!(%address, port, %error, "the tailnet address cannot be bound yet"),
            }
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = addresses.change() => {}
        }
    }
}

/// The addresses of this machine, as the kernel reports them.
struct Addresses(Option<IfWatcher>);

impl Addresses {
    fn watch() -> Self {
        let watcher = IfWatcher::new();
        Self(watcher.inspect_err(|error| tracing::warn!(%error, "the interfaces cannot be watched")).ok())
    }

    /// Resolves when an address came or went, and now and then.
    async fn change(&mut self) {
        let Some(watcher) = &mut self.0 else {
            tokio::time::sleep(LOOK_EVERY).await;
            *self = Self::watch();
            return self.settle().await;
        };
        if let Ok(Err(error)) = timeout(LOOK_EVERY, poll_fn(|cx| watcher.poll_if_event(cx))).await {
            tracing::debug!(%error, "the watch on the interfaces ended");
            self.0 = None;
        }
    }

    /// Reads the list the kernel begins with.
    async fn settle(&mut self) {
        let Some(watcher) = &mut self.0 else { return };
        let mut patience = LISTED_WITHIN;
        while let Ok(Ok(_)) = timeout(patience, poll_fn(|cx| watcher.poll_if_event(cx))).await {
            patience = QUIET;
        }
    }

    /// `keep` while the machine has it, else the lowest one.
    fn tailnet(&self, keep: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
        let all = self.0.iter().flat_map(IfWatcher::iter).filter_map(|net| match net.addr() {
            IpAddr::V4(address) if is_tailnet(address) => Some(address),
            _ => None,
        });
        all.min_by_key(|address| (Some(*address) != keep, *address))
    }
}
