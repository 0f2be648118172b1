//! The `exec` tool: a shell line, waited for or left running as a session.
//!
//! Who trusts whom: the owner trusts the model as far as `tools.exec` says and no further. The policy ([`policy`])
//! decides before anything starts; the environment ([`environment`]) keeps secrets from children; an abort of the turn
//! ends the whole process tree.

mod environment;
mod policy;
mod programs;
mod run;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

pub use policy::{ExecSettings, Security};
pub(super) use run::how_it_ended;

use super::processes::{Command, Stdin};
use super::{Processes, Tool, ToolCx, ToolDeps, ToolOutput, args};
use crate::providers::ToolSpec;

/// Longest wait a call may ask for.
const MAX_YIELD: Duration = Duration::from_secs(30 * 60);
/// Longest life a command may ask for.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) struct Exec {
    settings: ExecSettings,
    processes: Processes,
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
    /// Where to run it; only this Gateway is available.
    host: Option<Host>,
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

impl Exec {
    pub(super) fn new(deps: &ToolDeps) -> Self {
        Self { settings: deps.exec.clone(), processes: deps.processes.clone() }
    }

    /// Everything decided and nothing started yet.
    fn plan(&self, args: Args, cx: &ToolCx) -> Result<run::Plan, ToolOutput> {
        if let Some(host @ (Host::Sandbox | Host::Node)) = args.host {
            let host = format!("{host:?}").to_lowercase();
            return Err(ToolOutput::error(format!(
                "the command was not run: there is no {host} to run it in; leave `host` out to run it on the Gateway"
            )));
        }
        let security = args.security.map_or(self.settings.security, |asked| self.settings.security.min(asked.into()));
        let settings = ExecSettings { security, ..self.settings.clone() };
        policy::judge(&args.command, &settings).map_err(ToolOutput::error)?;
        let env = environment::of_child(&cx.env, &settings, security, args.env).map_err(ToolOutput::error)?;
        let folder = args.workdir.as_deref().map_or_else(|| cx.workspace.clone(), |text| cx.resolve(text));
        if !folder.is_dir() {
            return Err(ToolOutput::error(format!("the command was not run: `{}` is not a folder", folder.display())));
        }
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

impl Tool for Exec {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "exec",
            description: "Run a shell command. Its output and exit code come back; a command that takes longer than \
                          yieldMs goes on as a session, which `process` can read, write to and kill.",
            parameters: self.schema(),
        }
    }

    fn call<'a>(&'a self, arguments: Value, cx: ToolCx) -> BoxFuture<'a, ToolOutput> {
        async move {
            let plan = args::parse::<Args>("exec", arguments).and_then(|args| self.plan(args, &cx));
            match plan {
                Ok(plan) => run::run(plan, &self.processes, &cx).await,
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
