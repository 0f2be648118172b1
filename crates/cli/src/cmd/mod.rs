//! The commands, one file each, and how one is found and run.

mod agent;
mod approvals;
mod channels;
mod chat;
mod completion;
mod config;
mod connect;
mod cron;
mod daemon;
mod dashboard;
mod devices;
mod dns;
mod doctor;
mod down;
pub(crate) mod gateway;
mod health;
mod help;
mod logs;
mod message;
mod models;
mod node;
mod nodes;
mod not_built;
mod onboard;
mod pairing;
mod qr;
mod removal;
mod reset;
mod security;
mod sessions;
pub(crate) mod setup;
mod status;
mod system;
mod tunnel;
mod uninstall;
mod up;
pub(crate) mod version;
mod waiting;
pub(crate) mod why;

use std::ffi::OsString;

use base::Env;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _, Subcommand};

use crate::app::App;
use crate::args::{Cli, LogLevel};
use crate::exit::Failure;
use crate::out::{self, Out};

/// One line per command that is built.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set this machine up, as a Gateway or as a client of one
    Onboard(onboard::Args),
    /// Bring a Gateway up, here or on a host of yours through SSH
    Up(up::Args),
    /// Take it down again
    Down(down::Args),
    /// Make this machine a client of a Gateway elsewhere
    Connect(connect::Args),
    /// Run the Gateway, or look at one
    Gateway(gateway::Args),
    /// Keep the Gateway as a service (as `openclaw gateway`)
    Daemon(daemon::Args),
    /// Ask the Gateway how it is
    Health(health::Args),
    /// Show how this machine and its Gateway stand
    Status(status::Args),
    /// Say where the way to the Gateway ends, and what mends it
    Why(why::Args),
    /// Find what is wrong with this install, and mend it
    Doctor(doctor::Args),
    /// Say one thing to the agent and print its answer
    Agent(agent::Args),
    /// Talk with the agent in this terminal
    Chat(chat::Args),
    /// Send messages to chats, and read, change and react to them
    Message(message::Args),
    /// Send a message to a chat (as `openclaw message send`)
    #[command(hide = true)]
    Send(Box<message::Send>),
    /// Set up the chats the agent is reached through
    Channels(channels::Args),
    /// Let people talk who asked to in a chat
    Pairing(pairing::Args),
    /// List and export conversations
    Sessions(sessions::Args),
    /// Read and change the config file
    Config(config::Args),
    /// Say which devices may connect
    Devices(devices::Args),
    /// Say what may be run on which machine, and decide about what waits
    Approvals(approvals::Args),
    /// Make a code by which one phone or computer joins
    Qr(qr::Args),
    /// Look at nodes, say what they may do, and ask them
    Nodes(nodes::Args),
    /// Offer this machine's commands to the agent of a Gateway
    Node(node::Args),
    /// List models and choose one
    Models(models::Args),
    /// Plan what the agent does by itself
    #[command(visible_alias = "automations")]
    Cron(cron::Args),
    /// Show the Gateway's log
    Logs(logs::Args),
    /// Make a working config and workspace in one go
    Setup(setup::Args),
    /// Print the link to the web page
    Dashboard(dashboard::Args),
    /// Remove the config, or all state, and begin anew
    Reset(reset::Args),
    /// Remove the service, the state, the workspace
    Uninstall(uninstall::Args),
    /// Look at the Gateway's host
    System(system::Args),
    /// Keep a port of this machine that leads to a Gateway through SSH
    Tunnel(tunnel::Args),
    /// Say how a domain of yours finds this Gateway
    Dns(dns::Args),
    /// Judge how safe this install is
    Security(security::Args),
    /// Print a completion script for your shell
    Completion(completion::Args),
    /// Print the version
    Version(version::Args),
    /// Explain a command, or a topic such as `exit-codes`
    Help(help::Args),
}

