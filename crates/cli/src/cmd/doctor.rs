//! `openclaw doctor`: what is wrong with this install, and what mends it (DOC-5, DOC-6).

use std::io::IsTerminal as _;

use crate::app::App;
use crate::doctor::{self, Consent, Order, Report, Selection};
use crate::exit::Failure;
use crate::finding::Severity;

/// Find what is wrong with this install, and mend it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Mend what can be mended; asks about each thing on a terminal
    #[arg(long, alias = "repair")]
    fix: bool,
    /// Mend without asking
    #[arg(short, long)]
    yes: bool,
    /// Also mend what takes something away: unknown config keys, a service that was not made by `gateway install`
    #[arg(long)]
    force: bool,
    /// Never ask; without --yes nothing is changed
    #[arg(long)]
    non_interactive: bool,
    /// Look closer: every page of the database, services of the whole machine
    #[arg(long)]
    deep: bool,
    /// Also list what is well
    #[arg(long)]
    all: bool,
    /// Look at the config alone; exit 1 when anything is found
    #[arg(long)]
    lint: bool,
    /// Only this family of checks, or this finding; may be repeated
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Not this family of checks, or this finding; may be repeated
    #[arg(long, value_name = "ID")]
    skip: Vec<String>,
    /// Leave out what is less bad
    #[arg(long, value_enum, value_name = "SEVERITY")]
    severity_min: Option<Severity>,
    /// Accepted; nothing outside this program is run to look at secrets
    #[arg(long, hide = true)]
    allow_exec: bool,
    /// Write a fresh token into the config when there is none
    #[arg(long)]
    generate_gateway_token: bool,
}

const EXAMPLES: &str = "\
Examples:
  openclaw doctor                  look, change nothing
  openclaw doctor --fix            mend, asking about each thing
  openclaw doctor --fix --yes      mend without asking, for scripts
  openclaw doctor --lint           judge the config file, for CI

Exit 0 when nothing critical is left, 1 otherwise.";

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let selection = Selection::new(&args.only, &args.skip, args.severity_min)?;
    let selection = if args.lint { selection.of_config() } else { selection };
    let (consent, note) = consent(app, args);
    let report = doctor::run(app, &Order { selection, consent, deep: args.deep })?;
    app.out.either(&report.to_json(note.as_deref()), || report.text(&app.out, args.all));
    if let Some(note) = note.filter(|_| !app.out.json) {
        app.out.note(&note);
    }
    verdict(&report, args)
}

/// What may be done, and why not, when that is less than was asked for.
fn consent(app: &App, args: &Args) -> (Consent, Option<String>) {
    let wants_change = args.fix || args.generate_gateway_token;
    if wants_change && app.env.is_on("NIX_MODE") {
        let note = "nothing was changed: OPENCLAW_NIX_MODE is set, so change the Nix configuration instead";
        return (Consent::default(), Some(note.into()));
    }
    let is_terminal = app.out.is_terminal && std::io::stdin().is_terminal();
    let can_ask = is_terminal && !args.non_interactive && !app.out.json;
    let consent = Consent {
        fix: args.fix && (args.yes || can_ask),
        yes: args.yes,
        can_ask,
        force: args.force,
        make_token: args.generate_gateway_token,
    };
    let is_mute = args.fix && !consent.fix;
    (consent, is_mute.then(|| "--fix changed nothing: there is nobody to ask; add --yes to agree to everything".into()))
}

fn verdict(report: &Report, args: &Args) -> Result<(), Failure> {
    let is_bad = report.count(Severity::Critical) > 0 || report.has_failed() || args.lint && !report.is_clean();
    if !is_bad {
        return Ok(());
    }
    Err(Failure::new("DOCTOR_FINDINGS", "something is left to mend").quietly())
}
