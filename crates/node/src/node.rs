//! A node's life: connect, offer commands, and stay until told to stop (N-2, N-11). What a machine of its own offers is
//! put together in [`crate::host`]; anything else that speaks to a Gateway as a node begins here.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::{Code, Explain, Kind, Secret, Step};
use link::supervise::{Decision, Fact, Failure, Supervisor};
use link::{
    Connect, Device, DialError, Happenings, IdentityError, Link, LinkState, Source, Target, TargetError, TokenStore,
};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::sleep;
use wire::Role;
use wire::connect::ClientInfo;
use wire::methods::node::ToolDescriptor;

use crate::offer::{Call, Offer, Refusal, plain};
use crate::serve::Server;
use crate::tell::tell_how_it_is;
use crate::watchdog;

/// The first look whether a person has let this device in; each one after it waits twice as long (RECON-3).
const FIRST_LOOK: Duration = Duration::from_secs(2);
/// Between two looks whether a person has decided; the decision about what is offered is told sooner.
pub(crate) const DECISION_LOOK: Duration = Duration::from_secs(30);
/// How long an answer waits for a connection that is away; on the next one nobody waits for it (N-5.7).
const PATIENCE: Duration = Duration::from_secs(2);
/// No jitter: one machine.
const NO_DICE: f64 = 0.5;

/// A node that is not connected yet.
///
/// ```no_run
/// # async fn example(connect: link::Connect, device: link::Device) -> Result<(), openclaw_node::HostError> {
/// use openclaw_node::{Node, Refusal};
/// use serde_json::json;
///
/// let node = Node::new(connect, device).offer("thermometer.read", |_call| async { Ok(json!({"celsius": 21.5})) });
/// node.run(std::future::pending()).await
/// # }
/// ```
pub struct Node {
    connect: Connect,
    node_id: String,
    offers: Vec<Arc<dyn Offer>>,
    /// A place on the disk that is told about, with the machine (N-7.9).
    stats_of: Option<PathBuf>,
    /// Offered to the agent as tools of its own (A-8.27).
    tools: Vec<ToolDescriptor>,
}

impl Node {
    /// A node that connects as `connect` says, and proves itself with `device`; role, caps and commands are filled in by
    /// what it offers.
    pub fn new(mut connect: Connect, device: Device) -> Self {
        let node_id = device.id().to_owned();
        connect.device = Some(device);
        Self { connect, node_id, offers: Vec::new(), stats_of: None, tools: Vec::new() }
    }

    /// A node called `name` at a Gateway's `url`, as `openclaw --url` takes it. It keeps its key and what Gateways gave
    /// it in `folder`, which is its alone; without that folder it is another device, which is paired anew.
    ///
    /// # Errors
    /// [`NodeError`] when the URL is none, or the folder cannot be used.
    pub fn at(url: &str, name: &str, folder: &Path) -> Result<Self, NodeError> {
        let target = Target::parse(url, Source::Flag)?;
        let file = folder.join("device.json");
        let io = |source| IdentityError::Io { file: folder.to_owned(), source };
        base::ensure_private_dir(folder).map_err(io)?;
        let device = Device::load_or_create(&file)?;
        let client = ClientInfo {
            display_name: Some(name.to_owned()),
            version: env!("CARGO_PKG_VERSION").into(),
            platform: std::env::consts::OS.into(),
            ..ClientInfo::default()
        };
        let connect = Connect { tokens: Some(TokenStore::beside(&file)), ..Connect::new(target, client) };
        Ok(Self::new(connect, device))
    }

    /// Shows the Gateway's shared token, which a new device needs; one that is paired shows its own.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.connect.credentials.token = Some(Secret::new(token));
        self
    }

    /// Offers one more command. A Gateway lets it be used once a person there has approved it, and where its platform's
    /// defaults do not name it, once `gateway.nodes.commands.allow` does (N-4.1).
    ///
    /// The answer is JSON; calls run beside each other, and the future of one that is cancelled, or whose time is up, is
    /// dropped.
    #[must_use]
    pub fn offer<F, A>(self, name: &str, answer: F) -> Self
    where
        F: Fn(Call) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Value, Refusal>> + Send + 'static,
    {
        self.offer_all([plain(name, answer)])
    }

    /// Makes a command it offers a tool of the agent's, which calls it by itself while this node is connected (A-8.27):
    /// `name` has letters, digits, `_` and `-`; `description` says what it is for, and `parameters` is the JSON Schema of
    /// the command's params, an object.
    #[must_use]
    pub fn as_tool(mut self, command: &str, name: &str, description: &str, parameters: Value) -> Self {
        self.tools.push(ToolDescriptor {
            plugin_id: "node".into(),
            name: name.to_owned(),
            description: description.to_owned(),
            parameters: parameters.as_object().cloned(),
            command: Some(command.to_owned()),
            mcp: None,
        });
        self
    }

    pub(crate) fn offer_all(mut self, offers: impl IntoIterator<Item = Arc<dyn Offer>>) -> Self {
        self.offers.extend(offers);
        self
    }

    /// Tells the Gateway how this machine is, every minute; `place` is on the disk that counts.
    pub(crate) fn with_stats_of(mut self, place: PathBuf) -> Self {
        self.stats_of = Some(place);
        self
    }

    /// Offers the commands until `stop` is ready. What runs for a call is dropped when this ends, however it ends.
    ///
    /// # Errors
    /// [`HostError`] when dialling again cannot help; a Gateway that is away, and a pairing that waits for a person, are
    /// waited for (N-11.2).
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), HostError> {
        self.run_telling(|| {}, stop).await
    }

    /// Connects once as the node it will be, and says goodbye.
    pub(crate) async fn enrol(self) -> Result<(), DialError> {
        let (client, events) = link::connect(&introduced(self.connect, &self.offers)).await?;
        client.close().await;
        drop(events);
        Ok(())
    }

    /// As [`Node::run`]; `came_in` hears of the first connection.
    pub(crate) async fn run_telling(
        self,
        came_in: impl FnOnce(),
        stop: impl Future<Output = ()>,
    ) -> Result<(), HostError> {
        let Self { connect, node_id, offers, stats_of, tools } = self;
        let how = introduced(connect, &offers);
        let live = async {
            let (link, happenings) = dial(how).await?;
            came_in();
            tracing::info!(node = %node_id, "connected; offering {}", names(&offers));
            let decided = Arc::new(Notify::new());
            let server = Server::new(link.clone(), node_id, offers, decided.clone());
            tokio::select! {
                () = server.run(happenings) => Ok(()),
                () = tell_how_it_is(&link, stats_of.as_deref(), &tools, &decided) => Ok(()),
                error = attend(&link) => Err(error),
                () = watchdog::silence(link.state()) => Err(HostError::Silent),
            }
        };
        tokio::select! {
            outcome = live => outcome,
            () = stop => Ok(()),
        }
    }
}

