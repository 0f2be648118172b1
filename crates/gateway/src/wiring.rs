//! Every part of the daemon, in order, once. Nothing is set after this; stopping goes the other way round.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use agent::ports::Ports;
use base::{Code, Env, Explain, Kind, Secret, StatePaths, Step};
use config::{Bind, Config, Loaded, StartOverrides};
use serde_json::json;
use store::{GatewayLock, LOCK_WAIT, LockError, LockRequest, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::{close, events};

use crate::announcement::Announcement;
use crate::approvals::Approvals;
use crate::auth::Gate;
use crate::auth::run_token::RunToken;
use crate::bridge::Bridge;
use crate::chats::approvers::Approvers;
use crate::chats::{self, Chats};
use crate::clock::{self, Clock};
use crate::clockwork;
use crate::config_now::ConfigNow;
use crate::config_watch;
use crate::conn::handshake::Front;
use crate::conn::limits::{Limits, Places, SIGNAL_BUDGET, SIGNAL_DRAIN};
use crate::conn::outbound::Close;
use crate::discovery::{BridgeFacts, Discovery};
use crate::health::Health;
use crate::hello;
use crate::http::bind::{self, BindError};
use crate::http::incoming::Door;
use crate::http::local_socket::{self, SocketFile};
use crate::http::tailnet::{self, Bound};
use crate::http::{listener, metrics};
use crate::hub::Hub;
use crate::machine::Machine;
use crate::methods;
use crate::nodes::Nodes;
use crate::pairing::Pairing;
use crate::presence::{Presence, Versions};
use crate::reload::Reload;
use crate::rpc::write_limit::WriteLimit;
use crate::services::{Services, ThisRun};
use crate::ssh_verify::SshVerify;
use crate::supervisor::{self, News};
use crate::tailscale::{self, Tailscale};
use crate::tls::{self, Tls, TlsError, TlsFiles};
use crate::work::Work;

/// After the close frames, what is still at work gets this long.
const STOP_BUDGET: Duration = Duration::from_secs(5);
/// Who starts a Gateway on a tailnet is told its URL, when Tailscale is as quick as it usually is.
const TAILSCALE_SETTLES_WITHIN: Duration = Duration::from_secs(3);

/// What a Gateway is started with.
pub struct Options {
    /// Where its config and state live.
    pub paths: StatePaths,
    /// The process environment.
    pub env: Env,
    /// The config, loaded by the caller, who can explain what is wrong with it.
    pub config: Loaded,
    /// What flags said.
    pub overrides: StartOverrides,
    /// The port to use whatever config and profile say; 0 lets the system choose.
    pub port: Option<u16>,
    /// Our version, for people and skew hints.
    pub version: String,
    /// Whether a config that was never set up is fine (START-1).
    pub allow_unconfigured: bool,
    /// What each connection may take.
    pub limits: Limits,
}

/// The daemon.
pub struct Gateway;

/// Why a Gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The config does not let it (START-1, START-3).
    #[error(transparent)]
    Refused(Box<config::Refusal>),
    /// A secret the config refers to cannot be read.
    #[error(transparent)]
    Secret(#[from] config::SecretUnavailable),
    /// Somebody else owns the state folder.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// The state cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificate cannot be used (TLS-2).
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The port cannot be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
}

impl StartError {
    fn cause(&self) -> &dyn Explain {
        match self {
            Self::Refused(refusal) => &**refusal,
            Self::Secret(error) => error,
            Self::Locked(error) => error,
            Self::Store(error) => error,
            Self::Tls(error) => error,
            Self::Bind(error) => error,
        }
    }
}

impl Explain for StartError {
    fn code(&self) -> Code {
        self.cause().code()
    }

    fn kind(&self) -> Kind {
        self.cause().kind()
    }

    fn next(&self) -> Vec<Step> {
        self.cause().next()
    }
}

impl Gateway {
    /// Builds every part and starts listening.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let Options { paths, env, config: loaded, overrides, port, version, allow_unconfigured, limits } = options;
        refuse(&loaded, &overrides, &env, allow_unconfigured)?;
        let config = loaded.config.clone();
        let port =
            port.unwrap_or_else(|| config::effective_port(&config, &overrides, &env, paths.profile.default_port()));
        let wait = LOCK_WAIT;
        let lock = GatewayLock::acquire(LockRequest { paths: &paths, env: &env, port, role: None, wait }).await?;
        let store = Store::open(&paths)?;
        let machine = Machine::read();
        let tls = open_tls(&config, &paths, &machine)?;
        let listeners = bind::open(&config, &overrides, port).await?;
        let addresses: Vec<SocketAddr> = listeners.iter().map(|(_, address)| *address).collect();
        let port = addresses.first().map_or(port, SocketAddr::port);

        let run_token = RunToken::new(&config::effective_auth(&loaded.config, &overrides, &env)?, &paths);
        let reload = Reload::new(
            overrides.clone(),
            run_token.token().cloned(),
            machine.hostname.clone(),
            &addresses,
            tls.is_some(),
        );
        let gate = Gate::new(reload.policy(&config, &env)?);
        let hub = Hub::default();
        let versions = Versions::default();
        let config = ConfigNow::new(paths, env, loaded);
        let instance_id = instance_id(&store).await?;
        let mode = config::effective_tailscale(&config.current(), &overrides);
        let on_tailnet = tailscale::door(mode)?;
        let tailscale = Tailscale::new(mode, config.env().clone(), &config.current().gateway.control_ui.base_path);
        let (chats, arrivals) = Chats::new(store.clone());
        let approvers = Arc::new(Approvers::new(chats.clone(), config.clone()));
        let approvals = Approvals::start(store.clone(), hub.clone(), approvers).await?;
        let nodes = Nodes::new(store.clone(), hub.clone(), config.clone(), approvals.clone());
        let clock = Clock::new(store.clone(), config.clone(), hub.clone());
        let ports = Ports {
            nodes: Arc::new(nodes.clone()),
            approvals: Arc::new(approvals.clone()),
            chats: Arc::new(chats.clone()),
            clock: Arc::new(clock.clone()),
        };
        let Work { agents, models, toolbox, rows, news, lanes, followed } =
            Work::new(&config, &store, &hub, ports, &version);
        let pairing = Pairing::new(store.clone(), hub.clone());
        let services = Arc::new(Services {
            approvals,
            ssh_verify: SshVerify::new(config.clone(), store.clone(), pairing.clone(), nodes.clone()),
            pairing,
            clock,
            nodes,
            presence: Presence::new(hub.clone(), versions.clone(), &machine, &version, &instance_id),
            health: Health::start(
                store.clone(),
                hub.clone(),
                versions.clone(),
                config.clone(),
                chats.clone(),
                tailscale.clone(),
            )
            .await?,
            chats,
            run: Arc::new(ThisRun::new(version, instance_id, port, addresses.clone(), machine)),
            reload: Arc::new(reload),
            hub,
            store,
            config,
            gate,
            writes: WriteLimit::default(),
            versions,
            tls,
            tailscale,
            agents,
            models,
            toolbox,
            rows,
            news,
            lanes,
        });
        services.lanes.recover().await?;
        metrics::install();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let table = Arc::new(methods::table());
        let features = hello::features(&table);
        let front = Front { services: services.clone(), table, features, tasks: tasks.clone(), limits };
        let places = Places::default();
        let bridge_places = places.clone();
        let bridge = Bridge::open(&services, &overrides).await;
        let (local, socket_file) = local_socket::open(&services.config.paths().local_socket()).unzip();
        let (serving, serving_front) = (tasks.clone(), front.clone());
        let serve = move |door: Door, end: CancellationToken| {
            serving.spawn(listener::accept(door, places.clone(), serving_front.clone(), end));
        };
        local.map(Door::Unix).into_iter().for_each(|door| serve(door, stop.clone()));
        if let Some((door, port)) = on_tailnet {
            serve(door, stop.child_token());
            tasks.spawn(tailscale::keep(services.clone(), port, stop.clone()));
        }
        let follows_tailnet = config::effective_bind(&services.config.current(), &overrides) == Bind::Tailnet;
        let mut bound = None;
        for (listener, address) in listeners {
            let end = stop.child_token();
            match address.ip() {
                IpAddr::V4(address) if follows_tailnet && !address.is_loopback() => {
                    bound = Some(Bound { address, end: end.clone() });
                }
                _ => {}
            }
            serve(Door::Tcp(listener), end);
        }
        if let Some(tls) = &services.tls {
            tasks.spawn(tls::watch(tls.clone(), services.hub.clone(), stop.clone()));
        }
        if follows_tailnet {
            let serve = move |listener, end| serve(Door::Tcp(listener), end);
            tasks.spawn(tailnet::follow(port, bound, serve, stop.clone()));
        }
        let discovered = bridge.as_ref().and_then(BridgeFacts::of);
        let bridge_addresses = bridge.as_ref().map(|bridge| bridge.addresses.clone()).unwrap_or_default();
        if let Some(bridge) = bridge {
            bridge.serve(&bridge_places, &front, &stop);
        }
        chats::start(&services, arrivals, followed, &tasks, &stop);
        tasks.spawn(config_watch::run(services.clone(), stop.clone()));
        tasks.spawn(clockwork::run(services.clone(), stop.clone()));
        tasks.spawn(clock::run(services.clone(), stop.clone()));
        services.tailscale.settled(TAILSCALE_SETTLES_WITHIN).await;
        let announcement = Announcement::of(&services, &addresses);
        announcement.log(&services, run_token.token().is_some());
        let fingerprint = services.tls.as_ref().map(|tls| tls.fingerprint());
        let discovery = Discovery::start(&services, &addresses, fingerprint.as_deref(), discovered).await;
        tasks.spawn(supervisor::watchdog(stop.clone()));
        supervisor::tell(News::Ready(&announcement.urls.join(", ")));
        let drain = limits.drain;
        Ok(Running {
            addresses,
            token: run_token.token().cloned(),
            bridge: bridge_addresses,
            announcement,
            services,
            discovery,
            stop,
            tasks,
            drain,
            _run_token: run_token,
            _socket_file: socket_file,
            _lock: lock,
        })
    }
}

