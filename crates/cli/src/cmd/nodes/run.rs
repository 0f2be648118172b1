//! `nodes run`: a command on a node, under its owner's rules and, where they say so, a person's approval (N-11.7, N-12).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use wire::Scope;
use wire::methods::exec_approval::{Decision, Request};
use wire::methods::{Method as _, node};

use super::invoke::{Ask, Call, set};
use super::{all, name, plain, target};
use crate::app::App;
use crate::exit::Failure;
use crate::rpc::{self, Connection, Want};

const RUN: &str = "system.run";
const PREPARE: &str = "system.run.prepare";
/// How long a command may take when nobody says.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a question for approval lives (N-12.15).
const QUESTION_LIVES: Duration = Duration::from_secs(30 * 60);
/// How a node begins when a person has to be asked (N-11.10).
const NEEDS_APPROVAL: &str = "SYSTEM_RUN_DENIED: approval required";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to run it in [default: the node's home folder]
    #[arg(long, value_name = "DIR")]
    cwd: Option<String>,
    /// A variable for it; the node takes none that choose code
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// The agent whose rules count on the node
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// One line for the node's shell, in place of a command
    #[arg(long, value_name = "LINE", conflicts_with = "command", required_unless_present = "command")]
    raw: Option<String>,
    /// Hand it this command's standard input, 1 MiB at most; only where the node's owner lets everything run
    #[arg(long)]
    stdin: bool,
    /// Do not wait for a person's approval
    #[arg(long)]
    no_ask: bool,
    /// The command and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
    #[command(flatten)]
    ask: Ask,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let wish = Wish::of(args)?;
    let patience = args.ask.patience(PATIENCE);
    let want = Want { scopes: vec![Scope::Write, Scope::Approvals], ..Want::of(node::Invoke::NAME, rpc::TIMEOUT) };
    let ended = rpc::block_on(async {
        let mut connection = rpc::open(app, args.ask.reach(), None, &want).await?;
        let nodes = all(&connection).await?;
        let row = target::resolve(&nodes, args.ask.node())?;
        connection.allow(args.ask.whole(patience) + if args.no_ask { Duration::ZERO } else { QUESTION_LIVES });
        let ended = wish.run(app, &connection, row, args, patience).await?;
        connection.client.close().await;
        Ok(ended)
    })?;
    told(app, &ended)
}

/// What is to be run, as params of the node's command.
struct Wish {
    params: Value,
    text: String,
}

impl Wish {
    fn of(args: &Args) -> Result<Self, Failure> {
        let (argv, text) = match &args.raw {
            Some(line) => (vec!["/bin/sh".to_owned(), "-lc".to_owned(), line.clone()], line.clone()),
            None => (args.command.clone(), shell_words::join(&args.command)),
        };
        let mut params = json!({"command": argv});
        set(&mut params, "rawCommand", args.raw.as_ref());
        set(&mut params, "cwd", args.cwd.as_deref());
        set(&mut params, "agentId", args.agent.as_deref());
        let env: BTreeMap<&str, &str> = args.env.iter().map(|pair| variable(pair)).collect::<Result<_, _>>()?;
        if args.stdin {
            let read = std::io::read_to_string(std::io::stdin());
            let text = read.map_err(|error| Failure::usage(format!("--stdin: {error}")))?;
            set(&mut params, "stdin", Some(text));
        }
        set(&mut params, "env", (!env.is_empty()).then_some(env));
        Ok(Self { params, text })
    }

