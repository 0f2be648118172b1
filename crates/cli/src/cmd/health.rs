//! `openclaw health`: one question to the Gateway (PROBE-1, PROBE-2).

use std::fmt::Write as _;

use serde_json::Value;

use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::rpc;

/// Ask the Gateway how it is
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    rpc: Rpc,
    /// Gateway of this host on this port
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Say more
    #[arg(long, visible_alias = "debug")]
    verbose: bool,
    /// Fail when a channel is not well
    #[arg(long)]
    require_channels: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let answer = rpc::call_at(app, &args.rpc, args.port, "health", None)?;
    app.out.either(&answer, || text(&answer, args.verbose));
    let unwell = |channel: &Value| channel["ok"] == false || channel["status"] == "error";
    let channels = answer["channels"].as_object();
    let sick: Vec<&str> =
        channels.into_iter().flatten().filter(|(_, c)| unwell(c)).map(|(id, _)| id.as_str()).collect();
    if args.require_channels && !sick.is_empty() {
        return Err(Failure::new("CHANNELS_NOT_OK", format!("channels not well: {}", sick.join(", "))));
    }
    Ok(())
}

fn text(health: &Value, verbose: bool) -> String {
    let mut text = format!("Gateway probe duration: {}ms\n", health["durationMs"].as_i64().unwrap_or(0));
    let agents = health["agents"].as_array().into_iter().flatten();
    let names = agents.map(|agent| {
        let id = agent["agentId"].as_str().unwrap_or("?");
        if agent["isDefault"] == true { format!("{id} (default)") } else { id.to_owned() }
    });
    let _ = writeln!(text, "Agents: {}", names.collect::<Vec<_>>().join(", "));
    if let Some(seconds) = health["heartbeatSeconds"].as_u64().filter(|seconds| *seconds > 0) {
        let _ = writeln!(text, "Heartbeat interval: {}m", seconds / 60);
    }
    for (id, channel) in health["channels"].as_object().into_iter().flatten() {
        let label = health["channelLabels"][id].as_str().unwrap_or(id);
        let state = channel["status"].as_str().unwrap_or(if channel["ok"] == false { "failed" } else { "ok" });
        let _ = writeln!(text, "{label}: {state}");
    }
    let sessions = &health["sessions"];
    let path = sessions["path"].as_str().unwrap_or("-");
    let _ = writeln!(text, "Session store: {path} ({} entries)", sessions["count"].as_u64().unwrap_or(0));
    if verbose {
        for recent in sessions["recent"].as_array().into_iter().flatten() {
            let _ = writeln!(text, "- {}", recent["key"].as_str().unwrap_or("?"));
        }
    }
    text
}
