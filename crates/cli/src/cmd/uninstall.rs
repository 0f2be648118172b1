//! `openclaw uninstall`: takes away what was asked for, the service first.

use std::path::PathBuf;

use super::removal::{Consent, Removal, workspaces};
use crate::app::App;
use crate::exit::Failure;

/// Remove the service, the state, the workspace
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The services: the Gateway's, and the node host's where there is one
    #[arg(long)]
    service: bool,
    /// Config, secrets, devices and conversations
    #[arg(long)]
    state: bool,
    /// The agents' workspaces
    #[arg(long)]
    workspace: bool,
    /// The desktop app
    #[arg(long)]
    app: bool,
    /// All of these
    #[arg(long)]
    all: bool,
    /// Only list what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Where the desktop app is, on the system that has one.
const APP: &str = "/Applications/OpenClaw.app";

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    if !(args.service || args.state || args.workspace || args.app || args.all) {
        return Err(Failure::usage("say what to remove: --service, --state, --workspace, --app or --all")
            .run("openclaw uninstall --all --dry-run"));
    }
    remove(app, args, "uninstall")
}

/// `openclaw down` is the service, and the state when asked.
pub(super) fn down(app: &App, state: bool, dry_run: bool, yes: bool) -> Result<(), Failure> {
    let args = Args { service: true, state, workspace: false, app: false, all: false, dry_run, yes };
    remove(app, &args, "down")
}

fn remove(app: &App, args: &Args, action: &'static str) -> Result<(), Failure> {
    let mut removal = Removal::of_service(args.service || args.all);
    let spaces = workspaces(app);
    let takes_spaces = args.workspace || args.all;
    if args.state || args.all {
        removal.add_all_but(&app.paths.state_dir, if takes_spaces { &[] } else { &spaces });
        if !app.paths.config_file.starts_with(&app.paths.state_dir) {
            removal.add(app.paths.config_file.clone());
        }
    }
    if takes_spaces {
        let is_left = |space: &PathBuf| !((args.state || args.all) && space.starts_with(&app.paths.state_dir));
        spaces.into_iter().filter(is_left).for_each(|space| removal.add(space));
    }
    if args.app || args.all {
        removal.add(APP.into());
    }
    removal.carry_out(app, action, Consent { dry_run: args.dry_run, yes: args.yes })?;
    if !args.dry_run
        && let Ok(program) = std::env::current_exe()
    {
        app.out.note(&format!("the program itself stays: {}", program.display()));
    }
    Ok(())
}
