//! `openclaw devices`: who is paired, who asks to be, and their tokens (PAIR-6, PAIR-13, PAIR-15).

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};
use wire::Scope;
use wire::methods::{self, Method as _};

use super::system::text;
use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out::{self, table};
use crate::rpc::{self, Connection, Want};

/// Between two looks with `--watch`, when no event came.
const WATCH: Duration = Duration::from_secs(2);

/// Say which devices may connect
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List paired devices and open requests
    List(List),
    /// Let a device in
    Approve(Approve),
    /// Refuse a device
    Reject(One),
    /// Forget a paired device
    Remove(One),
    /// Give a paired device a name
    Rename(Rename),
    /// Make a new token for a device
    Rotate(Rotate),
    /// Withdraw a device's token
    Revoke(Revoke),
    /// Forget every paired device
    Clear(Clear),
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
struct Approve {
    /// The request; its first letters are enough
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// The newest request
    #[arg(long, conflicts_with = "id")]
    latest: bool,
    /// With --latest: approve it when it is the only one
    #[arg(short, long)]
    yes: bool,
    /// Wait for a request
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
struct One {
    /// Its id; the first letters are enough
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
struct Rename {
    /// The device
    #[arg(long, value_name = "ID")]
    device: String,
    /// Its new name
    #[arg(long)]
    name: String,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
struct Rotate {
    /// The device
    #[arg(long, value_name = "ID")]
    device: String,
    /// `operator` or `node`
    #[arg(long)]
    role: String,
    /// The scopes of the new token
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// No scopes at all
    #[arg(long, conflicts_with = "scopes")]
    no_scopes: bool,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// The device
    #[arg(long, value_name = "ID")]
    device: String,
    /// `operator` or `node`
    #[arg(long)]
    role: String,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
struct Clear {
    /// Do it
    #[arg(short, long)]
    yes: bool,
    /// Refuse open requests too
    #[arg(long)]
    pending: bool,
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        None => list(app, &args.rpc),
        Some(Action::List(args)) => list(app, &args.rpc),
        Some(Action::Approve(args)) => approve(app, args),
        Some(Action::Reject(args)) => {
            let done = |id: &str| format!("Rejected {id}.");
            one(app, &args.rpc, &args.id, ("pending", "requestId"), methods::device::Reject::NAME, done)
        }
        Some(Action::Remove(args)) => {
            let done = |id: &str| format!("Removed {id}.");
            one(app, &args.rpc, &args.id, ("paired", "deviceId"), methods::device::Remove::NAME, done)
        }
        Some(Action::Rename(args)) => rename(app, args),
        Some(Action::Rotate(args)) => rotate(app, args),
        Some(Action::Revoke(args)) => {
            let params = json!({"deviceId": args.device, "role": args.role});
            let answer = rpc::call_once(app, &args.rpc, methods::device::Revoke::NAME, Some(params))?;
            app.out.either(&answer, || format!("Revoked the {} token of {}.", args.role, args.device));
            Ok(())
        }
        Some(Action::Clear(args)) => clear(app, args),
    }
}

/// Connects with the pairing scope and no more (PAIR-18).
async fn connect(app: &App, rpc: &Rpc) -> Result<Connection, Failure> {
    let want =
        Want { scopes: vec![Scope::Pairing], ..Want::of(methods::device::List::NAME, rpc.timeout_or(rpc::TIMEOUT)) };
    rpc::open(app, &rpc.reach, None, &want).await
}

fn list(app: &App, rpc: &Rpc) -> Result<(), Failure> {
    let answer = rpc::call_once(app, rpc, methods::device::List::NAME, Some(json!({})))?;
    app.out.either(&answer, || listing(app, &answer));
    Ok(())
}

fn rows<'a>(answer: &'a Value, key: &str) -> &'a [Value] {
    answer[key].as_array().map_or(&[][..], Vec::as_slice)
}

fn listing(app: &App, answer: &Value) -> String {
    let (pending, paired) = (rows(answer, "pending"), rows(answer, "paired"));
    if pending.is_empty() && paired.is_empty() {
        return "No device pairing entries.".into();
    }
    let now = base::now_ms();
    let mut listing = String::new();
    if !pending.is_empty() {
        let rows = pending.iter().map(|row| {
            let age = row["ts"].as_i64().map(|at| table::age(at, now)).unwrap_or_default();
            vec![text_of(row, "requestId"), name(row), roles(row), text_of(row, "remoteIp"), age]
        });
        listing += &format!(
            "{}\n{}\n\n",
            app.out.bold("Pending"),
            table::table(&["REQUEST", "DEVICE", "ROLE", "FROM", "AGE"], rows)
        );
    }
    if !paired.is_empty() {
        let rows = paired.iter().map(|row| {
            let id: String = text(row, "deviceId").chars().take(12).collect();
            let online = if row["connected"] == true { "online" } else { "" };
            vec![id, name(row), roles(row), text_of(row, "platform"), online.to_owned()]
        });
        listing += &format!(
            "{}\n{}\n",
            app.out.bold("Paired"),
            table::table(&["DEVICE", "NAME", "ROLE", "PLATFORM", ""], rows)
        );
    }
    listing
}

fn text_of(row: &Value, key: &str) -> String {
    text(row, key).to_owned()
}

fn name(row: &Value) -> String {
    let known = ["label", "displayName", "clientId"].iter().find_map(|key| row[*key].as_str());
    known.unwrap_or("-").to_owned()
}

fn roles(row: &Value) -> String {
    let roles: Vec<&str> = row["roles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if roles.is_empty() { text_of(row, "role") } else { roles.join(",") }
}

/// The one entry of `list` whose `key` begins with `prefix`.
fn find<'a>(list: &'a [Value], key: &str, prefix: &str) -> Result<&'a str, Failure> {
    let mut hits = list.iter().filter_map(|row| row[key].as_str()).filter(|id| id.starts_with(prefix));
    match (hits.next(), hits.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => Err(Failure::usage(format!("`{prefix}` fits more than one {key}; give more of it"))),
        (None, _) => {
            Err(Failure::new("NOT_FOUND", format!("there is no {key} `{prefix}`")).run("openclaw devices list"))
        }
    }
}

