//! `openclaw up`: one command from nothing to a Gateway that answers, here or on another host (SSH-17).

use serde_json::json;

use super::dashboard;
use crate::app::App;
use crate::exit::Failure;
use crate::out;
use crate::up::here::{self, Wanted};
use crate::up::plan::Consent;

/// Bring a Gateway up, here or on a host of yours through SSH
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The Gateway's port [default: what the config over there says, else 18789]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    gateway_port: Option<u16>,
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
What is done already is not done again: run it at any time.

Examples:
  openclaw up                      a Gateway on this machine
  openclaw up --dry-run            what that would change";

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let consent = Consent { dry_run: args.dry_run, yes: args.yes };
    let wanted = Wanted { port: args.gateway_port, no_service: args.no_service };
    let done = here::up(app, wanted, consent)?;
    let gateway = here::facts(app)?;
    let link = if args.dry_run || args.no_link { None } else { dashboard::signed_in(&app.afresh())? };
    let value = json!({"action": "up", "ok": true, "dryRun": args.dry_run, "steps": done.report.steps(),
        "gateway": gateway, "link": link, "warnings": done.warnings});
    app.out.either(&value, || match &link {
        Some(link) => link.clone(),
        None if args.dry_run => "nothing was changed".into(),
        None => format!("the Gateway answers on port {}", gateway["port"]),
    });
    if !app.out.json {
        done.warnings.iter().for_each(|warning| app.out.warn(warning));
        if link.is_some() {
            out::complain("the link signs one page in, once, within ten minutes; another: openclaw dashboard");
        }
    }
    Ok(())
}
