//! `openclaw onboard`: the first minutes, with questions on a terminal and without any in a script; every question has a
//! flag (CON-1, CON-2, CLI-11).

mod ask;
mod here;

use clap::ValueEnum;

use super::channels;
use super::connect::{self, How};
use crate::app::App;
use crate::exit::Failure;
use crate::join::{self, To};

/// Set this machine up, as a Gateway or as a client of one
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Is the Gateway on this machine or elsewhere
    #[arg(long, value_enum, value_name = "MODE")]
    mode: Option<ModeFlag>,
    /// The Gateway elsewhere
    #[arg(long, value_name = "URL", conflicts_with = "remote_ssh")]
    remote_url: Option<String>,
    /// The host of the Gateway elsewhere, for SSH
    #[arg(long, value_name = "TARGET")]
    remote_ssh: Option<String>,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    here: here::Wanted,
    /// Ask nothing
    #[arg(long)]
    non_interactive: bool,
    /// An agent with tools acts on this machine as you; this is understood
    #[arg(long)]
    accept_risk: bool,
    #[command(flatten)]
    taken: Taken,
}

/// Flags of the original whose step there is none of here; taken, so that scripts go on working.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on its own")]
struct Taken {
    /// Accepted; there is one flow
    #[arg(long, value_name = "FLOW", value_parser = ["quickstart", "advanced", "manual"])]
    flow: Option<String>,
    /// Do not offer to set up a chat
    #[arg(long)]
    skip_channels: bool,
    /// Accepted; there are no skills to set up
    #[arg(long)]
    skip_skills: bool,
    /// Accepted; a Gateway is only said to be up when it answers
    #[arg(long)]
    skip_health: bool,
    /// Accepted; no page is opened
    #[arg(long)]
    skip_ui: bool,
    /// Accepted; there is no web search to set up
    #[arg(long)]
    skip_search: bool,
    /// Accepted; there are no hooks to set up
    #[arg(long)]
    skip_hooks: bool,
    /// Accepted; the workspace is made empty
    #[arg(long)]
    skip_bootstrap: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModeFlag {
    Local,
    Remote,
}

const EXAMPLES: &str = "\
Examples:
  openclaw onboard
  openclaw onboard --non-interactive --accept-risk --mode local --install-daemon
  openclaw onboard --non-interactive --accept-risk --mode remote --remote-ssh me@host";

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let asks = !args.non_interactive && ask::can(app);
    if !args.accept_risk {
        if !asks {
            return Err(Failure::usage("without questions this needs --accept-risk")
                .run("openclaw onboard --non-interactive --accept-risk --mode local"));
        }
        ask::risk(app)?;
    }
    match mode(args, asks)? {
        ModeFlag::Local => {
            here::onboard(app, &args.here, asks)?;
            if asks && !args.taken.skip_channels { channels::offer(app) } else { Ok(()) }
        }
        ModeFlag::Remote => remote(app, args, asks),
    }
}

fn mode(args: &Args, asks: bool) -> Result<ModeFlag, Failure> {
    match args.mode {
        Some(mode) => Ok(mode),
        None if args.remote_url.is_some() || args.remote_ssh.is_some() => Ok(ModeFlag::Remote),
        None if asks => ask::mode(),
        None => Ok(ModeFlag::Local),
    }
}

fn remote(app: &App, args: &Args, asks: bool) -> Result<(), Failure> {
    let to = match (&args.remote_ssh, &args.remote_url) {
        (Some(host), _) => To::parse(host, args.how.port())?,
        (None, Some(url)) => To::parse(url, None)?,
        (None, None) if asks => To::parse(&ask::target()?, args.how.port())?,
        (None, None) => {
            return Err(Failure::usage("--mode remote needs --remote-url or --remote-ssh")
                .run("openclaw onboard --non-interactive --accept-risk --mode remote --remote-ssh user@host"));
        }
    };
    let mut wanted = args.how.wanted(to)?;
    if asks && matches!(wanted.to, To::Url(_)) && !args.how.has_secret() {
        wanted.token = ask::token()?;
    }
    connect::say(app, join::join(app, &wanted)?)
}