impl Command {
    fn run(&self, app: &App) -> Result<(), Failure> {
        match self {
            Self::Onboard(args) => onboard::run(app, args),
            Self::Connect(args) => connect::run(app, args),
            Self::Up(args) => up::run(app, args),
            Self::Down(args) => down::run(app, args),
            Self::Gateway(args) => gateway::run(app, args),
            Self::Daemon(args) => daemon::run(app, args),
            Self::Health(args) => health::run(app, args),
            Self::Status(args) => status::run(app, args),
            Self::Why(args) => why::run(app, args),
            Self::Doctor(args) => doctor::run(app, args),
            Self::Agent(args) => agent::run(app, args),
            Self::Chat(args) => chat::run(app, args),
            Self::Message(args) => message::run(app, args),
            Self::Send(args) => args.run(app),
            Self::Channels(args) => channels::run(app, args),
            Self::Pairing(args) => pairing::run(app, args),
            Self::Sessions(args) => sessions::run(app, args),
            Self::Config(args) => config::run(app, args),
            Self::Devices(args) => devices::run(app, args),
            Self::Approvals(args) => approvals::run(app, args),
            Self::Qr(args) => qr::run(app, args),
            Self::Nodes(args) => nodes::run(app, args),
            Self::Node(args) => node::run(app, args),
            Self::Models(args) => models::run(app, args),
            Self::Cron(args) => cron::run(app, args),
            Self::Logs(args) => logs::run(app, args),
            Self::Setup(args) => setup::run(app, args),
            Self::Dashboard(args) => dashboard::run(app, args),
            Self::Reset(args) => reset::run(app, args),
            Self::Uninstall(args) => uninstall::run(app, args),
            Self::System(args) => system::run(app, args),
            Self::Tunnel(args) => tunnel::run(app, args),
            Self::Dns(args) => dns::run(app, args),
            Self::Security(args) => security::run(app, args),
            Self::Completion(args) => completion::run(app, args),
            Self::Version(args) => version::run(app, args),
            Self::Help(args) => help::run(args),
        }
    }
}

/// Runs the command line; answers with the exit code.
pub(crate) fn run(argv: &[OsString]) -> u8 {
    let env = Env::of_process();
    let says = |word: &str| argv.iter().take_while(|arg| *arg != "--").any(|arg| arg == word);
    let out = Out::new(says("--json"), says("--no-color"), &env);
    let outcome = match parse(argv) {
        Ok(Parsed::Run(cli)) => start(&cli, env.clone(), out.clone()),
        Ok(Parsed::Print(text)) => {
            out::say(text.trim_end());
            Ok(())
        }
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(()) => 0,
        Err(failure) => report(&failure, &out, env.is_on("DEBUG")),
    }
}

fn start(cli: &Cli, env: Env, out: Out) -> Result<(), Failure> {
    if let Command::Node(args) = &cli.command
        && let Some(ended) = args.guarded()
    {
        return ended;
    }
    let app = App::new(&cli.globals, env, out)?;
    start_log(&cli.command, &app);
    cli.command.run(&app)
}

/// Client commands log to stderr, and nothing unless asked (LOG-1: the file is the daemon's).
fn start_log(command: &Command, app: &App) {
    // A node host says what it waits for.
    let is_host = match command {
        Command::Node(args) => args.is_host(),
        Command::Connect(args) => args.is_host(),
        _ => false,
    };
    let by_default = is_host.then_some(LogLevel::Info);
    let Some(level) = app.log_level.or(by_default).and_then(LogLevel::level) else { return };
    let options = base::log::LogOptions { folder: None, file_level: level, console_level: Some(level) };
    // The daemon starts its own log, with a file, and the first log of a process stays.
    if !matches!(command, Command::Gateway(args) if args.is_daemon()) {
        let _without_a_file_nothing_can_fail = base::log::init(&options);
    }
}

fn report(failure: &Failure, out: &Out, debug: bool) -> u8 {
    if !failure.is_reported {
        match out.json {
            true => out.value(&failure.to_json()),
            false => out::complain(&failure.to_text(debug)),
        }
    }
    failure.exit
}

enum Parsed {
    Run(Box<Cli>),
    Print(String),
}

/// The whole tree: what is built, and the names that are reserved.
pub(crate) fn tree() -> clap::Command {
    not_built::graft(Cli::command())
}

