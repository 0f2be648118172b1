//! `openclaw gateway`: run the daemon, or look at one.

mod auth_token;
mod call;
pub(crate) mod control;
mod discover;
pub(crate) mod exposure;
#[cfg(unix)]
mod force;
pub(crate) mod install;
pub(super) mod install_checks;
mod probe;
pub(crate) mod report;
mod run;
pub(super) mod status;
mod target;
pub(crate) mod tls;

use clap::Subcommand;

pub(crate) use probe::look as look_once;

use crate::app::App;
use crate::exit::Failure;

/// Run the Gateway, or look at one
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    run: run::Flags,
}

const EXAMPLES: &str = "\
Examples:
  openclaw gateway run                    run in the foreground
  openclaw gateway install                keep it running as a service
  openclaw gateway status                 is it up, and what does it listen on
  openclaw gateway call status            call any method of the protocol";

#[derive(Debug, Subcommand)]
enum Action {
    /// Run the Gateway in the foreground
    Run(run::Flags),
    /// Show the service, the config and whether the Gateway answers
    Status(status::Args),
    /// Install the Gateway as a service and start it
    Install(install::Args),
    /// Stop the service and remove it
    Uninstall(control::UninstallArgs),
    /// Start the service
    Start(control::StartArgs),
    /// Stop the service, or the Gateway that runs without one
    Stop(control::StopArgs),
    /// Restart the service, or the Gateway that runs without one
    Restart(control::RestartArgs),
    /// Say which shared secret the Gateway uses
    AuthToken(auth_token::Args),
    /// Ask the Gateway how it is
    Health(super::health::Args),
    /// Look at every Gateway this machine could mean
    Probe(probe::Args),
    /// List the Gateways that say they are there, on this network and in the tailnet's zone
    Discover(discover::Args),
    /// Call any method of the protocol
    Call(call::Args),
    /// Show which Gateway commands would reach, and why
    Target(target::Args),
    /// Show, renew or trust a certificate
    Tls(tls::Args),
    /// Say one thing to the agent (as `openclaw agent`)
    Agent(Box<super::agent::Args>),
    /// Send a message to a chat (as `openclaw message send`)
    Send(Box<super::message::Send>),
}

impl Args {
    /// Whether this runs the daemon, which logs on its own terms.
    pub(super) const fn is_daemon(&self) -> bool {
        matches!(self.action, None | Some(Action::Run(_)))
    }
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        None => run::run(app, &args.run),
        Some(Action::Run(flags)) => run::run(app, flags),
        Some(Action::Status(args)) => status::run(app, args),
        Some(Action::Install(args)) => install::run(app, args),
        Some(Action::Uninstall(args)) => control::uninstall(app, args),
        Some(Action::Start(args)) => control::start(app, args),
        Some(Action::Stop(args)) => control::stop(app, args),
        Some(Action::Restart(args)) => control::restart(app, args),
        Some(Action::AuthToken(args)) => auth_token::run(app, args),
        Some(Action::Health(args)) => super::health::run(app, args),
        Some(Action::Probe(args)) => probe::run(app, args),
        Some(Action::Discover(args)) => discover::run(app, args),
        Some(Action::Call(args)) => call::run(app, args),
        Some(Action::Target(args)) => target::run(app, args),
        Some(Action::Tls(args)) => tls::run(app, args),
        Some(Action::Agent(args)) => super::agent::run(app, args),
        Some(Action::Send(args)) => args.run(app),
    }
}