/// TLS-1: one port, one language.
fn open_tls(config: &Config, paths: &StatePaths, machine: &Machine) -> Result<Option<Arc<Tls>>, TlsError> {
    let wanted = &config.gateway.tls;
    let open = || Tls::open(TlsFiles::of(wanted, paths), wanted.auto_generate, &machine.hostname);
    wanted.enabled.then(open).transpose().map(|tls| tls.map(Arc::new))
}

fn refuse(loaded: &Loaded, overrides: &StartOverrides, env: &Env, allow_unconfigured: bool) -> Result<(), StartError> {
    config::may_start(loaded, allow_unconfigured).map_err(|refusal| StartError::Refused(Box::new(refusal)))?;
    match config::refusals(&loaded.config, overrides, env).into_iter().next() {
        Some(refusal) => Err(StartError::Refused(Box::new(refusal))),
        None => Ok(()),
    }
}

/// The id this install keeps for ever.
async fn instance_id(store: &Store) -> Result<String, StoreError> {
    let fresh = json!(uuid::Uuid::new_v4().to_string());
    let kept = store.meta_init("instance-id", &fresh).await?;
    Ok(kept.as_str().unwrap_or_default().to_owned())
}

/// A Gateway at work.
pub struct Running {
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// Where the Bridge listens, when it does (N-14.2).
    pub bridge: Vec<SocketAddr>,
    /// The token made for this run, when none was configured.
    pub token: Option<Secret>,
    /// What to tell whoever started it.
    pub announcement: Announcement,
    services: Arc<Services>,
    discovery: Discovery,
    stop: CancellationToken,
    tasks: TaskTracker,
    drain: Duration,
    // Dropped in this order: what stands in the state folder belongs to whoever holds the lock.
    _run_token: RunToken,
    _socket_file: Option<SocketFile>,
    _lock: GatewayLock,
}

