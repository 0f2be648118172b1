//! `nodes invoke`, and how every command here asks a node (N-5): one connection, the node found, a key under which the
//! same call acts once, and a failure that says what to do about it.

use std::time::Duration;

use base::Step;
use serde_json::{Value, json};
use wire::Scope;
use wire::methods::{Method as _, node};

use super::{all, cell, name, plain, target, words};
use crate::app::App;
use crate::args::{Reach, millis};
use crate::exit::Failure;
use crate::rpc::{self, Connection, Want};

/// How long a node may take when nobody says.
const PATIENCE: Duration = Duration::from_secs(15);
/// What the way to it and back may take beside that.
const WAY: Duration = Duration::from_secs(15);
/// How long a call without an end is waited for; the Gateway ends it when the node is silent.
const WITHOUT_END: Duration = Duration::from_secs(24 * 3600);
/// Only the agent's tool runs commands, under its approvals (N-4.11).
const BY_THE_TOOL_ONLY: &str = "system.run";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One of its commands, such as `device.info`
    #[arg(long, value_name = "COMMAND")]
    command: String,
    /// The command's params, a JSON object; `@FILE` reads a file, `-` reads stdin
    #[arg(long, value_name = "JSON")]
    params: Option<String>,
    #[command(flatten)]
    ask: Ask,
}

/// Which node is asked, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Ask {
    /// The node: its id, its name, its address, or the first letters of its id
    #[arg(long, value_name = "NODE")]
    node: String,
    /// How long the node may take; a bare number is milliseconds, 0 is without an end [default: as long as the command
    /// needs, 15s for most]
    #[arg(long, value_name = "MS", value_parser = millis)]
    invoke_timeout: Option<Duration>,
    /// The key this call is known by; the same key never acts twice
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// For the whole command; a bare number is milliseconds [default: 15s more than the node has]
    #[arg(long, value_name = "MS", value_parser = millis, help_heading = "Gateway")]
    timeout: Option<Duration>,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let command = args.command.trim();
    if command == BY_THE_TOOL_ONLY || command.strip_prefix(BY_THE_TOOL_ONLY).is_some_and(|rest| rest.starts_with('.')) {
        let message = format!("`{command}` is not for `nodes invoke`: commands run under exec approvals");
        return Err(Failure::usage(message).run("openclaw nodes run --node NODE -- COMMAND"));
    }
    let params = args.params.as_deref().map(params).transpose()?;
    let payload = args.ask.once(app, PATIENCE, command, params.unwrap_or_default())?;
    app.out.either(&payload, || match &payload {
        Value::Null => "Done.".to_owned(),
        payload => serde_json::to_string_pretty(payload).unwrap_or_default(),
    });
    Ok(())
}

/// A JSON object, from the command line, a file, or stdin.
fn params(given: &str) -> Result<Value, Failure> {
    let text = match given.strip_prefix('@') {
        Some(file) => {
            std::fs::read_to_string(file).map_err(|error| Failure::usage(format!("--params `{file}`: {error}")))?
        }
        None if given == "-" => std::io::read_to_string(std::io::stdin())
            .map_err(|error| Failure::usage(format!("--params - reads stdin: {error}")))?,
        None => given.to_owned(),
    };
    let params: Value =
        serde_json::from_str(&text).map_err(|error| Failure::usage(format!("--params is not JSON: {error}")))?;
    if params.is_object() { Ok(params) } else { Err(Failure::usage("--params must be a JSON object")) }
}

impl Ask {
    /// What a person calls the node.
    pub(super) fn node(&self) -> &str {
        &self.node
    }

    /// How the Gateway is reached.
    pub(super) const fn reach(&self) -> &Reach {
        &self.reach
    }

    /// How long the node has, unless a person said.
    pub(super) fn patience(&self, default: Duration) -> Duration {
        self.invoke_timeout.unwrap_or(default)
    }

    /// How long the whole command has, when the node has `patience`.
    pub(super) fn whole(&self, patience: Duration) -> Duration {
        let each = if patience.is_zero() { WITHOUT_END } else { patience + WAY };
        self.timeout.unwrap_or(each)
    }

