//! `openclaw tunnel uninstall`: a tunnel that a service manager keeps ends, and comes back no more (SSH-15).

use std::time::Duration;

use link::SshTarget;
use serde_json::json;

use crate::app::App;
use crate::exit::Failure;
use crate::service::process::wait;
use crate::service::{self, Manager, Name, State};
use crate::tunnel::{Near, Records};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Tunnels to this host; may be left out when only one is installed
    target: Option<String>,
    /// Every tunnel that is installed
    #[arg(long, conflicts_with = "target")]
    all: bool,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

/// The manager has ended it by then; its lock goes with the process.
const IS_GONE_WITHIN: Duration = Duration::from_secs(10);

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let manager = service::manager(&app.env, service::Scope::User)?;
    let meant = meant(app, &*manager, args.target.as_deref())?;
    if meant.len() > 1 && args.target.is_none() && !args.all {
        let failure = Failure::usage(format!("{} tunnels are installed: name one, or say --all", meant.len()));
        return Err(failure.run("openclaw tunnel status"));
    }
    if !args.dry_run {
        meant.iter().try_for_each(|kept| remove(app, &*manager, kept))?;
    }
    let names: Vec<String> = meant.iter().map(|kept| kept.name.unit()).collect();
    let value = json!({"action": "uninstall", "ok": true, "dryRun": args.dry_run, "removed": names});
    app.out.either(&value, || {
        let word = if args.dry_run { "Would remove" } else { "Removed" };
        let lines = meant.iter().map(|kept| format!("{word} {} ({}).", kept.name.unit(), manager.label()));
        if meant.is_empty() { "No tunnel is installed.".to_owned() } else { lines.collect::<Vec<_>>().join("\n") }
    });
    Ok(())
}

/// A tunnel with a definition.
struct Kept {
    name: Name,
    port: Option<u16>,
}

fn meant(app: &App, manager: &dyn Manager, target: Option<&str>) -> Result<Vec<Kept>, Failure> {
    let target = target.map(SshTarget::parse).transpose().map_err(|error| Failure::of(&error))?;
    let target = target.map(|target| target.to_string());
    let mut meant = Vec::new();
    for name in service::tunnels(manager, &app.paths.profile) {
        let state = manager.state(&name)?;
        if target.as_ref().is_none_or(|target| state.command.contains(target)) {
            meant.push(Kept { name, port: port(&state) });
        }
    }
    match target.filter(|_| meant.is_empty()) {
        Some(target) => Err(Failure::new("TUNNEL_NOT_INSTALLED", format!("no tunnel to {target} is installed"))
            .run("openclaw tunnel list")),
        None => Ok(meant),
    }
}

fn port(state: &State) -> Option<u16> {
    let at = state.command.iter().position(|word| word == "--local-port")?;
    state.command.get(at + 1)?.parse().ok()
}

fn remove(app: &App, manager: &dyn Manager, kept: &Kept) -> Result<(), Failure> {
    manager.uninstall(&kept.name)?;
    if let Some(port) = kept.port {
        let records = Records::of(&app.paths)?;
        let _turn = records.turn()?;
        wait(IS_GONE_WITHIN, || Ok(!records.is_kept(&Near::Port(port))))?;
    }
    Ok(())
}
