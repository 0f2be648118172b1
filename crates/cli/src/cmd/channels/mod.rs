//! `openclaw channels`: the chats the agent is reached through, set up, looked at, started and stopped (C-12).

mod add;
mod change;
mod guide;
mod list;
mod logs;
mod pair;
mod status;

pub(super) use add::offer;

use clap::Subcommand;
use serde_json::Value;

use crate::app::App;
use crate::exit::Failure;

/// Set up the chats the agent is reached through
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

const EXAMPLES: &str = "\
Examples:
  openclaw channels add telegram                          from nothing to a bot that answers you
  openclaw channels add telegram --token-file ~/bot.token --non-interactive
  openclaw channels status --probe                        does the vendor know us";

/// One line per command.
#[derive(Debug, Subcommand)]
enum Action {
    /// List the accounts that the config has
    List(list::Args),
    /// Show how they do
    Status(status::Args),
    /// Set one up
    Add(Box<add::Args>),
    /// Take one out of the config
    Remove(change::Remove),
    /// Start one
    Start(change::Start),
    /// Stop one, until it or the Gateway is started
    Stop(change::Stop),
    /// Say how one is logged in
    Login(change::Login),
    /// Stop one for good
    Logout(change::Logout),
    /// Show what the Gateway's log has of them
    Logs(logs::Args),
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::List(args) => list::run(app, args),
        Action::Status(args) => status::run(app, args),
        Action::Add(args) => add::run(app, args),
        Action::Remove(args) => change::remove(app, args),
        Action::Start(args) => change::start(app, args),
        Action::Stop(args) => change::stop(app, args),
        Action::Login(args) => change::login(app, args),
        Action::Logout(args) => change::logout(app, args),
        Action::Logs(args) => logs::run(app, args),
    }
}

/// Which account.
#[derive(Debug, Clone, clap::Args)]
struct Named {
    /// The channel
    #[arg(value_name = "CHANNEL", required_unless_present = "channel_flag")]
    channel: Option<String>,
    /// The same
    #[arg(long = "channel", value_name = "CHANNEL", conflicts_with = "channel")]
    channel_flag: Option<String>,
    /// Which account of ours
    #[arg(long, value_name = "ID")]
    account: Option<String>,
}

impl Named {
    /// The channel, which there is.
    fn channel(&self) -> Result<&'static dyn channels::Channel, Failure> {
        let id = self.channel.as_deref().or(self.channel_flag.as_deref()).unwrap_or_default();
        find(id)
    }

    fn account(&self) -> &str {
        self.account.as_deref().unwrap_or("default")
    }
}

fn find(id: &str) -> Result<&'static dyn channels::Channel, Failure> {
    channels::find(&id.trim().to_lowercase()).ok_or_else(|| {
        let known: Vec<_> = channels::CHANNELS.iter().map(|channel| channel.id()).collect();
        Failure::usage(format!("there is no channel `{id}`; there are {}", known.join(", ")))
            .run("openclaw channels list")
    })
}

/// A member as text that a terminal shows and does not obey.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    if text.trim().is_empty() {
        "-".into()
    } else {
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}
