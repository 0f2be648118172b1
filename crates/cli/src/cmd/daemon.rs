//! `openclaw daemon`: the service commands of `openclaw gateway` under their old name.

use clap::Subcommand;

use super::gateway::{control, install, status};
use crate::app::App;
use crate::exit::Failure;

/// Keep the Gateway as a service (as `openclaw gateway`)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Install the Gateway as a service and start it
    Install(install::Args),
    /// Stop the service and remove it
    Uninstall(control::UninstallArgs),
    /// Start the service
    Start(control::StartArgs),
    /// Stop the service
    Stop(control::StopArgs),
    /// Restart the service
    Restart(control::RestartArgs),
    /// Show the service, the config and whether the Gateway answers
    Status(Box<status::Args>),
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::Install(args) => install::run(app, args),
        Action::Uninstall(args) => control::uninstall(app, args),
        Action::Start(args) => control::start(app, args),
        Action::Stop(args) => control::stop(app, args),
        Action::Restart(args) => control::restart(app, args),
        Action::Status(args) => status::run(app, args),
    }
}
