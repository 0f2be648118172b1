//! `openclaw node`: this machine as a node, which offers commands to the agent of a Gateway (N-11).

mod guard;
mod host;
mod identity;
mod kept;
mod pair;
mod place;
mod run;
mod service;

use clap::Subcommand;
pub(super) use host::Offer;
pub(super) use service::{is_installed as has_service, remove as remove_service, short as service_seen};

use crate::app::App;
use crate::exit::Failure;
use crate::join::ticket;

/// Offer this machine's commands to the agent of a Gateway
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run the node host in the foreground
    Run(Box<run::Args>),
    /// Keep the node host running as a service of this user
    Install(Box<service::InstallArgs>),
    /// Remove the service; the pairing stays
    Uninstall,
    /// Start the service
    Start,
    /// Stop the service
    Stop,
    /// Restart the service
    Restart,
    /// Show the service, and whose node this machine is
    Status,
    /// Show as which device this machine connects
    Identity,
    #[command(hide = true)]
    Guard(guard::Args),
}

impl Args {
    /// Whether this stays and says on stderr what it does.
    pub(super) const fn is_host(&self) -> bool {
        matches!(self.action, Action::Run(_))
    }

    /// A program to be guarded, which has no business with our state.
    pub(super) fn guarded(&self) -> Option<Result<(), Failure>> {
        match &self.action {
            Action::Guard(args) => Some(guard::run(args)),
            _ => None,
        }
    }
}

/// Joins by a setup code and stays as a node, in the foreground or as a service.
pub(super) fn join(app: &App, code: &str, offer: &Offer, as_service: bool) -> Result<(), Failure> {
    if !as_service {
        return run::run(app, &run::Args::joining(code.to_owned(), offer.clone()));
    }
    let kept = offer.over(kept::Kept::read(app)?)?;
    pair::come_in(app, &ticket::read(app, code)?, &kept, false)?;
    service::install(app, true, false)?.print_with(app, &service::about(app)?);
    Ok(())
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::Run(args) => run::run(app, args),
        Action::Install(args) => service::run_install(app, args),
        Action::Uninstall => service::uninstall(app),
        Action::Start => service::start(app),
        Action::Stop => service::stop(app),
        Action::Restart => service::restart(app),
        Action::Status => service::status(app),
        Action::Identity => identity::run(app),
        Action::Guard(args) => guard::run(args),
    }
}
