//! `openclaw system`: who is connected, what the agent is to hear, and its heartbeat.

use clap::Subcommand;
use serde_json::{Value, json};
use wire::methods::Method as _;
use wire::methods::wake::{LastHeartbeat, SetHeartbeats, Wake};

use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out::table;
use crate::rpc;

/// Look at the Gateway's host
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List who is connected to the Gateway
    Presence(Presence),
    /// Tell the agent something, as if it had happened beside the conversation
    Event(Event),
    /// Show the last heartbeat, or let agents wake by themselves or not
    Heartbeat(Heartbeat),
}

#[derive(Debug, clap::Args)]
struct Event {
    /// What it is to hear
    #[arg(long, value_name = "TEXT")]
    text: String,
    /// When: now, or with its next heartbeat
    #[arg(long, value_name = "WHEN", default_value = "next-heartbeat", value_parser = ["now", "next-heartbeat"])]
    mode: String,
    /// In which conversation; the main one if absent
    #[arg(long, value_name = "KEY")]
    session_key: Option<String>,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
struct Heartbeat {
    #[command(subcommand)]
    action: Beat,
}

#[derive(Debug, Subcommand)]
enum Beat {
    /// Show the last heartbeat
    Last(Presence),
    /// Let agents wake by themselves
    Enable(Presence),
    /// Let them not, until the Gateway starts again
    Disable(Presence),
}

#[derive(Debug, clap::Args)]
struct Presence {
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::Presence(args) => presence(app, args),
        Action::Event(args) => event(app, args),
        Action::Heartbeat(args) => match &args.action {
            Beat::Last(args) => last(app, args),
            Beat::Enable(args) => let_beat(app, args, true),
            Beat::Disable(args) => let_beat(app, args, false),
        },
    }
}

fn event(app: &App, args: &Event) -> Result<(), Failure> {
    let mut params = json!({"mode": args.mode, "text": args.text});
    if let Some(key) = &args.session_key {
        params["sessionKey"] = json!(key);
    }
    let answer = rpc::call_once(app, &args.rpc, Wake::NAME, Some(params))?;
    app.out.either(&answer, || "The agent will hear of it.".into());
    Ok(())
}

fn last(app: &App, args: &Presence) -> Result<(), Failure> {
    let answer = rpc::call_once(app, &args.rpc, LastHeartbeat::NAME, None)?;
    app.out.either(&answer, || match answer["ts"].as_i64() {
        None => "There was no heartbeat since the Gateway started.".into(),
        Some(ts) => {
            let why = answer["reason"].as_str().or(answer["preview"].as_str());
            let why = why.map(|why| format!(": {}", why.replace(char::is_control, " "))).unwrap_or_default();
            format!("{} ago: {}{why}", table::age(ts, base::now_ms()), text(&answer, "status"))
        }
    });
    Ok(())
}

fn let_beat(app: &App, args: &Presence, enabled: bool) -> Result<(), Failure> {
    let answer = rpc::call_once(app, &args.rpc, SetHeartbeats::NAME, Some(json!({"enabled": enabled})))?;
    app.out.either(&answer, || if enabled { "Agents wake by themselves." } else { "No agent wakes by itself." }.into());
    Ok(())
}

fn presence(app: &App, presence: &Presence) -> Result<(), Failure> {
    let answer = rpc::call_once(app, &presence.rpc, "system-presence", None)?;
    app.out.either(&answer, || {
        let rows = answer.as_array().into_iter().flatten().map(|row| {
            let cell = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
            let seen = row["ts"].as_i64().map(|ts| table::age(ts, base::now_ms()));
            vec![cell("host"), cell("mode"), cell("platform"), cell("version"), seen.unwrap_or_default()]
        });
        match answer.as_array().is_none_or(Vec::is_empty) {
            true => "Nobody is connected.".to_owned(),
            false => table::table(&["HOST", "MODE", "PLATFORM", "VERSION", "SEEN"], rows),
        }
    });
    Ok(())
}

/// A member as text, `-` when it is missing.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("-")
}
