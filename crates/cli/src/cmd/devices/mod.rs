//! `openclaw devices`: who is paired, who asks to be, and their tokens (PAIR-6, PAIR-13, PAIR-15).

mod change;
mod invite;
mod join_code;
mod list;
mod local;
mod requests;

use clap::Subcommand;
use serde_json::Value;
use wire::Scope;
use wire::methods::{self, Method as _};

use crate::app::App;
use crate::args::Rpc;
use crate::cmd::waiting;
use crate::exit::Failure;
use crate::rpc::{self, Connection, Want};

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
    /// Make a token that lets one new device in, once; `--ssh` asks for it by itself
    Invite(Invitation),
    /// Make the address of a page by which one machine joins as a node, once
    JoinCode(JoinCode),
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
    /// Let someone in again who was locked out after too many wrong secrets
    Unlock(Unlock),
    /// Forget every paired device
    Clear(Clear),
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
struct Invitation {
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
struct JoinCode {
    /// The address others reach the Gateway by, when it is another than it knows of itself
    #[arg(long, alias = "public-url", value_name = "URL")]
    address: Option<String>,
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
    /// The device; the first letters of its id are enough
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
    /// The device; the first letters of its id are enough
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
    /// The device; the first letters of its id are enough
    #[arg(long, value_name = "ID")]
    device: String,
    /// `operator` or `node`
    #[arg(long)]
    role: String,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
struct Unlock {
    /// As `openclaw gateway call auth.limits` names it: an address, a page or a device
    #[arg(value_name = "KEY")]
    key: String,
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
        None => list::list(app, &args.rpc),
        Some(Action::List(args)) => list::list(app, &args.rpc),
        Some(Action::Invite(args)) => invite::invite(app, args),
        Some(Action::JoinCode(args)) => join_code::make(app, args),
        Some(Action::Approve(args)) => requests::approve(app, args),
        Some(Action::Reject(args)) => requests::reject(app, args),
        Some(Action::Remove(args)) => change::remove(app, args),
        Some(Action::Rename(args)) => change::rename(app, args),
        Some(Action::Rotate(args)) => change::rotate(app, args),
        Some(Action::Revoke(args)) => change::revoke(app, args),
        Some(Action::Unlock(args)) => change::unlock(app, args),
        Some(Action::Clear(args)) => change::clear(app, args),
    }
}

/// Connects with the pairing scope and no more (PAIR-18).
async fn connect(app: &App, rpc: &Rpc) -> Result<Connection, Failure> {
    connect_with(app, rpc, vec![Scope::Pairing]).await
}

async fn connect_with(app: &App, rpc: &Rpc, scopes: Vec<Scope>) -> Result<Connection, Failure> {
    let want = Want { scopes, ..Want::of(methods::device::List::NAME, rpc.timeout_or(rpc::TIMEOUT)) };
    rpc::open(app, &rpc.reach, None, &want).await
}

/// The one entry of `list` whose `key` begins with `prefix`.
fn find<'a>(list: &'a [Value], key: &str, prefix: &str) -> Result<&'a str, Failure> {
    waiting::find(list, key, prefix, "openclaw devices list")
}
