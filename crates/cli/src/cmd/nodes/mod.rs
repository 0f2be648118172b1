//! `openclaw nodes`: which devices offer commands, what each may do, and asking them (N-3…N-6, N-10).

mod camera;
mod canvas;
mod describe;
mod invoke;
mod list;
mod local;
mod location;
mod media;
mod notify;
mod pair;
mod run;
mod screen;
mod target;
mod watch;

pub(super) use target::resolve;

use clap::Subcommand;
use serde_json::{Value, json};
use wire::Scope;
use wire::methods::{Method as _, node};

use crate::app::App;
use crate::args::Rpc;
use crate::cmd::waiting::rows;
use crate::exit::Failure;
use crate::rpc::{self, Connection, Want};

/// Look at nodes, say what they may do, and ask them
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: list::List,
}

/// One line per command.
#[derive(Debug, Subcommand)]
enum Action {
    /// List nodes, and what waits to be approved
    List(list::List),
    /// Show every node and how it is
    Status(list::Status),
    /// Show all there is to know about one node
    Describe(describe::Args),
    /// List what waits to be approved
    Pending(list::Pending),
    /// Let a node do what it asks to be allowed
    Approve(pair::Approve),
    /// Refuse it
    Reject(pair::Reject),
    /// Forget a node
    Remove(pair::Remove),
    /// Give a node a name
    Rename(pair::Rename),
    /// Ask a node to do something
    Invoke(invoke::Args),
    /// Show a message on a node
    Notify(notify::Args),
    /// Use a node's cameras
    Camera(camera::Args),
    /// Look at a node's screen
    Screen(screen::Args),
    /// Ask a node where it is
    Location(location::Args),
    /// Show something on a node's canvas
    Canvas(canvas::Args),
    /// Run a command on a node, and end as it does
    Run(run::Args),
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        None => list::list(app, &args.list),
        Some(Action::List(args)) => list::list(app, args),
        Some(Action::Status(args)) => list::status(app, args),
        Some(Action::Describe(args)) => describe::run(app, args),
        Some(Action::Pending(args)) => list::pending(app, args),
        Some(Action::Approve(args)) => pair::approve(app, args),
        Some(Action::Reject(args)) => pair::reject(app, args),
        Some(Action::Remove(args)) => pair::remove(app, args),
        Some(Action::Rename(args)) => pair::rename(app, args),
        Some(Action::Invoke(args)) => invoke::run(app, args),
        Some(Action::Notify(args)) => notify::run(app, args),
        Some(Action::Camera(args)) => camera::run(app, args),
        Some(Action::Screen(args)) => screen::run(app, args),
        Some(Action::Location(args)) => location::run(app, args),
        Some(Action::Canvas(args)) => canvas::run(app, args),
        Some(Action::Run(args)) => run::run(app, args),
    }
}

/// Connects with these scopes and no more (PAIR-18).
async fn connect(app: &App, rpc: &Rpc, scopes: &[Scope]) -> Result<Connection, Failure> {
    let want = Want { scopes: scopes.to_vec(), ..Want::of(node::List::NAME, rpc.timeout_or(rpc::TIMEOUT)) };
    rpc::open(app, &rpc.reach, None, &want).await
}

/// Every node, as `node.list` has them.
pub(super) async fn all(connection: &Connection) -> Result<Vec<Value>, Failure> {
    let answer = connection.call(node::List::NAME, Some(json!({}))).await?;
    Ok(rows(&answer, "nodes").to_vec())
}

/// What people call it: its name, or the beginning of its id.
pub(super) fn name(row: &Value) -> String {
    let name = cell(row, "displayName");
    if name == "-" { short(row) } else { name }
}

/// The beginning of its id, enough to name it.
fn short(row: &Value) -> String {
    cell(row, "nodeId").chars().take(12).collect()
}

/// A member as text that a terminal shows and does not obey: a node says what it likes about itself.
fn cell(row: &Value, key: &str) -> String {
    let text = row[key].as_str().filter(|text| !text.trim().is_empty()).unwrap_or("-");
    plain(text)
}

/// Text of a node's without what a terminal would obey.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// A list of words on one line.
fn words(value: &Value) -> String {
    let words = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    words.map(plain).collect::<Vec<_>>().join(", ")
}
