//! `openclaw tunnel up`: first the way there, then the port, then the keeper, and done when a Gateway has answered
//! through all of it (SSH-5, SSH-8, SSH-10).

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use link::{DialError, SshRoute, Target};
use serde_json::json;

use super::place::{self, There};
use crate::app::App;
use crate::args::seconds;
use crate::exit::Failure;
use crate::rpc::block_on;
use crate::tunnel::{Listener, Near, Record, Records, process, ready, record};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    there: There,
    /// The port here; 0 is any free one [default: 18789 when it is free, else any]
    #[arg(long, value_name = "N")]
    local_port: Option<u16>,
    /// A Unix socket instead of a port, which no other user and no page can open [default path: in the state folder]
    #[arg(long, value_name = "PATH", num_args = 0..=1, conflicts_with = "local_port")]
    socket: Option<Option<PathBuf>>,
    /// Close it by itself after so long without a connection, such as `10m` [default: never]
    #[arg(long, value_name = "DURATION", value_parser = longer_than_none)]
    keep: Option<Duration>,
}

/// The port programs expect a Gateway on.
pub(super) const PREFERRED_PORT: u16 = base::DEFAULT_PORT;
/// What a keeper would hand on to every `ssh` it starts, and needs none of.
const SECRETS: [&str; 2] = ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"];

fn longer_than_none(text: &str) -> Result<Duration, String> {
    let keep = seconds(text)?;
    if keep.is_zero() { Err("a tunnel that is kept for no time would end at once".into()) } else { Ok(keep) }
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let target = args.there.target(app)?;
    let Some(route) = target.ssh() else { return Err(Failure::usage("a tunnel goes through SSH")) };
    let records = Records::of(&app.paths)?;
    let _turn = records.turn()?;
    let wish = Wish::of(args, &records, route, &target)?;
    if let Some(record) = standing(&records, &wish, route, &target) {
        say(app, &record, true);
        return Ok(());
    }
    // Before the port, so that whatever SSH has to say is said here; its connection is then the keeper's, too.
    block_on(async { Ok(ready::check(link::open_stream(&target).await?, &target).await?) })?;
    let listener = wish.bind()?;
    let near = listener.near().map_err(|error| unstarted(&error))?;
    let mut child = start(app, &records, route, &target, args.keep, listener).map_err(|error| unstarted(&error))?;
    let record = block_on(through(&near, &target)).and_then(|()| {
        let record = records.get(&near).filter(|record| record.pid == child.id());
        record.ok_or_else(|| unstarted(&io::Error::other("its keeper has ended")))
    });
    let record = record.map_err(|failure| clear_away(&records, &mut child, &near, failure))?;
    say(app, &record, false);
    Ok(())
}

/// The local end that is asked for.
#[derive(Debug)]
enum Wish {
    /// The usual one, or any.
    AnyPort,
    Port(u16),
    Socket(PathBuf),
}

impl Wish {
    fn of(args: &Args, records: &Records, route: &SshRoute, target: &Target) -> Result<Self, Failure> {
        match (&args.socket, args.local_port) {
            (None, None) => Ok(Self::AnyPort),
            (None, Some(port)) => Ok(Self::Port(port)),
            (Some(None), _) => Ok(Self::Socket(records.socket(&route.target.to_string(), target.port()))),
            (Some(Some(path)), _) => Ok(Self::Socket(std::path::absolute(path).map_err(|error| unstarted(&error))?)),
        }
    }

    fn is_met_by(&self, record: &Record) -> bool {
        match self {
            Self::AnyPort | Self::Port(0) => record.socket.is_none(),
            Self::Port(port) => record.local_port == Some(*port),
            Self::Socket(path) => record.socket.as_ref() == Some(path),
        }
    }