impl Running {
    /// Resolves when a method asked the daemon to restart.
    pub async fn restart_wanted(&self) {
        self.services.reload.restart_wanted().await;
    }

    /// Looks at the config file again, as SIGHUP asks.
    pub fn reload(&self) {
        self.services.reload.want_look();
    }

    /// Tells every client, closes their connections with 1012 and waits for what is at work (SVC-5). With `restart`
    /// they are told when to come back. Without, somebody outside waits for the process: it is over after
    /// 25 s whatever is still at work; state is durable at every moment.
    pub async fn stop(self, restart: bool) {
        if restart {
            let drain = self.drain;
            return self.wind_down(true, drain).await;
        }
        let drain = self.drain.min(SIGNAL_DRAIN);
        if tokio::time::timeout(SIGNAL_BUDGET, self.wind_down(false, drain)).await.is_err() {
            tracing::warn!("the Gateway did not come to rest in time and stops as it is");
        }
    }

    async fn wind_down(self, restart: bool, drain: Duration) {
        supervisor::tell(if restart { News::Restarting } else { News::Stopping });
        self.stop.cancel();
        self.discovery.stop().await;
        let farewell = if restart {
            json!({"reason": "gateway restarting", "restartExpectedMs": 1500})
        } else {
            json!({"reason": "gateway stopping"})
        };
        self.services.hub.broadcast(&events::SHUTDOWN, &farewell);
        // A run that waits for a person would wait through the whole drain.
        self.services.approvals.close().await;
        self.services.lanes.stop(drain).await;
        self.services.hub.close(&Close::after_drain(close::SERVICE_RESTART, "service restart"), |_| true);
        self.tasks.close();
        if tokio::time::timeout(STOP_BUDGET, self.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.tasks.len(), "some tasks did not end in time");
        }
        self.services.toolbox.shutdown().await;
        self.services.store.clone().close().await;
        tracing::info!("gateway stopped");
    }
}
