//! `openclaw node run`: the headless node host in the foreground (N-11.1, N-11.4).

use std::collections::BTreeSet;

use link::Device;
use serde_json::json;

use crate::app::App;
use crate::args::Reach;
use crate::exit::Failure;
use crate::rpc::{self, As, TIMEOUT, Want};
use crate::tunnel::process::Ended;

/// Where a Gateway listens when only its host is named.
const DEFAULT_PORT: u16 = base::DEFAULT_PORT;

/// Run the node host in the foreground
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What people call this machine
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Offer these commands only
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    commands: Option<Vec<String>>,
    /// The Gateway's host; then only an explicit secret is used
    #[arg(long, conflicts_with = "url")]
    host: Option<String>,
    /// The Gateway's port
    #[arg(long, conflicts_with = "url")]
    port: Option<u16>,
    /// With --host: through TLS
    #[arg(long, requires = "host")]
    tls: bool,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let only = args.commands.as_deref().map(known).transpose()?;
    let want = Want { who: As::Node, scopes: Vec::new(), caps: Vec::new(), timeout: TIMEOUT };
    let (reach, port) = reach(args)?;
    let way = rpc::way(app, &reach, port, false)?;
    let place = rpc::place(app, &way);
    let mut connect = rpc::how(app, way, &want)?;
    let device = Device::load_or_create(&app.paths.device_identity())?;
    connect.client.display_name = args.display_name.clone().or_else(host_name);
    let this = std::env::current_exe().map_err(|error| Failure::new("NO_EXECUTABLE", error.to_string()))?;
    // What is offered is this machine's own matter, whichever Gateway is meant.
    let config = &app.config()?.config;
    let options = ::node::Options {
        connect,
        device: device.clone(),
        env: app.env.clone(),
        paths: app.paths.clone(),
        settings: config.node_host.clone(),
        browser: config.browser.clone(),
        guard: [this, "node".into(), "guard".into(), "--".into()].into(),
        only,
    };
    rpc::block_on(async {
        let listened = Ended::listen();
        let mut ended = listened.map_err(|error| Failure::new("NO_SIGNALS", format!("signals: {error}")))?;
        let outcome = ::node::run(options, ended.wait()).await;
        outcome.map_err(|error| match &error {
            ::node::HostError::Dial(error) => Failure::dial(error).at(&place),
            ::node::HostError::Paused { .. } => Failure::of(&error).at(&place),
        })
    })?;
    app.out.either(&json!({"ok": true, "nodeId": device.id()}), || "Stopped.".to_owned());
    Ok(())
}

/// The Gateway that is meant: `--host` is a URL in two words.
fn reach(args: &Args) -> Result<(Reach, Option<u16>), Failure> {
    let Some(host) = &args.host else { return Ok((args.reach.clone(), args.port)) };
    let scheme = if args.tls { "wss" } else { "ws" };
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.clone() };
    let url = format!("{scheme}://{host}:{}", args.port.unwrap_or(DEFAULT_PORT));
    Ok((Reach { url: Some(url), ..args.reach.clone() }, None))
}

/// The commands of a list, each of which must be one.
fn known(names: &[String]) -> Result<BTreeSet<String>, Failure> {
    let names: BTreeSet<String> =
        names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    match names.iter().find(|name| !::node::command_names().any(|known| known == name.as_str())) {
        None => Ok(names),
        Some(unknown) => {
            let all = ::node::command_names().collect::<Vec<_>>().join(", ");
            Err(Failure::usage(format!("--commands: `{unknown}` is none of {all}")))
        }
    }
}

fn host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    (!name.is_empty()).then_some(name)
}