fn one(
    app: &App,
    rpc: &Rpc,
    prefix: &str,
    (list, key): (&str, &str),
    method: &str,
    done: impl Fn(&str) -> String,
) -> Result<(), Failure> {
    rpc::block_on(async {
        let connection = connect(app, rpc).await?;
        let all = connection.call(methods::device::List::NAME, Some(json!({}))).await?;
        let id = find(rows(&all, list), key, prefix)?;
        let answer = connection.call(method, Some(json!({key: id}))).await?;
        connection.client.close().await;
        app.out.either(&answer, || done(id));
        Ok(())
    })
}

fn approve(app: &App, args: &Approve) -> Result<(), Failure> {
    rpc::block_on(async {
        let mut connection = connect(app, &args.rpc).await?;
        let mut all = connection.call(methods::device::List::NAME, Some(json!({}))).await?;
        while args.watch && rows(&all, "pending").is_empty() {
            out::complain("waiting for a device to ask");
            // Every request is announced; the poll only covers an announcement that was lost.
            let _announced = tokio::time::timeout(WATCH, connection.events.next()).await;
            all = connection.call(methods::device::List::NAME, Some(json!({}))).await?;
        }
        let pending = rows(&all, "pending");
        let id = match &args.id {
            Some(prefix) => find(pending, "requestId", prefix)?,
            None => newest(pending, args.yes)?,
        };
        let answer = connection.call(methods::device::Approve::NAME, Some(json!({"requestId": id}))).await?;
        connection.client.close().await;
        app.out.either(&answer, || format!("Approved {id}."));
        Ok(())
    })
}

