//! `openclaw tunnel keep`: what `tunnel up` starts, with its port as stdin; and what `tunnel install` has a service manager
//! run, which opens its port itself.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::place::There;
use super::up::taken;
use crate::app::App;
use crate::args::seconds;
use crate::exit::Failure;
use crate::rpc::block_on;
use crate::tunnel::keeper::{Keeper, Log};
use crate::tunnel::record::open_private;
use crate::tunnel::{Listener, Near, Record, Records, process};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    there: There,
    #[arg(long, value_parser = seconds)]
    keep: Option<Duration>,
    /// As a service: open this port
    #[arg(long)]
    local_port: Option<u16>,
    /// What stdin is, when it is a socket and no port
    #[arg(long, conflicts_with = "local_port")]
    socket: Option<PathBuf>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let records = Records::of(&app.paths)?;
    let (listener, log) = match args.local_port {
        None => (process::given(args.socket.clone()).map_err(|error| no_port(&error))?, Log::Stderr),
        Some(port) => as_service(&records, port)?,
    };
    let target = args.there.target(app)?;
    let (local_port, socket) = match listener.near().map_err(|error| no_port(&error))? {
        Near::Port(port) => (Some(port), None),
        Near::Socket(path) => (None, Some(path)),
    };
    let record = Record {
        pid: std::process::id(),
        target: target.ssh().map(|route| route.target.to_string()).unwrap_or_default(),
        remote_port: target.port(),
        local_port,
        socket,
        service: args.local_port.is_some(),
        since_ms: base::now_ms(),
        keep_ms: args.keep.and_then(|keep| u64::try_from(keep.as_millis()).ok()),
        open: 0,
        connections: 0,
        failures: 0,
        bytes_sent: 0,
        bytes_received: 0,
        last_error: None,
        last_error_at_ms: None,
    };
    let keeper = Keeper { records, record, target, keep: args.keep, log };
    block_on(async {
        let door = listener.open().map_err(|error| no_port(&error))?;
        keeper.run(door).await
    })
}

/// The port, and a log beside the record: a manager may keep what it prints elsewhere, or nowhere.
fn as_service(records: &Records, port: u16) -> Result<(Listener, Log), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| taken(port, &error))?;
    let log = open_private(&records.log(&Near::Port(port))).map_err(|error| no_port(&error))?;
    Ok((Listener::Tcp(listener), Log::File(Arc::new(log))))
}

fn no_port(error: &std::io::Error) -> Failure {
    Failure::new("TUNNEL_NO_PORT", format!("no port was handed over: {error}")).run("openclaw tunnel up")
}
