//! The `exec` tool: a shell line, waited for or left running as a session.
//!
//! Who trusts whom: the owner trusts the model as far as `tools.exec` and the exec approvals of this host say, and no
//! further. The policy ([`policy`]) decides before anything starts, and people where it leaves it to them
//! ([`permission`]); the environment ([`environment`]) keeps secrets from children; an abort of the turn
//! ends the whole process tree.

mod environment;
pub(super) mod on_node;
mod permission;
mod policy;
mod run;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

pub use on_node::NodeSettings;
pub use policy::{ExecSettings, Security};
pub(super) use run::how_it_ended;

use super::processes::{Command, Stdin};
use super::{Processes, Tool, ToolCx, ToolDeps, ToolOutput, args};
use crate::ports::Ports;
use crate::providers::ToolSpec;

/// Longest wait a call may ask for.
const MAX_YIELD: Duration = Duration::from_secs(30 * 60);
/// Longest life a command may ask for.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) struct Exec {
    settings: ExecSettings,
    processes: Processes,
    ports: Ports,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Args {
    /// The shell line, run by `sh -c`.
    command: String,
    /// The folder to run in; the workspace unless given.
    #[serde(alias = "cwd")]
    workdir: Option<String>,
    /// Variables added to the environment. `PATH`, `LD_*` and `DYLD_*` cannot be set.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Milliseconds to wait before the command is left running as a session for `process`; 10000 unless given.
    yield_ms: Option<u64>,
    /// Leave it running as a session at once, with its input open for `process`.
    background: Option<bool>,
    /// Seconds after which the command is stopped; 1800 unless given.
    #[serde(alias = "timeoutSeconds")]
    timeout: Option<f64>,
    /// Where to run it: on this Gateway, or on a node.
    host: Option<Host>,
    /// The node of host=node: its id, name or address.
    node: Option<String>,
    /// When a person is asked, for this call; only stricter than configured.
    ask: Option<AskedAsk>,
    /// A policy stricter than the configured one, for this call.
    security: Option<AskedSecurity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Host {
    Auto,
    Gateway,
    Sandbox,
    Node,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum AskedSecurity {
    Deny,
    Allowlist,
    Full,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum AskedAsk {
    Off,
    OnMiss,
    Always,
}

impl Exec {
    pub(super) fn new(deps: &ToolDeps) -> Self {
        Self { settings: deps.exec.clone(), processes: deps.processes.clone(), ports: deps.ports.clone() }
    }

    /// Where a call runs. Where the owner sends commands to a node the model does not bring them back, and where the
    /// owner wants a sandbox they run nowhere else.
    fn host(&self, asked: Option<Host>) -> Result<Host, ToolOutput> {
        if let Some(host) = &self.settings.missing_host {
            return Err(ToolOutput::error(format!(
                "the command was not run: `tools.exec.host` is `{host}`, and there is no {host} here; the owner chooses \
                 another host with `openclaw config set tools.exec.host gateway`"
            )));
        }
        match (asked.unwrap_or(Host::Auto), self.settings.on_node.is_default) {
            (Host::Auto, true) | (Host::Node, _) => Ok(Host::Node),
            (Host::Auto | Host::Gateway, false) => Ok(Host::Gateway),
            (Host::Gateway, true) => Err(ToolOutput::error(
                "the command was not run: `tools.exec.host` sends commands to a node; leave `host` out",
            )),
            (Host::Sandbox, _) => Err(ToolOutput::error(
                "the command was not run: there is no sandbox to run it in; leave `host` out to run it on the Gateway",
            )),
        }
    }

    async fn run(&self, args: Args, cx: &ToolCx) -> Result<ToolOutput, ToolOutput> {
        if cx.rights.from_node {
            return Err(ToolOutput::error("the command was not run: what a node began runs no commands"));
        }
        if self.host(args.host)? == Host::Node {
            let asked = on_node::Asked {
                timeout: time_limit(args.timeout, self.settings.timeout),
                line: args.command,
                workdir: args.workdir,
                node: args.node,
                env: args.env,
                security: args.security.map(Into::into),
                ask: args.ask.map(Into::into),
            };
            return Ok(on_node::run(asked, &self.settings, &self.ports, cx).await);
        }
        let plan = self.plan(args, cx).await?;
        Ok(run::run(plan, &self.processes, cx).await)
    }

    /// Everything decided, by people too where they are asked, and nothing started yet.
    async fn plan(&self, args: Args, cx: &ToolCx) -> Result<run::Plan, ToolOutput> {
        let security = args.security.map_or(self.settings.security, |asked| self.settings.security.min(asked.into()));
        let ask = args.ask.map_or(self.settings.ask, |asked| self.settings.ask.max(asked.into()));
        let settings = ExecSettings { security, ask, ..self.settings.clone() };
        let folder = args.workdir.as_deref().map_or_else(|| cx.workspace.clone(), |text| cx.resolve(text));
        if !folder.is_dir() {
            return Err(ToolOutput::error(format!("the command was not run: `{}` is not a folder", folder.display())));
        }
        let rules = settings.rules(cx.agent.as_str()).map_err(ToolOutput::error)?;
        let security = rules.level.security;
        let env = environment::of_child(&cx.env, &settings, security, args.env.clone()).map_err(ToolOutput::error)?;
        let places = settings.places(&cx.env, folder.clone());
        let wanted = permission::Wanted { line: &args.command, env: args.env, settings: &settings, rules, places };
        wanted.permitted(&*self.ports.approvals, cx).await?;
        let background = args.background.unwrap_or(false) || args.yield_ms == Some(0);
        let wait = args.yield_ms.map_or(self.settings.wait, Duration::from_millis).min(MAX_YIELD);
        Ok(run::Plan {
            command: Command {
                line: args.command,
                folder,
                env,
                stdin: if background { Stdin::Open } else { Stdin::Closed },
                timeout: time_limit(args.timeout, self.settings.timeout),
                agent: cx.agent.clone(),
            },
            wait: if background { Duration::ZERO } else { wait },
        })
    }
}

fn time_limit(asked: Option<f64>, default: Duration) -> Duration {
    asked
        .filter(|seconds| *seconds > 0.0)
        .map_or(default, |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(MAX_TIMEOUT).min(MAX_TIMEOUT))
}

impl From<AskedSecurity> for Security {
    fn from(asked: AskedSecurity) -> Self {
        match asked {
            AskedSecurity::Deny => Self::Deny,
            AskedSecurity::Allowlist => Self::Allowlist,
            AskedSecurity::Full => Self::Full,
        }
    }
}

impl From<AskedAsk> for exec_policy::Ask {
    fn from(asked: AskedAsk) -> Self {
        match asked {
            AskedAsk::Off => Self::Off,
            AskedAsk::OnMiss => Self::OnMiss,
            AskedAsk::Always => Self::Always,
        }
    }
}

impl Tool for Exec {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "exec".into(),
            description: "Run a shell command. Its output and exit code come back; a command that takes longer than \
                          yieldMs goes on as a session, which `process` can read, write to and kill."
                .into(),
            parameters: self.schema(),
        }
    }

    fn call<'a>(&'a self, arguments: Value, cx: ToolCx) -> BoxFuture<'a, ToolOutput> {
        async move {
            match args::parse::<Args>("exec", arguments) {
                Ok(args) => self.run(args, &cx).await.unwrap_or_else(|refused| refused),
                Err(output) => output,
            }
        }
        .boxed()
    }
}

impl Exec {
    /// The schema, with the policy told where the command is described.
    fn schema(&self) -> Value {
        let mut schema = args::schema_of::<Args>();
        let words = format!("The shell line, run by `sh -c`. {}", policy::words(&self.settings));
        schema["properties"]["command"]["description"] = words.into();
        schema
    }
}
