//! The headless host: this machine's commands, offered as a node (N-11).

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Env, StatePaths};
use futures_util::future::BoxFuture;
use link::{Connect, Device, DialError};
use serde_json::Value;

use crate::browser::{Browsers, Setup};
use crate::commands::{self, Command, Cx, Host, Refusal};
use crate::files::Roots;
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
    /// The places of this user and profile.
    pub paths: StatePaths,
    /// What the owner of this machine lets a node do.
    pub settings: config::NodeHost,
    /// Which browser is started, and how.
    pub browser: config::Browser,
    /// How [`crate::guard`] is started as a process; the program to run follows.
    pub guard: Vec<PathBuf>,
    /// Offer these commands only.
    pub only: Option<BTreeSet<String>>,
}

/// Connects once as the node it will be, and says goodbye: a setup code is used up, what it offers is known to its owner,
/// and this device has a token of its own (N-3.7).
///
/// # Errors
/// [`DialError`]
pub async fn enrol(options: &Options) -> Result<(), DialError> {
    node(options).enrol().await
}

/// Offers this machine's commands until `stop` is ready; `came_in` hears of the first connection. What runs for a call is
/// stopped when this ends, however it ends.
///
/// # Errors
/// As [`Node::run`].
pub async fn run(options: &Options, came_in: impl FnOnce(), stop: impl Future<Output = ()>) -> Result<(), HostError> {
    node(options).run_telling(came_in, stop).await
}

/// This machine as a node.
fn node(options: &Options) -> Node {
    let host = Arc::new(machine(options));
    let is_wanted = |name: &str| options.only.as_ref().is_none_or(|only| only.contains(name));
    let offered = commands::ALL.iter().copied().filter(|one| is_wanted(one.name()) && one.is_offered(&host));
    let offers = offered.map(|command| -> Arc<dyn Offer> { Arc::new(Hosted { command, host: host.clone() }) });
    let mut connect = options.connect.clone();
    connect.path_env = Some(host.path());
    Node::new(connect, options.device.clone()).offer_all(offers).with_stats_of(host.home.clone())
}

/// This machine, as its owner lets it be used.
fn machine(options: &Options) -> Host {
    let (home, files) = (options.paths.home.clone(), &options.settings.files);
    let place = |path: &Path| commands::place(&home, &path.to_string_lossy());
    let roots = Roots::new(&files.read, &files.write, place);
    let browsers = Browsers::find(Setup {
        settings: &options.settings.browser_proxy,
        browser: &options.browser,
        env: &options.env,
        home: &home,
        folder: options.paths.browser(),
        guard: &options.guard,
    });
    Host {
        env: options.env.clone(),
        exec_approvals: options.paths.exec_approvals(),
        guard: options.guard.clone(),
        name: options.connect.client.display_name.clone(),
        version: options.connect.client.version.clone(),
        roots,
        uploads: options.paths.uploads(),
        settings: options.settings.clone(),
        browsers,
        home,
    }
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