    /// The key this call is known by.
    pub(super) fn key(&self) -> String {
        self.idempotency_key.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string())
    }

    /// Asks for one thing, with `patience` unless another was given.
    pub(super) fn once(&self, app: &App, patience: Duration, command: &str, params: Value) -> Result<Value, Failure> {
        let mut done = self.each(app, patience, command, vec![params])?;
        Ok(done.pop().unwrap_or_default())
    }

    /// Asks for the same thing with one params after the other.
    pub(super) fn each(
        &self,
        app: &App,
        patience: Duration,
        command: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Value>, Failure> {
        let patience = self.patience(patience);
        let each = if patience.is_zero() { WITHOUT_END } else { patience + WAY };
        let whole = each * u32::try_from(params.len()).unwrap_or(u32::MAX);
        let key = self.key();
        let mut scopes = vec![Scope::Write];
        scopes.extend(gateway::node_call_takes_admin(command).then_some(Scope::Admin));
        let want = Want { scopes, ..Want::of(node::Invoke::NAME, self.timeout.unwrap_or(rpc::TIMEOUT)) };
        let spinner = app.out.spinner(&format!("asking {} ({command})", self.node));
        let outcome = rpc::block_on(async {
            let mut connection = rpc::open(app, &self.reach, None, &want).await?;
            let nodes = all(&connection).await?;
            let row = target::resolve(&nodes, &self.node)?;
            if self.timeout.is_none() {
                connection.allow(whole);
            }
            let mut payloads = Vec::new();
            for (at, params) in params.into_iter().enumerate() {
                let key = if at == 0 { key.clone() } else { format!("{key}-{at}") };
                let call = Call { row, command, key: &key, patience };
                payloads.push(call.make(&connection, params).await?);
            }
            connection.client.close().await;
            Ok(payloads)
        });
        drop(spinner);
        outcome
    }
}

/// One call of a node.
pub(super) struct Call<'a> {
    pub(super) row: &'a Value,
    pub(super) command: &'a str,
    pub(super) key: &'a str,
    pub(super) patience: Duration,
}

impl Call<'_> {
    /// What the node answered.
    pub(super) async fn make(&self, connection: &Connection, params: Value) -> Result<Value, Failure> {
        let mut asked = json!({"nodeId": self.row["nodeId"], "command": self.command, "idempotencyKey": self.key,
            "timeoutMs": in_millis(self.patience)});
        if !params.is_null() {
            asked["params"] = params;
        }
        let answer = connection.call(node::Invoke::NAME, Some(asked)).await;
        answer.map(|mut answer| answer["payload"].take()).map_err(|failure| self.explained(failure))
    }

    /// The same failure with what helps first.
    fn explained(&self, mut failure: Failure) -> Failure {
        let details = failure.details().cloned().unwrap_or_default();
        failure.message = plain(&failure.message);
        if let Some(step) = self.step(&details, &failure.message) {
            failure.next.insert(0, step);
        }
        // A node that was asked and did not answer may have done it all the same.
        if details["nodeCommandDispatched"] == true && details["nodeError"].is_null() {
            failure = failure.may_have_happened();
        }
        if failure.is_lost() {
            let key = self.key;
            failure =
                failure.advise(format!("it may have been done; repeat with --idempotency-key {key} to ask again"));
        }
        failure
    }

    fn step(&self, details: &Value, message: &str) -> Option<Step> {
        let (row, command) = (self.row, self.command);
        if details["code"] == "NOT_CONNECTED" {
            let name = name(row);
            return Some(Step::advise(format!("bring {name} online; to see it come: openclaw nodes list --watch")));
        }
        let asked = row["pendingDeclaredCommands"].as_array().is_some_and(|all| all.iter().any(|one| one == command));
        let is_withheld = details["reason"] == "command not allowlisted";
        if is_withheld && asked {
            return Some(Step::run(format!("openclaw nodes approve {}", cell(row, "pendingRequestId"))));
        }
        if is_withheld && message.contains("gateway.nodes.commands") {
            let lists = "gateway.nodes.commands.allow and deny";
            return Some(Step::advise(format!("{lists} say what nodes may be asked")));
        }
        if details["reason"] == "command not declared by node" {
            return Some(Step::advise(format!("it offers: {}", words(&row["commands"]))));
        }
        None
    }
}

/// Sets a param that was given.
pub(super) fn set(params: &mut Value, name: &str, value: Option<impl serde::Serialize>) {
    if let Some(value) = value {
        params[name] = json!(value);
    }
}

/// As params have it.
pub(super) fn in_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_are_an_object_from_wherever_they_come() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("params.json");
        std::fs::write(&file, "{\"a\": 1}").unwrap();
        assert_eq!(params(&format!("@{}", file.display())).unwrap(), json!({"a": 1}));
        assert_eq!(params("{}").unwrap(), json!({}));
        for bad in ["[1]", "1", "{", "", "@/nowhere/at/all"] {
            assert_eq!(params(bad).unwrap_err().exit, 2, "{bad}");
        }
    }
}
