//! The host's life: connect as a node, offer commands, say how the machine is, and stay until told to stop (N-11).

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{Code, Env, Explain, Kind, Step};
use link::supervise::{Decision, Fact, Failure, Supervisor};
use link::{CallError, Connect, DialError, Happenings, Link, LinkState};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use wire::Role;
use wire::methods::Method as _;
use wire::methods::node::{Event, EventParams, RunnerInventoryUpdate};

use crate::commands::{self, Command, Host};
use crate::serve::Server;
use crate::stats;

/// How often the machine says how it is (N-7.9).
const STATS_EVERY: Duration = Duration::from_secs(60);
/// Between two looks whether a person has decided; the decision itself is told sooner.
const DECISION_LOOK: Duration = Duration::from_secs(30);
/// Until something that was not taken is told again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How long an answer waits for a connection that is away; on the next one nobody waits for it (N-5.7).
const PATIENCE: Duration = Duration::from_secs(2);
/// No jitter: one machine.
const NO_DICE: f64 = 0.5;

/// What a host needs.
#[derive(Debug)]
pub struct Options {
    /// How to connect; role, caps and commands are filled in here.
    pub connect: Connect,
    /// This device's id.
    pub node_id: String,
    /// The environment of this process.
    pub env: Env,
    /// The user's home.
    pub home: PathBuf,
    /// The owner's word about what may be run (N-12.1).
    pub exec_approvals: PathBuf,
    /// How [`crate::guard`] is started as a process; the program to run follows.
    pub guard: Vec<PathBuf>,
    /// Offer these commands only.
    pub only: Option<BTreeSet<String>>,
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
}

impl Explain for HostError {
    fn code(&self) -> Code {
        match self {
            Self::Dial(error) => error.code(),
            Self::Paused { code, .. } => *code,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Dial(error) => error.kind(),
            Self::Paused { .. } => Kind::Refused,
        }
    }

    fn next(&self) -> Vec<Step> {
        match self {
            Self::Dial(error) => error.next(),
            Self::Paused { next, .. } => next.clone(),
        }
    }
}

/// Offers this machine's commands until `stop` is ready. What runs for a call is stopped when this ends, however it ends.
///
/// # Errors
/// [`HostError`] when dialling again cannot help; a Gateway that is away, and a pairing that waits for a person, are
/// waited for (N-11.2).
pub async fn run(options: Options, stop: impl Future<Output = ()>) -> Result<(), HostError> {
    let offered: Vec<&'static dyn Command> = commands::ALL
        .iter()
        .copied()
        .filter(|command| options.only.as_ref().is_none_or(|only| only.contains(command.name())))
        .collect();
    let host = Arc::new(Host {
        env: options.env,
        home: options.home,
        exec_approvals: options.exec_approvals,
        guard: options.guard,
        name: options.connect.client.display_name.clone(),
        version: options.connect.client.version.clone(),
    });
    let how = introduced(options.connect, &offered, &host);
    let live = async {
        let (link, happenings) = dial(how).await?;
        tracing::info!(node = %options.node_id, "connected; offering {}", names(&offered));
        let decided = Arc::new(Notify::new());
        let server = Server::new(link.clone(), options.node_id, host.clone(), offered, decided.clone());
        tokio::select! {
            () = server.run(happenings) => Ok(()),
            () = tell_how_it_is(&link, &host, &decided) => Ok(()),
            error = attend(&link) => Err(error),
        }
    };
    tokio::select! {
        outcome = live => outcome,
        () = stop => Ok(()),
    }
}

