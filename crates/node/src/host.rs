//! The headless host: this machine's commands, offered as a node (N-11).

use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use base::Env;
use futures_util::future::BoxFuture;
use link::{Connect, Device};
use serde_json::Value;

use crate::commands::{self, Command, Cx, Host, Refusal};
use crate::node::{HostError, Node};
use crate::offer::{Call, Offer};

/// What a host needs.
#[derive(Debug)]
pub struct Options {
    /// How to connect; role, caps and commands are filled in here.
    pub connect: Connect,
    /// As which device.
    pub device: Device,
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

/// Offers this machine's commands until `stop` is ready. What runs for a call is stopped when this ends, however it ends.
///
/// # Errors
/// As [`Node::run`].
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
    let offers =
        offered.into_iter().map(|command| -> Arc<dyn Offer> { Arc::new(Hosted { command, host: host.clone() }) });
    let mut connect = options.connect;
    connect.path_env = Some(host.path());
    let node = Node::new(connect, options.device).offer_all(offers).with_stats_of(host.home.clone());
    node.run(stop).await
}

/// A command of this machine.
struct Hosted {
    command: &'static dyn Command,
    host: Arc<Host>,
}

impl Offer for Hosted {
    fn name(&self) -> &str {
        self.command.name()
    }

    fn cap(&self) -> &str {
        self.command.cap()
    }

    fn handle(&self, call: Call) -> BoxFuture<'static, Result<Value, Refusal>> {
        self.command.handle(Cx { host: self.host.clone(), voice: call.voice }, call.params)
    }
}
