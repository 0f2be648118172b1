//! `channels logs`: the lines of the Gateway's log that are about channels.

use serde_json::{Value, json};
use wire::methods::{Method as _, logs::Tail};

use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::rpc;

/// Lines that are looked through.
const LOOKED_THROUGH: usize = 5_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One channel only
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// At most so many lines
    #[arg(long, value_name = "N", default_value_t = 200)]
    lines: usize,
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let params = json!({"limit": LOOKED_THROUGH, "maxBytes": 1_000_000});
    let answer = rpc::call_once(app, &args.rpc, Tail::NAME, Some(params))?;
    let all = answer["lines"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut lines: Vec<&str> = all.filter(|line| is_about(line, args.channel.as_deref())).collect();
    lines.drain(..lines.len().saturating_sub(args.lines));
    let value = json!({"file": answer["file"], "channel": args.channel, "lines": lines});
    app.out
        .either(&value, || if lines.is_empty() { "The log has nothing of channels.".into() } else { lines.join("\n") });
    Ok(())
}

fn is_about(line: &str, channel: Option<&str>) -> bool {
    match channel {
        Some(channel) => line.contains(&format!("\"{channel}\"")) || line.contains(&format!("channel={channel}")),
        None => ["openclaw_channels", "::chats", "\"channel\"", "channel="].iter().any(|mark| line.contains(mark)),
    }
}