/// `how`, as the node that offers `commands` (N-2.2, N-11.5).
fn introduced(mut how: Connect, commands: &[&'static dyn Command], host: &Host) -> Connect {
    let caps: BTreeSet<&str> = commands.iter().map(|command| command.cap()).collect();
    how.role = Role::Node;
    how.scopes = Vec::new();
    how.caps = caps.into_iter().map(str::to_owned).collect();
    how.commands = commands.iter().map(|command| command.name().to_owned()).collect();
    how.path_env = Some(host.path());
    how.client.id = "node-host".into();
    how.client.mode = "node".into();
    how
}

fn names(commands: &[&'static dyn Command]) -> String {
    commands.iter().map(|command| command.name()).collect::<Vec<_>>().join(", ")
}

/// The first connection, dialled as long as it may come to stand.
async fn dial(how: Connect) -> Result<(Link, Happenings), DialError> {
    let mut policy = Supervisor::default();
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
                DECISION_LOOK
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
    loop {
        let now = state.borrow_and_update().clone();
        match now {
            LinkState::Up { .. } if !was_up => {
                tracing::info!("connected again");
                was_up = true;
            }
            LinkState::Up { .. } => {}
            LinkState::Connecting { .. } => {
                tracing::warn!("{now}");
                was_up = false;
            }
            LinkState::Paused { code: Code("PAIRING_REQUIRED"), .. } => {
                tracing::warn!("{now}");
                was_up = false;
                sleep(DECISION_LOOK).await;
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

/// On every connection and every minute from then on, once a person has approved this node.
async fn tell_how_it_is(link: &Link, host: &Host, decided: &Notify) {
    let mut state = link.state();
    let mut has_waited = false;
    loop {
        let up = state.wait_for(|state| matches!(state, LinkState::Up { .. })).await.map(|state| since(&state));
        let Ok(up) = up else { return };
        let wait = match tell(link, host).await {
            Ok(()) => {
                if std::mem::take(&mut has_waited) {
                    tracing::info!("approved");
                }
                STATS_EVERY
            }
            Err(NotTold::Awaited(why)) => {
                tracing::warn!("waiting for approval: {why}");
                has_waited = true;
                // Neither is an answer: what it says is asked again.
                let _decided_or_not = timeout(DECISION_LOOK, decided.notified()).await;
                continue;
            }
            Err(NotTold::Failed(error)) => {
                tracing::debug!(%error, "how this machine is was not taken");
                AGAIN_AFTER
            }
        };
        let other = |state: &LinkState| matches!(state, LinkState::Up { .. }) && since(state) != up;
        // Another connection is told at once.
        let _sooner = timeout(wait, state.wait_for(other)).await;
    }
}

/// Why a Gateway has not taken how this machine is.
enum NotTold {
    /// A person has to do something first (N-3.12).
    Awaited(String),
    /// Anything else; it passes.
    Failed(CallError),
}

/// Tells it once. Asked first is what an unapproved node is told in words; a Gateway that does not know the question
/// answers the second one alike.
async fn tell(link: &Link, host: &Host) -> Result<(), NotTold> {
    let nothing_to_run = Value::Object(serde_json::Map::new());
    match link.request_raw(RunnerInventoryUpdate::NAME, Some(nothing_to_run)).await {
        Err(CallError::Answered { error, .. }) if error.message.contains("approval") => {
            return Err(NotTold::Awaited(error.message.clone()));
        }
        Ok(_) | Err(CallError::Answered { .. }) => {}
        Err(error) => return Err(NotTold::Failed(error)),
    }
    let stats = Some(stats::host(&host.home));
    let stats = EventParams { event: "node.host.stats".into(), payload: stats, payload_json: None };
    let told = link.request_raw(Event::NAME, Some(json!(stats))).await;
    told.map(drop).map_err(|error| match error.answered().and_then(|answer| answer.detail_code()) {
        Some("PAIRING_CHANGED") => NotTold::Awaited("see `openclaw nodes pending` at the Gateway".into()),
        _ => NotTold::Failed(error),
    })
}

fn since(state: &LinkState) -> Option<std::time::SystemTime> {
    match state {
        LinkState::Up { since, .. } => Some(*since),
        _ => None,
    }
}
