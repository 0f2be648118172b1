//! `openclaw security audit`: what is exposed, weak or readable by others, and what mends it (DOC-1…4).

use std::time::Duration;

use base::Explain as _;
use clap::Subcommand;
use serde_json::{Value, json};

use super::gateway::look_once;
use crate::app::App;
use crate::args::Rpc;
use crate::audit::{self, Audit, Subject, fix};
use crate::exit::Failure;
use crate::finding::{Finding, Severity};
use crate::out::table;
use crate::rpc;

/// Looking at the running Gateway (`--deep`).
const DEEP_TIMEOUT: Duration = Duration::from_secs(5);

/// Judge how safe this install is
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List what is exposed, weak or readable by others
    Audit(Box<AuditArgs>),
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
struct AuditArgs {
    /// Also connect to the Gateway and judge what it says
    #[arg(long)]
    deep: bool,
    /// Tighten the permissions of our own files and folders
    #[arg(long)]
    fix: bool,
    /// Judge as if this were gateway.auth.mode
    #[arg(long, value_enum, value_name = "MODE")]
    auth: Option<Mode>,
    /// Exit 1 when a finding is at least this bad
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<Severity>,
    #[command(flatten)]
    rpc: Rpc,
}

const EXAMPLES: &str = "\
Examples:
  openclaw security audit                    look, change nothing
  openclaw security audit --deep             also ask the running Gateway
  openclaw security audit --fail-on critical for scripts";

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Mode {
    Token,
    Password,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let Action::Audit(args) = &args.action;
    let loaded = app.config()?;
    let overrides = config::StartOverrides {
        in_container: config::in_container(&app.env),
        auth_mode: args.auth.map(|mode| match mode {
            Mode::Token => config::AuthMode::Token,
            Mode::Password => config::AuthMode::Password,
        }),
        ..Default::default()
    };
    let subject = Subject::new(loaded, &app.env, &app.paths, overrides);
    let fixed = args.fix.then(|| fix::tighten(&subject));
    let (deep, more) = if args.deep { deep(app, &args.rpc)? } else { (None, Vec::new()) };
    let audit = audit::run(&subject, more);
    let mut report = audit.to_json(&subject);
    if let Some(deep) = deep {
        report["deep"] = json!({"gateway": deep});
    }
    let value = match &fixed {
        Some(fixed) => json!({"fix": fixed.to_json(), "report": report}),
        None => report,
    };
    app.out.either(&value, || {
        let fixes: Vec<String> = fixed.iter().flat_map(fix::Fixed::lines).collect();
        [fixes, vec![text(app, &audit)]].concat().join("\n")
    });
    match (args.fail_on, audit.worst()) {
        (Some(limit), Some(worst)) if worst >= limit => {
            Err(Failure::new("SECURITY_FINDINGS", format!("a finding is {}", worst.as_str())).quietly())
        }
        _ => Ok(()),
    }
}

/// The audit of this install for `status --deep`, as DOC-1 has it; none when the config cannot be read.
pub(super) fn report(app: &App) -> Option<Value> {
    let overrides = config::StartOverrides { in_container: config::in_container(&app.env), ..Default::default() };
    let subject = Subject::new(app.config().ok()?, &app.env, &app.paths, overrides);
    Some(audit::run(&subject, Vec::new()).to_json(&subject))
}

/// The `deep` part: whether the Gateway answers, and what else that shows.
fn deep(app: &App, rpc: &Rpc) -> Result<(Option<Value>, Vec<Finding>), Failure> {
    let way = rpc::way(app, &rpc.reach, None, true)?;
    let url = way.target.to_string();
    let mut more = Vec::new();
    for warning in &way.warnings {
        let id = "gateway.probe_auth_secretref_unavailable";
        more.push(Finding::new(id, Severity::Warn, "A secret cannot be read", warning.clone()));
    }
    let seen = rpc::block_on(look_once(app, way, rpc.timeout_or(DEEP_TIMEOUT)))?;
    let gateway = match &seen.outcome {
        Ok(_) => json!({"attempted": true, "url": url, "ok": true, "error": null, "close": null}),
        Err(error) => {
            let finding =
                Finding::new("gateway.probe_failed", Severity::Warn, "The Gateway did not answer", error.to_string());
            let next = error.next().into_iter().next().map(|step| step.text().to_owned());
            more.push(next.into_iter().fold(finding, Finding::mend));
            let close = match error {
                link::DialError::ClosedEarly { code, reason, .. } => json!({"code": code, "reason": reason}),
                _ => Value::Null,
            };
            json!({"attempted": true, "url": url, "ok": false, "error": error.to_string(), "close": close})
        }
    };
    Ok((Some(gateway), more))
}

/// The audit as people read it, the worst first.
pub(super) fn text(app: &App, audit: &Audit) -> String {
    let [critical, warn, info] = [Severity::Critical, Severity::Warn, Severity::Info].map(|level| audit.count(level));
    let mut lines =
        vec![app.out.bold("OpenClaw security audit"), format!("{critical} critical · {warn} warn · {info} info")];
    for finding in &audit.findings {
        lines.push(String::new());
        let word = match finding.severity {
            Severity::Info => app.out.dim("info"),
            severity => app.out.bad(severity.as_str()),
        };
        lines.push(format!("{word}  {}  {}", finding.title, app.out.dim(finding.check_id)));
        lines.extend(table::wrapped(&finding.detail, "  "));
        lines.extend(finding.remediation.iter().flat_map(|mend| table::wrapped(mend, "  Fix: ")));
    }
    if !audit.suppressed.is_empty() {
        lines.push(format!("\n{} finding(s) suppressed", audit.suppressed.len()));
    }
    lines.join("\n")
}
