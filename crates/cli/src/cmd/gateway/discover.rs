//! `openclaw gateway discover`: which Gateways say that they are there (DISC-7).

use std::time::Duration;

use link::discovery::{Beacon, Found, Search, discover};
use serde_json::json;

use crate::app::App;
use crate::args::millis;
use crate::exit::Failure;
use crate::rpc;

/// How long to listen.
const TIMEOUT: Duration = Duration::from_millis(2000);

/// List the Gateways that say they are there
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How long to listen; a bare number is milliseconds [default: 2000]
    #[arg(long, value_name = "MS", value_parser = millis)]
    timeout: Option<Duration>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let timeout = args.timeout.unwrap_or(TIMEOUT);
    let spinner = app.out.spinner("listening for Gateways");
    let found = rpc::block_on(async {
        let wide_area = match crate::cmd::dns::domain(app, None) {
            Some(domain) => Some((domain, crate::cmd::dns::peers().await)),
            None => None,
        };
        Ok(discover(&Search { timeout, wide_area }).await)
    })?;
    drop(spinner);
    found.problems.iter().for_each(|problem| app.out.warn(problem));
    let value = json!({
        "timeoutMs": timeout.as_millis() as u64, "domains": found.domains, "count": found.beacons.len(),
        "beacons": found.beacons,
    });
    app.out.either(&value, || text(app, &found));
    Ok(())
}

fn text(app: &App, found: &Found) -> String {
    let count = found.beacons.len();
    let domains = found.domains.join(", ");
    let mut lines = vec![app.out.bold("Gateways"), format!("Found {count} gateway(s) · domains: {domains}")];
    if count == 0 {
        lines.push("A Gateway is heard when its config has discovery.mdns.mode, and it runs on this network.".into());
    }
    for beacon in &found.beacons {
        let legacy = if beacon.legacy { " · an older name of the product" } else { "" };
        lines.push(format!("\n{} {}{legacy}", app.out.bold(&safe(&beacon.display_name)), beacon.domain));
        lines.extend(rows(beacon).into_iter().map(|(label, value)| format!("  {label}: {}", safe(&value))));
    }
    lines.join("\n")
}

fn rows(beacon: &Beacon) -> Vec<(&'static str, String)> {
    let host = beacon.host.as_ref().zip(beacon.port).map(|(host, port)| format!("{host}:{port}"));
    let tls = beacon.gateway_tls.then(|| match &beacon.gateway_tls_fingerprint_sha256 {
        Some(print) => format!("on · says its fingerprint is {print}"),
        None => "on".to_owned(),
    });
    // The far port is the one that was resolved, never the one that was told (DISC-5).
    let ssh = beacon
        .host
        .as_ref()
        .zip(beacon.port)
        .map(|(host, port)| format!("ssh -N -L 18789:127.0.0.1:{port} {}@{host}", "<user>"));
    let all = [
        ("tailnet", beacon.tailnet_dns.clone()),
        ("lan", beacon.lan_host.clone()),
        ("host", host),
        ("ws", beacon.ws_url.clone()),
        ("role", beacon.role.clone()),
        ("transport", beacon.transport.clone()),
        ("tls", tls),
        ("ssh", ssh),
    ];
    all.into_iter().filter_map(|(label, value)| Some((label, value?))).collect()
}

/// What strangers on the network say is shown without the means to move a terminal's cursor.
fn safe(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
