//! `openclaw tunnel keep`: what `tunnel up` starts. Its port comes as stdin.

use std::time::Duration;

use super::place::There;
use crate::app::App;
use crate::args::seconds;
use crate::exit::Failure;
use crate::rpc::block_on;
use crate::tunnel::keeper::Keeper;
use crate::tunnel::{Record, Records, process};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    there: There,
    #[arg(long, value_parser = seconds)]
    keep: Option<Duration>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let no_port = |error: std::io::Error| {
        Failure::new("TUNNEL_NO_PORT", format!("no port was handed over: {error}")).run("openclaw tunnel up")
    };
    let listener = process::given_port().map_err(no_port)?;
    let target = args.there.target(app)?;
    let record = Record {
        pid: std::process::id(),
        target: target.ssh().map(|route| route.target.to_string()).unwrap_or_default(),
        remote_port: target.port(),
        local_port: listener.local_addr().map_err(no_port)?.port(),
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
    let keeper = Keeper { records: Records::of(&app.paths)?, record, target, keep: args.keep };
    block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(no_port)?;
        keeper.run(listener).await
    })
}
