//! `nodes list`, `nodes status` and `nodes pending`.

use std::time::Duration;

use serde_json::{Value, json};
use wire::Scope;
use wire::methods::{Method as _, device, node};

use super::{all, cell, connect, name, short, watch, words};
use crate::app::App;
use crate::args::{Rpc, millis};
use crate::cmd::waiting::rows;
use crate::desk::Desk;
use crate::exit::Failure;
use crate::out::table::{age, table};
use crate::rpc;

/// Longest list of commands in a table; `nodes describe` has them all.
const ASKS_MAX_CHARS: usize = 60;
/// What of a node's state stands beside what it may do, in `nodes list --json`.
const STATE: [&str; 6] =
    ["remoteIp", "connected", "connectedAtMs", "lastConnectedAtMs", "lastDisconnectedAtMs", "approvalState"];

#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    only: Only,
    /// Go on, and say what changes
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    pub(super) rpc: Rpc,
}

#[derive(Debug, clap::Args)]
pub(super) struct Status {
    #[command(flatten)]
    only: Only,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
pub(super) struct Pending {
    #[command(flatten)]
    rpc: Rpc,
}

/// Which nodes are shown.
#[derive(Debug, clap::Args)]
struct Only {
    /// Only nodes that are connected
    #[arg(long)]
    connected: bool,
    /// Only nodes that were connected within this time, such as `24h` or `7d`
    #[arg(long, value_name = "DURATION", value_parser = days)]
    last_connected: Option<Duration>,
}

/// As other durations, and days.
fn days(text: &str) -> Result<Duration, String> {
    let days = text.trim().strip_suffix('d').and_then(|count| count.parse::<u64>().ok());
    days.map_or_else(|| millis(text), |count| Ok(Duration::from_secs(count.saturating_mul(24 * 3600))))
}

impl Only {
    fn keep(&self, rows: &mut Value, now_ms: i64) {
        let Some(rows) = rows.as_array_mut() else { return };
        rows.retain(|row| {
            let is_here = row["connected"] == true;
            let since =
                self.last_connected.map(|within| now_ms - i64::try_from(within.as_millis()).unwrap_or(i64::MAX));
            let is_recent = since.is_none_or(|since| row["lastConnectedAtMs"].as_i64().is_some_and(|at| at >= since));
            is_here || !self.connected && is_recent
        });
    }
}

pub(super) fn list(app: &App, args: &List) -> Result<(), Failure> {
    if args.watch {
        return watch::watch(app, args);
    }
    let mut answer = pairs(app, &args.rpc)?;
    let now = base::now_ms();
    args.only.keep(&mut answer["pending"], now);
    args.only.keep(&mut answer["paired"], now);
    app.out.either(&answer, || listing(app, &answer, now));
    Ok(())
}

pub(super) fn pending(app: &App, args: &Pending) -> Result<(), Failure> {
    let answer = pairs(app, &args.rpc)?;
    app.out.either(&answer["pending"], || match rows(&answer, "pending") {
        [] => "No node is waiting to be approved.".to_owned(),
        waiting => waiting_table(waiting, base::now_ms()),
    });
    Ok(())
}

/// N-6.1; asks for no more than reading.
pub(super) fn status(app: &App, args: &Status) -> Result<(), Failure> {
    let mut answer = rpc::call_once(app, &args.rpc, node::List::NAME, Some(json!({})))?;
    let now = base::now_ms();
    args.only.keep(&mut answer["nodes"], now);
    app.out.either(&answer, || {
        let nodes = rows(&answer, "nodes");
        if nodes.is_empty() {
            return "No nodes.".to_owned();
        }
        let count = |key: &str| nodes.iter().filter(|row| row[key] == true).count();
        let head = format!("Known: {} · Paired: {} · Connected: {}", nodes.len(), count("paired"), count("connected"));
        let rows = nodes.iter().map(|row| {
            vec![
                short(row),
                name(row),
                cell(row, "platform"),
                cell(row, "version"),
                words(&row["caps"]),
                state(row, now),
            ]
        });
        format!("{head}\n\n{}", table(&["NODE", "NAME", "PLATFORM", "VERSION", "CAN", "STATE"], rows))
    });
    Ok(())
}

/// What waits and what is approved, from the Gateway or from its state on this host.
fn pairs(app: &App, rpc: &Rpc) -> Result<Value, Failure> {
    let asked = rpc::block_on(async {
        let connection = connect(app, rpc, &[Scope::Read, Scope::Pairing]).await?;
        let pairs = connection.call(node::PairList::NAME, Some(json!({}))).await?;
        let nodes = all(&connection).await?;
        let devices = connection.call(device::List::NAME, Some(json!({}))).await?;
        connection.client.close().await;
        tell_of_strangers(app, &devices);
        Ok(joined(pairs, &nodes))
    });
    match asked {
        Ok(answer) => Ok(answer),
        Err(failure) => {
            let desk = Desk::instead_of(app, rpc, failure)?;
            rpc::block_on(desk.nodes())
        }
    }
}

/// A device that is not let in yet is no node yet: who looks for it here is sent to the right door.
fn tell_of_strangers(app: &App, devices: &Value) {
    let is_node = |row: &Value| row["role"] == "node" || words(&row["roles"]).split(", ").any(|role| role == "node");
    let count = rows(devices, "pending").iter().filter(|row| is_node(row)).count();
    if count > 0 {
        let ask = if count == 1 { "1 device asks".to_owned() } else { format!("{count} devices ask") };
        app.out.note(&format!("note: {ask} to be let in as a node; see openclaw devices list"));
    }
}

/// Each row with how its node is.
pub(super) fn joined(mut pairs: Value, nodes: &[Value]) -> Value {
    for list in ["pending", "paired"] {
        for row in pairs[list].as_array_mut().into_iter().flatten() {
            let Some(node) = nodes.iter().find(|node| node["nodeId"] == row["nodeId"]) else { continue };
            for key in STATE.into_iter().filter(|key| !node[*key].is_null()) {
                row[key] = node[key].clone();
            }
        }
    }
    pairs
}

/// Both lists for people.
pub(super) fn listing(app: &App, answer: &Value, now: i64) -> String {
    let (pending, paired) = (rows(answer, "pending"), rows(answer, "paired"));
    if pending.is_empty() && paired.is_empty() {
        return "No nodes.".into();
    }
    let mut listing = String::new();
    if !pending.is_empty() {
        listing += &format!("{}\n{}\n\n", app.out.bold("Pending"), waiting_table(pending, now));
    }
    if !paired.is_empty() {
        let rows = paired
            .iter()
            .map(|row| vec![short(row), name(row), cell(row, "platform"), cell(row, "remoteIp"), state(row, now)]);
        let table = table(&["NODE", "NAME", "PLATFORM", "FROM", "STATE"], rows);
        listing += &format!("{}\n{table}\n", app.out.bold("Paired"));
    }
    listing
}

fn waiting_table(pending: &[Value], now: i64) -> String {
    let rows = pending.iter().map(|row| {
        let request = cell(row, "requestId").chars().take(8).collect();
        let age = row["ts"].as_i64().map(|at| age(at, now)).unwrap_or_default();
        vec![request, name(row), cell(row, "platform"), asks(row), takes(row).to_owned(), age]
    });
    table(&["REQUEST", "NODE", "PLATFORM", "ASKS FOR", "TAKES", "AGE"], rows)
}

/// What it asks to be allowed, shortened.
fn asks(row: &Value) -> String {
    let commands = words(&row["commands"]);
    if commands.is_empty() {
        return "nothing".to_owned();
    }
    let is_long = commands.chars().count() > ASKS_MAX_CHARS;
    let shown: String = commands.chars().take(ASKS_MAX_CHARS).collect();
    if is_long { format!("{shown}…") } else { commands }
}

/// The scope that approving it takes beside pairing (N-3.16).
fn takes(row: &Value) -> &'static str {
    let scopes = words(&row["requiredApproveScopes"]);
    let takes = [(Scope::Admin, "admin"), (Scope::Write, "write")];
    takes.iter().find(|(scope, _)| scopes.contains(scope.as_str())).map_or("pairing", |(_, word)| word)
}

