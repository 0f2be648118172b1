//! `channels status`: how the accounts do, by the Gateway's word; what the config has when there is none to ask.

use std::time::Duration;

use serde_json::{Value, json};
use wire::methods::{Method as _, channels::Status};

use super::{cell, list};
use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out::table::{age, table};
use crate::rpc;

/// Vendors are asked, and answer when they answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// What one vendor may take when nobody says otherwise, in milliseconds.
const PROBE_MS: u64 = 10_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Ask the vendors who we are
    #[arg(long)]
    probe: bool,
    /// One channel only
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let mut params = json!({"probe": args.probe, "timeoutMs": PROBE_MS});
    if let Some(channel) = &args.channel {
        params["channel"] = json!(channel);
    }
    let rpc = Rpc { timeout: Some(args.rpc.timeout_or(PATIENCE)), ..args.rpc.clone() };
    match rpc::call_once(app, &rpc, Status::NAME, Some(params)) {
        Ok(answer) => {
            app.out.either(&answer, || text(&answer, base::now_ms()));
            Ok(())
        }
        // A status that fails because there is nothing to ask would tell less than the config does.
        Err(failure) if failure.is_unreachable() && args.rpc.reach.url.is_none() => from_config(app, args),
        Err(failure) => Err(failure),
    }
}

fn from_config(app: &App, args: &Args) -> Result<(), Failure> {
    let config = &app.config()?.config;
    let mut rows = Vec::new();
    let wanted = channels::CHANNELS.iter().filter(|one| args.channel.as_deref().is_none_or(|id| id == one.id()));
    for channel in wanted {
        rows.extend(channel.accounts(config, &app.env).iter().map(|account| list::row(*channel, account)));
    }
    app.out.note("note: the Gateway does not answer; this is what the config has");
    let value = json!({"gatewayReachable": false, "configOnly": true, "channels": rows});
    app.out.either(&value, || list::text(&rows));
    Ok(())
}

/// A line an account, then what is amiss.
fn text(answer: &Value, now: i64) -> String {
    let mut rows = Vec::new();
    for id in answer["channelOrder"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        for account in answer["channelAccounts"][id].as_array().into_iter().flatten() {
            rows.push(vec![
                id.to_owned(),
                cell(&account["accountId"]),
                state(account),
                seen(account, now),
                who(account),
            ]);
        }
    }
    if rows.is_empty() {
        return "No channel is set up.\n\nopenclaw channels add telegram".into();
    }
    let mut text = table(&["CHANNEL", "ACCOUNT", "STATE", "LAST", "BOT"], rows);
    for issue in answer["statusIssues"].as_array().into_iter().flatten() {
        text.push_str(&format!(
            "\n\n{} {}: {}",
            cell(&issue["channel"]),
            cell(&issue["accountId"]),
            cell(&issue["message"])
        ));
        if let Some(fix) = issue["fix"].as_str() {
            text.push_str(&format!("\n  {fix}"));
        }
    }
    text
}

fn state(account: &Value) -> String {
    let is = |key: &str| account[key] == true;
    if !is("enabled") {
        "disabled".into()
    } else if !is("configured") {
        "not usable".into()
    } else if is("connected") {
        account["mode"].as_str().map_or_else(|| "connected".into(), |mode| format!("connected ({mode})"))
    } else if is("running") {
        "connecting".into()
    } else {
        "stopped".into()
    }
}

fn seen(account: &Value, now: i64) -> String {
    let last = account["lastInboundAt"].as_i64().max(account["lastOutboundAt"].as_i64());
    last.map_or_else(|| "-".into(), |at| age(at, now))
}

fn who(account: &Value) -> String {
    match account["probe"]["bot"]["username"].as_str() {
        Some(name) => format!("@{}", cell(&json!(name))),
        None if account["probe"]["ok"] == false => format!("refused: {}", cell(&account["probe"]["error"])),
        None => "-".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-12.1, C-12.5
    #[test]
    fn accounts_are_shown_with_what_is_amiss() {
        let answer = json!({"channelOrder": ["telegram"], "channelAccounts": {"telegram": [{"accountId": "default",
            "enabled": true, "configured": true, "running": true, "connected": true, "mode": "polling",
            "lastInboundAt": 0, "lastOutboundAt": null, "probe": {"ok": true, "bot": {"username": "tea_bot"}}}]},
            "statusIssues": [{"channel": "telegram", "accountId": "default", "message": "privacy", "fix": "/setprivacy"}]});
        let text = text(&answer, 60_000);
        for word in ["connected (polling)", "1m", "@tea_bot", "telegram default: privacy\n  /setprivacy"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}
