//! `openclaw down`: the other way round from `up`.

use serde_json::json;

use super::{uninstall, up};
use crate::app::App;
use crate::exit::Failure;
use crate::up::plan::Consent;
use crate::up::there::{self, HostFlags};

/// Take a Gateway down: its service, and with --state what it keeps
#[derive(Debug, clap::Args)]
#[command(after_help = "The program and the agents' workspaces stay; `openclaw uninstall --workspace` removes those.")]
pub(crate) struct Args {
    #[command(flatten)]
    host: HostFlags,
    /// Remove config, secrets, devices and conversations, too
    #[arg(long)]
    state: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Only list what would be removed
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let Some(host) = args.host.host(app)? else {
        return uninstall::down(app, args.state, args.dry_run, args.yes);
    };
    let name = host.to_string();
    let consent = Consent { dry_run: args.dry_run, yes: args.yes };
    let done = there::down(app, host, args.host.place()?, args.state, consent)?;
    let value = json!({"action": "down", "ok": true, "dryRun": args.dry_run, "target": name,
        "steps": done.report.steps(), "warnings": done.warnings});
    up::say(app, &value, args.dry_run, || format!("the Gateway of {name} is down"));
    Ok(())
}
