//! `openclaw tunnel`: a port of this machine that leads to a Gateway's host through SSH, for browsers and other programs
//! that speak no SSH themselves (SSH-13, SSH-16).

mod down;
mod install;
mod keep;
mod logs;
mod place;
mod status;
mod trust;
mod uninstall;
mod up;

use clap::Subcommand;

use crate::app::App;
use crate::exit::Failure;

/// Keep a port of this machine that leads to a Gateway through SSH
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Open a port here that leads to the Gateway there, and keep it
    Up(up::Args),
    /// Close it
    Down(down::Args),
    /// Show how tunnels stand
    Status(status::Args),
    /// List the tunnels that are up
    List,
    /// Show what a tunnel's keeper has written down
    Logs(logs::Args),
    /// Look at the key of an SSH host and take it as known
    Trust(trust::Args),
    /// Have the service manager of this system keep a tunnel, now and after every login
    Install(install::Args),
    /// Stop a tunnel that is kept so, and remove its service
    Uninstall(uninstall::Args),
    #[command(hide = true)]
    Keep(keep::Args),
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::Up(args) => up::run(app, args),
        Action::Down(args) => down::run(app, args),
        Action::Status(args) => status::run(app, args),
        Action::List => status::list(app),
        Action::Logs(args) => logs::run(app, args),
        Action::Trust(args) => trust::run(app, args),
        Action::Install(args) => install::run(app, args),
        Action::Uninstall(args) => uninstall::run(app, args),
        Action::Keep(args) => keep::run(app, args),
    }
}
