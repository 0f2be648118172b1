//! `openclaw up`: one command from nothing to a Gateway that answers, here or on another host (SSH-17).

use std::path::PathBuf;

use link::SshTarget;
use serde_json::{Value, json};

use super::dashboard;
use crate::app::App;
use crate::exit::Failure;
use crate::out;
use crate::up::here;
use crate::up::plan::Consent;
use crate::up::there::{self, HostFlags};

/// Bring a Gateway up, here or on a host of yours through SSH
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    host: HostFlags,
    /// The Gateway's port [default: what its config says, else 18789]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    gateway_port: Option<u16>,
    /// The program for over there, when that host is of another kind than this machine
    #[arg(long, value_name = "PATH", requires = "target")]
    binary: Option<PathBuf>,
    /// Start it in the background instead of installing a service; it ends with a reboot
    #[arg(long)]
    no_service: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Only look, and say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Make no link that signs a browser in
    #[arg(long)]
    no_link: bool,
}

const EXAMPLES: &str = "\
What is done already is not done again: run it at any time. On a host through
SSH this very program is copied, makes a config with a secret that never leaves
that host, and starts the Gateway; this machine is let in with a token of its own.

Examples:
  openclaw up                      a Gateway on this machine
  openclaw up me@host              one on that host, and this machine's commands go there
  openclaw up me@host --dry-run    what that would change";

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match args.host.host(app)? {
        Some(host) => on_host(app, args, host),
        None => on_this_machine(app, args),
    }
}

fn on_this_machine(app: &App, args: &Args) -> Result<(), Failure> {
    let wanted = here::Wanted { port: args.gateway_port, no_service: args.no_service };
    let done = here::up(app, wanted, args.consent())?;
    let gateway = here::facts(app)?;
    let link = if args.dry_run || args.no_link { None } else { dashboard::signed_in(&app.afresh())? };
    let value = json!({"action": "up", "ok": true, "dryRun": args.dry_run, "steps": done.report.steps(),
        "gateway": gateway, "link": link, "warnings": done.warnings});
    say(app, &value, args.dry_run, || match &link {
        Some(link) => link.clone(),
        None => format!("the Gateway answers on port {}", gateway["port"]),
    });
    if !app.out.json && link.is_some() {
        out::complain("the link signs one page in, once, within ten minutes; another: openclaw dashboard");
    }
    Ok(())
}

fn on_host(app: &App, args: &Args, host: SshTarget) -> Result<(), Failure> {
    let name = host.to_string();
    let place = args.host.place()?;
    let (port, no_service, binary) = (args.gateway_port, args.no_service, args.binary.clone());
    let done = there::up(app, there::Wanted { host, place, port, no_service, binary }, args.consent())?;
    let gateway =
        done.gateway.map(|found| json!({"port": found.port, "tlsFingerprint": found.pin.map(|p| p.to_string())}));
    let value = json!({"action": "up", "ok": true, "dryRun": args.dry_run, "target": name,
        "steps": done.report.steps(), "gateway": gateway, "health": done.health, "warnings": done.warnings});
    say(app, &value, args.dry_run, || format!("the Gateway of {name} answers, and commands of this machine go there"));
    Ok(())
}

impl Args {
    const fn consent(&self) -> Consent {
        Consent { dry_run: self.dry_run, yes: self.yes }
    }
}

/// The one JSON value, or a sentence and the warnings.
pub(super) fn say(app: &App, value: &Value, is_dry_run: bool, done: impl FnOnce() -> String) {
    app.out.either(value, || if is_dry_run { "nothing was changed".into() } else { done() });
    if !app.out.json {
        let warnings = value["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str);
        warnings.for_each(|warning| app.out.warn(warning));
    }
}
