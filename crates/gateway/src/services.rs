//! What handlers may use: a handful of cloneable handles, built once in `wiring`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use agent::tools::Toolbox;
use store::Store;

use crate::agents::Agents;
use crate::approvals::Approvals;
use crate::auth::Gate;
use crate::chats::Chats;
use crate::clock::Clock;
use crate::config_now::ConfigNow;
use crate::display::rows::Rows;
use crate::health::Health;
use crate::hub::Hub;
use crate::lanes::{Lanes, News};
use crate::machine::Machine;
use crate::models::Models;
use crate::nodes::Nodes;
use crate::pairing::Pairing;
use crate::presence::{Presence, Versions};
use crate::reload::Reload;
use crate::rpc::write_limit::WriteLimit;
use crate::ssh_verify::SshVerify;
use crate::tailscale::Tailscale;
use crate::tls::Tls;

/// The handles every request can reach through its context.
pub(crate) struct Services {
    /// All state.
    pub(crate) store: Store,
    /// Reaches every connection.
    pub(crate) hub: Hub,
    /// The config in force.
    pub(crate) config: ConfigNow,
    /// Who may come in.
    pub(crate) gate: Gate,
    /// How often the Gateway itself may be changed.
    pub(crate) writes: WriteLimit,
    /// Where devices are approved.
    pub(crate) pairing: Pairing,
    /// Asks new nodes' machines who they are.
    pub(crate) ssh_verify: SshVerify,
    /// Where people are asked.
    pub(crate) approvals: Approvals,
    /// The accounts at chats.
    pub(crate) chats: Chats,
    /// Jobs and heartbeats.
    pub(crate) clock: Clock,
    /// The devices that offer commands.
    pub(crate) nodes: Nodes,
    /// Who is here.
    pub(crate) presence: Presence,
    /// How we are.
    pub(crate) health: Health,
    /// The numbers of the presence and health snapshots.
    pub(crate) versions: Versions,
    /// This run.
    pub(crate) run: Arc<ThisRun>,
    /// Takes changed configs over.
    pub(crate) reload: Arc<Reload>,
    /// The certificate, when the port speaks TLS.
    pub(crate) tls: Option<Arc<Tls>>,
    /// Our place on the tailnet.
    pub(crate) tailscale: Tailscale,
    /// The agents and their sessions' keys.
    pub(crate) agents: Agents,
    /// What can answer.
    pub(crate) models: Models,
    /// What the agent can do.
    pub(crate) toolbox: Toolbox,
    /// Sessions as clients see them.
    pub(crate) rows: Rows,
    /// What clients hear of runs and sessions.
    pub(crate) news: News,
    /// The run queue.
    pub(crate) lanes: Lanes,
}

/// What does not change while this Gateway runs.
#[derive(Debug)]
pub(crate) struct ThisRun {
    /// Our version, for people and skew hints.
    pub(crate) version: String,
    /// This install, for ever.
    pub(crate) instance_id: String,
    /// This run only.
    pub(crate) boot_id: String,
    /// When it began.
    pub(crate) started: Instant,
    /// The port we listen on.
    pub(crate) port: u16,
    /// Where we listen.
    pub(crate) addresses: Vec<SocketAddr>,
    /// What we run on.
    pub(crate) machine: Machine,
}

impl ThisRun {
    /// A run that begins now.
    pub(crate) fn new(
        version: String,
        instance_id: String,
        port: u16,
        addresses: Vec<SocketAddr>,
        machine: Machine,
    ) -> Self {
        let boot_id = uuid::Uuid::new_v4().to_string();
        Self { version, instance_id, boot_id, started: Instant::now(), port, addresses, machine }
    }

    /// Milliseconds since the start.
    pub(crate) fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
