//! `openclaw gateway probe`: every Gateway this machine could mean, each with what it said (PROBE-8…11).

mod look;
mod report;
mod targets;

use std::time::{Duration, Instant};

use link::discovery::{Found, Search, discover};
use serde_json::json;
use tokio::task::JoinSet;

pub(super) use look::auth;
pub(crate) use look::{Seen, look};
use targets::Planned;

use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::rpc;

/// The whole probe (PROBE-8).
const TIMEOUT: Duration = Duration::from_secs(3);
/// To listen for Gateways, of that.
const DISCOVERY_WITHIN: Duration = Duration::from_millis(1200);

/// Look at every Gateway this machine could mean
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Gateway of this host on this port; with --ssh, of the host behind it
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Also go through SSH to the first Gateway that is heard on this network
    #[arg(long)]
    ssh_auto: bool,
    #[command(flatten)]
    rpc: Rpc,
}

/// A target that was looked at.
struct Probed {
    seen: Seen,
    is_active: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let started = Instant::now();
    let timeout = args.rpc.timeout_or(TIMEOUT);
    let listens = if args.ssh_auto { DISCOVERY_WITHIN.min(timeout) } else { Duration::ZERO };
    let found = if args.ssh_auto { listen(listens)? } else { Found::default() };
    let heard = targets::heard(&found.beacons, app.env.raw("USER").as_deref());
    if args.ssh_auto && heard.is_none() {
        app.out.warn("no Gateway whose host SSH could reach was heard on this network");
    }
    let planned = targets::planned(app, args, heard.as_ref(), timeout)?;
    let warnings: Vec<String> = planned.iter().flat_map(|planned| planned.way.warnings.clone()).collect();
    let probed = rpc::block_on(all(app, planned))?;
    let mut value = report::report(&probed, &warnings, started.elapsed(), timeout);
    value["network"]["localLoopbackUrl"] = json!(loopback(app));
    value["discovery"] =
        json!({"timeoutMs": listens.as_millis() as u64, "count": found.beacons.len(), "beacons": found.beacons});
    app.out.either(&value, || report::text(&probed));
    if !app.out.json {
        let told = value["warnings"].as_array().into_iter().flatten();
        told.filter_map(report::worth_telling).for_each(|warning| app.out.warn(warning));
    }
    report::verdict(&probed)
}

fn listen(timeout: Duration) -> Result<Found, Failure> {
    rpc::block_on(async { Ok(discover(&Search { timeout, wide_area: None }).await) })
}

/// All at once, in the order they were planned.
async fn all(app: &App, planned: Vec<Planned>) -> Result<Vec<Probed>, Failure> {
    let mut looks = JoinSet::new();
    for (at, Planned { way, is_active, within }) in planned.into_iter().enumerate() {
        let how = look::prepare(app, way, within)?;
        looks.spawn(async move { (at, Probed { seen: look::look_closely(how, within).await, is_active }) });
    }
    let mut probed = looks.join_all().await;
    probed.sort_by_key(|(at, _)| *at);
    Ok(probed.into_iter().map(|(_, probed)| probed).collect())
}

fn loopback(app: &App) -> String {
    let port = app.config_port().unwrap_or_else(|| app.paths.profile.default_port());
    let is_tls = app.config().is_ok_and(|loaded| loaded.config.gateway.tls.enabled);
    format!("{}://127.0.0.1:{port}", if is_tls { "wss" } else { "ws" })
}
