//! `nodes describe`: all there is to know about one node (N-6.2).

use serde_json::{Value, json};
use wire::Scope;
use wire::methods::{Method as _, node};

use super::list::state;
use super::{all, cell, connect, plain, target, words};
use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out::table::{age, pairs, wrapped};
use crate::rpc;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The node: its id, its name, its address, or the first letters of its id
    #[arg(long, value_name = "NODE")]
    node: String,
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let row = rpc::block_on(async {
        let connection = connect(app, &args.rpc, &[Scope::Read]).await?;
        let nodes = all(&connection).await?;
        let id = &target::resolve(&nodes, &args.node)?["nodeId"];
        let row = connection.call(node::Describe::NAME, Some(json!({"nodeId": id}))).await?;
        connection.client.close().await;
        Ok(row)
    })?;
    app.out.either(&row, || described(&row, base::now_ms()));
    Ok(())
}

fn described(row: &Value, now: i64) -> String {
    let since = |key: &str| row[key].as_i64().map(|at| format!("{} ago", age(at, now)));
    let seen = since("lastSeenAtMs").map(|ago| format!("{ago} ({})", cell(row, "lastSeenReason")));
    let text = |key: &str| Some(cell(row, key)).filter(|text| text != "-");
    let rows = [
        ("Node", text("nodeId")),
        ("Name", text("displayName")),
        ("State", Some(state(row, now))),
        ("Platform", Some(cell(row, "platform"))),
        ("Model", text("modelIdentifier")),
        ("Version", text("version")),
        ("Address", text("remoteIp")),
        ("Seen", seen),
        ("Approved", since("approvedAtMs").filter(|_| row["approvalState"] != "pending-approval")),
        ("Granted", granted(row)),
    ];
    let mut lines = vec![pairs(rows.into_iter().filter_map(|(label, value)| Some((label, value?))))];
    lines.extend(wrapped(&or_none(words(&row["caps"])), "Can       "));
    lines.extend(wrapped(&or_none(words(&row["commands"])), "Commands  "));
    if let Some(id) = text("pendingRequestId") {
        let asked = or_none(words(&row["pendingDeclaredCommands"]));
        lines.extend(wrapped(&asked, "Asks for  "));
        lines.push(format!("To allow it: openclaw nodes approve {id}"));
    }
    lines.join("\n")
}

/// What its operating system lets it do.
fn granted(row: &Value) -> Option<String> {
    let permissions = row["permissions"].as_object()?;
    let words = permissions.iter().map(|(name, on)| format!("{name} {}", if *on == true { "yes" } else { "no" }));
    Some(plain(&words.collect::<Vec<_>>().join(", ")))
}

fn or_none(words: String) -> String {
    if words.is_empty() { "nothing".to_owned() } else { words }
}