    /// SSH-5, SSH-10: what was asked for or nothing; else the usual port, or any.
    fn bind(&self) -> Result<Listener, Failure> {
        let at = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(Listener::Tcp);
        match self {
            Self::Port(port) => at(*port).map_err(|error| taken(*port, &error)),
            Self::AnyPort => at(PREFERRED_PORT).or_else(|_| at(0)).map_err(|error| taken(PREFERRED_PORT, &error)),
            Self::Socket(path) => Listener::socket(path).map_err(|error| {
                let message = format!("the socket `{}` cannot be had: {error}", path.display());
                Failure::new("TUNNEL_SOCKET_UNUSABLE", message).advise("name another with --socket PATH, a short one")
            }),
        }
    }
}

/// SSH-10: a tunnel of ours to the same place, at the local end that was asked for if one was.
fn standing(records: &Records, wish: &Wish, route: &SshRoute, target: &Target) -> Option<Record> {
    let wanted = route.target.to_string();
    records
        .live()
        .into_iter()
        .find(|record| wish.is_met_by(record) && record.target == wanted && record.remote_port == target.port())
}

pub(super) fn taken(port: u16, error: &io::Error) -> Failure {
    let code = "TUNNEL_PORT_IN_USE";
    if error.kind() != io::ErrorKind::AddrInUse {
        return Failure::new(code, format!("port {port} of this machine cannot be had: {error}"))
            .advise("choose another with --local-port, or none");
    }
    let seen: Vec<String> = gateway::occupants(port).iter().map(|occupant| format!("`{occupant}`")).collect();
    let who = if seen.is_empty() { "a process that this user cannot see".to_owned() } else { seen.join(", ") };
    Failure::new(code, format!("port {port} of this machine is held by {who}"))
        .advise("choose another with --local-port, or leave the choice to the command")
}

fn start(
    app: &App,
    records: &Records,
    route: &SshRoute,
    target: &Target,
    keep: Option<Duration>,
    listener: Listener,
) -> io::Result<Child> {
    let near = listener.near()?;
    let log = record::open_private(&records.log(&near))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["tunnel", "keep"]).args(place::arguments(route, target.port())?);
    if let Some(keep) = keep {
        command.args(["--keep".to_owned(), format!("{}ms", keep.as_millis())]);
    }
    if let Near::Socket(path) = near {
        command.arg("--socket").arg(path);
    }
    if let Some(name) = app.paths.profile.name() {
        command.env("OPENCLAW_PROFILE", name);
    }
    command.env("OPENCLAW_STATE_DIR", &app.paths.state_dir).env("OPENCLAW_CONFIG_PATH", &app.paths.config_file);
    SECRETS.iter().for_each(|name| {
        command.env_remove(name);
    });
    process::start(command, listener, log)
}

/// The same question, through the local end.
pub(super) async fn through(near: &Near, target: &Target) -> Result<(), Failure> {
    let unreachable = |source| DialError::Unreachable { target: target.clone(), source };
    let stream = near.connect().await.map_err(unreachable)?;
    Ok(ready::check(stream, target).await?)
}

/// Ends what did not come up; the last line of its log says more than the closed port does.
fn clear_away(records: &Records, child: &mut Child, near: &Near, mut failure: Failure) -> Failure {
    let said = std::fs::read_to_string(records.log(near)).unwrap_or_default();
    let said = said.lines().last().map(|line| format!("; its keeper said: {line}")).unwrap_or_default();
    // One that has ended by itself is what was wanted.
    let _ended_already = child.kill();
    let _status = child.wait();
    records.forget(near);
    failure.message += &said;
    failure
}

fn unstarted(error: &io::Error) -> Failure {
    Failure::new("TUNNEL_NOT_STARTED", format!("the tunnel did not come up: {error}")).run("openclaw tunnel list")
}

fn say(app: &App, record: &Record, is_up_already: bool) {
    let value = json!({"ok": true, "alreadyUp": is_up_already, "tunnel": super::status::json_of(record)});
    app.out.either(&value, || {
        let already = if is_up_already { " already" } else { "" };
        let Record { target, remote_port, pid, .. } = record;
        let url = record.near().url();
        let close = if record.service { "uninstall" } else { "down" };
        format!(
            "{url} leads{already} to port {remote_port} of {target} (pid {pid}).\n\
             Close it with: openclaw tunnel {close} {target}"
        )
    });
}
