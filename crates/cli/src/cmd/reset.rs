//! `openclaw reset`: begin anew, with as much of the old as wished.

use clap::ValueEnum;

use super::removal::{Consent, Removal, workspaces};
use crate::app::App;
use crate::exit::Failure;

/// Remove the config, or all state, and begin anew
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How much
    #[arg(long, value_enum, value_name = "SCOPE")]
    scope: Scope,
    /// Only list what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scope {
    /// The config file
    Config,
    /// The config, secrets, devices and conversations; workspaces stay
    #[value(name = "config+creds+sessions")]
    State,
    /// Everything, workspaces too
    Full,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let mut removal = Removal::default();
    let spaces = workspaces(app);
    match args.scope {
        Scope::Config => removal.add(app.paths.config_file.clone()),
        Scope::State => removal.add_all_but(&app.paths.state_dir, &spaces),
        Scope::Full => {
            removal.add(app.paths.state_dir.clone());
            spaces
                .into_iter()
                .filter(|space| !space.starts_with(&app.paths.state_dir))
                .for_each(|space| removal.add(space));
        }
    }
    if args.scope != Scope::Config && !app.paths.config_file.starts_with(&app.paths.state_dir) {
        removal.add(app.paths.config_file.clone());
    }
    removal.carry_out(app, "reset", Consent { dry_run: args.dry_run, yes: args.yes })
}
