//! What nodes ask to be allowed, and a person's word on it (N-3B); their names, and forgetting them (N-3.17).

use serde_json::{Value, json};
use wire::Scope;
use wire::methods::{Method as _, node};

use super::{all, connect, name, target, words};
use crate::app::App;
use crate::args::Rpc;
use crate::cmd::waiting::{self, newest, rows};
use crate::desk::Desk;
use crate::exit::Failure;
use crate::rpc;

#[derive(Debug, clap::Args)]
pub(super) struct Approve {
    /// The request; its first letters are enough
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// The newest request
    #[arg(long, conflicts_with = "id")]
    latest: bool,
    /// With --latest: approve it when it is the only one
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
pub(super) struct Reject {
    /// The request; its first letters are enough
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    /// The node: its id, its name, its address, or the first letters of its id
    #[arg(long, value_name = "NODE")]
    node: String,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
pub(super) struct Rename {
    /// The node: its id, its name, its address, or the first letters of its id
    #[arg(long, value_name = "NODE")]
    node: String,
    /// Its new name
    #[arg(long)]
    name: String,
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn approve(app: &App, args: &Approve) -> Result<(), Failure> {
    let answer = match rpc::block_on(by_the_gateway(app, args)) {
        Ok(answer) => answer,
        Err(failure) => {
            let desk = Desk::instead_of(app, &args.rpc, failure)?;
            let answer = rpc::block_on(async {
                let id = chosen(&desk.nodes().await?, args)?;
                desk.approve_node(&id).await
            })?;
            app.out.note("note: it counts when the node next connects");
            answer
        }
    };
    app.out.either(&answer, || {
        let node = &answer["node"];
        match words(&node["commands"]) {
            commands if commands.is_empty() => format!("Approved {}, which offers no commands.", name(node)),
            commands => format!("Approved {} for {commands}.", name(node)),
        }
    });
    Ok(())
}

async fn by_the_gateway(app: &App, args: &Approve) -> Result<Value, Failure> {
    let mut connection = connect(app, &args.rpc, &[Scope::Pairing]).await?;
    let all = connection.call(node::PairList::NAME, Some(json!({}))).await?;
    let id = chosen(&all, args)?;
    // Reaching into a machine takes more than pairing (N-3.16); asked for only when it is needed.
    let scopes = scopes_of(rows(&all, "pending"), &id);
    if scopes != [Scope::Pairing] {
        connection.client.close().await;
        connection = connect(app, &args.rpc, &scopes).await?;
    }
    let answer = connection.call(node::PairApprove::NAME, Some(json!({"requestId": id}))).await?;
    connection.client.close().await;
    Ok(answer)
}

/// The scopes that approving the request `id` takes.
fn scopes_of(pending: &[Value], id: &str) -> Vec<Scope> {
    let row = pending.iter().find(|row| row["requestId"] == id);
    let names = row.map(|row| words(&row["requiredApproveScopes"])).unwrap_or_default();
    let named = |scope: &Scope| *scope == Scope::Pairing || names.split(", ").any(|name| name == scope.as_str());
    Scope::ALL.into_iter().filter(named).collect()
}

fn chosen(all: &Value, args: &Approve) -> Result<String, Failure> {
    let pending = rows(all, "pending");
    let id = match &args.id {
        Some(prefix) => waiting::find(pending, "requestId", prefix, "openclaw nodes pending"),
        None => newest(pending, args.yes, "node", about),
    };
    id.map(str::to_owned)
}

/// Who asks for what, for a person to recognise.
fn about(row: &Value) -> String {
    format!("{} ({}) asks for {}", name(row), super::cell(row, "platform"), words(&row["commands"]))
}

pub(super) fn reject(app: &App, args: &Reject) -> Result<(), Failure> {
    let find = |all: &Value| {
        waiting::find(rows(all, "pending"), "requestId", &args.id, "openclaw nodes pending").map(str::to_owned)
    };
    let asked = rpc::block_on(async {
        let connection = connect(app, &args.rpc, &[Scope::Pairing]).await?;
        let id = find(&connection.call(node::PairList::NAME, Some(json!({}))).await?)?;
        let answer = connection.call(node::PairReject::NAME, Some(json!({"requestId": id}))).await?;
        connection.client.close().await;
        Ok(answer)
    });
    let answer = match asked {
        Ok(answer) => answer,
        Err(failure) => {
            let desk = Desk::instead_of(app, &args.rpc, failure)?;
            rpc::block_on(async {
                let id = find(&desk.nodes().await?)?;
                desk.reject_node(&id).await
            })?
        }
    };
    app.out.either(&answer, || format!("Rejected {}.", super::cell(&answer, "requestId")));
    Ok(())
}

pub(super) fn remove(app: &App, args: &Remove) -> Result<(), Failure> {
    let (row, answer) = about_one(app, &args.rpc, &args.node, node::PairRemove::NAME, json!({}))?;
    app.out.either(&answer, || format!("Removed {}.", name(&row)));
    Ok(())
}

pub(super) fn rename(app: &App, args: &Rename) -> Result<(), Failure> {
    let more = json!({"displayName": args.name});
    let (row, answer) = about_one(app, &args.rpc, &args.node, node::Rename::NAME, more)?;
    app.out.either(&answer, || format!("Renamed {} to {}.", name(&row), super::cell(&answer, "displayName")));
    Ok(())
}

/// Calls `method` for the one node that is meant, with `more` params; what it was, and the answer.
fn about_one(app: &App, rpc: &Rpc, node: &str, method: &str, more: Value) -> Result<(Value, Value), Failure> {
    rpc::block_on(async {
        let connection = connect(app, rpc, &[Scope::Read, Scope::Pairing]).await?;
        let nodes = all(&connection).await?;
        let row = target::resolve(&nodes, node)?;
        let mut params = more;
        params["nodeId"] = row["nodeId"].clone();
        let answer = connection.call(method, Some(params)).await?;
        connection.client.close().await;
        Ok((row.clone(), answer))
    })
}
