//! Every part of the daemon, in order, once. Nothing is set after this; stopping goes the other way round.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Code, Env, Explain, Kind, Secret, StatePaths};
use serde_json::json;
use store::{Store, StoreError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::{close, events};

use crate::auth::Gate;
use crate::auth::policy::{Limits, Policy, Shared};
use crate::config_now::ConfigNow;
use crate::conn::handshake::Front;
use crate::conn::limits::Places;
use crate::conn::outbound::Close;
use crate::health::Health;
use crate::http::listener;
use crate::hub::Hub;
use crate::machine::Machine;
use crate::methods;
use crate::pairing::Pairing;
use crate::presence::{Presence, Versions};
use crate::services::{Services, ThisRun};

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
    /// The state cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Explain for StartError {
    fn code(&self) -> Code {
        match self {
            Self::Bind { .. } => Code("GATEWAY_BIND_FAILED"),
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Bind { .. } => Kind::Failure,
            Self::Store(error) => error.kind(),
        }
    }
}

impl Gateway {
    /// Builds every part and starts listening.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let store = Store::open(&options.paths)?;
        let hub = Hub::default();
        let versions = Versions::default();
        let config = ConfigNow::new(options.paths);
        let machine = Machine::read();
        let instance_id = instance_id(&store).await?;
        let gate = Gate::new(policy(options.token, &machine));
        let services = Services {
            pairing: Pairing::new(store.clone(), hub.clone()),
            presence: Presence::new(hub.clone(), versions.clone(), &machine, &options.version, &instance_id),
            health: Health::start(store.clone(), hub.clone(), versions.clone(), config.clone()).await?,
            run: Arc::new(ThisRun {
                version: options.version,
                instance_id,
                boot_id: uuid::Uuid::new_v4().to_string(),
                started: Instant::now(),
                port: options.port,
                machine,
            }),
            hub: hub.clone(),
            store,
            config,
            gate,
            versions,
        };
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

/// The id this install keeps for ever.
async fn instance_id(store: &Store) -> Result<String, StoreError> {
    let fresh = json!(uuid::Uuid::new_v4().to_string());
    let kept = store.meta_init("instance-id", &fresh).await?;
    Ok(kept.as_str().unwrap_or_default().to_owned())
}

fn policy(token: Option<Secret>, machine: &Machine) -> Policy {
    Policy {
        shared: token.map_or(Shared::None, Shared::Token),
        limits: Limits::default(),
        allowed_origins: Vec::new(),
        host_header_fallback: false,
        own_hosts: vec![machine.hostname.to_ascii_lowercase()],
        trusted_proxies: Vec::new(),
        real_ip_fallback: false,
        auto_approve_local: true,
        in_container: false,
        hsts: None,
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
