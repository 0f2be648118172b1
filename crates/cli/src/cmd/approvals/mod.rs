//! `openclaw approvals`: what may be run on which machine, and what waits for a person's word (N-12).

mod allowlist;
mod decide;
mod document;
mod history;
mod pending;
mod show;
mod watch;

use clap::Subcommand;
use serde_json::Value;

use crate::app::App;
use crate::exit::Failure;

/// Say what may be run on which machine, and decide about what waits
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

/// One line per command.
#[derive(Debug, Subcommand)]
enum Action {
    /// Show what a machine's owner lets agents run
    Get(show::Args),
    /// Replace that document
    Set(document::Set),
    /// Add and remove what counts as listed
    Allowlist(allowlist::Args),
    /// List the commands that wait for a person's word
    Pending(pending::Args),
    /// Say it
    Resolve(decide::Resolve),
    /// Allow a command
    Approve(decide::Approve),
    /// Refuse it
    Deny(decide::Deny),
    /// List what was decided
    History(history::Args),
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::Get(args) => show::run(app, args),
        Action::Set(args) => document::set(app, args),
        Action::Allowlist(args) => allowlist::run(app, args),
        Action::Pending(args) => pending::run(app, args),
        Action::Resolve(args) => decide::resolve(app, args),
        Action::Approve(args) => decide::approve(app, args),
        Action::Deny(args) => decide::deny(app, args),
        Action::History(args) => history::run(app, args),
    }
}

/// A member as text that a terminal shows and does not obey: a model wrote the command.
fn cell(row: &Value, key: &str) -> String {
    let text = row[key].as_str().filter(|text| !text.trim().is_empty()).unwrap_or("-");
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