/// Without an id nothing is approved by accident: the newest request is shown with the exact command, unless it is the
/// only one and `--yes` was said.
fn newest(pending: &[Value], yes: bool) -> Result<&str, Failure> {
    let Some(row) = pending.iter().max_by_key(|row| row["ts"].as_i64()) else {
        return Err(Failure::new("NOT_FOUND", "no device is waiting to be approved"));
    };
    let id = text(row, "requestId");
    if yes && pending.len() == 1 {
        return Ok(id);
    }
    let from = format!("{} ({}, {}) from {}", name(row), roles(row), text(row, "platform"), text(row, "remoteIp"));
    Err(Failure::new("APPROVAL_NEEDS_ID", format!("newest request: {id}, {from}"))
        .run(format!("openclaw devices approve {id}")))
}

fn rename(app: &App, args: &Rename) -> Result<(), Failure> {
    rpc::block_on(async {
        let connection = connect(app, &args.rpc).await?;
        let all = connection.call(methods::device::List::NAME, Some(json!({}))).await?;
        let id = find(rows(&all, "paired"), "deviceId", &args.device)?;
        let answer =
            connection.call(methods::device::Rename::NAME, Some(json!({"deviceId": id, "label": args.name}))).await?;
        connection.client.close().await;
        app.out.either(&answer, || format!("Renamed {id} to {}.", args.name));
        Ok(())
    })
}

fn rotate(app: &App, args: &Rotate) -> Result<(), Failure> {
    let mut params = json!({"deviceId": args.device, "role": args.role});
    if args.no_scopes || !args.scopes.is_empty() {
        params["scopes"] = json!(args.scopes);
    }
    let answer = rpc::call_once(app, &args.rpc, methods::device::Rotate::NAME, Some(params))?;
    app.out.either(&answer, || match answer["token"].as_str() {
        Some(token) => format!("New {} token of {} (shown once):\n{token}", args.role, args.device),
        None => {
            format!("Rotated the {} token of {}; the device gets it when it next connects.", args.role, args.device)
        }
    });
    Ok(())
}

fn clear(app: &App, args: &Clear) -> Result<(), Failure> {
    if !args.yes {
        return Err(Failure::usage("this forgets every paired device; say --yes").run("openclaw devices clear --yes"));
    }
    rpc::block_on(async {
        let connection = connect(app, &args.rpc).await?;
        let all = connection.call(methods::device::List::NAME, Some(json!({}))).await?;
        let (mut removed, mut rejected) = (0, 0);
        for row in rows(&all, "paired") {
            connection.call(methods::device::Remove::NAME, Some(json!({"deviceId": row["deviceId"]}))).await?;
            removed += 1;
        }
        for row in rows(&all, "pending").iter().filter(|_| args.pending) {
            connection.call(methods::device::Reject::NAME, Some(json!({"requestId": row["requestId"]}))).await?;
            rejected += 1;
        }
        connection.client.close().await;
        let value = json!({"ok": true, "removed": removed, "rejected": rejected});
        app.out.either(&value, || format!("Removed {removed} devices, refused {rejected} requests."));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_must_fit_exactly_one() {
        let list = [json!({"requestId": "7f3a"}), json!({"requestId": "7f00"}), json!({"requestId": "aa"})];
        assert_eq!(find(&list, "requestId", "7f3").unwrap(), "7f3a");
        assert_eq!(find(&list, "requestId", "7f").unwrap_err().exit, 2);
        assert_eq!(find(&list, "requestId", "zz").unwrap_err().exit, 1);
    }

    #[test]
    fn the_latest_request_is_shown_with_its_command_and_approved_only_when_alone() {
        let list = [json!({"requestId": "old", "ts": 1}), json!({"requestId": "new", "ts": 2})];
        let failure = newest(&list, true).unwrap_err();
        assert_eq!((failure.exit, failure.next[0].text()), (1, "openclaw devices approve new"));
        assert_eq!(newest(&list[..1], true).unwrap(), "old");
        assert_eq!(newest(&list[..1], false).unwrap_err().exit, 1);
    }
}