fn parse(argv: &[OsString]) -> Result<Parsed, Failure> {
    // The binary reads its own name: a link called moltbot or clawdbot behaves the same and says so in its help.
    let name = argv.first().and_then(|path| std::path::Path::new(path).file_stem()?.to_str().map(str::to_owned));
    let name = name.unwrap_or_else(|| "openclaw".into());
    let parsed = tree().bin_name(name).try_get_matches_from(argv);
    let matches = match parsed {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Parsed::Print(error.render().to_string()));
        }
        Err(error) => return Err(usage(&error)),
    };
    if matches.get_flag("version") {
        return Ok(Parsed::Print(version::LINE.into()));
    }
    if let Some(path) = not_built::chosen(&matches) {
        return Err(not_built::failure(path));
    }
    let cli = Cli::from_arg_matches(&matches).map_err(|error| usage(&error))?;
    Ok(Parsed::Run(Box::new(cli)))
}

/// CLI-8: names what is unknown, suggests the nearest, points to the help.
fn usage(error: &clap::Error) -> Failure {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let rendered = error.render().to_string();
    let usage = rendered.lines().find_map(|line| line.strip_prefix("Usage: "));
    let command = usage.map_or("openclaw", |line| line.split(" [").next().unwrap_or(line)).trim();
    let help =
        command.split_whitespace().take_while(|word| !word.starts_with(['<', '-'])).collect::<Vec<_>>().join(" ");
    let failure = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            let hint = nearest(&name, &help).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            Failure::usage(format!("unknown command `{name}`{hint}"))
        }
        ErrorKind::UnknownArgument => {
            let name = text(ContextKind::InvalidArg).unwrap_or_default();
            let hint = text(ContextKind::SuggestedArg).map(|near| format!("; did you mean `{near}`?"));
            Failure::usage(format!("unknown option `{name}`{}", hint.unwrap_or_default()))
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            // CLI-13: a group without a subcommand shows its help and fails.
            out::complain(rendered.trim_end());
            Failure::usage("a subcommand is missing")
        }
        _ => {
            let first = rendered.split("\n\n").next().unwrap_or(&rendered);
            let line = first.lines().map(str::trim).collect::<Vec<_>>().join(" ");
            Failure::usage(line.trim_start_matches("error: ").to_owned())
        }
    };
    failure.run(format!("{help} --help"))
}

/// The command of the group `within` that is nearest to `name` by edit distance, unless none is near.
fn nearest(name: &str, within: &str) -> Option<String> {
    let distance = |command: &str| strsim::damerau_levenshtein(name, command);
    let tree = tree();
    let group = within.split_whitespace().skip(1).try_fold(&tree, |group, word| group.find_subcommand(word))?;
    let best = group.get_subcommands().map(clap::Command::get_name).min_by_key(|command| distance(command))?;
    (distance(best) <= 2.max(name.len() / 3)).then(|| best.to_owned())
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests {
    use super::*;

    fn failure_of(args: &[&str]) -> Failure {
        let argv: Vec<OsString> = ["openclaw"].iter().chain(args).map(OsString::from).collect();
        match parse(&argv) {
            Err(failure) => failure,
            Ok(_) => panic!("{args:?} was taken"),
        }
    }

    #[test]
    fn the_tree_is_sound() {
        tree().debug_assert();
    }

    /// CLI-8
    #[test]
    fn an_unknown_command_is_named_with_the_nearest_one() {
        let failure = failure_of(&["helth"]);
        assert_eq!(failure.exit, 2);
        assert!(failure.message.contains("`helth`") && failure.message.contains("`health`"), "{}", failure.message);
        assert_eq!(failure.next[0].text(), "openclaw --help");
        let below = failure_of(&["gateway", "stauts"]);
        assert!(below.message.contains("`status`"), "{}", below.message);
    }

    /// CLI-8
    #[test]
    fn an_unknown_option_is_named_with_its_commands_help() {
        let failure = failure_of(&["health", "--jsom"]);
        assert_eq!(failure.exit, 2);
        assert!(failure.message.contains("`--jsom`"), "{}", failure.message);
        assert_eq!(failure.next[0].text(), "openclaw health --help");
    }

    #[test]
    fn a_reserved_command_says_that_it_is_not_built() {
        for args in [&["skills", "list"][..], &["gateway", "suspend"], &["tui"]] {
            let failure = failure_of(args);
            assert_eq!((failure.code.0, failure.exit), ("NOT_BUILT", 1), "{args:?}");
        }
    }

    /// CLI-13
    #[test]
    fn a_group_without_a_subcommand_is_a_usage_error() {
        assert_eq!(failure_of(&["config"]).exit, 2);
        assert_eq!(failure_of(&[]).exit, 2);
    }
}