/// Why there is no such node.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The URL.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The folder, or the key in it.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// Why a host has stopped by itself: dialling again cannot help.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The first dial.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// A later one.
    #[error("{because}")]
    Paused {
        /// What stands in the way.
        code: Code,
        /// The same in a sentence.
        because: String,
        /// What mends it.
        next: Vec<Step>,
    },
    /// There is no connection, and nothing tries for one any more (RECON-7).
    #[error("no attempt to connect for {} minutes: this process starts anew", watchdog::SILENT_FOR.as_secs() / 60)]
    Silent,
}

impl Explain for HostError {
    fn code(&self) -> Code {
        match self {
            Self::Silent => Code("NODE_HOST_SILENT"),
            Self::Dial(error) => error.code(),
            Self::Paused { code, .. } => *code,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Dial(error) => error.kind(),
            Self::Paused { .. } => Kind::Refused,
            Self::Silent => Kind::Restart,
        }
    }

    fn next(&self) -> Vec<Step> {
        match self {
            Self::Dial(error) => error.next(),
            Self::Paused { next, .. } => next.clone(),
            Self::Silent => vec![Step::run("openclaw node run")],
        }
    }
}

/// `how`, as the node that makes `offers` (N-2.2, N-11.5).
fn introduced(mut how: Connect, offers: &[Arc<dyn Offer>]) -> Connect {
    let caps: BTreeSet<&str> = offers.iter().map(|command| command.cap()).collect();
    how.role = Role::Node;
    how.scopes = Vec::new();
    how.caps = caps.into_iter().map(str::to_owned).collect();
    how.commands = offers.iter().map(|command| command.name().to_owned()).collect();
    how.client.id = "node-host".into();
    how.client.mode = "node".into();
    how
}

fn names(offers: &[Arc<dyn Offer>]) -> String {
    offers.iter().map(|command| command.name()).collect::<Vec<_>>().join(", ")
}

/// The first connection, dialled as long as it may come to stand.
async fn dial(how: Connect) -> Result<(Link, Happenings), DialError> {
    let mut policy = Supervisor::default();
    let mut look = FIRST_LOOK;
    loop {
        let error = match Link::open(how.clone(), PATIENCE).await {
            Ok(opened) => return Ok(opened),
            Err(error) => error,
        };
        let failure = Failure::of(&error);
        let wait = match policy.step(Fact::Failed(failure.clone()), NO_DICE) {
            Decision::DialAfter(wait) => wait,
            Decision::Pause(_) if failure == Failure::Pairing => {
                policy.step(Fact::Changed, NO_DICE);
                let next = (look * 2).min(DECISION_LOOK);
                std::mem::replace(&mut look, next)
            }
            Decision::Pause(_) | Decision::Probe | Decision::Stay => return Err(error),
        };
        let next = error.next().first().map(|step| format!("; {}", step.text())).unwrap_or_default();
        tracing::warn!("not connected: {error}{next}; trying again in {} s", wait.as_secs_f64().round());
        sleep(wait).await;
    }
}

/// Says how the link stands whenever that changes, until dialling again cannot help.
async fn attend(link: &Link) -> HostError {
    let mut state = link.state();
    let mut was_up = true;
    let mut look = FIRST_LOOK;
    loop {
        let now = state.borrow_and_update().clone();
        match now {
            LinkState::Up { .. } if !was_up => {
                tracing::info!("connected again");
                was_up = true;
                look = FIRST_LOOK;
            }
            LinkState::Up { .. } => {}
            LinkState::Connecting { .. } => {
                tracing::warn!("{now}");
                was_up = false;
            }
            LinkState::Paused { code: Code("PAIRING_REQUIRED"), .. } => {
                tracing::warn!("{now}");
                was_up = false;
                sleep(look).await;
                look = (look * 2).min(DECISION_LOOK);
                link.changed(None);
            }
            LinkState::Paused { code, because, next } => return HostError::Paused { code, because, next },
            // The server hears of the end too, and ends everything.
            LinkState::Ended => std::future::pending().await,
        }
        if state.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
