//! Every part of the daemon, in order, once. Nothing is set after this; stopping goes the other way round.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{Code, Env, Explain, Kind, Secret, StatePaths};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::{close, events};

use crate::conn::handshake::Front;
use crate::conn::limits::Places;
use crate::conn::outbound::Close;
use crate::http::listener;
use crate::hub::Hub;
use crate::methods;
use crate::services::Services;

/// After the close frames, what is still at work gets this long.
const STOP_BUDGET: Duration = Duration::from_secs(5);

/// What a Gateway is started with.
pub struct Options {
    /// Where its state lives.
    pub paths: StatePaths,
    /// The process environment.
    pub env: Env,
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// The shared token; `None` asks for none.
    pub token: Option<Secret>,
    /// Our version.
    pub version: String,
}

/// The daemon.
pub struct Gateway;

/// Why a Gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The socket could not be bound.
    #[error("failed to bind gateway socket on {address}: {source}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

impl Explain for StartError {
    fn code(&self) -> Code {
        Code("GATEWAY_BIND_FAILED")
    }

    fn kind(&self) -> Kind {
        Kind::Failure
    }
}

impl Gateway {
    /// Builds every part and starts listening.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let hub = Hub::default();
        let services = Services { hub: hub.clone(), version: options.version, shared_token: options.token };
        let tasks = TaskTracker::new();
        let front = Front { services: Arc::new(services), table: Arc::new(methods::table()), tasks: tasks.clone() };
        let stop = CancellationToken::new();
        let address = SocketAddr::from(([127, 0, 0, 1], options.port));
        let bind = |source| StartError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let addresses = vec![listener.local_addr().map_err(bind)?];
        tasks.spawn(listener::accept(listener, Places::default(), front, stop.clone()));
        Ok(Running { addresses, hub, stop, tasks })
    }
}

/// A Gateway at work.
pub struct Running {
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    hub: Hub,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// Tells every client, closes their connections with 1012 and waits for what is at work (SVC-5).
    pub async fn stop(self) {
        self.stop.cancel();
        self.hub.broadcast(&events::SHUTDOWN, &json!({"reason": "gateway stopping"}));
        self.hub.close(&Close::after_drain(close::SERVICE_RESTART, "service restart"), |_| true);
        self.tasks.close();
        let _late = tokio::time::timeout(STOP_BUDGET, self.tasks.wait()).await;
    }
}
