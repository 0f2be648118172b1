//! `openclaw dns setup`: how the devices of a tailnet find this Gateway by a domain (DISC-8).

use std::net::IpAddr;
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::app::App;
use crate::exit::Failure;

/// TS-2: longer than this, tailscale is not there.
const TAILSCALE_PATIENCE: Duration = Duration::from_secs(5);

/// Say how a domain of yours finds this Gateway
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the zone file and what to tell Tailscale; --apply writes the domain into the config
    Setup(SetupArgs),
}

#[derive(Debug, clap::Args)]
struct SetupArgs {
    /// The domain, such as claw.example
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Write discovery.wideArea.domain
    #[arg(long)]
    apply: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let Action::Setup(args) = &args.action;
    let domain = domain(app, args.domain.as_deref())
        .ok_or_else(|| Failure::usage("which domain?").run("openclaw dns setup --domain claw.example"))?;
    let zone = app.paths.dns().join(format!("{domain}.db"));
    if args.apply {
        let path = "discovery.wideArea.domain".parse().map_err(|_| Failure::usage("a path of the config"))?;
        let change = config::edit::Change::Set { path, value: Value::String(domain.clone()) };
        config::edit::apply(&app.paths.config_file, &app.env, None, change)?;
    }
    let steps = [
        "a name server of the tailnet serves the zone file (CoreDNS, BIND, NSD: any that reads RFC 1035)".to_owned(),
        format!("in Tailscale's DNS settings, {domain} goes to that server (split DNS)"),
        "openclaw gateway discover   on another device of the tailnet".to_owned(),
    ];
    let value = json!({"ok": true, "domain": domain, "zoneFile": zone, "zoneExists": zone.is_file(),
        "applied": args.apply, "steps": steps});
    app.out.either(&value, || {
        let state = if zone.is_file() { "" } else { " (written when the Gateway starts on a tailnet)" };
        let config =
            if args.apply { "\nWritten: discovery.wideArea.domain. Restart the gateway to apply." } else { "" };
        let list: Vec<String> = steps.iter().enumerate().map(|(n, step)| format!("{}. {step}", n + 1)).collect();
        format!("Domain: {domain}\nZone file: {}{state}{config}\n\n{}", zone.display(), list.join("\n"))
    });
    Ok(())
}

/// The wide-area domain: asked for, configured, or the variable's, which is a default of the command line only.
pub(super) fn domain(app: &App, asked: Option<&str>) -> Option<String> {
    let configured = || app.config().ok()?.config.discovery.wide_area.domain.clone();
    let domain = asked.map(str::to_owned).or_else(configured).or_else(|| app.env.get("WIDE_AREA_DOMAIN"))?;
    Some(domain.trim().trim_end_matches('.').to_ascii_lowercase()).filter(|domain| !domain.is_empty())
}

/// The peers of this machine's tailnet, which may know the zone; none without Tailscale, or when it does not answer.
pub(super) async fn peers() -> Vec<IpAddr> {
    let asked = tokio::process::Command::new("tailscale").args(["status", "--json"]).kill_on_drop(true).output();
    let Ok(Ok(output)) = tokio::time::timeout(TAILSCALE_PATIENCE, asked).await else { return Vec::new() };
    let status: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let peers = status.get("Peer").and_then(Value::as_object).into_iter().flat_map(|peers| peers.values());
    let first = |peer: &Value| peer.pointer("/TailscaleIPs/0")?.as_str()?.parse().ok();
    peers.filter_map(first).collect()
}