/// How a node is, in a few words.
pub(super) fn state(row: &Value, now: i64) -> String {
    let ago = |key: &str| row[key].as_i64().map(|at| age(at, now));
    let here = match (row["connected"] == true, ago("connectedAtMs")) {
        (true, Some(since)) => format!("connected {since}"),
        (true, None) => "connected".to_owned(),
        (false, _) => {
            let last = ago("lastDisconnectedAtMs").or_else(|| ago("lastConnectedAtMs")).or_else(|| ago("lastSeenAtMs"));
            last.map_or_else(|| "away".to_owned(), |last| format!("away {last}"))
        }
    };
    match row["approvalState"].as_str() {
        Some("pending-approval") => format!("{here}, to be approved"),
        Some("pending-reapproval") => format!("{here}, asks for more"),
        Some("unapproved") => format!("{here}, refused"),
        _ => here,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_shown_when_it_is_here_or_was_lately() {
        let day = 24 * 3600 * 1000;
        let all = json!([{"nodeId": "here", "connected": true, "lastConnectedAtMs": 0},
            {"nodeId": "lately", "lastConnectedAtMs": 9 * day}, {"nodeId": "long ago", "lastConnectedAtMs": 0}, {"nodeId": "never"}]);
        let kept = |connected, last_connected: Option<&str>| {
            let mut rows = all.clone();
            let last_connected = last_connected.map(|text| days(text).unwrap());
            Only { connected, last_connected }.keep(&mut rows, 10 * day);
            rows.as_array().unwrap().iter().map(|row| row["nodeId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(kept(false, None).len(), 4);
        assert_eq!(kept(true, None), ["here"]);
        assert_eq!(kept(false, Some("2d")), ["here", "lately"]);
        assert_eq!(kept(false, Some("1h")), ["here"]);
        assert!(days("soon").is_err() && days("d").is_err());
    }

    #[test]
    fn a_state_says_where_a_node_is_and_what_it_waits_for() {
        let state = |row| state(&row, 120_000);
        assert_eq!(
            state(json!({"connected": true, "connectedAtMs": 60_000, "approvalState": "approved"})),
            "connected 1m"
        );
        let waits = json!({"connected": false, "lastDisconnectedAtMs": 0, "approvalState": "pending-approval"});
        assert_eq!(state(waits), "away 2m, to be approved");
        assert_eq!(state(json!({})), "away");
    }
}
