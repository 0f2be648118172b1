//! The node host as this command sets it up: what it offers, as whom, and what is kept of it (N-11.1, N-11.3).

use std::collections::BTreeSet;

use link::Device;

use super::kept::{Endpoint, Kept};
use super::place::Chosen;
use crate::app::App;
use crate::exit::Failure;
use crate::rpc::{self, As, TIMEOUT, Want};
use crate::tunnel::process::Ended;

/// What this machine offers, and as whom.
#[derive(Debug, Clone, Default, clap::Args)]
pub(in crate::cmd) struct Offer {
    /// What people call this machine [default: its host name]
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Offer these commands only, from now on
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "all_commands")]
    commands: Option<Vec<String>>,
    /// Offer every command again
    #[arg(long)]
    all_commands: bool,
    /// Accepted; a node is known by its device, and this names only its connections
    #[arg(long, value_name = "ID")]
    node_id: Option<String>,
    /// Run the sessions of workers here
    #[arg(long)]
    session_host: bool,
}

impl Offer {
    /// Whether anything was said.
    pub(in crate::cmd) const fn is_given(&self) -> bool {
        let named = self.display_name.is_some() || self.commands.is_some() || self.node_id.is_some();
        named || self.all_commands || self.session_host
    }

    /// What was kept, with what was said now.
    pub(super) fn over(&self, mut kept: Kept) -> Result<Kept, Failure> {
        if self.session_host {
            let why = "this Gateway hands out no sessions; a node runs single commands";
            return Err(Failure::not_built_for("--session-host", why).advise("leave --session-host out"));
        }
        if let Some(name) = self.display_name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
            kept.display_name = Some(name.to_owned());
        }
        if let Some(id) = self.node_id.as_deref().map(str::trim).filter(|id| !id.is_empty()) {
            kept.node_id = id.to_owned();
        }
        if self.all_commands {
            kept.commands = None;
        }
        if let Some(names) = &self.commands {
            kept.commands = Some(known(names)?);
        }
        Ok(kept)
    }
}

/// The commands of a list, each of which must be one.
fn known(names: &[String]) -> Result<BTreeSet<String>, Failure> {
    let names: BTreeSet<String> =
        names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    match names.iter().find(|name| !::node::command_names().any(|known| known == name.as_str())) {
        None => Ok(names),
        Some(unknown) => {
            let all = ::node::command_names().collect::<Vec<_>>().join(", ");
            Err(Failure::usage(format!("--commands: `{unknown}` is none of {all}")))
        }
    }
}

/// The host for that Gateway.
pub(super) fn options(chosen: &Chosen, kept: &Kept) -> Result<::node::Options, Failure> {
    let app = &chosen.app;
    let want = Want { who: As::Node, scopes: Vec::new(), caps: Vec::new(), timeout: TIMEOUT };
    let mut connect = rpc::how(app, chosen.way.clone(), &want)?;
    let device = Device::load_or_create(&app.paths.device_identity())?;
    connect.client.display_name = kept.display_name.clone().or_else(host_name);
    connect.client.instance_id = Some(kept.node_id.clone());
    let this = std::env::current_exe().map_err(|error| Failure::new("NO_EXECUTABLE", error.to_string()))?;
    // What is offered is this machine's own matter, whichever Gateway is meant.
    let config = &app.config()?.config;
    Ok(::node::Options {
        connect,
        device,
        env: app.env.clone(),
        paths: app.paths.clone(),
        settings: config.node_host.clone(),
        browser: config.browser.clone(),
        guard: [this, "node".into(), "guard".into(), "--".into()].into(),
        only: kept.commands.clone(),
    })
}

/// Listens for being told to stop. Before a code is shown: a Gateway may know this node, and whoever watches may stop it,
/// while it is still joining, and it is to end in good order then too.
pub(super) fn listen() -> Result<Ended, Failure> {
    let listen = async { Ended::listen().map_err(|error| Failure::new("NO_SIGNALS", format!("signals: {error}"))) };
    rpc::block_on(listen)
}

/// Runs it until it is told to stop, and says as which device; what has proven itself is kept.
pub(super) fn run(app: &App, chosen: &Chosen, kept: &Kept, mut ended: Ended) -> Result<String, Failure> {
    let place = rpc::place(app, &chosen.way);
    let gateway = chosen.keep.clone();
    let options = options(chosen, kept)?;
    rpc::block_on(async {
        let came_in = || keep(app, kept, gateway.clone());
        let outcome = ::node::run(&options, came_in, ended.wait()).await;
        outcome.map_err(|error| match &error {
            ::node::HostError::Dial(error) => Failure::dial(error).at(&place),
            ::node::HostError::Paused { .. } | ::node::HostError::Silent => Failure::of(&error).at(&place),
        })
    })?;
    Ok(options.device.id().to_owned())
}

/// Keeps what has let this node in; a state folder that cannot be written is no reason to be no node.
pub(super) fn keep(app: &App, kept: &Kept, gateway: Option<Endpoint>) {
    let mut now = kept.clone();
    now.gateway = gateway.or(now.gateway);
    if Kept::read(app).is_ok_and(|before| before == now) {
        return;
    }
    if let Err(failure) = now.write(app) {
        app.out.warn(&failure.message);
    }
}

fn host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    (!name.is_empty()).then_some(name)
}
