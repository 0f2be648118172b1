//! `openclaw node`: this machine as a node, which offers commands to the agent of a Gateway (N-11).

mod guard;
mod identity;
mod run;

use clap::Subcommand;

use crate::app::App;
use crate::exit::Failure;

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

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::Run(args) => run::run(app, args),
        Action::Identity => identity::run(app),
        Action::Guard(args) => guard::run(args),
    }
}