    async fn run(
        &self,
        app: &App,
        connection: &Connection,
        row: &Value,
        args: &Args,
        patience: Duration,
    ) -> Result<Value, Failure> {
        let key = args.ask.key();
        let call = |command, key| Call { row, command, key, patience };
        let mut params = self.params.clone();
        params["timeoutMs"] = json!(super::invoke::in_millis(patience));
        let first = match call(RUN, &key).make(connection, params.clone()).await {
            Err(failure) if failure.message.contains(NEEDS_APPROVAL) && !args.no_ask => failure,
            done => return done,
        };
        let prepare_key = format!("{key}-plan");
        let prepared = call(PREPARE, &prepare_key).make(connection, self.params.clone()).await;
        let plan = prepared.map(|mut prepared| prepared["plan"].take()).map_err(|_| first)?;
        let (id, decision) = self.ask(app, connection, row, &plan, args).await?;
        params["systemRunPlan"] = plan;
        params["runId"] = json!(id);
        params["approved"] = json!(true);
        params["approvalDecision"] = json!(decision);
        let run_key = format!("{key}-approved");
        call(RUN, &run_key).make(connection, params).await
    }

    /// Puts the question before the people who may decide, and waits for their word.
    async fn ask(
        &self,
        app: &App,
        connection: &Connection,
        row: &Value,
        plan: &Value,
        args: &Args,
    ) -> Result<(String, Decision), Failure> {
        let id = uuid::Uuid::new_v4().to_string();
        let question = json!({"id": id, "command": self.text, "commandArgv": self.params["command"], "host": "node",
            "nodeId": row["nodeId"], "systemRunPlan": plan, "cwd": plan["cwd"], "env": self.params["env"],
            "agentId": args.agent, "timeoutMs": super::invoke::in_millis(QUESTION_LIVES)});
        let name = name(row);
        app.out.note(&format!(
            "{name} asks for approval of: {}\nTo allow it: openclaw approvals resolve {id} allow-once",
            plain(&self.text)
        ));
        let spinner = app.out.spinner("waiting for approval");
        let answer = connection.call(Request::NAME, Some(question)).await;
        drop(spinner);
        let answer = answer?;
        let decision: Option<Decision> = serde_json::from_value(answer["decision"].clone()).unwrap_or_default();
        match decision {
            Some(decision) if decision.allows() => Ok((id, decision)),
            Some(_) => Err(Failure::refused("APPROVAL_DENIED", "the command was not run: it was not approved")),
            None => Err(Failure::refused("APPROVAL_UNANSWERED", "the command was not run: nobody has approved it")
                .advise("a client that can approve must be connected: `openclaw dashboard`")
                .advise(format!("or its owner lets it run: openclaw approvals allowlist add PROGRAM --node {name}"))),
        }
    }
}

/// `NAME=VALUE` taken apart.
fn variable(pair: &str) -> Result<(&str, &str), Failure> {
    let parts = pair.split_once('=').filter(|(name, _)| !name.is_empty());
    parts.ok_or_else(|| Failure::usage(format!("--env `{pair}` is not NAME=VALUE")))
}

/// Prints what the command printed, and ends as it did.
fn told(app: &App, ended: &Value) -> Result<(), Failure> {
    if app.out.json {
        app.out.value(ended);
    } else {
        for (stream, text) in [("stdout", &ended["stdout"]), ("stderr", &ended["stderr"])] {
            let Some(text) = text.as_str().filter(|text| !text.is_empty()) else { continue };
            match stream {
                "stdout" => crate::out::say(text.trim_end_matches('\n')),
                _ => app.out.note(text.trim_end_matches('\n')),
            }
        }
    }
    if ended["success"] == true {
        return Ok(());
    }
    let why = match &ended["error"] {
        Value::String(error) => plain(error),
        _ if ended["timedOut"] == true => "the command took too long and was stopped".to_owned(),
        _ => "the command failed".to_owned(),
    };
    let mut failed = Failure::new("COMMAND_FAILED", why);
    let code = ended["exitCode"].as_i64().and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0);
    failed.exit = code.unwrap_or(failed.exit);
    // The command has said it all, or the JSON does.
    Err(if code.is_some() || app.out.json { failed.quietly() } else { failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_a_name() {
        assert_eq!(variable("A=b=c").unwrap(), ("A", "b=c"));
        assert_eq!(variable("A=").unwrap(), ("A", ""));
        for bad in ["A", "=b", ""] {
            assert_eq!(variable(bad).unwrap_err().exit, 2, "{bad}");
        }
    }
}
