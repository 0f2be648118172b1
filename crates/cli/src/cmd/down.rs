//! `openclaw down`: the other way round from `up`.

use super::uninstall;
use crate::app::App;
use crate::exit::Failure;

/// Take a Gateway down: its service, and with --state what it keeps
#[derive(Debug, clap::Args)]
#[command(after_help = "The program and the agents' workspaces stay; `openclaw uninstall --workspace` removes those.")]
pub(crate) struct Args {
    /// Remove config, secrets, devices and conversations, too
    #[arg(long)]
    state: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Only list what would be removed
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    uninstall::down(app, args.state, args.dry_run, args.yes)
}
